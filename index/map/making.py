"""A map of the products of a catalogue, made from their vectors: the layout, and what its regions are called.

A new map goes out from the one before it, so that what has not changed stays where people know it. Knows no file and
no database.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from common import ArtefactError
from index.map.labels import name_regions
from index.map.layout import FROM_LAYOUT, FROM_START, lay_out
from index.map.neighbours import Points, Rows, neighbour_graph, place_among
from index.map.product_map import Method, Prints, ProductMap, prints_of
from index.product import Product
from index.records import CatalogueInfo, Vectors

FEWEST = 3
"""Products of a map."""
FEW = 30
"""Products up to which their places are those of a PCA: so few have no neighbourhoods."""
NEIGHBOURS = 15
"""Of a product, which the layout keeps together."""
LAID_OUT = 50_000
"""Products that are laid out; those of a larger catalogue beyond it get their places from these."""
START = 1e-4
"""Spread of the places from which a layout starts that knows nothing else."""
STAYS = 0.5
"""Part of the products that are on the map before this one, from which on the layout starts from their places."""


def project(
    info: CatalogueInfo,
    products: Sequence[Product],
    vectors: Vectors,
    method: Method = "tsne",
    before: ProductMap | None = None,
) -> ProductMap:
    """Return a map of N products.

    Args:
        info: what the catalogue says of itself.
        products: N.
        vectors: (N, D), of their first pictures.
        method: `tsne` keeps neighbours together, `pca` shows the two directions in which they differ most.
        before: the last map of this catalogue; where no vector has changed since, all places are its.

    Raises:
        ArtefactError: there are fewer than three products.
    """
    if len(products) < FEWEST:
        raise ArtefactError(f"the catalogue has {len(products)} products; a map needs three or more")
    if info.dim < 2:
        raise ArtefactError(f"the catalogue's vectors have {info.dim} dimension; a map needs two or more")
    head = method, info.encoder_id, datetime.now(UTC).isoformat(timespec="seconds"), info.created
    mean, axes = pca(vectors)
    flat = (vectors - mean) @ axes.T
    shown = _chosen(products)
    if method == "pca":
        labels = name_regions(flat[shown], [products[row] for row in shown.tolist()])
        return ProductMap(*head, labels=labels, mean=mean, axes=axes)
    ids, prints = [product.id for product in products], prints_of(vectors)
    if before is not None and (before.method, before.encoder_id) != head[:2]:
        before = None
    points = None if before is None else _unchanged(before, ids, prints)
    if points is None:
        known = None if before is None else _kept(before, ids, vectors)
        points = np.zeros((len(products), 2))
        points[shown] = _laid_out(vectors[shown], flat[shown], None if known is None else known[shown])
        rest = np.setdiff1d(np.arange(len(products)), shown)
        points[rest] = place_among(vectors[rest], vectors[shown], points[shown])
    labels = name_regions(points[shown], [products[row] for row in shown.tolist()])
    return ProductMap(*head, ids, points, prints, labels)


def pca(vectors: Vectors) -> tuple[Points, Points]:
    """Return the mean (D,) of `vectors` (N, D) and the two axes (2, D) along which they differ most.

    The same vectors give the same axes: the largest part of each is positive.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    _, found = np.linalg.eigh(centred.T @ centred)
    axes = found[:, :-3:-1].T
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return mean, axes * signs[:, None]


def _chosen(products: Sequence[Product]) -> Rows:
    """Return the rows of the products that are laid out: of a large catalogue always the same ones, as by chance."""
    if len(products) <= LAID_OUT:
        return np.arange(len(products))
    keys = np.array([zlib.crc32(product.id.encode()) for product in products])
    return np.sort(np.argsort(keys, kind="stable")[:LAID_OUT])


def _unchanged(before: ProductMap, ids: Sequence[str], prints: Prints) -> Points | None:
    """Return the places (N, 2) by the map before this one, where it is of the same N vectors; else None."""
    row_of = {product_id: row for row, product_id in enumerate(before.ids)}
    rows = np.array([row_of.get(product_id, -1) for product_id in ids])
    if len(row_of) != len(ids) or rows.min() < 0 or before.prints is None:
        return None
    return before.points[rows] if np.array_equal(before.prints[rows], prints) else None


def _kept(before: ProductMap, ids: Sequence[str], vectors: Vectors) -> Points | None:
    """Return the places (N, 2) that N products have by the map before this one; None: too few are on it."""
    row_of = {product_id: row for row, product_id in enumerate(ids)}
    on_it = sum(product_id in row_of for product_id in before.ids)
    if on_it < STAYS * len(ids):
        return None
    return before.place(ids, vectors_by_id(ids, vectors))


def vectors_by_id(ids: Sequence[str], vectors: Vectors) -> Callable[[Sequence[str]], Vectors]:
    """Return a function from some of `ids` (N) to their vectors, which are rows of (N, D)."""
    row_of = {product_id: row for row, product_id in enumerate(ids)}
    return lambda some: vectors[[row_of[product_id] for product_id in some]]


def _laid_out(vectors: Vectors, flat: Points, known: Points | None) -> npt.NDArray[np.float64]:
    """Return the places (N, 2) of t-SNE, from a PCA or from places that are known."""
    if len(vectors) <= FEW:
        return flat
    graph = neighbour_graph(vectors, NEIGHBOURS)
    if known is None:
        found = lay_out(graph, flat * (START / max(float(flat[:, 0].std()), 1e-12)), FROM_START)
    else:
        found = lay_out(graph, known, FROM_LAYOUT)
    return np.stack([found.real, found.imag], axis=1).astype(np.float64)
