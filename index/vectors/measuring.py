"""The hubness of products that are about to be written, among the titles of one version of a catalogue in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.ranking.hubs import NEAREST, product_hubness
from index.records import Entry, Vectors, checked_vector
from index.vectors.scan import top_k
from index.vectors.state import IndexState


def entries_hubness(state: IndexState, entries: Sequence[Entry]) -> list[float | None]:
    """Return the hubness of products, each among the titles of this version and its own; None where it has none.

    Raises:
        InputError: a vector that cannot be stored; names the product.
    """
    if state.hubs is None or not entries:
        return [None] * len(entries)
    pictures = [_picture_vectors(one, state.info.dim) for one in entries]
    starts = np.cumsum([0, *map(len, pictures)]).tolist()
    subset = state.subset("texts", state.alive)
    width = min(NEAREST, subset.total)
    near = top_k(state.vectors["texts"], np.concatenate(pictures), [width] * starts[-1], subset)
    found: list[float | None] = []
    for one, vectors, start, end in zip(entries, pictures, starts, starts[1:], strict=False):
        text = checked_vector(one.text_vector, state.info.dim, one.product.id, "text")
        own = None if state.ids_titled(one.product.title) else vectors @ text
        found.append(product_hubness(np.stack([cosines for _, cosines in near[start:end]]), own))
    return found


def _picture_vectors(entry: Entry, dim: int) -> Vectors:
    given = (entry.image_vector, *(one.vector for one in entry.more))
    return np.stack([checked_vector(vector, dim, entry.product.id, "image") for vector in given])
