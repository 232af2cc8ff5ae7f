"""What the regions of a map are called: the words that are more frequent there than around it, by class-based TF-IDF.

Regions are clusters of places, four times as many on each level. The words of a region are compared with those of the
region around it, and none of that region's words is said again. Words are values of attributes and words of titles, so
that no language is favoured. Knows no vectors and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from index.product import Product
from index.values import text_pairs
from index.words import stem, terms, words

FIRST, FACTOR, DEEPEST = 12, 4, 6
"""Regions of the first level, by how many times each level has more, and levels at most."""
REGION = 24
"""Products of a region on the average, at least."""
FEWEST = 5
"""Products of a region that have its word."""
SHARE, LIFT = 0.25, 1.2
"""Part of a region's products that have its word, and by how much that is more than around it: both at least."""
LEAST = 0.04
"""What a word must be worth: its share, times the logarithm of the lift, times the weight of its attribute."""
OF_TITLE = 0.25
"""Weight of a word of titles, where the attribute that the map is most ordered by has 1."""
CONTEXT = 0.5
"""Part of a region's products for which the word of the region around it must hold to stand beside its own."""
IMPLIED = 0.9
"""Part of the products with a word that have another one, from which on the other one says nothing new."""
TRIED = 5
"""Words that are tried, besides as many as are known, those that are worth most first."""
LONGEST = 40
"""Characters of a word; what is longer is a sentence."""

Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionWord:
    """A value of an attribute, or a word of titles."""

    text: str
    attribute: str = ""
    """Empty for a word of titles."""


@dataclass(frozen=True, slots=True)
class RegionLabel:
    """What one region is called."""

    level: int
    """0 for the largest regions."""
    x: float
    """The middle of its products that have its word."""
    y: float
    count: int
    """How many they are."""
    words: tuple[RegionWord, ...]
    """Its own word, and behind it one of a region around it that says what it is a part of."""

    def to_json(self) -> dict[str, Any]:
        """Return what `of` reads."""
        said = [{"text": one.text} | ({"attribute": one.attribute} if one.attribute else {}) for one in self.words]
        return {"level": self.level, "x": round(self.x, 4), "y": round(self.y, 4), "count": self.count, "words": said}

    @staticmethod
    def of(value: Any) -> RegionLabel:
        """Return a label from JSON; KeyError, TypeError or ValueError: it is none."""
        said = tuple(RegionWord(str(one["text"]), str(one.get("attribute", ""))) for one in value["words"])
        return RegionLabel(int(value["level"]), float(value["x"]), float(value["y"]), int(value["count"]), said)


@dataclass(slots=True)
class _Vocabulary:
    """All words (W), and which products have them."""

    said: list[RegionWord]
    stems: list[frozenset[str]]
    """By which two words are the same."""
    products: Rows
    """Row of a product, beside each entry of `numbers`."""
    numbers: Rows
    """Number of a word that the product has, ascending."""
    starts: Rows
    """(W + 1,) the first entry of each word, and the end."""
    implied: dict[tuple[int, int], bool] = field(default_factory=dict)

    def having(self, number: int) -> Rows:
        """Return the rows of the products that have a word."""
        return self.products[self.starts[number] : self.starts[number + 1]]

    def implies(self, one: int, other: int) -> bool:
        """Return whether what has one word has another one anyway, as watches are accessories."""
        if (one, other) not in self.implied:
            having = self.having(one)
            both = np.isin(having, self.having(other), assume_unique=True).sum()
            self.implied[one, other] = bool(both >= IMPLIED * len(having))
        return self.implied[one, other]

    def counts(self, region_of: Rows, regions: int) -> Counts:
        """Return how many products of each region have each word: (R, W)."""
        flat = region_of[self.products] * len(self.said) + self.numbers
        found = np.bincount(flat, minlength=regions * len(self.said))
        return np.asarray(found.reshape(regions, len(self.said)), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Level:
    """The regions of one level."""

    counts: Counts
    """(R, W): products of each region that have each word."""
    sizes: Rows
    """(R,)."""
    region_of: Rows
    """(N,)."""
    paths: list[tuple[int, ...]]
    """R: numbers of the words of the regions around each, and of its own."""


def name_regions(points: Points, products: Sequence[Product]) -> tuple[RegionLabel, ...]:
    """Return what the regions are called where N products are, level by level, the largest regions first.

    Args:
        points: (N, 2).
        products: N.
    """
    vocabulary = _vocabulary(products)
    if not vocabulary.said:
        return ()
    count = len(products)
    divisions = [_divided(points, max(1, min(FIRST, count // FEWEST)))]
    while len(divisions) < DEEPEST and count >= REGION * FIRST * FACTOR ** len(divisions):
        divisions.append(_divided(points, FIRST * FACTOR ** len(divisions)))
    weights = _weights(vocabulary, divisions[-1])
    labels: list[RegionLabel] = []
    everywhere = np.zeros(count, dtype=np.int64)
    around = _Level(vocabulary.counts(everywhere, 1), np.array([count]), everywhere, [()])
    for level, region_of in enumerate(divisions):
        around, named = _named(vocabulary, weights, region_of, around)
        for region, own, context in named:
            having = vocabulary.having(own)
            x, y = np.median(points[having[region_of[having] == region]], axis=0).tolist()
            said = vocabulary.said[own], *(vocabulary.said[one] for one in context)
            labels.append(RegionLabel(level, x, y, int(around.counts[region, own]), said))
    return tuple(sorted(labels, key=lambda label: (label.level, -label.count)))


def _named(
    vocabulary: _Vocabulary, weights: Points, region_of: Rows, around: _Level
) -> tuple[_Level, list[tuple[int, int, list[int]]]]:
    """Return a level below `around`, and of its regions that have a word: their numbers, the words and their contexts.

    Args:
        vocabulary: W words.
        weights: (W,).
        region_of: (N,).
        around: the level above.
    """
    count = int(region_of.max()) + 1
    counts, sizes = vocabulary.counts(region_of, count), np.bincount(region_of, minlength=count)
    above = len(around.paths)
    shared = np.bincount(region_of * above + around.region_of, minlength=count * above).reshape(count, above)
    parents = shared.argmax(axis=1)
    # Only these are compared any further: most words are in few regions.
    regions, numbers = np.nonzero((counts >= FEWEST) & (counts >= SHARE * sizes[:, None]))
    share = counts[regions, numbers] / sizes[regions]
    outside = around.counts[parents[regions], numbers] / around.sizes[parents[regions]]
    lift = share / np.maximum(outside, 1e-9)
    worth = share * np.log(np.maximum(lift, 1)) * weights[numbers]
    telling = (lift >= LIFT) & (worth >= LEAST)
    regions, numbers, worth = regions[telling], numbers[telling], worth[telling]
    order = np.lexsort((-worth, regions))
    found = np.split(numbers[order], np.searchsorted(regions, np.arange(1, count)))
    paths, named = [], []
    for region, parent in enumerate(parents.tolist()):
        path = around.paths[parent]
        known = frozenset().union(*(vocabulary.stems[one] for one in path))
        best = found[region][: len(path) + TRIED].tolist()
        own = next(
            (
                one
                for one in best
                if not vocabulary.stems[one] & known and not any(vocabulary.implies(other, one) for other in path)
            ),
            None,
        )
        if own is not None:
            holding = [one for one in path if counts[region, one] >= CONTEXT * sizes[region]]
            named.append((region, own, _context(vocabulary, weights, own, holding)))
            path = (*path, own)
        paths.append(path)
    return _Level(counts, sizes, region_of, paths), named


def _context(vocabulary: _Vocabulary, weights: Points, own: int, path: Sequence[int]) -> list[int]:
    """Return the word around a region that says most of what its own is said of; none where its own says more."""
    best = max(path, key=lambda one: float(weights[one]), default=None)
    return [] if best is None or weights[own] >= weights[best] else [best]


def _weights(vocabulary: _Vocabulary, region_of: Rows) -> Points:
    """Return how much each word (W,) is worth by its attribute: how many bits of it the place on the map tells."""
    counts = vocabulary.counts(region_of, int(region_of.max()) + 1)
    attributes = [word.attribute for word in vocabulary.said]
    bits = {
        name: _mutual_information(counts[:, [one == name for one in attributes]]) for name in set(attributes) - {""}
    }
    most = max(bits.values(), default=0.0)
    return np.array([OF_TITLE if not name or most <= 0 else bits[name] / most for name in attributes])


def _mutual_information(counts: Counts) -> float:
    """Return the bits that the row of a count in a table tells of its column."""
    joint = counts / max(1, counts.sum())
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(joint * np.log2(joint / apart)))


def _divided(points: Points, count: int) -> Rows:
    """Return the number (N,) of each point's cluster by k-means."""
    places = np.ascontiguousarray(points, dtype=np.float32)
    kmeans = faiss.Kmeans(2, count, niter=10, seed=1, min_points_per_centroid=1)
    kmeans.train(places)
    _, found = kmeans.index.search(places, 1)
    return np.asarray(found[:, 0])


def _vocabulary(products: Sequence[Product]) -> _Vocabulary:
    """Return the words that may name a region, and which products have them."""
    numbers: dict[str, int] = {}
    said: list[RegionWord] = []
    stems: list[frozenset[str]] = []
    of_text: dict[tuple[str, str], int] = {}

    def number(text: str, attribute: str) -> int:
        """Return the number of a word, -1 for none; forms of one word have one number, and the first one's text."""
        known = of_text.get((attribute, text))
        if known is None:
            found = [stem(part) for one in words(text) for part in one.parts] if attribute else terms(text)
            key = " ".join(found)
            if len(text) > LONGEST or len(key) < 2 or not any(letter.isalpha() for letter in key):
                known = -1
            else:
                known = numbers.setdefault(key, len(said))
                if known == len(said):
                    said.append(RegionWord(text, attribute))
                    stems.append(frozenset(found))
            of_text[attribute, text] = known
        return known

    # Values come first: a word that is both is said as the value, which has a translation.
    of_values = [[number(text, name) for name, text in text_pairs(product.attributes)] for product in products]
    of_title: dict[str, list[int]] = {}
    rows: list[int] = []
    having: list[int] = []
    for row, product in enumerate(products):
        if product.title not in of_title:
            of_title[product.title] = [number(word.text, "") for word in words(product.title)]
        found = {*of_values[row], *of_title[product.title]} - {-1}
        rows += [row] * len(found)
        having += sorted(found)
    return _Vocabulary(said, stems, *_frequent(np.array(rows), np.array(having), said, stems))


def _frequent(rows: Rows, having: Rows, said: list[RegionWord], stems: list[frozenset[str]]) -> tuple[Rows, Rows, Rows]:
    """Leave out the words of too few products, which no region is named after.

    Returns:
        What is left of the pairs, word by word, and where each word begins.
    """
    often = np.bincount(having.astype(np.int64), minlength=len(said)) >= FEWEST
    renumbered = np.cumsum(often) - 1
    said[:] = [word for word, keep in zip(said, often, strict=True) if keep]
    stems[:] = [one for one, keep in zip(stems, often, strict=True) if keep]
    kept = often[having.astype(np.int64)]
    numbers = renumbered[having[kept].astype(np.int64)]
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    return rows[kept].astype(np.int64)[order], numbers, np.searchsorted(numbers, np.arange(len(said) + 1))
