"""Which slices a catalogue's products fall into: the values of its attributes, and quarters of those that are numbers.

Knows no figure.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from common import InputError
from index.metrics.kept import Array, Texts, packed_texts
from index.metrics.rank import Floats, Integers
from index.product import Product, title_key
from index.values import first_text, number_of

OTHER = "other"
NOT_GIVEN = "not given"
MOST_VALUES = 12
"""Slices of an attribute besides `OTHER`."""
MOST_NAMED = 500
"""Values of an attribute that are told apart; rarer ones are `OTHER`."""
MOST_ATTRIBUTES = 64
"""Attributes that can be sliced by."""
REST = -1
"""The code of a value that is not told apart."""


@dataclass(frozen=True, slots=True)
class Labels:
    """One attribute of N products."""

    names: tuple[str, ...]
    """Of the codes from 0."""
    codes: Integers
    """(N,) which name each product has; `REST` for none of them."""
    ordered: bool
    """Whether the names have an order of their own, as numbers do."""

    def most(self, rows: Integers) -> list[int]:
        """Return the codes of the slices of the products at `rows`: the most frequent, or in their own order."""
        counts = Counter(code for code in self.codes[rows].tolist() if code != REST)
        frequent = [code for code, _ in counts.most_common(MOST_VALUES)]
        return sorted(frequent) if self.ordered else frequent

    def slices(self, rows: Integers) -> list[tuple[str, Array]]:
        """Return the slices that the products at `rows` (Q,) fall into: each one's name, and which of them it has (Q,).

        Those of `most`, and `OTHER`, last, where that has some.
        """
        codes, most = self.codes[rows], self.most(rows)
        rest = ~np.isin(codes, most)
        named = [(self.names[code], np.asarray(codes == code)) for code in most]
        return [*named, (OTHER, rest)] if rest.any() else named

    def chosen(self, label: str, rows: Integers, among: Integers) -> Array:
        """Return which of the products at `rows` (Q,) have a label; `among` are those that say what is frequent.

        Raises:
            InputError: no such label; names some.
        """
        codes = self.codes[rows]
        if label in self.names:
            return np.asarray(codes == self.names.index(label))
        if label == OTHER:
            return ~np.isin(codes, self.most(among))
        known = ", ".join(self.names[:MOST_VALUES])
        raise InputError(f"no product has the value {label!r}; values are {known}, {OTHER}")


def labels_of(products: Sequence[Product]) -> dict[str, Labels]:
    """Return the attributes that products can be told apart by, as the catalogue orders them.

    An attribute of which every value is different, or all are the same, tells none apart, and is left out.
    """
    names: Counter[str] = Counter()
    for product in products:
        names.update(product.attributes.keys())
    found: dict[str, Labels] = {}
    for name in names:
        values = [first_text(product.attributes.get(name)) for product in products]
        labels = _quarters(values) or _values(values)
        if labels is not None:
            found[name] = labels
        if len(found) == MOST_ATTRIBUTES:
            break
    return found


def _values(values: Sequence[str]) -> Labels | None:
    """Return the most frequent values; None where they tell nothing apart."""
    counts = Counter(values)
    if len(counts) < 2 or counts.most_common(1)[0][1] < 2:
        return None
    kept = [value for value, _ in counts.most_common(MOST_NAMED)]
    if "" in kept and len(kept) == 2 and counts[kept[1 - kept.index("")]] < 2:
        return None
    number = {value: code for code, value in enumerate(kept)}
    ordered = all(not math.isnan(number_of(title_key(value))) for value in kept if value)
    if ordered:
        by_size = sorted(kept, key=lambda value: number_of(title_key(value)) if value else math.inf)
        number = {value: code for code, value in enumerate(by_size)}
    codes = np.array([number.get(value, REST) for value in values], dtype=np.int64)
    return Labels(tuple(value or NOT_GIVEN for value in number), codes, ordered)


def _quarters(values: Sequence[str]) -> Labels | None:
    """Return the quarters of an attribute that is all numbers, more than `MOST_VALUES` different ones; else None."""
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value:
            numbers[row] = number_of(title_key(value))
            if not math.isfinite(numbers[row]):
                return None
    given = numbers[~np.isnan(numbers)]
    if len(np.unique(given)) <= MOST_VALUES:
        return None
    edges = np.unique(np.quantile(given, [0.25, 0.5, 0.75], method="lower"))
    codes = np.searchsorted(edges, numbers, side="left")  # NaN is last, and none of the quarters
    codes = np.where(np.isnan(numbers), len(edges) + 1, codes).astype(np.int64)
    return Labels((*_ranges(edges), NOT_GIVEN), codes, True)


def _ranges(edges: Floats) -> list[str]:
    """Return what the quarters between `edges` (E,) are called, E + 1 of them; an edge belongs to the one below."""
    texts = [f"{edge:.10g}" for edge in edges]
    between = [f"> {low}, ≤ {high}" for low, high in pairwise(texts)]
    return [f"≤ {texts[0]}", *between, f"> {texts[-1]}"]


def packed_labels(labels: Mapping[str, Labels]) -> dict[str, Array]:
    """Return labels as arrays that can be kept."""
    named = [json.dumps([name, one.names, one.ordered]) for name, one in labels.items()]
    codes = [one.codes.astype(np.int16) for one in labels.values()]
    return {**packed_texts("attributes", named), "codes": np.stack(codes) if codes else np.empty((0, 0), np.int16)}


class KeptLabels:
    """The labels among arrays that were kept; those of an attribute are read when they are asked for."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        texts = Texts(arrays, "attributes")
        self._about = {name: (at, tuple(names), ordered) for at, (name, names, ordered) in self._read(texts)}
        self._codes = arrays["codes"]

    @staticmethod
    def _read(texts: Texts) -> list[tuple[int, tuple[str, list[str], bool]]]:
        return [(at, json.loads(texts[at])) for at in range(len(texts))]

    @property
    def names(self) -> list[str]:
        """The attributes."""
        return list(self._about)

    def of(self, attribute: str) -> Labels:
        """Return the labels of an attribute.

        Raises:
            InputError: it tells no products apart, or there is none of that name; names those that do.
        """
        if attribute not in self._about:
            known = ", ".join(self._about) or "none"
            raise InputError(f"figures cannot be told apart by {attribute!r}; attributes that can: {known}")
        at, names, ordered = self._about[attribute]
        return Labels(names, self._codes[at].astype(np.int64), ordered)
