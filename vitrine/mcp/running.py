"""What a server of tools asks, a running service or a catalogue that it opens itself, and how it is reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx

from vitrine.client import AsyncClient
from vitrine.mcp.server import make_server

if TYPE_CHECKING:
    from index import Location

TIMEOUT_S = 30.0
"""Longest that one call of a tool may take, in seconds."""
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked: a service at an address with a key, else a catalogue with its checkpoint."""

    url: str | None = None
    key: str | None = None
    catalogue: Location | None = None
    checkpoint: Path | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncClient]:
        """Yield a client of it.

        Raises:
            InputError: the address is none, or catalogue and checkpoint do not fit.
        """
        if self.url is not None:
            async with AsyncClient(self.url, key=self.key, timeout=TIMEOUT_S) as client:
                yield client
            return
        from app import create_app
        from app.settings import Settings

        # The service itself answers, within this process, without an address that others could reach, and reads only.
        app = create_app(Settings.read(catalogue=self.catalogue, checkpoint=self.checkpoint, rate_limit=""))
        async with app.router.lifespan_context(app):
            inside = httpx.AsyncClient(transport=httpx.ASGITransport(app))
            async with AsyncClient("http://localhost", key="", http=inside, timeout=TIMEOUT_S) as client:
                yield client


def run(source: Source, *, write: bool = False, port: int | None = None) -> None:
    """Serve the tools until the caller leaves: over standard input and output, or over HTTP on this machine alone.

    Args:
        source: what is asked.
        write: whether there are tools that change the catalogue.
        port: of 127.0.0.1, at `/mcp`; requests for another host and from other origins are refused (DNS rebinding).

    Raises:
        InputError: as `Source.open`.
    """

    async def serve() -> None:
        async with source.open() as client:
            server = await make_server(client, write=write)
            if port is None:
                await server.run_stdio_async()
            else:
                await server.run_streamable_http_async(host=HOST, port=port)

    anyio.run(serve)
