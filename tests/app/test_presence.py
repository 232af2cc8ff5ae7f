"""What the connection tells of a request: a body that is there, a caller who leaves; and the calls that come most."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request

from app.http import while_connected
from app.http.presence import presence_of, put_presence, tell_leaving
from app.http.trace import random_hex
from tests.tools.shop import IMAGES

EMBEDDINGS = "/v1/embeddings"


def asked() -> Request:
    """Return a request whose connection tells of its caller; nothing may be read from it."""
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": []}
    put_presence(scope, b"{}")

    async def receive() -> Any:
        raise AssertionError("the connection tells when the caller leaves")

    return Request(scope, receive)


def test_work_ends_when_the_caller_leaves() -> None:
    async def run() -> None:
        request, ended = asked(), asyncio.Event()

        async def work() -> None:
            tell_leaving(request.scope)
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        with pytest.raises(ClientDisconnect):
            await while_connected(request, work())
        assert ended.is_set()
        with pytest.raises(ClientDisconnect):  # the next piece of work does not begin
            await while_connected(request, work())

    asyncio.run(run())


def test_work_of_a_caller_who_stays_has_its_own_result_and_its_own_errors() -> None:
    async def run() -> None:
        request = asked()

        async def late() -> None:
            raise TimeoutError("its own")

        assert await while_connected(request, asyncio.sleep(0, "done")) == "done"
        with pytest.raises(TimeoutError, match="its own"):
            await while_connected(request, late())
        tell_leaving(request.scope)  # nobody waits any more: nothing happens
        presence = presence_of(request.scope)
        assert presence is not None
        assert presence.left

    asyncio.run(run())


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_is_read_whole_however_it_comes(client: httpx.Client, packed: bool) -> None:
    body = json.dumps({"text": "red dress", "k": 3}).encode()
    kind = {"content-type": "application/json"}
    plain = client.post(IMAGES, content=body, headers=kind)
    pieces = gzip.compress(body) if packed else iter([body[:5], body[5:]])  # the latter without a length
    other = client.post(IMAGES, content=pieces, headers=kind | ({"content-encoding": "gzip"} if packed else {}))
    assert other.status_code == plain.status_code == 200
    assert other.json()["results"] == plain.json()["results"]


def test_a_frequent_call_has_the_errors_and_the_count_of_any_call(client: httpx.Client) -> None:
    refused = client.post(IMAGES, json={"text": "red dress", "k": 0})
    assert refused.status_code == 422
    assert refused.json()["error"]["request_id"] == refused.headers["x-request-id"]
    assert client.put(IMAGES, json={}).status_code == 405
    counted = f'vitrine_requests_total{{method="POST",route="{IMAGES}",status="422"}}'
    assert counted in client.get("/metrics").text


@pytest.mark.parametrize(("count", "whole"), [(1, True), (8, True), (9, False)])
def test_few_vectors_are_one_answer_with_its_length(client: httpx.Client, count: int, whole: bool) -> None:
    answer = client.post(EMBEDDINGS, json={"input": [f"red dress {n}" for n in range(count)]})
    assert [one["index"] for one in answer.json()["data"]] == list(range(count))
    assert ("content-length" in answer.headers) == whole


def test_ids_are_of_their_size_and_never_the_same() -> None:
    ids = [random_hex(16) for _ in range(500)] + [random_hex(8) for _ in range(500)]
    assert {len(one) for one in ids} == {16, 32}
    assert len(set(ids)) == len(ids)
    assert all(int(one, 16) for one in ids)
