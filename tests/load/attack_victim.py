"""The other caller: a text and /healthz twenty times a second each and a picture twice, whatever else goes on.

    python -m tests.load.attack_victim --url http://127.0.0.1:8000 --out FILE

It does not wait for an answer before it asks again, so that a service that stands still is seen in full. Half of the
questions come on a new connection. Each answer becomes a line of FILE: kind, start, milliseconds, status (0: none came,
-1: still open at the end). It ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import httpx

from tests.load.attack_payloads import IMAGES
from tests.load.products import picture_of

EVERY_S = 0.05
PICTURE_EVERY = 10
"""Of how many rounds one has a picture."""
LONGEST_S = 30.0
WAITING = -1
MOST = 300
"""Questions without an answer at a time; a further one waits."""


class Victim:
    """Asks one service, and writes down how it was answered."""

    def __init__(self, url: str, source: str, out: TextIO) -> None:
        self._out = out
        self._open = asyncio.Semaphore(MOST)
        self._running: dict[asyncio.Task[None], tuple[str, float]] = {}

        def client(kept: int) -> httpx.AsyncClient:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept)
            transport = httpx.AsyncHTTPTransport(local_address=source, limits=limits, trust_env=False)
            return httpx.AsyncClient(base_url=url, transport=transport, timeout=LONGEST_S, trust_env=False)

        self._clients = (client(20), client(0))

    async def run(self, ends: asyncio.Event) -> None:
        """Ask until told to stop; what is open then counts with the time that it has waited."""
        number = 0
        due = time.monotonic()
        while not ends.is_set():
            client = self._clients[number % 2]
            # Words of its own each time: no vector is in the cache.
            text = {"text": f"red shoe for women {due:.3f}", "k": 10}
            asked: list[tuple[str, dict[str, Any]]] = [
                ("text", {"method": "POST", "url": IMAGES, "json": text}),
                ("health", {"method": "GET", "url": "/healthz"}),
            ]
            if number % PICTURE_EVERY == 0:
                picture = picture_of(f"victim {due:.3f}", "JPEG")
                asked.append(("picture", {"method": "POST", "url": IMAGES, "files": {"image": ("x.jpg", picture)}}))
            for kind, options in asked:
                task = asyncio.create_task(self._ask(client, kind, options))
                self._running[task] = (kind, time.monotonic())
                task.add_done_callback(self._running.pop)
            number += 1
            due += EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        for task, (kind, start) in list(self._running.items()):
            task.cancel()
            self._write(kind, start, now, WAITING)

    async def _ask(self, client: httpx.AsyncClient, kind: str, options: dict[str, Any]) -> None:
        start = time.monotonic()
        async with self._open:
            try:
                status = (await client.request(**options)).status_code
            except httpx.TransportError:
                status = 0
        self._write(kind, start, time.monotonic(), status)

    def _write(self, kind: str, start: float, end: float, status: int) -> None:
        self._out.write(json.dumps([kind, start, round(1000 * (end - start), 2), status]) + "\n")
        self._out.flush()


def main() -> None:
    """Ask until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--source", default="127.0.0.1", help="the address to call from")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    async def run() -> None:
        ends = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, ends.set)
        with arguments.out.open("w", encoding="utf-8") as file:
            await Victim(arguments.url, arguments.source, file).run(ends)

    asyncio.run(run())


if __name__ == "__main__":
    main()
