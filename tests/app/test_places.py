"""Bodies that do not arrive lock nobody out, and what bodies hold together is bounded."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.caller import caller
from app.errors import SlowBodyError
from app.http.json_body import INLINE, WAITING, JsonBodies
from app.http.limits import MAX_JSON, BodyLimits
from app.http.places import BULK_CALLS, Hold, Places
from app.telemetry import Telemetry
from common import OverloadedError
from tests.app.helpers import lines, opened, uri
from tests.tools.shop import IMAGES, ask, draw, encoded, error_of, shop_open, show, until

LIMITS = BodyLimits(
    max_bytes=300_000,
    max_pixels=1_000_000,
    timeout_s=5,
    held_bytes=1_000_000,
    slots=2,
    queue_limit=3,
    decode_threads=1,
    decode_bytes=100_000_000,
    deadline_s=5,
)
FORM = "content-type: multipart/form-data; boundary=x"
JSON = "content-type: application/json"


@contextmanager
def held(house: Places, address: str, *, needs_slot: bool = False) -> Iterator[Hold]:
    token = caller.set(f"address:{address}")
    try:
        with house.hold(needs_slot=needs_slot) as hold:
            yield hold
    finally:
        caller.reset(token)


def places(waiting: int = 0) -> Places:
    return Places(LIMITS, Telemetry(), lambda coming: waiting + coming if waiting + coming >= LIMITS.queue_limit else 0)


@contextmanager
def begun(client: httpx.Client, count: int, *headers: str, body: bytes = b"", path: str = IMAGES) -> Iterator[Any]:
    """Yield so many connections that have sent the head of a request and the beginning of its body, and no more."""
    head = "\r\n".join((f"POST {path} HTTP/1.1", f"host: {client.base_url.host}", *headers, "", ""))
    with ExitStack() as stack:
        raws = []
        for _ in range(count):
            raw = stack.enter_context(
                socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60)
            )
            raw.sendall(head.encode() + body)
            raws.append(raw)
        yield raws


def test_bodies_that_do_not_arrive_lock_nobody_out(folder: Path) -> None:
    """256 callers who sent one byte each got every search of everybody refused, until their time was up."""
    with (
        shop_open(folder, queue_limit=4, upload_slots=2) as client,
        begun(client, 12, JSON, "content-length: 30", body=b"{"),
        begun(client, 6, FORM, "content-length: 1000", body=b"--x\r\n"),
        begun(client, 4, JSON, "content-length: 300000", body=b'{"image": "'),
    ):
        for _ in range(3):
            assert ask(client, IMAGES, text="red dress")["results"]
            assert show(client, IMAGES, draw("red", "dress"))["results"]


def test_a_body_that_claims_too_much_is_refused_at_once(folder: Path) -> None:
    with shop_open(folder, max_upload_mb=0.3) as client:
        for kind in (JSON, FORM):
            with begun(client, 1, kind, "content-length: 2000000") as (raw,):
                assert b" 413 " in raw.recv(4096).split(b"\r\n")[0]


def test_half_bodies_give_way_to_whole_ones(folder: Path) -> None:
    """64 callers could hold 13 MB each for as long as a body may take."""
    half = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + bytes(400_000)
    with (
        shop_open(folder, max_upload_mb=0.5, upload_memory_mb=1) as client,
        begun(client, 4, FORM, "content-length: 450000", body=half) as raws,
    ):
        # Two have room; each of the others was let in for the one that had begun first.
        assert [b" 503 " in raw.recv(4096).split(b"\r\n")[0] for raw in raws[:2]] == [True, True]
        for _ in range(3):
            assert show(client, IMAGES, encoded(draw("red", "dress")) + bytes(400_000))["results"]


def test_who_holds_most_gives_way_and_first_what_began_first() -> None:
    async def run() -> None:
        house = places()
        with ExitStack() as stack:
            holds = [
                stack.enter_context(held(house, address))
                for address in ("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2")
            ]
            outcomes: list[str] = []

            async def arrive(number: int, size: int) -> None:
                try:
                    async with holds[number].arrival(30):
                        holds[number].add(size)
                        await asyncio.sleep(30)
                except OverloadedError:
                    outcomes.append(f"{number} gave way")

            tasks = [asyncio.ensure_future(arrive(number, 300_000)) for number in range(4)]
            await asyncio.sleep(0.05)
            assert outcomes == ["1 gave way"]
            with pytest.raises(OverloadedError):
                holds[1].add(1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with held(house, "10.0.0.3") as hold:
            hold.add(1_000_000)  # everything was given back
            with pytest.raises(OverloadedError, match="1,000,000"):
                hold.add(1)

    asyncio.run(run())


def test_large_bodies_take_no_room_of_small_ones() -> None:
    house = places()
    with held(house, "10.0.0.1") as large:
        large.add(900_000)
        with held(house, "10.0.0.1") as small:
            small.add(MAX_JSON)
            with pytest.raises(OverloadedError):
                small.add(1)


def test_a_place_in_the_queue_and_a_slot_are_taken_when_the_body_is_there() -> None:
    house = places(waiting=1)
    with ExitStack() as stack:
        holds = [stack.enter_context(held(house, "10.0.0.1", needs_slot=True)) for _ in range(9)]
        for hold in holds[:2]:
            hold.enter()
            hold.take_slot()
            hold.take_slot()
        with pytest.raises(OverloadedError, match="3 queries"):
            holds[2].enter()
        with pytest.raises(OverloadedError, match="2 uploads"):
            holds[2].take_slot()
        with pytest.raises(OverloadedError), held(house, "10.0.0.1"):
            pass
    assert (house.reading, house.slots) == (0, 0)


def test_a_body_has_one_deadline_however_its_bytes_come() -> None:
    async def run() -> None:
        with held(places(), "10.0.0.1") as hold:
            async with hold.arrival(0.1):
                while True:
                    hold.add(1)
                    await asyncio.sleep(0.01)

    with pytest.raises(SlowBodyError):
        asyncio.run(run())


def test_one_caller_has_only_so_many_large_bodies_in_line() -> None:
    async def run() -> None:
        bodies = JsonBodies(LIMITS)
        door = threading.Event()

        async def parse(who: str) -> str:
            return await bodies.run(INLINE + 1, lambda: who if door.wait(60) else "", who)

        tasks = [asyncio.ensure_future(parse("a")) for _ in range(1 + WAITING)]
        await asyncio.sleep(0.02)
        with pytest.raises(OverloadedError):
            await parse("a")
        other = asyncio.ensure_future(parse("b"))
        await asyncio.sleep(0.02)
        assert await bodies.run(INLINE, lambda: "small", "a") == "small"
        door.set()
        assert await other == "b"
        assert sum(task.done() for task in tasks) <= 3  # it was its turn soon
        await asyncio.gather(*tasks)
        bodies.close()

    asyncio.run(run())


@contextmanager
def bulk(folder: Path, **settings: Any) -> Iterator[tuple[httpx.Client, list[str]]]:
    """Yield a client of a service that takes bulk calls, and the headers of such a call that goes on."""
    with pytest.MonkeyPatch.context() as patch, opened(folder, **settings) as client:
        patch.setattr("app.http.lines.PAUSE_S", 0.05)
        key = f"authorization: {client.headers['authorization']}"
        yield client, [key, "content-type: application/x-ndjson", "transfer-encoding: chunked"]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_bulk_call_that_goes_on_holds_no_slot(live_folder: Path) -> None:
    """One line every 29 s held a slot for as long as its sender liked; what it said was written at the end only."""
    body = chunk(lines({"id": "early", "title": "Early", "image": uri("red", "bag")}))
    with (
        bulk(live_folder, upload_slots=1) as (client, headers),
        begun(client, BULK_CALLS, *headers, body=body, path="/v1/products"),
    ):
        until(lambda: client.get("/v1/products/early").status_code == 200)
        assert show(client, IMAGES, draw("red", "dress"))["results"]
        refused = client.post("/v1/products", content=b"{}", headers={"content-type": "application/x-ndjson"})
        error_of(refused, 503, "overloaded")
        assert "bulk calls open" in refused.json()["error"]["message"]


def test_a_bulk_call_has_to_come_at_a_least_rate(live_folder: Path) -> None:
    with bulk(live_folder, upload_timeout_s=0.8) as (client, headers):
        with begun(client, 1, *headers, path="/v1/products") as (raw,):
            assert b" 408 " in raw.recv(4096).split(b"\r\n")[0]
        with begun(client, 1, *headers, path="/v1/products") as (raw,):
            raw.settimeout(0.1)
            answer = b""
            for _ in range(100):
                raw.sendall(chunk(lines({"id": "none", "delete": True})))
                with suppress(TimeoutError):
                    answer = raw.recv(4096)
                    break
            assert b" 408 " in answer.split(b"\r\n")[0]


def test_a_long_form_of_lines_goes_piece_by_piece(editor: httpx.Client) -> None:
    content = b"\n" * 5_000 + lines({"id": "gone", "delete": True}) * 100 + b"x" * 400 + b"\n{"
    answer = editor.post("/v1/products", files={"products": ("a", content)})
    assert (answer.json()["unchanged"], answer.json()["failed"]) == (100, 2)
    assert [error["line"] for error in answer.json()["errors"]] == [5_101, 5_102]
