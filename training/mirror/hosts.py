"""The hosts of a mirror: how many requests each gets at a time, when it wants rest, what its robots.txt says.

A host that does not answer is given up for the rest of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.robotparser import RobotFileParser

import httpx

from training.mirror.addresses import host_of
from training.mirror.fetch import FetchError, Gate
from training.mirror.options import MirrorOptions

MAX_FAILED = 8
"""Requests in a row without any answer after which a host is given up."""
MAX_WAIT_S = 120.0
"""Longest that a host is waited for because it asks so, in seconds."""
MAX_ROBOTS_BYTES = 512_000
"""Of a robots.txt; RFC 9309, 2.5, asks for as much at the least."""

ReadRobots = Callable[[str], Awaitable[bytes]]
"""Returns the content of an address; raises FetchError."""


class _Host:
    def __init__(self, per_host: int) -> None:
        self.places = asyncio.Semaphore(per_host)
        self.free_at = 0.0
        """When it may be asked again, on the monotonic clock."""
        self.gap_s = 0.0
        """Between the beginnings of two requests, as its robots.txt asks."""
        self.failed = 0
        self.given_up = ""
        self.rules: asyncio.Task[RobotFileParser] | None = None


class Hosts:
    """What is known of each host during one run; a `Gate` of `fetch`."""

    def __init__(self, options: MirrorOptions, agent: str, read_robots: ReadRobots) -> None:
        self._options = options
        self._agent = agent
        self._read_robots = read_robots
        self._all = asyncio.Semaphore(options.concurrency)
        self._hosts: dict[str, _Host] = {}

    def _host(self, url: httpx.URL) -> _Host:
        return self._hosts.setdefault(host_of(url), _Host(self._options.per_host))

    def without_rules(self) -> Gate:
        """Return the same gate for what robots.txt does not rule, such as itself."""
        return _Unruled(self)

    async def allow(self, url: httpx.URL) -> None:
        """Return when robots.txt of its host lets us ask for `url`.

        Raises:
            FetchError: it does not, or cannot be read, or the host is given up.
        """
        host = self._host(url)
        if host.given_up:
            raise FetchError(host.given_up)
        if self._options.ignore_robots:
            return
        if host.rules is None:
            host.rules = asyncio.create_task(self._rules(host_of(url)))
        rules = await asyncio.shield(host.rules)
        host.gap_s = min(float(rules.crawl_delay(self._agent) or 0), MAX_WAIT_S)
        if not rules.can_fetch(self._agent, str(url)):
            raise FetchError("robots.txt of the host forbids it; --ignore-robots asks all the same")

    async def _rules(self, host: str) -> RobotFileParser:
        """Read robots.txt (RFC 9309): one that is not there allows all, one that cannot be read forbids all."""
        rules = RobotFileParser()
        try:
            content = await self._read_robots(f"{host}/robots.txt")
        except FetchError as failure:
            if failure.status is None or not 400 <= failure.status < 500 or failure.status == 429:
                raise FetchError(
                    f"robots.txt of the host cannot be read: {failure}", status=failure.status
                ) from failure
            content = b""
        rules.parse(content.decode("utf-8", errors="replace").removeprefix("\ufeff").splitlines())
        return rules

    @asynccontextmanager
    async def turn(self, url: httpx.URL) -> AsyncIterator[None]:
        """Hold a place among the requests to the host of `url`, and among all; waits while the host wants rest."""
        host = self._host(url)
        async with host.places:
            while (wait := host.free_at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if host.given_up:
                raise FetchError(host.given_up)
            host.free_at = time.monotonic() + host.gap_s
            async with self._all:
                yield

    def heard(self, url: httpx.URL) -> None:
        """Note that the host answers."""
        self._host(url).failed = 0

    def failed(self, url: httpx.URL, failure: FetchError) -> None:
        """Note a failure: rest when the host asks for it; none of it answers, or it asks for too long: give it up."""
        host = self._host(url)
        if failure.status is not None:
            host.failed = 0
        elif failure.passes:
            host.failed += 1
            if host.failed >= MAX_FAILED:
                host.given_up = f"the host failed {MAX_FAILED} times in a row and is given up ({failure}); run it again"
        if failure.wait_s > MAX_WAIT_S:
            host.given_up = f"the host asks to wait {failure.wait_s:,.0f} s; run it again after that"
        else:
            host.free_at = max(host.free_at, time.monotonic() + failure.wait_s)


class _Unruled:
    """The gate of some hosts, without their rules."""

    def __init__(self, hosts: Hosts) -> None:
        self.turn, self.heard, self.failed = hosts.turn, hosts.heard, hosts.failed

    async def allow(self, url: httpx.URL) -> None:
        """Return at once."""
