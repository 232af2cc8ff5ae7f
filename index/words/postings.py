"""Postings: for every word, value of an attribute and brand, the rows of the products that have it.

The lists are only ever appended to, and are shared by the versions of a catalogue, as its rows are. A large part is
made at once, in arrays; what comes later is kept in small lists beside them. Knows no query and no vectors.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from index.product import Product, Value, title_key
from index.values import number_of, text_pairs
from index.words.analyse import first_words, stem, words
from index.words.analyse import terms as terms_of
from index.words.bags import Bags, summed
from index.words.units import brand_key, value_key, word_key

TITLE_WEIGHT, ATTRIBUTE_WEIGHT = 1.0, 0.9
"""What a word counts in each field (BM25F, Robertson et al. 2004)."""
SATURATION = 0.3
"""k1 of BM25: how slowly a word that comes again counts for more. Titles repeat words for no reason."""
LENGTH_NORM = 0.1
"""b of BM25: how much a word of a long field counts for less."""
TITLE_LENGTH, VALUE_LENGTH = 7, 1
"""Words of a usual title and of a usual value. Constants: a mean would change every posting with every product."""
MAX_VALUE_WORDS = 6
"""Words of the longest value that a query can name; longer ones are descriptions."""
BRAND_ATTRIBUTES = frozenset({"brand", "brand_name", "marke", "marque", "marca", "manufacturer", "vendor"})
BEGINNING = 3
"""First letters of a word that tell that no value has its term: a term begins as its word does."""
FULL = 255
"""The degree of a product that has the whole of what a key names; degrees are kept in one byte."""

Rows = npt.NDArray[np.int32]
Degrees = npt.NDArray[np.uint8]
Postings = tuple[Rows, Degrees]
"""Rows in order, and the degree to which each has what the key names."""


class PostingLists:
    """The postings of all rows so far, and what their keys stand for.

    Every row has a number; rows are appended in order.
    """

    def __init__(self) -> None:
        self.count = 0
        self.ids: dict[str, int] = {}  # from a key to its number
        self.keys: list[str] = []  # by number
        self.shown: dict[int, tuple[str, str]] = {}  # number of a value or brand -> attribute ("" for a brand), text
        self.values_with: dict[str, list[int]] = {}  # terms of a value, joined by spaces -> numbers of such values
        self.beginnings: set[str] = set()  # the first `BEGINNING` letters of those terms that are one word
        self.brand_values: list[int] = []  # numbers of values of an attribute that names brands
        self.numbers: dict[str, dict[int, float]] = {}  # attribute -> number of a key -> the number that its value is
        self.surface: dict[str, int] = {}  # folded word -> how often it was written
        self._base_count = 0
        self._starts: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._rows: Rows = np.empty(0, dtype=np.int32)
        self._degrees: Degrees = np.empty(0, dtype=np.uint8)
        self._late: dict[int, tuple[array[int], array[int]]] = {}

    @property
    def bytes(self) -> int:
        """What the arrays take in memory."""
        return self._rows.nbytes + self._degrees.nbytes + self._starts.nbytes

    def append(self, products: Sequence[Product]) -> npt.NDArray[np.int32]:
        """Append rows; return how many of them are in the postings of each key (T,)."""
        keys, rows, degrees = self._entries(products)
        if not self.count:
            self._starts = np.searchsorted(keys, np.arange(len(self.ids) + 1)).astype(np.int64)
            self._rows, self._degrees = rows, degrees
            self._base_count = len(products)
        else:
            cuts = np.flatnonzero(np.diff(keys)) + 1
            for start, end in pairwise([0, *cuts.tolist(), len(keys)]):
                if start < end:
                    late = self._late.setdefault(int(keys[start]), (array("i"), array("B")))
                    # Degrees first: a reader takes as many of them as it has found rows.
                    late[1].frombytes(degrees[start:end].tobytes())
                    late[0].frombytes(rows[start:end].tobytes())
        self.count += len(products)
        return np.bincount(keys, minlength=len(self.ids)).astype(np.int32)

    def save(self, path: Path) -> None:
        """Write the postings of all rows, which must be those of the first call of `append`, into a .npz file."""
        names = {"ids": self.keys, "shown": self.shown, "values_with": self.values_with, "surface": self.surface}
        names |= {"numbers": self.numbers, "brand_values": self.brand_values}
        text = np.frombuffer(json.dumps(names).encode(), dtype=np.uint8)
        np.savez(path, names=text, starts=self._starts, rows=self._rows, degrees=self._degrees, count=self.count)

    @classmethod
    def load(cls, file: BinaryIO) -> PostingLists:
        """Return the postings that `save` wrote.

        Raises:
            OSError, ValueError, KeyError: there are none, or they are damaged.
        """
        lists = cls()
        with np.load(file, allow_pickle=False) as found:
            lists.count = lists._base_count = int(found["count"])
            lists._starts, lists._rows, lists._degrees = found["starts"], found["rows"], found["degrees"]
            names = json.loads(found["names"].tobytes())
        lists.keys = names["ids"]
        lists.ids = {key: number for number, key in enumerate(lists.keys)}
        lists.shown = {int(number): tuple(shown) for number, shown in names["shown"].items()}
        lists.values_with, lists.surface = names["values_with"], names["surface"]
        lists.beginnings = {terms[:BEGINNING] for terms in lists.values_with if " " not in terms}
        lists.brand_values = names["brand_values"]
        lists.numbers = {
            name: {int(number): value for number, value in numbers.items()}
            for name, numbers in names["numbers"].items()
        }
        return lists

    def counts(self) -> npt.NDArray[np.int32]:
        """Return how many of the rows that the arrays hold are in the postings of each key (T,)."""
        return np.diff(self._starts).astype(np.int32)

    def remade(self, products: Sequence[Product], kept: int) -> PostingLists:
        """Return lists of the `kept` rows that are in the arrays and, after them, of `products`."""
        if kept != self._base_count:
            raise ValueError(f"{kept} rows are kept, but the arrays have {self._base_count}")
        fresh = PostingLists()
        fresh.ids, fresh.keys, fresh.shown = dict(self.ids), list(self.keys), dict(self.shown)
        fresh.surface, fresh.brand_values = dict(self.surface), list(self.brand_values)
        fresh.values_with = {terms: list(numbers) for terms, numbers in self.values_with.items()}
        fresh.beginnings = set(self.beginnings)
        fresh.numbers = {name: dict(numbers) for name, numbers in self.numbers.items()}
        fresh.count = fresh._base_count = kept
        fresh._starts, fresh._rows, fresh._degrees = self._starts, self._rows, self._degrees
        fresh.append(products)
        return fresh

    def postings(self, number: int, count: int) -> Postings:
        """Return the postings of a key among the first `count` rows."""
        rows: Rows = self._rows[:0]
        degrees: Degrees = self._degrees[:0]
        if number < len(self._starts) - 1:
            at = slice(self._starts[number], self._starts[number + 1])
            rows, degrees = self._rows[at], self._degrees[at]
            if count < self._base_count:  # a version from before the first products
                end = int(np.searchsorted(rows, count))
                rows, degrees = rows[:end], degrees[:end]
        late = self._late.get(number)
        if late is not None:
            # Slices are copies: another thread may append.
            late_rows = np.frombuffer(late[0][:], dtype=np.int32)
            late_degrees = np.frombuffer(late[1][: len(late_rows)], dtype=np.uint8)
            end = int(np.searchsorted(late_rows, count))
            rows = np.concatenate([rows, late_rows[:end]])
            degrees = np.concatenate([degrees, late_degrees[:end]])
        return rows, degrees

    def keys_of(self, product: Product) -> list[int]:
        """Return the numbers of the keys whose postings a product is in."""
        found = {word_key(term) for term in terms_of(product.title)}
        found.update(word_key(term) for _, text in text_pairs(product.attributes) for term in terms_of(text))
        found.update(_value_keys(product.attributes))
        found.update(brand_key(brand) for brand in _brands(product))
        return [number for key in found if (number := self.ids.get(key)) is not None]

    def _number(self, key: str) -> int:
        known = self.ids.get(key)
        if known is None:
            known = self.ids[key] = len(self.keys)
            self.keys.append(key)
        return known

    def _entries(self, products: Sequence[Product]) -> tuple[npt.NDArray[np.int64], Rows, Degrees]:
        """Return number of the key, row and degree of every posting of new rows, by key and row.

        Each distinct title and value is analysed once.
        """
        titles: dict[str, int] = {}
        pairs: dict[tuple[str, str], int] = {}
        of_title = np.fromiter((titles.setdefault(p.title, len(titles)) for p in products), np.int64, len(products))
        of_pair, rows_of_pair = array("q"), array("q")
        brands: tuple[array[int], array[int]] = array("q"), array("q")
        for row, product in enumerate(products):
            for pair in text_pairs(product.attributes):
                of_pair.append(pairs.setdefault(pair, len(pairs)))
                rows_of_pair.append(row)
            for brand, shown in _brands(product).items():
                number = self._number(brand_key(brand))
                self.shown.setdefault(number, ("", shown))
                brands[0].append(number)
                brands[1].append(row)
        pair_of, pair_rows = np.array(of_pair, np.int64), np.array(rows_of_pair, np.int64)
        title_terms = Bags(self._title_bag(title) for title in titles)
        value_terms = Bags(self._value_bag(value) for _, value in pairs)
        values = np.array([self._value(attribute, value) for attribute, value in pairs], np.int64).reshape(-1)
        word_keys, word_rows, weights = summed(
            [title_terms.spread(of_title, np.arange(len(products))), value_terms.spread(pair_of, pair_rows)]
        )
        degrees = np.minimum(1.0, weights * (1 + SATURATION) / (weights + SATURATION)) * FULL
        named = values[pair_of] if len(pair_of) else pair_of
        keys = np.concatenate([word_keys, named[named >= 0], np.array(brands[0], np.int64)])
        rows = np.concatenate([word_rows, pair_rows[named >= 0], np.array(brands[1], np.int64)])
        found = np.concatenate([np.rint(degrees), np.full(len(keys) - len(word_keys), FULL)]).astype(np.uint8)
        order = np.lexsort((rows, keys))
        for title, times in zip(titles, np.bincount(of_title, minlength=len(titles)).tolist(), strict=True):
            self._see(title, times)
        for (_, value), times in zip(pairs, np.bincount(pair_of, minlength=len(pairs)).tolist(), strict=True):
            self._see(value, times)
        return keys[order], (rows[order] + self.count).astype(np.int32), found[order]

    def _title_bag(self, title: str) -> dict[int, float]:
        """Return the weight of each term of a title."""
        return self._bag(title, TITLE_WEIGHT, TITLE_LENGTH)

    def _value_bag(self, value: str) -> dict[int, float]:
        return self._bag(value, ATTRIBUTE_WEIGHT, VALUE_LENGTH)

    def _bag(self, text: str, weight: float, usual: int) -> dict[int, float]:
        found = terms_of(text)
        norm = 1 - LENGTH_NORM + LENGTH_NORM * max(1, len(found)) / usual
        bag: dict[int, float] = {}
        for term in found:
            number = self._number(word_key(term))
            bag[number] = bag.get(number, 0.0) + weight / norm
        return bag

    def _value(self, attribute: str, value: str) -> int:
        """Return the number of the key of a value; -1: it is none that a query can name."""
        parts = [part for word in words(value) for part in word.parts]
        if not 0 < len(parts) <= MAX_VALUE_WORDS:
            return -1
        key = value_key(attribute, title_key(value))
        known = self.ids.get(key)
        if known is not None:
            return known
        number = self._number(key)
        self.shown[number] = attribute, value
        if _names_brand(attribute):
            self.brand_values.append(number)
        for terms in {" ".join(map(stem, parts)), stem("".join(parts))}:
            self.values_with.setdefault(terms, []).append(number)
            if " " not in terms:
                self.beginnings.add(terms[:BEGINNING])
        if not math.isnan(found := number_of(title_key(value))):
            self.numbers.setdefault(attribute, {})[number] = found
        return number

    def _see(self, text: str, times: int) -> None:
        """Count the words of a text as they are written, for spelling and completion."""
        for word in words(text):
            for part in word.parts:
                self.surface[part] = self.surface.get(part, 0) + times
            if len(word.parts) > 1:
                self.surface[word.whole] = self.surface.get(word.whole, 0) + times


def _value_keys(attributes: Mapping[str, Value]) -> Iterator[str]:
    for attribute, value in text_pairs(attributes):
        yield value_key(attribute, title_key(value))


@lru_cache(maxsize=1000)
def _names_brand(attribute: str) -> bool:
    return title_key(attribute) in BRAND_ATTRIBUTES


def _brands(product: Product) -> dict[str, str]:
    """Return what may be the product's brand, folded, and as it is written.

    That is the attribute, where there is one, else the first word and the first two words of the title: which of them
    are brands is seen from how often titles begin with them.
    """
    named = [text for name, text in text_pairs(product.attributes) if _names_brand(name)]
    if named:
        return {" ".join(part for word in words(value) for part in word.parts): value for value in named}
    first = list(islice(first_words(product.title), 2))
    found: dict[str, str] = {}
    for length in range(1, len(first) + 1):
        folded = " ".join(part for word in first[:length] for part in word.parts)
        found[folded] = product.title[first[0].start : first[length - 1].end]
    return found
