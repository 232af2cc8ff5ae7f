"""Which products of a catalogue a feed names: in a bounded memory, however many there are. Knows no request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from app.http import Line


class Named:
    """The products that are there when a feed begins, and which of them its lines have named until now.

    An id takes nine bytes. Two ids whose hashes are the same count as one: then a product stays that might go.

    Args:
        ids: of all products.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._hashes: npt.NDArray[np.uint64] = np.unique(np.fromiter(map(_hash, ids), dtype=np.uint64))
        self._named = np.zeros(len(self._hashes), dtype=bool)
        self.count = 0
        """How many lines have named a product."""
        self.unknown: int | None = None
        """The first line of which nobody knows which product it names."""

    @property
    def total(self) -> int:
        """How many products there were."""
        return len(self._hashes)

    def add(self, lines: Sequence[Line]) -> None:
        """Remember what some lines name."""
        for line in lines:
            if line.id is None:
                self.unknown = line.number if self.unknown is None else self.unknown
                continue
            self.count += 1
            at = self._place(line.id)
            if at is not None:
                self._named[at] = True

    def lacks(self, product_id: str) -> bool:
        """Return whether a product was there, and no line has named it."""
        at = self._place(product_id)
        return at is not None and not self._named[at]

    def _place(self, product_id: str) -> int | None:
        wanted = np.uint64(_hash(product_id))
        at = int(np.searchsorted(self._hashes, wanted))
        return at if at < len(self._hashes) and self._hashes[at] == wanted else None


def _hash(product_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(product_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
