"""The program of the attacks: what it sends is what it says, and what it counts is what happens."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from PIL import Image

from tests.load import attack_payloads as payloads
from tests.load.attack import TARGETS, Sample, missed, seen, well_since
from tests.load.attack_client import Caller
from tests.load.attackers import ATTACKS, LASTING

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


async def against(answer: bytes | None, act: Callable[[Caller], Awaitable[object]], seconds: float = 0.3) -> Caller:
    """Let a caller act against a server that answers everything so, or (None) never; return the caller."""

    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(OSError):
            await reader.read(100)
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    caller = Caller("127.0.0.1", server.sockets[0].getsockname()[1], seconds, "127.0.0.2")
    await act(caller)
    server.close()
    await asyncio.wait_for(asyncio.gather(*serving), 60)
    return caller


def test_refusals_are_counted_with_their_times() -> None:
    blob = payloads.request("GET", "/healthz")
    caller = asyncio.run(against(REFUSAL, lambda caller: caller.ask(blob)))
    assert dict(caller.statuses) == {"503": 1}
    assert 0 <= caller.refusals[0] < 5000
    assert caller.figures()["refusals"] == 1


def test_a_connection_that_is_closed_without_an_answer_is_counted() -> None:
    caller = asyncio.run(against(b"", lambda caller: caller.ask(b"GET / HTTP/1.1\r\n\r\n")))
    assert dict(caller.statuses) == {"closed": 1}


def test_held_connections_last_as_long_as_the_attack() -> None:
    caller = asyncio.run(against(None, lambda caller: caller.hold(b"GET /", b"x", every_s=0.05)))
    assert dict(caller.statuses) == {"held to the end": 1}
    assert caller.left <= 0


def test_what_nobody_reads_is_counted() -> None:
    caller = asyncio.run(against(b"x" * 10_000_000, lambda caller: caller.leave_unread(b"GET / HTTP/1.1\r\n\r\n")))
    assert dict(caller.statuses) == {"unread": 1}


@pytest.mark.parametrize(("picture", "side"), [(payloads.avif(4000), 4000), (payloads.avif(7000), 7000)])
def test_small_pictures_are_large_ones(picture: bytes, side: int) -> None:
    assert len(picture) < 1000
    assert Image.open(io.BytesIO(picture)).size == (side, side)


def test_a_picture_compressed_a_thousandfold_is_whole() -> None:
    picture = payloads.png(2000, 4)
    assert len(picture) < 2000 * 2000 * 4 / 900
    assert Image.open(io.BytesIO(picture)).convert("RGB").getpixel((1999, 1999)) == (0, 0, 0)


def test_bodies_are_within_the_limit_that_they_attack() -> None:
    assert 12_000_000 < len(payloads.unknown_fields()) < 13_500_000
    assert len(payloads.unread(100)) < 5_000


def test_every_attack_says_what_it_does() -> None:
    assert all(attack.__doc__ for attack in ATTACKS.values())
    assert set(LASTING) < ATTACKS.keys()


def samples(*times: float, status: int = 200) -> list[Sample]:
    return [Sample("text", float(second), ms, status) for second, ms in enumerate(times)]


def test_a_service_is_well_when_three_texts_in_a_row_are_in_time() -> None:
    assert well_since(samples(10, 10, 10), 0, 20) == 2.01
    assert well_since(samples(90, 10, 10, 90, 10, 10, 10), 0, 20) == 6.01
    assert well_since(samples(10, 10, 10, 10), 1.5, 20) is None
    assert well_since(samples(10, 10, 10, status=503), 0, 20) is None


def test_what_the_other_caller_saw() -> None:
    found = seen([*samples(10, 30), *samples(1, status=503), Sample("health", 0, 7, 200)])
    assert (found["texts"], found["errors"], found["text p99 ms"], found["health max ms"]) == (3, 0.3333, 30, 7)


def test_a_missed_target_is_named() -> None:
    figures: dict[str, Any] = {
        **dict.fromkeys(TARGETS, 0),
        "lives": True,
        "attacker": {"refusals p99 ms": 0, "statuses": {"422": 3, "503": 1}},
    }
    assert missed("facets", figures) == []
    assert missed("facets", {**figures, "text p99 ms": 251}) == ["text p99 ms"]
    assert missed("facets", {**figures, "well again s": None}) == ["well again s"]
    assert missed("facets", {**figures, "errors": 0.5}) == ["errors"]
    assert missed("overload", {**figures, "errors": 0.5}) == []
    assert missed("facets", {**figures, "lives": False}) == ["lives"]
    faults = {"refusals p99 ms": 51, "statuses": {"500": 1}}
    assert missed("facets", {**figures, "attacker": faults}) == ["refusals p99 ms", "500"]
