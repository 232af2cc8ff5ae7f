"""The words of one version of a catalogue: how often each occurs, which brands and values there are, who has what.

A word index never changes; `updated` makes the next one over the same postings. Row numbers are those of the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from index.product import Product
from index.words.analyse import INFLECTION, stem
from index.words.postings import BEGINNING, FULL, Degrees, PostingLists, Rows
from index.words.units import Condition, Unit, brand_key, word_key

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

DENSE_FROM, KEPT_DENSE = 0.02, 64
"""Part of the rows from which on the degrees of all rows are kept for the next query; and how many such arrays are."""
LONG_WORD = 7
"""Letters from which on a word and its term have the first ones in common: `drying` has the term `dri`."""
MIN_BRAND = 3
"""Titles that must begin with the same words for these to be a brand."""
BRAND_SHARE = 0.5
"""Part of the products with the last word of a brand that must have the brand: what `men` follows is none."""
LEAST_WEIGHT, LEAST_VALUE, LEAST_PRODUCT = 1.5, 8.0, 10.0
"""Weight of a unit that most products have; of a value of an attribute; of a brand, or the kind of product.

A word of few titles would else outweigh what is asked for: a long skirt is a skirt before it is long.
"""
NEGATED_WEIGHT = 4.0
"""Weight of a unit that is unwanted."""


class WordIndex:
    """N rows of words, of which some are products of this version.

    Args:
        lists: shared with other versions; their first N rows are this version's.
        alive: (N,) which rows are products.
        frequencies: (T,) living products in the postings of each key.
    """

    def __init__(self, lists: PostingLists, alive: Mask, frequencies: npt.NDArray[np.int32]) -> None:
        self.lists = lists
        self.alive = alive
        self._frequencies = frequencies
        self.living = int(np.count_nonzero(alive))
        self._dense: dict[tuple[tuple[str, float], ...], Degrees] = {}

    @classmethod
    def of(cls, products: Sequence[Product]) -> WordIndex:
        """Return the index of products that are the rows 0, 1, …."""
        lists = PostingLists()
        return cls(lists, np.ones(len(products), dtype=np.bool_), lists.append(products))

    @classmethod
    def over(cls, lists: PostingLists) -> WordIndex:
        """Return the index of postings that were read from a file, all of whose rows are products."""
        return cls(lists, np.ones(lists.count, dtype=np.bool_), lists.counts())

    def updated(self, alive: Mask, gone: Iterable[Product], products: Sequence[Product]) -> WordIndex:
        """Return the index after a change; costs as much as there is to change. Only the newest can be updated.

        Args:
            alive: (N + M,) which rows are products now.
            gone: the products that were alive and are not any more.
            products: M new rows.
        """
        came = self.lists.append(products)
        frequencies = np.zeros(len(self.lists.ids), dtype=np.int32)
        frequencies[: len(self._frequencies)] = self._frequencies
        frequencies[: len(came)] += came
        for product in gone:
            frequencies[self.lists.keys_of(product)] -= 1
        return WordIndex(self.lists, alive, frequencies)

    def remade(self, alive: Mask, kept: int, products: Sequence[Product]) -> WordIndex:
        """Return the index of the first `kept` rows and, after them, of `products`: dead rows were taken out.

        The living products are the same as before.
        """
        if kept == 0:
            return WordIndex.of(products)
        lists = self.lists.remade(products, kept)
        frequencies = np.zeros(len(lists.ids), dtype=np.int32)
        frequencies[: len(self._frequencies)] = self._frequencies
        return WordIndex(lists, alive, frequencies)

    # What the catalogue knows

    def frequency(self, key: str) -> int:
        """Return how many products are in the postings of a key."""
        number = self.lists.ids.get(key)
        return int(self._frequencies[number]) if number is not None and number < len(self._frequencies) else 0

    def knows(self, word: str) -> bool:
        """Return whether a folded word is in a title or a value, as it is or in another number."""
        term = stem(word)
        # "earings" has the stem of "ear", and is another word.
        near = word in self.lists.surface or len(word) - len(term) <= INFLECTION
        return near and self.frequency(word_key(term)) > 0

    def values_of(self, terms: str) -> list[tuple[str, str, str, int]]:
        """Return (attribute, value, key, products) of the values whose terms, joined by spaces, are these."""
        numbers = [number for number in self.lists.values_with.get(terms, ()) if self._lives(number)]
        found = [(*self.lists.shown[one], self.lists.keys[one], int(self._frequencies[one])) for one in numbers]
        return sorted(found, key=lambda value: -value[3])

    def begins_value(self, word: str) -> bool:
        """Return whether a value of one word may have the term of this word: it begins like one."""
        beginnings = self.lists.beginnings
        return len(word) < LONG_WORD or any(word[:size] in beginnings for size in range(1, BEGINNING + 1))

    def is_brand(self, words: Sequence[str]) -> bool:
        """Return whether folded words are a brand: enough titles begin with them, and few have them elsewhere."""
        count = self.frequency(brand_key(" ".join(words)))
        if count < MIN_BRAND and not (count and self.has_brand_attribute):
            return False
        if self.has_brand_attribute:
            return True
        if len(words) == 1 and self.values_of(stem(words[0])):
            return False
        return count >= BRAND_SHARE * self.frequency(word_key(stem(words[-1])))

    def brands(self) -> Mapping[str, int]:
        """Return the brands, as they are written, and how many products have each."""
        return self._brands

    def values(self) -> Mapping[tuple[str, str], int]:
        """Return (attribute, value) -> products, of the values that a query can name."""
        return {
            shown: int(self._frequencies[number])
            for number, shown in list(self.lists.shown.items())
            if shown[0] and self._lives(number)
        }

    def surface(self) -> Mapping[str, int]:
        """Return the words as they are written, folded, and how often each came."""
        return self.lists.surface

    def numeric(self, attribute: str) -> dict[int, float]:
        """Return the numbers of an attribute by the number of their key; empty where values are no numbers."""
        return self._numeric.get(attribute, {})

    @property
    def numeric_attributes(self) -> list[str]:
        """The attributes whose values are numbers."""
        return list(self._numeric)

    @cached_property
    def has_brand_attribute(self) -> bool:
        """Whether products name their brand."""
        return any(map(self._lives, list(self.lists.brand_values)))

    @cached_property
    def _brands(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for number, (attribute, shown) in list(self.lists.shown.items()):
            if attribute or not self._lives(number):
                continue
            words = self.lists.keys[number].removeprefix("b ").split()
            if self.is_brand(words):
                found[shown] = int(self._frequencies[number])
        return found

    @cached_property
    def _numeric(self) -> dict[str, dict[int, float]]:
        found = {}
        values = Counter(attribute for attribute, _ in self.values())
        for attribute, numbers in list(self.lists.numbers.items()):
            living = {number: value for number, value in list(numbers.items()) if self._lives(number)}
            if len(living) > 1 and len(living) >= 0.9 * values[attribute]:
                found[attribute] = living
        return found

    def _lives(self, number: int) -> bool:
        return number < len(self._frequencies) and self._frequencies[number] > 0

    # Who has what

    def postings(self, key: str) -> tuple[Rows, Degrees]:
        """Return the rows in the postings of a key, dead ones among them, and their degrees (0 to `FULL`)."""
        number = self.lists.ids.get(key, -1)
        return self.lists.postings(number if number >= 0 else 1 << 60, len(self.alive))

    def rows(self, key: str) -> Rows:
        """Return the living rows in the postings of a key, in order."""
        found, _ = self.postings(key)
        return found if self.living == len(self.alive) else found[self.alive[found]]

    def weight(self, unit: Unit) -> float:
        """Return what a unit counts: its inverse document frequency, within bounds; 0 where no product has it."""
        if unit.negated:
            return NEGATED_WEIGHT * unit.share
        most = max((self.frequency(key) for key, degree in unit.keys if degree > 0.5), default=0)
        if not most:
            return 0.0
        least = LEAST_WEIGHT if unit.condition is None else LEAST_VALUE
        if unit.product or unit.kind == "brand":
            least = LEAST_PRODUCT
        return max(least, float(np.log1p((self.living - most + 0.5) / (most + 0.5)))) * unit.share

    def signal(self, units: Sequence[Unit]) -> Floats:
        """Return (N,) which part of the units that any product has each row has, 0 to 1; of dead rows anything."""
        found = np.zeros(len(self.alive), dtype=np.float32)
        weights = [self.weight(unit) for unit in units]
        total = sum(weights) or 1.0
        for unit, weight in zip(units, weights, strict=True):
            share = np.float32(weight / total)
            if unit.negated:
                found += share
                share = -share
            if not weight:
                continue
            dense = self._dense_degrees(unit.keys)
            if dense is not None:
                found += dense * np.float32(share / FULL)
            elif unit.keys:
                rows, best = self._best(unit.keys)
                found[rows] += best * np.float32(share / FULL)
        return found

    def _dense_degrees(self, keys: tuple[tuple[str, float], ...]) -> Degrees | None:
        """Return the best degree of each row (N,) in some postings, where many rows are in them; kept for the next."""
        kept = self._dense.get(keys)
        if kept is not None:
            return kept
        if sum(self.frequency(key) for key, _ in keys) < DENSE_FROM * len(self.alive):
            return None
        dense = np.zeros(len(self.alive), dtype=np.uint8)
        rows, best = self._best(keys)
        dense[rows] = best
        if len(self._dense) >= KEPT_DENSE:
            self._dense = {}
        self._dense[keys] = dense
        return dense

    def _best(self, keys: Sequence[tuple[str, float]]) -> tuple[Rows, Degrees]:
        """Return the rows in any of some postings, and the best degree of each, rounded as all degrees are."""
        if len(keys) == 1 and keys[0][1] == 1.0:
            return self.postings(keys[0][0])
        lists = [(self.postings(key), degree) for key, degree in keys]
        rows = np.concatenate([rows for (rows, _), _ in lists])
        degrees = np.concatenate([np.rint(found * np.float32(degree)).astype(np.uint8) for (_, found), degree in lists])
        order = np.argsort(rows, kind="stable")
        rows, degrees = rows[order], degrees[order]
        if not len(rows):
            return rows, degrees
        first = np.flatnonzero(np.concatenate([[True], np.diff(rows) != 0]))
        return rows[first], np.maximum.reduceat(degrees, first)

    def keys_between(self, condition: Condition) -> list[str]:
        """Return the keys of the values of an attribute that are within the bounds of a condition."""
        return [
            self.lists.keys[number]
            for number, value in self.numeric(condition.attribute).items()
            if (condition.gte is None or value >= condition.gte)
            and (condition.gt is None or value > condition.gt)
            and (condition.lte is None or value <= condition.lte)
            and (condition.lt is None or value < condition.lt)
        ]
