"""One sync: what differs is found, the deletions are judged, then all is sent. Idempotent: broken off, it goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from common import DataError, InputError
from training.data import Dataset, Item, Problem, in_order
from training.sync.compare import FIELDS, Live, line, live, pictures_of, words

READERS = 4
"""Threads that read pictures."""
AHEAD = 16
"""Products whose pictures are read ahead of the one that is compared."""
EXAMPLES = 5
MAX_FAULTS = 1000
"""Lines that failed, in the report."""
Fault = tuple[str, str]
"""The id of a product, and why its line failed."""


class Service(Protocol):
    """A live service as a caller with a key sees it."""

    sent: int
    """Bytes of bodies that were sent."""
    received: int
    """Bytes of answers."""

    def products(self, fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield every product with its id and these fields, in order of id.

        Raises:
            VitrineError: the service does not let us, or does not answer.
        """
        ...

    def write(self, lines: Iterator[Mapping[str, Any]]) -> tuple[Mapping[str, int], Sequence[Fault]]:
        """Send lines of bulk calls; return how many were created, replaced, …, and those that failed.

        Raises:
            VitrineError: the service does not let us, does not answer, or stays busy.
        """
        ...


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What an operator chooses."""

    max_delete: float = 0.1
    """Share of the live products that may be taken out; with more, nothing is done at all."""
    keep_missing: bool = False
    """Whether products that the data set lacks stay."""
    dry_run: bool = False
    """Whether it is only said what would be done."""


@dataclass
class _Done:
    planned: Counter[str] = field(default_factory=Counter)
    """What is to be done, and what need not be."""
    made: Counter[str] = field(default_factory=Counter)
    """What the service says that it did."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def count(self, what: str, product_id: str) -> None:
        self.planned[what] += 1
        examples = self.examples.setdefault(what, [])
        if len(examples) < EXAMPLES:
            examples.append(product_id)

    def fail(self, faults: Sequence[Fault]) -> None:
        self.faults += faults[: MAX_FAULTS - len(self.faults)]

    def send(self, service: Service, lines: Iterator[Mapping[str, Any]]) -> None:
        counts, faults = service.write(lines)
        self.made.update(counts)
        self.fail(faults)

    def counts(self, dry_run: bool) -> dict[str, int]:
        """Return what was done; of a dry run, what would be."""
        planned, made = self.planned, self.planned if dry_run else self.made
        alike = planned["unchanged"] + (0 if dry_run else made["unchanged"])
        counts = {name: made[name] for name in ("created", "replaced", "deleted", "failed")}
        return {**counts, "unchanged": alike, **{name: planned[name] for name in ("kept", "unreadable", "pictures")}}


def sync(
    dataset: Dataset,
    service: Service,
    options: SyncOptions,
    progress: Callable[[int], AbstractContextManager[Callable[[], None]]] | None = None,
) -> dict[str, Any]:
    """Make the products of a live service those of a data set.

    A line is sent only for a product whose title, attributes or pictures differ, and a picture only where its digest
    differs. Products whose row is in the data set but cannot be used stay as they are.

    Args:
        dataset: what is to be live.
        service: what is live.
        options: what may be deleted.
        progress: is given the number of products, and yields what to call after each.

    Returns:
        Counts and examples of what was (or with `dry_run` would be) done, faults, bytes and seconds.

    Raises:
        InputError: more would be deleted than `max_delete` allows, or the service does not let us; nothing was sent.
        VitrineError: the service does not answer.
    """
    begun = time.monotonic()
    there = {product["id"]: live(product) for product in service.products(FIELDS)}
    wanted = {item.id for item in dataset.items}
    missing = sorted(there.keys() - wanted - dataset.report.left_out)
    if not options.keep_missing:
        _judge(dataset, len(missing), len(there), options.max_delete)
    done = _Done()
    with (progress or _silent)(len(dataset.items)) as advance:
        changes = _changes(dataset.items, there, done, advance)
        if options.dry_run:
            for _ in changes:
                pass
        else:
            done.send(service, changes)
    for product_id in missing:
        done.count("kept" if options.keep_missing else "deleted", product_id)
    if not options.dry_run and not options.keep_missing:
        done.send(service, iter([{"id": one, "delete": True} for one in missing]))
    held = sorted(there.keys() & dataset.report.left_out)
    return {
        "dry_run": options.dry_run,
        "products": len(wanted),
        "live_before": len(there),
        **done.counts(options.dry_run),
        "unusable_rows_kept": len(held),
        "examples": {**done.examples, **({"unusable_rows_kept": held[:EXAMPLES]} if held else {})},
        "errors": [{"id": product_id, "message": message} for product_id, message in done.faults],
        "bytes_sent": service.sent,
        "bytes_received": service.received,
        "seconds": round(time.monotonic() - begun, 2),
    }


def _judge(dataset: Dataset, missing: int, there: int, max_delete: float) -> None:
    """Refuse to delete a larger share than is allowed, or by a data set of which a part is missing."""
    if missing and (shards := dataset.report.counts[Problem.BAD_SHARD]):
        raise InputError(
            f"{shards:,} shards of {dataset.path} are missing or damaged, and {missing:,} live products would be taken "
            "out: nothing was sent. Complete it, or give --keep-missing"
        )
    if missing > max_delete * there:
        share = missing / there
        raise InputError(
            f"the data set lacks {missing:,} of {there:,} live products ({share:.1%}), and --max-delete {max_delete:g} "
            f"allows {max_delete:.1%}: nothing was sent. Check that the feed is whole. If they are to go, give "
            f"--max-delete {min(1.0, -(-share * 100 // 1) / 100):g}; --keep-missing leaves them"
        )


def _changes(
    items: Sequence[Item], there: dict[str, Live], done: _Done, advance: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Yield the line of each product that is not live as it should be; count the others."""
    with closing(in_order(_read, items, READERS, ahead=AHEAD)) as found:
        for item, read in zip(items, found, strict=True):
            advance()
            known = there.get(item.id)
            if isinstance(read, Exception):
                done.count("unreadable", item.id)
                done.fail([(item.id, str(read))])
                continue
            pictures, digests = read
            same = known is not None and known.pictures == digests
            if known is not None and same and known.words == words(item.title, item.attributes):
                done.count("unchanged", item.id)
                continue
            done.count("created" if known is None else "replaced", item.id)
            done.planned["pictures"] += 0 if same else len(pictures)
            yield line(item, None if same else pictures)


def _read(item: Item) -> tuple[Sequence[bytes], tuple[str, ...]] | Exception:
    try:
        return pictures_of(item)
    except (DataError, OSError) as error:
        return error


def _silent(_total: int) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)
