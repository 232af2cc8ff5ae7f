"""Large answers go out in pieces, so that a caller who does not read costs little memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
from starlette.types import Message

from app.http.answers import PIECE, list_response, send_in_pieces
from tests.tools.shop import IMAGES, error_of


def test_a_large_body_is_sent_in_pieces() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    for size in (0, 1, PIECE, PIECE + 1, 3 * PIECE):
        for more in (False, True):
            sent.clear()
            body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            message = {"type": "http.response.body", "body": body, "more_body": more}
            asyncio.run(send_in_pieces(send, message))
            assert b"".join(one["body"] for one in sent) == body
            assert all(len(one["body"]) <= PIECE for one in sent)
            assert [one["more_body"] for one in sent] == [True] * (len(sent) - 1) + [more]


def test_entries_are_not_made_for_a_caller_who_does_not_read() -> None:
    """2.6 kB asked for 29 MB, which were put together in one piece and lay in memory until somebody read them."""
    made = 0

    def entries() -> Iterator[dict[str, str]]:
        nonlocal made
        for _ in range(100):
            made += 1
            yield {"title": "x" * 20_000}

    async def run() -> bytes:
        read = asyncio.Event()
        body = b""

        async def send(message: Message) -> None:
            nonlocal body
            if body:
                await read.wait()
            body += message.get("body", b"")

        async def receive() -> Message:
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        answer = list_response("answers", entries(), total=7)
        running = asyncio.ensure_future(answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send))
        await asyncio.sleep(0.05)
        assert made < 20
        read.set()
        await running
        return body

    value: dict[str, Any] = json.loads(asyncio.run(run()))
    assert (len(value["answers"]), value["total"]) == (100, 7)


def test_a_batch_of_too_many_results_is_refused(client: httpx.Client) -> None:
    queries = [{"text": "red dress", "k": 1000}] * 100
    error = error_of(client.post(f"{IMAGES}/batch", json={"queries": queries}), 422, "invalid_request")
    assert "10,000" in error["message"]
    assert len(client.post(f"{IMAGES}/batch", json={"queries": queries[:10]}).json()["answers"]) == 10
