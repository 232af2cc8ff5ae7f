"""The hubness of products that are about to be written, among the titles of one version of a catalogue in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.entry_vectors import entry_vectors
from index.ranking.hubs import NEAREST, product_hubness
from index.records import Entry
from index.vectors.scan import top_k
from index.vectors.state import IndexState


def entries_hubness(state: IndexState, entries: Sequence[Entry]) -> list[float | None]:
    """Return the hubness of products, each among the titles of this version and its own; None where it has none.

    Raises:
        InputError: a vector that cannot be stored; names the product.
    """
    if state.hubs is None or not entries:
        return [None] * len(entries)
    vectors = [entry_vectors(one, state.info.dim) for one in entries]
    starts = np.cumsum([0, *(len(images) for images, _ in vectors)]).tolist()
    subset = state.subset("texts", state.alive)
    width = min(NEAREST, subset.total)
    near = top_k(
        state.vectors["texts"], np.concatenate([images for images, _ in vectors]), [width] * starts[-1], subset
    )
    found: list[float | None] = []
    for one, (images, text), start, end in zip(entries, vectors, starts, starts[1:], strict=False):
        own = None if state.ids_titled(one.product.title) else images @ text
        found.append(product_hubness(np.stack([cosines for _, cosines in near[start:end]]), own))
    return found
