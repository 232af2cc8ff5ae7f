"""The two sides of a comparison: vectors of the same products by two encoders.

Those of the first are its catalogue's. Those of the second are another catalogue's, or are made now from the pictures
of the first one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.console import Console

from common import InputError
from index import FurtherVectors, Product, Snapshot, Store, title_key
from index.metrics import Side
from models import Encoder
from training.indexing import cores, encode_pictures, encode_titles
from training.progress import bar

IDS = 500
"""Products whose pictures are counted at a time."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The products that both sides have, and their vectors."""

    products: list[Product]
    """N."""
    a: Side
    b: Side
    b_id: str
    """Id of encoder B."""


def common_sides(one: Snapshot, other: Snapshot) -> Sides:
    """Return the products that two catalogues have under the same id and title, in the order of the first.

    Raises:
        InputError: both are of the same encoder, or there is no such product.
    """
    _refuse_same(one.info.encoder_id, other.info.encoder_id)
    places = {product.id: row for row, product in enumerate(other.products)}
    rows = [
        (row, places[product.id])
        for row, product in enumerate(one.products)
        if product.id in places and title_key(other.products[places[product.id]].title) == title_key(product.title)
    ]
    if not rows:
        raise InputError("the two catalogues have no product in common; give two of the same data set")
    mine, theirs = np.array(rows, dtype=np.int64).T
    return Sides([one.products[row] for row in mine], _side(one, mine), _side(other, theirs), other.info.encoder_id)


def _side(snapshot: Snapshot, rows: np.ndarray) -> Side:
    """Return the vectors of some products."""
    images, texts, further = snapshot.image_vectors[rows], snapshot.text_vectors[rows], snapshot.further
    if further is None:
        return Side(images, texts, None)
    place = np.full(len(snapshot.products), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    owners = place[further.owners]
    order = np.argsort(owners, kind="stable")
    order = order[owners[order] >= 0]
    return Side(images, texts, FurtherVectors(owners[order], further.vectors[order]) if len(order) else None)


def encoded_sides(snapshot: Snapshot, catalogue: Store, encoder: Encoder, console: Console | None) -> Sides:
    """Return the products of a catalogue with its own vectors, and with those that another encoder makes of them now.

    A product whose first picture cannot be decoded is left out on both sides.

    Raises:
        InputError: it is the same encoder, or no picture can be decoded.
    """
    _refuse_same(snapshot.info.encoder_id, encoder.encoder_id)
    titles = list(dict.fromkeys(product.title for product in snapshot.products))
    with (
        bar("titles", len(titles), "titles", console) as advance,
        closing(encode_titles(encoder, titles, cores())) as batches,
    ):
        rows = []
        for batch in batches:
            rows.append(batch)
            advance(len(batch))
    texts = dict(zip(titles, np.concatenate(rows), strict=True))
    pictures = list(_pictures(catalogue, snapshot.products))
    readers = (partial(catalogue.image, snapshot.products[row].id, number) for row, number in pictures)
    found: list[np.ndarray | None] = []
    with (
        bar("pictures", len(pictures), "pictures", console) as advance,
        closing(encode_pictures(encoder, readers, cores())) as parts,
    ):
        for part in parts:
            found += [None if one is None else one[1] for one in part]
            advance(len(part))
    vectors = {picture: one for picture, one in zip(pictures, found, strict=True) if one is not None}
    kept = np.array([row for row, number in pictures if not number and (row, 0) in vectors], dtype=np.int64)
    if not len(kept):
        raise InputError("no picture of the catalogue can be decoded; index it again")
    place = {row: at for at, row in enumerate(kept.tolist())}
    more = [(place[row], one) for (row, number), one in vectors.items() if number and row in place]
    owners, further = [at for at, _ in more], [one for _, one in more]
    products = [snapshot.products[row] for row in kept]
    side = Side(
        np.stack([vectors[row, 0] for row in kept.tolist()]),
        np.stack([texts[product.title] for product in products]),
        FurtherVectors(np.array(owners, dtype=np.int64), np.stack(further)) if more else None,
    )
    return Sides(products, _side(snapshot, kept), side, encoder.encoder_id)


def _pictures(catalogue: Store, products: Sequence[Product]) -> Iterator[tuple[int, int]]:
    """Yield the position of each product with the number of each of its pictures."""
    for start in range(0, len(products), IDS):
        digests = catalogue.picture_digests([product.id for product in products[start : start + IDS]])
        for row, product in enumerate(products[start : start + IDS], start):
            yield from ((row, number) for number in range(max(1, len(digests.get(product.id, ())))))


def _refuse_same(a: str, b: str) -> None:
    if a == b:
        raise InputError(f"both sides are encoder {a}; compare it with another one")
