"""Hub correction: how near a product's pictures are to the titles of the catalogue, whatever is asked.

Some pictures are near to nearly every text (hubs): they crowd out the one product that a text names. Each product has
one number, its hubness, which is taken off its cosine. It is the log-sum-exp of a picture's cosines with the distinct
titles of the catalogue: the inverted softmax of Smith et al. (arXiv 1702.03859), with its own titles as the bank.
Plain arrays in and out. Knows no storage and no scan.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from index.records import Vectors

HUB_SHARPNESS = 100.0
"""The factor of the cosines in the exponent, chosen by validation titles against all pictures: 50 and 200 are worse."""
NEAREST = 32
"""Titles that count for a picture. At that sharpness the others change the number by 1e-5 on average."""
FREE_WORDS, FULL_WORDS = 2, 6
"""Words of a text until which nothing is corrected, and from which on all is."""

EXACT_TITLES = 100_000
"""Titles up to which a picture is compared with all of them; the work grows with pictures times titles."""
PROBES = 24
"""Lists of titles, of 4 √T, with which a picture is compared where there are more."""
TRAINING = 48
"""Titles per list that the lists are learned from."""
BLOCK = 65_536
"""Pictures that are compared at a time."""


def hub_weight(text: str) -> float:
    """Return the part of the hubness that is taken off where `text` is asked, 0 to 1: the more words, the more.

    A short text names a kind of product, of which a typical picture is a good answer; a long one names one product.
    """
    return min(max((len(text.split()) - FREE_WORDS) / (FULL_WORDS - FREE_WORDS), 0.0), 1.0)


class TitleBank:
    """The distinct titles of a catalogue, with which pictures are compared.

    Args:
        titles: (T, D) of unit length, T at least 1.
    """

    def __init__(self, titles: Vectors) -> None:
        # The index has a copy: of a million titles, another would take 1.5 GB more.
        self._titles = titles if len(titles) <= EXACT_TITLES else None
        self._index: Any = _lists(titles) if self._titles is None else None

    def add(self, titles: Vectors) -> None:
        """Add titles (T, D), few beside those that are there."""
        if self._titles is None:
            self._index.add(titles)
        else:
            self._titles = np.concatenate([self._titles, titles])

    def hubness(self, images: Vectors) -> Vectors:
        """Return the hubness (K,) of pictures (K, D)."""
        found = np.empty(len(images), dtype=np.float32)
        for start in range(0, len(images), BLOCK):
            block = np.ascontiguousarray(images[start : start + BLOCK], dtype=np.float32)
            titles = self._titles
            near = self._index.search(block, NEAREST)[0] if titles is None else nearest_titles(block, titles)
            found[start : start + BLOCK] = hubness_of(near)
        return found


def nearest_titles(images: Vectors, titles: Vectors) -> Vectors:
    """Return the cosines (K, n) of pictures (K, D) with their nearest titles of T (T, D), n being T where it is less.

    n is 0 where there are none.
    """
    import faiss  # here: an evaluation reads what is stored, and does without it

    width = min(NEAREST, len(titles))
    if not width:
        return np.empty((len(images), 0), dtype=np.float32)
    return faiss.knn(images, titles, width, metric=faiss.METRIC_INNER_PRODUCT)[0]


def hubness_of(cosines: Vectors) -> Vectors:
    """Return the hubness (K,) of pictures from their cosines with their nearest titles (K, n), n at least 1."""
    best = cosines.max(axis=1, keepdims=True)
    sums = np.exp(np.float32(HUB_SHARPNESS) * (cosines - best)).sum(axis=1)
    return np.asarray(best[:, 0] + np.log(sums) / np.float32(HUB_SHARPNESS), dtype=np.float32)


def hubness_of_products(hubs: Vectors, starts: npt.NDArray[np.int64]) -> Vectors:
    """Return the hubness (P,) of products from that of all their pictures (K,).

    Args:
        hubs: of the pictures, product by product.
        starts: (P,) ascending: where the pictures of each product begin.
    """
    found = np.logaddexp.reduceat(HUB_SHARPNESS * hubs.astype(np.float64), starts) / HUB_SHARPNESS
    return np.asarray(found, dtype=np.float32)


def product_hubness(near: Vectors, own: Vectors | None) -> float:
    """Return the hubness of one product that is about to be written.

    Args:
        near: (K, n) cosines of its pictures with their nearest titles of the catalogue, `NEAREST` at most.
        own: (K,) cosines with its own title; None where the catalogue has that already.
    """
    cosines = near if own is None else np.column_stack([near, own])
    return float(hubness_of(hubness_of(cosines)[None])[0])


def _lists(titles: Vectors) -> Any:
    """Return an index whose lists hold titles (T, D) by what they are near to."""
    import faiss

    count, dim = titles.shape
    lists = int(4 * math.sqrt(count))
    index: Any = faiss.index_factory(dim, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 8
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = TRAINING
    sample = np.random.default_rng(0).choice(count, min(count, TRAINING * lists), replace=False)
    index.train(titles[np.sort(sample)])
    index.add(titles)
    index.nprobe = PROBES
    return index
