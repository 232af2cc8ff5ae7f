"""One run of a mirror: every address of a feed is asked for, each picture that came is stored, and all is told.

A run that was broken off goes on; a later one asks only for what has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data import is_address
from training.mirror.addresses import RefusedError, checked_url, host_of
from training.mirror.content import suffix_of
from training.mirror.feed import copy_feed, fetch_feed, pictures_named
from training.mirror.fetch import FetchError
from training.mirror.fetcher import Fetcher
from training.mirror.options import MirrorOptions
from training.mirror.state import Known, State, open_state
from training.mirror.transport import make_transport

EXAMPLES = 5
"""Products that are told of a picture that failed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A picture that was not fetched."""

    address: str
    reason: str
    status: int | None
    kept: bool
    """Whether one from an earlier run is kept."""


@dataclass
class Mirrored:
    """What a run came to."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[Lost] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0
    removed: int = 0

    def to_json(self, rows: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return it as JSON data; `rows` says which products name an address."""
        kinds = ("fetched", "unchanged", "earlier", "failed")
        return {
            "addresses": self.counts.total(),
            **{kind: self.counts[kind] for kind in kinds},
            "removed": self.removed,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 1),
            "failures": [
                {
                    "address": one.address,
                    "products": rows.get(one.address, [])[:EXAMPLES],
                    "product_count": len(rows.get(one.address, [])),
                    "status": one.status,
                    "reason": one.reason,
                    "earlier_picture_kept": one.kept,
                }
                for one in sorted(self.lost, key=lambda one: one.address)
            ],
        }


async def fetch_pictures(
    addresses: Iterable[str], state: State, fetcher: Fetcher, options: MirrorOptions, done: Callable[[], None]
) -> Mirrored:
    """Ask for every address that this run has no answer to yet; each at most `options.per_host` at a time of a host.

    Args:
        addresses: of pictures; each once.
        state: of the mirror; is told of each answer.
        fetcher: what asks.
        options: the manners.
        done: called after each picture.
    """
    result, begun = Mirrored(), time.monotonic()
    waiting: dict[str, deque[str]] = {}
    for address in addresses:
        known = state.known(address)
        if known.run == state.run and known.name is not None:
            result.counts["earlier"] += 1
            done()
            continue
        try:
            host = host_of(checked_url(address))
        except RefusedError:
            host = ""
        waiting.setdefault(host, deque()).append(address)

    async def work(line: deque[str]) -> None:
        while line:
            await _picture(line.popleft(), state, fetcher, options, result)
            done()

    try:
        async with asyncio.TaskGroup() as group:
            for line in waiting.values():
                for _ in range(min(options.per_host, len(line))):
                    group.create_task(work(line))
    except ExceptionGroup as group_error:  # a full disk, for one: the first to meet it says so
        raise group_error.exceptions[0] from None
    result.seconds = time.monotonic() - begun
    return result


async def _picture(address: str, state: State, fetcher: Fetcher, options: MirrorOptions, result: Mirrored) -> None:
    """Ask for one picture, and note what came of it."""
    known = state.known(address)
    try:
        answer, data = await fetcher.content(
            address, accept="image/*, */*;q=0.1", limit=options.max_bytes, conditions=_conditions(known)
        )
        if answer.status == 304:
            if known.name is None:
                raise FetchError("the host answers 304 to a request without a condition", status=304)
            state.learned(address, *known[:3])
            result.counts["unchanged"] += 1
            return
        suffix = await asyncio.to_thread(suffix_of, data, answer.headers.get("content-type", ""))
        name = await asyncio.to_thread(state.store, address, data, suffix)
    except FetchError as failure:
        result.counts["failed"] += 1
        result.lost.append(Lost(address, str(failure), failure.status, known.name is not None))
        return
    state.learned(address, name, answer.headers.get("etag"), answer.headers.get("last-modified"))
    result.bytes += len(data)
    result.counts["fetched"] += 1


def _conditions(known: Known) -> dict[str, str]:
    """Return the headers that ask for a picture only if it has changed."""
    headers = {}
    if known.name is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known.name is not None and known.modified:
        headers["If-Modified-Since"] = known.modified
    return headers


def mirror_feed(
    feed: str,
    folder: Path,
    options: MirrorOptions,
    *,
    mapping: Mapping[str, str] | None = None,
    progress: Callable[[int], AbstractContextManager[Callable[[], None]]] | None = None,
) -> dict[str, Any]:
    """Fetch the pictures that a feed names by address into `folder`, which then opens as a data set.

    Args:
        feed: a file, or an http(s) address.
        folder: empty, new, or a mirror.
        options: the manners.
        mapping: from the names of roles to the feed's columns, as for `open_dataset`.
        progress: is given the number of pictures, and yields what to call after each.

    Returns:
        The report: counts, bytes, seconds, and every picture that failed with its reason and the products that name it.

    Raises:
        InputError: the folder holds something else, or is in use.
        DataError: the feed cannot be had or read, or names no picture by address.
    """
    with open_state(folder) as state:
        return asyncio.run(_mirror(feed, state, options, mapping or {}, progress))


async def _mirror(
    feed: str,
    state: State,
    options: MirrorOptions,
    mapping: Mapping[str, str],
    progress: Callable[[int], AbstractContextManager[Callable[[], None]]] | None,
) -> dict[str, Any]:
    async with make_transport(options.allow_private, options.proxy, options.concurrency) as transport:
        fetcher = Fetcher(transport, options)
        remote = is_address(feed)
        copy = await fetch_feed(feed, state, fetcher) if remote else copy_feed(Path(feed).expanduser(), state)
        named = pictures_named(copy, mapping)
        with (progress or _silent)(len(named.rows)) as done:
            result = await fetch_pictures(named.rows, state, fetcher, options, done)
        result.removed = state.finish(named.rows)
    return {"feed": feed, "folder": str(state.folder), **named.to_json(), **result.to_json(named.rows)}


@contextmanager
def _silent(_total: int) -> Iterator[Callable[[], None]]:
    yield lambda: None
