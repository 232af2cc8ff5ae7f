"""How many attribute names a catalogue may have, and which ones it has.

Every search knows all names, each costs memory with every product, and errors and facets list them: a caller who may
write could make a catalogue unusable with names of no use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from common import InputError
from index.records import Delete, Put

MAX_NAMES = 1_000
"""Most distinct attribute names of the products of a catalogue; one that has more keeps them, and gets no new ones."""


def too_many_names(count: int, new: Iterable[str]) -> InputError:
    """Return the error for products that would bring a catalogue to `count` attribute names."""
    named = ", ".join(map(repr, sorted(new)[:3]))
    return InputError(
        f"the catalogue would have {count:,} attribute names with new ones such as {named}; it may have {MAX_NAMES:,}:"
        " use names that other products have"
    )


class KnownNames:
    """The attribute names of a catalogue, kept from one write to the next.

    Args:
        read: returns the names of all products that were changed after a version; of all products for None.
    """

    def __init__(self, read: Callable[[int | None], set[str]]) -> None:
        self._read = read
        self._names: set[str] = set()
        self._version: int | None = None
        self._counted: int | None = None

    def check(self, edits: Sequence[Put | Delete], version: int) -> None:
        """Refuse edits of a catalogue at `version` that would give it too many names.

        Raises:
            InputError: says how many there would be, and names a few.
        """
        asked = {name for edit in edits if isinstance(edit, Put) for name in edit.entry.product.attributes}
        if asked <= self._names:
            return
        if self._version != version:
            self._names |= self._read(self._version)
            self._version = version
        if len(self._names | asked) > MAX_NAMES and self._counted != version:
            self._names = self._read(None)  # without those that no product has any more
            self._counted = version
        new = asked - self._names
        if new and len(self._names) + len(new) > MAX_NAMES:
            raise too_many_names(len(self._names) + len(new), new)
