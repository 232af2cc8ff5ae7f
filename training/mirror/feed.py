"""The feed of a mirror: a copy of it in the folder, and which pictures its rows name by address."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from common import DataError, InputError, UnreachableError, atomic_file
from training.data import MAX_TABLE_BYTES, addresses_in, feed_rows
from training.mirror.fetch import FetchError
from training.mirror.fetcher import Fetcher
from training.mirror.state import State

FEED_TIMEOUT_S = 600.0
SUFFIXES = (".csv", ".tsv", ".txt", ".xml", ".rss", ".atom", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
"""Of the feeds that can be read, each also with .gz behind it."""
TYPES = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/rss+xml": ".xml",
    "application/atom+xml": ".xml",
    "application/json": ".json",
    "application/ld+json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
"""Suffixes by the media type of an answer, where the address has none."""


def feed_suffix(name: str) -> str:
    """Return the suffix of a feed by its name, such as `.csv` or `.csv.gz`; "" where it has none that we know."""
    suffixes = [one.lower() for one in PurePosixPath(name).suffixes[-2:]]
    if len(suffixes) == 2 and suffixes[1] == ".gz" and suffixes[0] in SUFFIXES:
        return "".join(suffixes)
    return suffixes[-1] if suffixes and suffixes[-1] in SUFFIXES else ""


def copy_feed(feed: Path, state: State) -> Path:
    """Copy a feed into the folder of the mirror, as it is, and return the copy.

    Raises:
        InputError: there is no such file, or it is of a kind that is no feed.
    """
    if feed.is_dir():
        raise InputError(f"{feed} is a folder; give the file of the feed: {', '.join(SUFFIXES)}")
    if not feed.exists():
        raise InputError(f"there is no file {feed}; give the file of a feed, or its http(s) address")
    suffix = feed_suffix(feed.name) or feed.suffix.lower() or ".csv"
    target = state.folder / f"feed{suffix}"
    if not (target.exists() and target.samefile(feed)):
        with atomic_file(target) as beside:
            shutil.copyfile(feed, beside)
    _take(target, state)
    return target


async def fetch_feed(address: str, state: State, fetcher: Fetcher) -> Path:
    """Fetch a feed into the folder of the mirror and return its file.

    Raises:
        DataError: it cannot be fetched.
        UnreachableError: not now.
    """
    coming = state.folder / ".feed.partial"
    try:
        with coming.open("wb") as file:

            def begin() -> Callable[[bytes], object]:
                file.seek(0)
                file.truncate()
                return file.write

            answer = await fetcher.get(
                address, begin, accept="*/*", limit=MAX_TABLE_BYTES, encoding="gzip", seconds=FEED_TIMEOUT_S, free=True
            )
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        suffix = feed_suffix(urlsplit(address).path) or TYPES.get(kind, ".csv")
        target = state.folder / f"feed{suffix}"
        coming.replace(target)
    except FetchError as failure:
        kind = UnreachableError if failure.passes else DataError
        raise kind(f"the feed at {address} cannot be fetched: {failure}") from failure
    finally:
        coming.unlink(missing_ok=True)
    _take(target, state)
    return target


def _take(feed: Path, state: State) -> None:
    """Note the copy of the feed, and delete that of an earlier run with another suffix."""
    before = state.meta("feed")
    state.set_meta(feed=feed.name)
    if before is not None and before != feed.name:
        (state.folder / before).unlink(missing_ok=True)


@dataclass
class Named:
    """The pictures that a feed names."""

    rows: dict[str, list[str]] = field(default_factory=dict)
    """From each address to the ids of the products that name it."""
    products: int = 0
    elsewhere: int = 0
    """Pictures that are named by a file, not by an address."""

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON data."""
        return {"products": self.products, "pictures_by_file": self.elsewhere}


def pictures_named(feed: Path, mapping: Mapping[str, str]) -> Named:
    """Return the addresses of pictures that a feed names, each with the ids of the products that do.

    Raises:
        DataError: it cannot be read, or names none.
    """
    named = Named()
    for row in feed_rows(feed, mapping):
        named.products += 1
        for cell in row.images:
            found = addresses_in(cell)
            named.elsewhere += bool(cell) and not found
            for address in found:
                named.rows.setdefault(address, []).append(row.id or row.where)
    if not named.rows:
        raise DataError(
            f"{feed} has {named.products:,} products, and none names a picture by an address; "
            f"where the pictures are files beside it, it needs no mirror: vitrine index --data {feed}"
        )
    return named
