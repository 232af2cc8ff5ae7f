"""One answer over HTTP, within bounds: redirects followed by hand, bytes counted while they come, time in all.

Knows what may go wrong on the way, and says which of it passes; trying again is the caller's.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol

import httpx

from common import first_line
from training.mirror.addresses import RefusedError, checked_url

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which it is worth to ask again."""
SILENCE_S = 20.0
"""Longest wait for a connection or for the next bytes, in seconds."""


class FetchError(Exception):
    """A request without the answer that is wanted; its text says why."""

    def __init__(self, reason: str, *, status: int | None = None, passes: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        """Of the answer, where there was one."""
        self.passes = passes
        """Whether it is worth to ask again."""
        self.wait_s = wait_s
        """How long the host asks to be left alone, in seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: 200 with the content in the sink, or 304."""

    status: int
    headers: httpx.Headers


_Asked = tuple[Answer, str | None]


class Gate(Protocol):
    """Who may ask what when: called before each request, redirects included."""

    async def allow(self, url: httpx.URL) -> None:
        """Return when `url` may be asked by its host's rules; raise FetchError when it may not."""

    def turn(self, url: httpx.URL) -> AbstractAsyncContextManager[None]:
        """Hold a place among the requests to the host of `url`, and among all."""

    def heard(self, url: httpx.URL) -> None:
        """Note that `url` was answered."""

    def failed(self, url: httpx.URL, failure: FetchError) -> None:
        """Note that `url` was not answered as it should."""


async def fetch(
    transport: httpx.AsyncBaseTransport,
    address: str,
    sink: Callable[[bytes], object],
    *,
    headers: Mapping[str, str],
    gate: Gate,
    limit: int,
    timeout_s: float,
) -> Answer:
    """Ask for an address and pass its content on, decompressed, as it comes.

    Args:
        transport: what sends requests.
        address: as a feed has it.
        sink: is given the content; what it had before a failure is worthless.
        headers: of each request.
        gate: asked before each request.
        limit: most bytes of content, after decompression.
        timeout_s: longest in all, in seconds; waiting at the gate is not counted.

    Raises:
        FetchError: no answer with status 200 or 304, or not within the bounds.
    """
    left, url = timeout_s, _checked(address, None)
    for _ in range(MAX_REDIRECTS + 1):
        await gate.allow(url)
        async with gate.turn(url):
            begun = time.monotonic()
            try:
                answer, target = await _within(left, timeout_s, _ask(transport, url, sink, headers, limit))
            except FetchError as failure:
                gate.failed(url, failure)
                raise
            gate.heard(url)
            left -= time.monotonic() - begun
        if target is None:
            return answer
        url = _checked(target, url)
    raise FetchError(f"more than {MAX_REDIRECTS} redirects, the last one to {url}", status=answer.status)


async def _within(left: float, timeout_s: float, asked: Coroutine[Any, Any, _Asked]) -> _Asked:
    """Return what is asked for, if it comes within `left` of `timeout_s` seconds.

    Raises:
        FetchError: it does not, or the connection failed.
    """
    try:
        async with asyncio.timeout(left):
            return await asked
    except TimeoutError as error:
        raise FetchError(f"it took longer than {timeout_s:g} s", passes=True) from error
    except httpx.TimeoutException as error:
        raise FetchError(f"no answer within {SILENCE_S:g} s", passes=True) from error
    except httpx.TransportError as error:
        raise FetchError(f"the connection failed ({first_line(error)})", passes=True) from error
    except RefusedError as error:
        raise FetchError(str(error)) from error


def _checked(text: str, base: httpx.URL | None) -> httpx.URL:
    try:
        return checked_url(text, base)
    except RefusedError as error:
        raise FetchError(str(error) if base is None else f"a redirect to {error}") from error


async def _ask(
    transport: httpx.AsyncBaseTransport,
    url: httpx.URL,
    sink: Callable[[bytes], object],
    headers: Mapping[str, str],
    limit: int,
) -> _Asked:
    """Send one request; return its answer, and where it redirects to."""
    request = httpx.Request("GET", url, headers=headers, extensions={"timeout": httpx.Timeout(SILENCE_S).as_dict()})
    response = await transport.handle_async_request(request)
    try:
        status = response.status_code
        answer = Answer(status, response.headers)
        if status in REDIRECTS and (target := response.headers.get("location")):
            return answer, target
        if status not in (200, 304):
            wait = _asked_wait(response.headers.get("retry-after", ""))
            raise FetchError(_status_text(status), status=status, passes=status in PASSING, wait_s=wait)
        if status == 200:
            await _read(response, sink, limit)
        return answer, None
    finally:
        await response.aclose()


def _status_text(status: int) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return f"the host answers {status} {known.get(status, '')}".strip()


async def _read(response: httpx.Response, sink: Callable[[bytes], object], limit: int) -> None:
    """Pass the content on, within `limit`.

    Raises:
        FetchError: it is larger, cut, or compressed in a way that was not asked for.
    """
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise FetchError(f"{int(length[:20]):,} bytes; at most {limit:,} are taken", status=200)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise FetchError(f"sent compressed as {encoding[:20]!r}, which was not asked for", status=200)
    unpack = None if encoding in ("", "identity") else zlib.decompressobj(wbits=47)  # either header
    taken = 0
    async for part in response.aiter_raw(2**16):
        while part:
            try:
                content = part if unpack is None else unpack.decompress(part, 2**20)
            except zlib.error as error:
                raise FetchError(f"its compression is damaged ({error})", status=200, passes=True) from error
            taken += len(content)
            if taken > limit:
                raise FetchError(f"more than {limit:,} bytes; at most so many are taken", status=200)
            sink(content)
            part = b"" if unpack is None else unpack.unconsumed_tail
    if unpack is not None and not unpack.eof:
        raise FetchError("the content is cut", status=200, passes=True)


def _asked_wait(text: str) -> float:
    """Return the seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3); 0 where it cannot be read."""
    text = text.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
