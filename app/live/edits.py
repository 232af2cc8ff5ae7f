"""An edit of the live catalogue, from what a caller asks for to what the store writes. Knows no header.

Conditions are not looked at here: the store checks them in the transaction that makes the change, by the one rule of
`index`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.errors import InvalidError, ReloadError, UnavailableError
from app.live.merging import Edit
from app.live.serving import ServingState
from app.query import Encoder, Service
from common import ConflictError, DamagedProductError, NotFoundError, OverloadedError, ReplacedError, VitrineError
from index import Delete, Entry, FurtherPicture, Product, Put, Written

logger = logging.getLogger("vitrine.app")

TRIES = 30
"""How often edits are tried again when the catalogue is replaced under them, or the products that they change."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did, and the product as it is now."""

    written: Written
    product: Product | None
    """None: there is none."""


Outcomes = dict[int, Edited | VitrineError]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a product becomes, and what it was when that was found out."""

    edit: Edit
    product: Product | None
    """None: it is taken out."""
    entry: Entry | None = None
    """The product that it is merged with; None: there is none, or nothing of it is kept."""
    expected: frozenset[str] | None = None
    absent: bool = False

    @property
    def again(self) -> bool:
        """Whether a conflict is no condition of the caller's that fails, but a change meanwhile: it is tried again."""
        if self.edit.absent:
            return False
        # What the caller expects of a product that is not as expected, is no digest that was read.
        return bool(self.expected) if self.entry is not None else self.absent and self.edit.expected is None


class Editor:
    """Makes edits: encodes what is new of them, and has them written."""

    def __init__(self, service: Service, state: ServingState) -> None:
        self._service = service
        self._state = state

    async def edit(self, edits: Sequence[Edit]) -> list[Edited | VitrineError]:
        """Put products in, change them, take them out; return what each came to. Edits of one product go in order.

        When this returns, what was written is on the disk, and found by every search that begins now. An edit that
        cannot be made fails alone.

        Raises:
            ReadOnlyError: the catalogue cannot be written here.
            VitrineError: as `MicroBatcher.submit`.
        """
        outcomes: Outcomes = {}
        fruitless = 0
        while len(outcomes) < len(edits) and fruitless < TRIES:
            # One of each product at a time: what comes behind it is merged with what it makes of the product.
            first: dict[str, int] = {}
            for number, edit in enumerate(edits):
                if number not in outcomes:
                    first.setdefault(edit.id, number)
            before = len(outcomes)
            try:
                outcomes.update(await self._try({number: edits[number] for number in first.values()}))
            except ReplacedError:
                await self._follow_replacement()
            fruitless += len(outcomes) == before
        if len(outcomes) < len(edits):
            raise OverloadedError("others are changing the same all the time; send it again in a second")
        return [outcomes[number] for number in range(len(edits))]

    async def foreseen(self, edits: Sequence[Edit]) -> list[Edited | VitrineError]:
        """Return what edits would come to, each by itself, and make none.

        Raises:
            VitrineError: as `Store.entry`.
        """
        found = await asyncio.to_thread(self._merge_all, dict(enumerate(edits)))
        return [self._foreseen(one) if isinstance(one, Merged) else one for one in found.values()]

    def _foreseen(self, merged: Merged) -> Edited | VitrineError:
        """Return what the store would make of an edit, but for the vectors."""
        edit, before = merged.edit, merged.entry
        if merged.product is None:
            try:
                self._state.catalogue.get_with_digest(edit.id)
            except NotFoundError:
                return Edited(Written(None, 0, changed=False), None)
            except DamagedProductError:
                pass
            return Edited(Written(None, 0), None)
        if before is not None and edit.pictures:
            images = tuple(picture.data for picture in edit.pictures)
            same = before.product == merged.product and images == tuple(before.images)
            return Edited(Written("", 0, changed=not same), merged.product)
        return Edited(Written("", 0, created=before is None), merged.product)

    async def _try(self, edits: Mapping[int, Edit]) -> Outcomes:
        """Return what edits came to; without those whose product was changed between reading and writing it."""
        outcomes: Outcomes = {}
        merged: dict[int, Merged] = {}
        for number, found in (await asyncio.to_thread(self._merge_all, edits)).items():
            if isinstance(found, Merged):
                merged[number] = found
            else:
                outcomes[number] = found
        if merged:
            changes, encoder = await self._changes(merged)
            for number, outcome in zip(changes, await self._state.apply(encoder, list(changes.values())), strict=True):
                if isinstance(outcome, Written):
                    outcomes[number] = Edited(outcome, merged[number].product)
                elif not (isinstance(outcome, ConflictError) and merged[number].again):
                    outcomes[number] = outcome
        return outcomes

    def _merge_all(self, edits: Mapping[int, Edit]) -> dict[int, Merged | Edited | VitrineError]:
        found: dict[int, Merged | Edited | VitrineError] = {}
        for number, edit in edits.items():
            try:
                found[number] = self._merge(edit)
            except (DamagedProductError, NotFoundError, InvalidError) as error:
                found[number] = error
        return found

    def _merge(self, edit: Edit) -> Merged | Edited:
        """Return what the product of an edit becomes; what came of it, where that is what the product is already.

        Raises:
            NotFoundError: there is none, and the edit is only for one that is there.
            InvalidError: there is none, and the edit does not say enough of a new one.
            DamagedProductError: what is to be kept of it cannot be read.
            VitrineError: as `Store.entry`.
        """
        catalogue = self._state.catalogue
        rule = catalogue.info.split
        if edit.delete:
            return Merged(edit, None, expected=edit.expected)
        if edit.is_whole and not edit.patch:
            return Merged(edit, edit.merged(None, rule), expected=edit.expected, absent=edit.absent)
        try:
            entry, digest = catalogue.entry(edit.id)
        except DamagedProductError:
            if not edit.could_be_whole:
                raise
            # What comes is a whole product, and what is there cannot be read: it is put in its place.
            return Merged(edit, edit.merged(None, rule), expected=edit.expected, absent=edit.absent)
        except NotFoundError:
            # Only while there is none: another may put in what this one is to be merged with.
            return Merged(edit, edit.merged(None, rule), expected=edit.expected, absent=True)
        product = edit.merged(entry.product, rule)
        if product == entry.product and not edit.pictures:
            return Edited(Written(digest, self._state.serving.index.version, changed=False), product)
        return Merged(edit, product, entry, edit.expects(digest), edit.absent)

    async def _changes(self, merged: Mapping[int, Merged]) -> tuple[dict[int, Put | Delete], Encoder]:
        """Return what the store is to write, and the encoder whose vectors are in it."""
        titles = {
            number: one.product.title
            for number, one in merged.items()
            if one.product is not None and (one.entry is None or one.entry.product.title != one.product.title)
        }
        pictures = [picture for one in merged.values() if one.product is not None for picture in one.edit.pictures]
        encoded = await self._service.encode(
            list(titles.values()), [picture.pixels for picture in pictures], patient=True
        )
        texts = dict(zip(titles, encoded.texts, strict=True))
        images = iter(encoded.images)
        changes: dict[int, Put | Delete] = {}
        for number, one in merged.items():
            if one.product is None:
                changes[number] = Delete(one.edit.id, one.expected)
                continue
            text = texts[number] if number in texts or one.entry is None else one.entry.text_vector
            sent = [(picture.data, next(images)) for picture in one.edit.pictures]
            if sent or one.entry is None:
                # Pictures that are sent take the place of all that there were.
                entry = Entry(one.product, *sent[0], text, tuple(FurtherPicture(*more) for more in sent[1:]))
            else:
                entry = replace(one.entry, product=one.product, text_vector=text)
            changes[number] = Put(entry, one.expected, one.absent)
        return changes, encoded.serving.encoder

    async def _follow_replacement(self) -> None:
        """Serve the catalogue that has taken this one's place, before an edit is made in it.

        Raises:
            UnavailableError: it cannot be served; the log says why.
        """
        try:
            await self._state.reload()
        except ReloadError as error:
            logger.error("a change is refused: %s", error)
            raise UnavailableError(
                "the catalogue was replaced by one that cannot be served here; nothing can be changed for now"
            ) from error
