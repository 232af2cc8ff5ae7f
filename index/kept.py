"""What a build keeps of the catalogue that it replaces: the edits that callers were told are made.

The rule, for every store. A catalogue remembers for ever which products were edited, and which of these edits were made
in its place; others were brought by a copy. Knows no storage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from common import ArtefactError
from index.damage import Damage
from index.product import Product, Split
from index.records import CatalogueInfo, Encode, Entry

TOGETHER = 64
"""Edited products that are carried over at a time."""

ROUNDS = 8
"""Most rounds of carrying over before writers have to wait for the last one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A catalogue as it is at one moment."""

    build: str
    version: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Which edits of the catalogue that is replaced a build keeps; by default all."""

    after: Moment | None = None
    """Only those after this moment; None: all."""
    brought: bool = True
    """Also those that a copy brought from another place."""

    def range(self, build: str) -> EditRange:
        """Return which edits of a build are kept. If another build has come in between, all of its edits are."""
        if self.after is None or self.after.build != build:
            return EditRange(0, remembered=True, brought=self.brought)
        return EditRange(self.after.version, remembered=False, brought=self.brought)


@dataclass(frozen=True, slots=True)
class EditRange:
    """Edits of one build."""

    after: int
    """Only changes of the log after this version."""
    remembered: bool
    """Also what the log no longer has."""
    brought: bool
    """Of those, also what a copy brought."""


@dataclass(slots=True)
class Kept:
    """What a build has kept."""

    given: dict[str, str | None] = field(default_factory=dict)
    """Edited id -> digest of the product that the build was given, None for none."""
    now: dict[str, str | None] = field(default_factory=dict)
    """Edited id -> digest of the product that it has instead."""

    def note(self, ids: Collection[str], before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Remember what became of edited products; `before` and `after` are the digests of those that are there."""
        for one in ids:
            self.given.setdefault(one, before.get(one))
            self.now[one] = after.get(one)

    @property
    def changed(self) -> int:
        """How many products are there, or are as they are, by an edit only."""
        return sum(digest not in (None, self.given[one]) for one, digest in self.now.items())

    @property
    def deleted(self) -> int:
        """How many products stay away although the build was given them."""
        return sum(digest is None and self.given[one] is not None for one, digest in self.now.items())

    def to_json(self) -> dict[str, int]:
        """Return the counts."""
        return {"changed": self.changed, "deleted": self.deleted}


def kept_text(counts: Mapping[str, int]) -> str:
    """Return what an operator is told of `Kept.to_json`; empty where nothing was kept."""
    changed, deleted = counts["changed"], counts["deleted"]
    if not changed + deleted:
        return ""
    return (
        f"kept {changed + deleted:,} edit{'s' * (changed + deleted != 1)}: {changed:,} product{'s' * (changed != 1)}"
        f" added or changed, {deleted:,} deleted; --discard-edits leaves them out"
    )


class Build(Protocol):
    """The catalogue that is being built."""

    def digests(self, ids: Sequence[str], /) -> Mapping[str, str]:
        """Return the digests of those of these products that it has."""

    def drop(self, ids: Sequence[str], /) -> None:
        """Take products out."""

    def add(self, entries: Iterable[Entry], /) -> None:
        """Append products."""


class Carrier:
    """Makes the edits of an old catalogue in a new one too.

    Args:
        build: the new one.
        info: what it says of itself.
        encode: makes the vectors of products that another encoder has made; None: there must be none.
    """

    def __init__(self, build: Build, info: CatalogueInfo, encode: Encode | None) -> None:
        self.kept = Kept()
        self._build = build
        self._info = info
        self._encode = encode

    def carry(
        self,
        edited: Sequence[str],
        old: CatalogueInfo,
        read: Callable[[list[str]], Iterable[tuple[Entry, str]]],
        damage: Damage,
    ) -> None:
        """Make edits here as they are in the old catalogue now.

        Vectors of the same encoder are kept as they are. What the build was given already is left as it is.

        Args:
            edited: ids, in the order of the old catalogue.
            old: what that one says of itself.
            read: from ids to those that exist in it, with their digests, in its order; without damaged ones.
            damage: where `read` names these.

        Raises:
            ArtefactError: an edited product cannot be kept; names it.
        """
        for start in range(0, len(edited), TOGETHER):
            ids = list(edited[start : start + TOGETHER])
            before = self._build.digests(ids)
            there = list(read(ids))
            for one, why in damage.reasons().items():
                raise lost_error(one, f"it is damaged ({why})")
            after = {entry.product.id: digest for entry, digest in there}
            self.kept.note(ids, before, after)
            self._build.drop([one for one in before if before[one] != after.get(one)])
            fresh = [entry for entry, digest in there if before.get(entry.product.id) != digest]
            if fresh:
                self._build.add(self._made(fresh, old.encoder_id == self._info.encoder_id))

    def _made(self, entries: Sequence[Entry], same: bool) -> list[Entry]:
        """Return products with the split and the vectors that they have here."""
        # Their hubness was measured among other titles.
        here = [replace(one, product=replace(one.product, split=self._split(one.product)), hub=None) for one in entries]
        if same:
            return here
        if self._encode is None:
            raise lost_error(here[0].product.id, "its vectors are of another encoder")
        fresh = {one.product.id: one for one in self._encode([(one.product, one.images) for one in here])}
        for one in here:
            if one.product.id not in fresh or len(fresh[one.product.id].more) != len(one.more):
                raise lost_error(one.product.id, "its picture cannot be read")
        return [fresh[one.product.id] for one in here]

    def _split(self, product: Product) -> Split:
        return self._info.split.of(product.title)


def lost_error(product_id: str, why: str) -> ArtefactError:
    """Return the error for an edited product that a build cannot keep."""
    return ArtefactError(
        f"product {product_id!r} was put in by a caller and cannot be kept: {why}. Nothing was replaced; put it in"
        " again or delete it, or give --discard-edits to do without all edits"
    )


def unreadable_error(place: object, why: object) -> ArtefactError:
    """Return the error for a catalogue whose edits cannot be told."""
    return ArtefactError(
        f"the catalogue in {place} cannot be read ({why}), so its edits cannot be kept. Nothing was replaced; put the"
        " file back as it was, or give --discard-edits to do without its edits"
    )
