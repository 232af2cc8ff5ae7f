"""Fetching with manners: who we are, further tries after failures that pass, and robots.txt first."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

import httpx

from training.mirror.fetch import Answer, FetchError, fetch
from training.mirror.hosts import MAX_ROBOTS_BYTES, Hosts
from training.mirror.options import MirrorOptions

AGENT = "vitrine-mirror"
"""The name by which a robots.txt may mean us."""


def user_agent(contact: str) -> str:
    """Return the name that requests carry."""
    try:
        number = version("vitrine")
    except PackageNotFoundError:
        number = "0"
    return f"{AGENT}/{number}{f' (+{contact})' if contact else ''}"


class Fetcher:
    """Fetches addresses with the manners of one run: turns, robots.txt, further tries."""

    def __init__(self, transport: httpx.AsyncBaseTransport, options: MirrorOptions) -> None:
        self._transport = transport
        self._options = options
        self._agent = user_agent(options.contact)
        self.hosts = Hosts(options, AGENT, self._robots)

    async def get(
        self,
        address: str,
        begin: Callable[[], Callable[[bytes], object]],
        *,
        accept: str,
        limit: int,
        conditions: Mapping[str, str] | None = None,
        encoding: str = "identity",
        seconds: float | None = None,
        free: bool = False,
    ) -> Answer:
        """Ask for an address, again after failures that pass.

        Args:
            address: as the feed has it.
            begin: called before each try; what it returns is given the content.
            accept: media types.
            limit: most bytes.
            conditions: headers of a conditional request.
            encoding: how the content may be compressed.
            seconds: longest that a try may take; as the options say when not given.
            free: ask whatever robots.txt says.

        Raises:
            FetchError: no try succeeded.
        """
        headers = {"User-Agent": self._agent, "Accept": accept, "Accept-Encoding": encoding, **(conditions or {})}
        gate = self.hosts.without_rules() if free else self.hosts
        seconds = seconds or self._options.timeout_s
        for number in range(1, self._options.tries + 1):
            try:
                return await fetch(
                    self._transport, address, begin(), headers=headers, gate=gate, limit=limit, timeout_s=seconds
                )
            except FetchError as failure:
                if not failure.passes or number == self._options.tries:
                    raise
                # The length of the wait differs from address to address, so that not all come back at once.
                spread = 0.5 + hashlib.blake2b(address.encode(), digest_size=1).digest()[0] / 510
                await asyncio.sleep(self._options.backoff_s * 2 ** (number - 1) * spread)
        raise AssertionError  # pragma: no cover - the last try returns or raises

    async def content(
        self,
        address: str,
        *,
        accept: str,
        limit: int,
        conditions: Mapping[str, str] | None = None,
        free: bool = False,
    ) -> tuple[Answer, bytes]:
        """Ask for an address as `get` does, and hold what comes in memory."""
        content = bytearray()

        def begin() -> Callable[[bytes], object]:
            content.clear()
            return content.extend

        answer = await self.get(address, begin, accept=accept, limit=limit, conditions=conditions, free=free)
        return answer, bytes(content)

    async def _robots(self, address: str) -> bytes:
        _, content = await self.content(address, accept="text/plain, */*;q=0.1", limit=MAX_ROBOTS_BYTES, free=True)
        return content
