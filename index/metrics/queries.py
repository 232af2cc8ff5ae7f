"""Which products of a snapshot are queries, and what a report says of the snapshot that it is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from common import InputError
from index.metrics.rank import Integers
from index.product import SPLITS
from index.records import Snapshot

ALL = "all"
"""Every split at once."""


def about(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Return what was measured, and on what."""
    return {
        "split": split,
        "encoder_id": snapshot.info.encoder_id,
        "catalogue_version": snapshot.version,
        "source": snapshot.info.source,
    }


def query_rows(snapshot: Snapshot, split: str) -> Integers:
    """Return the positions (Q,) of the products of `split`, one or more."""
    if split not in (*SPLITS, ALL):
        raise InputError(f"there is no split {split!r}; choose one of {', '.join((*SPLITS, ALL))}")
    products = snapshot.products
    queries = np.array([at for at, product in enumerate(products) if split in (ALL, product.split)], dtype=np.int64)
    if not len(queries):
        there = ", ".join(name for name in SPLITS if any(product.split == name for product in products)) or "none"
        raise InputError(
            f"no product of the catalogue is in split {split!r}; the splits it has: {there}. Few products may "
            "leave a split empty; measure with split 'all' (vitrine evaluate --split all)"
        )
    return queries
