"""An edit of the live catalogue, from what a caller asks for to what the store writes. Knows no header.

Conditions are not looked at here: the store checks them in the transaction that makes the change, by the one rule of
`index`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import InvalidError, ReloadError, UnavailableError
from app.http import UploadedPicture
from app.live.serving import ServingState
from app.query import Encoder, Service
from common import ConflictError, DamagedProductError, NotFoundError, OverloadedError, ReplacedError, VitrineError
from index import ANY, Delete, Entry, Product, Put, Written

logger = logging.getLogger("vitrine.app")

TRIES = 30
"""How often an edit is tried again when the catalogue is replaced under it, or the picture that it is to keep."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one product, as a caller asks for it."""

    id: str
    title: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    picture: UploadedPicture | None = None
    """None: the one that the product has is kept."""
    delete: bool = False
    expected: frozenset[str] | None = None
    """Digests, of which the product must have one before; `ANY` for any."""
    absent: bool = False
    """Only when there is no such product yet."""

    @property
    def keeps(self) -> bool:
        """Whether the product is to keep its picture."""
        return not self.delete and self.picture is None


@dataclass(frozen=True, slots=True)
class Kept:
    """The product whose picture an edit keeps, and the digest that it had when it was read."""

    entry: Entry
    digest: str

    def expected(self, edit: Edit) -> frozenset[str]:
        """Return the digests that allow the edit: that of the picture's product, unless the caller expects others."""
        if edit.expected is None or ANY in edit.expected:
            return frozenset({self.digest})
        return edit.expected & {self.digest}


class Editor:
    """Makes edits: encodes what is new of them, and has them written."""

    def __init__(self, service: Service, state: ServingState) -> None:
        self._service = service
        self._state = state

    async def edit(self, edits: Sequence[Edit]) -> list[Written | VitrineError]:
        """Put products in, replace them, take them out; return what each came to.

        When this returns, what was written is on the disk, and found by every search that begins now. An edit that
        cannot be made fails alone.

        Raises:
            ReadOnlyError: the catalogue cannot be written here.
            VitrineError: as `MicroBatcher.submit`.
        """
        answers: dict[int, Written | VitrineError] = {}
        for _ in range(TRIES):
            left = {number: edit for number, edit in enumerate(edits) if number not in answers}
            try:
                answers.update(await self._try(left))
            except ReplacedError:
                await self._follow_replacement()
            if len(answers) == len(edits):
                return [answers[number] for number in range(len(edits))]
        raise OverloadedError("others are changing the same all the time; send it again in a second")

    async def _try(self, edits: Mapping[int, Edit]) -> dict[int, Written | VitrineError]:
        """Return what edits came to; without those whose picture was to be kept, and was replaced meanwhile."""
        answers: dict[int, Written | VitrineError] = {}
        kept: dict[int, Kept] = {}
        for number, edit in edits.items():
            if edit.keeps:
                try:
                    kept[number] = Kept(*await asyncio.to_thread(self._state.catalogue.entry, edit.id))
                except DamagedProductError as error:
                    answers[number] = error
                except NotFoundError:
                    problem = f"product {edit.id!r} is new, and a new product needs a picture; send it with one"
                    answers[number] = InvalidError(problem, [{"field": "image", "message": "missing"}])
        changes, encoder = await self._changes({n: edit for n, edit in edits.items() if n not in answers}, kept)
        if changes:
            written = await self._state.apply(encoder, list(changes.values()))
            for (number, change), outcome in zip(changes.items(), written, strict=True):
                # A kept picture that was replaced since it was read is no conflict of the caller's: it is tried again.
                # Where the caller's own condition fails, no digest was expected at all, and the answer stands.
                own = not change.expected or edits[number].absent
                if own or number not in kept or not isinstance(outcome, ConflictError):
                    answers[number] = outcome
        return answers

    async def _changes(
        self, edits: Mapping[int, Edit], kept: Mapping[int, Kept]
    ) -> tuple[dict[int, Put | Delete], Encoder]:
        """Return what the store is to write, and the encoder whose vectors are in it."""
        rule = self._state.catalogue.info.split
        puts = [number for number, edit in edits.items() if not edit.delete]
        pictures = {number: picture for number in puts if (picture := edits[number].picture) is not None}
        encoded = await self._service.encode(
            [edits[number].title for number in puts],
            [picture.pixels for picture in pictures.values()],
            patient=True,
        )
        texts = dict(zip(puts, encoded.texts, strict=True))
        images = dict(zip(pictures, encoded.images, strict=True))
        changes: dict[int, Put | Delete] = {}
        for number, edit in edits.items():
            product = Product(edit.id, edit.title, edit.attributes, rule.of(edit.title))
            if edit.delete:
                changes[number] = Delete(edit.id, edit.expected)
            elif number in kept:
                before = kept[number].entry
                entry = Entry(product, before.image, before.image_vector, texts[number])
                changes[number] = Put(entry, kept[number].expected(edit), edit.absent)
            else:
                entry = Entry(product, pictures[number].data, images[number], texts[number])
                changes[number] = Put(entry, edit.expected, edit.absent)
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
