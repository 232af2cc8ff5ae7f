"""When the client asks again, how long it waits, and what it says when there is no good answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.server import create_app
from app.settings import Settings
from common import InputError, OverloadedError
from tests.tools.shop import DrawnEncoder, served, write_catalogue
from vitrine import AsyncClient, Client
from vitrine.client import BusyError, ServiceError, UnreachableError
from vitrine.client.errors import retry_after

READY = {"status": "ready", "products": 1}
Reply = httpx.Response | Exception


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits between tries, which take no time."""
    waits: list[float] = []
    monkeypatch.setattr("vitrine.client.blocking.time.sleep", waits.append)
    return waits


def replying(*replies: Reply) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """Return what answers so, the last answer for good, and the requests that came."""
    asked: list[httpx.Request] = []
    coming = itertools.chain(replies, itertools.repeat(replies[-1]))

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        reply = next(coming)
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    return httpx.MockTransport(answer), asked


def client(*replies: Reply, **options: Any) -> tuple[Client, list[httpx.Request]]:
    transport, asked = replying(*replies)
    return Client("http://shop.example", http=httpx.Client(transport=transport), **options), asked


def busy(status: int = 503, after: str | None = None) -> httpx.Response:
    headers = {} if after is None else {"Retry-After": after}
    error = {"code": "overloaded", "message": "too much", "details": [], "request_id": "r1"}
    return httpx.Response(status, json={"error": error}, headers=headers)


def test_a_busy_service_is_asked_again_when_it_says(slept: list[float]) -> None:
    caller, asked = client(busy(429, "7"), busy(), httpx.Response(200, json=READY))
    assert caller.ready()["products"] == 1
    assert len(asked) == 3
    assert slept[0] == 7
    assert 0.75 <= slept[1] <= 1.25  # twice the first wait, and a quarter


def test_waits_double_and_end_with_what_the_service_said(slept: list[float]) -> None:
    caller, asked = client(busy(), retries=3, first_wait=1)
    with pytest.raises(BusyError) as error:
        caller.search("x")
    assert isinstance(error.value, OverloadedError)
    assert (error.value.status, error.value.code, error.value.request_id) == (503, "overloaded", "r1")
    assert len(asked) == 4
    assert [round(wait / expected) for wait, expected in zip(slept, (1, 2, 4), strict=True)] == [1, 1, 1]


def test_no_wait_is_longer_than_the_time_that_is_left(slept: list[float]) -> None:
    for after, timeout in (("30", 20), ("61", 600)):
        caller, asked = client(busy(after=after), timeout=timeout)
        with pytest.raises(BusyError) as error:
            caller.ready()
        assert error.value.retry_after_s == float(after)
        assert len(asked) == 1
    assert slept == []


def test_a_date_says_when_to_come_back() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= (retry_after(soon) or 0) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [retry_after(one) for one in (None, "", "soon", "-1", "1e9")] == [None] * 5


LOST = httpx.ReadError("connection reset")
AWAY = httpx.ConnectError("connection refused")
Change = Callable[[Client], Any]
SAFE: list[Change] = [
    lambda one: one.search("x"),
    lambda one: one.put_product("1", title="x"),
    lambda one: one.patch_product("1", title="x"),
    lambda one: one.delete_product("1"),
    lambda one: one.delete_products({"a": "b"}, dry_run=True),
]
ONCE: list[Change] = [
    lambda one: one.put_product("1", title="x", if_match='"1"'),
    lambda one: one.put_product("1", title="x", if_absent=True),
    lambda one: one.patch_product("1", title="x", if_match='"1"'),
    lambda one: one.delete_product("1", if_match='"1"'),
    lambda one: one.delete_products({"a": "b"}, confirm=1),
]


@pytest.mark.parametrize("call", SAFE)
def test_what_may_be_repeated_is_sent_again_after_a_broken_connection(call: Change, slept: list[float]) -> None:
    for failure in (LOST, AWAY, busy(502), busy(504)):
        caller, asked = client(failure, httpx.Response(200, json={}))
        call(caller)
        assert (len(asked), len(slept)) == (2, 1)
        slept.clear()


@pytest.mark.parametrize("call", ONCE)
def test_what_may_be_done_only_once_is_sent_again_only_if_nobody_has_seen_it(call: Change, slept: list[float]) -> None:
    unseen: list[Reply] = [AWAY, busy(503), busy(429)]
    seen: list[Reply] = [LOST, busy(502), busy(504), httpx.ReadTimeout("")]
    for failure in unseen:
        caller, asked = client(failure, httpx.Response(200, json={}))
        call(caller)
        assert len(asked) == 2
    for failure in seen:
        caller, asked = client(failure)
        with pytest.raises(ServiceError):
            call(caller)
        assert len(asked) == 1


def test_what_is_wrong_is_not_sent_again(slept: list[float]) -> None:
    for status in (400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 500, 507):
        caller, asked = client(busy(status))
        with pytest.raises(ServiceError) as error:
            caller.search("x")
        assert (len(asked), isinstance(error.value, InputError)) == (1, status < 500)
    assert slept == []


def test_each_kind_of_silence_has_a_code_and_a_remedy(slept: list[float]) -> None:
    for failure, code, remedy in (
        (AWAY, "unreachable", "does the service run"),
        (LOST, "connection_lost", "send it again"),
        (httpx.ReadTimeout("timed out"), "timeout", "longer timeout"),
    ):
        caller, _ = client(failure, retries=1)
        with pytest.raises(UnreachableError, match=remedy) as error:
            caller.ready()
        assert (error.value.code, error.value.status) == (code, None)


def test_what_is_no_service_is_told() -> None:
    for reply, match in (
        (httpx.Response(200, text="<html>Welcome"), "address of a Vitrine service"),
        (httpx.Response(404, text="nothing here"), "address of a Vitrine service"),
        (httpx.Response(301, headers={"Location": "https://other.example/"}), r"https://other\.example/"),
    ):
        caller, _ = client(reply)
        with pytest.raises(ServiceError, match=match):
            caller.ready()


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 0.4)

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield from itertools.repeat(b" ")

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip()))
    monkeypatch.setattr("vitrine.client.tries.time.monotonic", lambda: next(clock))
    with pytest.raises(UnreachableError) as error:
        Client("http://shop.example", timeout=10, http=httpx.Client(transport=transport)).ready()
    assert error.value.code == "timeout"


def test_the_asynchronous_client_tries_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("vitrine.client.asynchronous.anyio.sleep", sleep)
    transport, asked = replying(busy(after="3"), LOST, httpx.Response(200, json=READY), LOST)

    async def use() -> None:
        async with AsyncClient("http://shop.example", http=httpx.AsyncClient(transport=transport)) as caller:
            assert (await caller.ready())["status"] == "ready"
            with pytest.raises(UnreachableError):
                await caller.put_product("1", title="x", if_match='"1"')

    asyncio.run(use())
    assert (len(asked), len(waits), waits[0]) == (4, 2, 3)


def test_options_that_cannot_be_are_refused() -> None:
    wrong: list[dict[str, Any]] = [
        {"timeout": 0},
        {"retries": -1},
        {"first_wait": -1},
        {"key": "two words"},
        {"key": "clé"},
    ]
    for options in wrong:
        with pytest.raises(InputError):
            Client(**options)


def test_a_service_that_is_started_again_in_between_is_found(tmp_path: Path) -> None:
    app = partial(
        create_app, Settings.read(catalogue=write_catalogue(tmp_path / "shop", DrawnEncoder())), encoder=DrawnEncoder()
    )
    with served(app()) as first:
        caller = Client(str(first.base_url), first_wait=0.05)
        found = caller.search("red dress")["results"]
    with caller:
        with pytest.raises(UnreachableError):
            caller.with_options(retries=0).ready()
        with served(app(), port=first.base_url.port or 0):
            assert caller.search("red dress")["results"] == found
