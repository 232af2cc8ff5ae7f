"""The weighted terms of many texts as arrays, and their spread over the rows that have these texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


class Bags:
    """The weighted terms of M texts, one after the other."""

    def __init__(self, bags: Iterator[dict[int, float]]) -> None:
        made = list(bags)
        self.sizes = np.array([len(bag) for bag in made], np.int64).reshape(-1)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)
        self.terms = np.array([term for bag in made for term in bag], np.int64).reshape(-1)
        self.weights = np.array([weight for bag in made for weight in bag.values()], np.float32).reshape(-1)

    def spread(self, texts: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> tuple[Any, Any, Any]:
        """Return term, row and weight of each term of text `texts[i]` in row `rows[i]`."""
        if not len(texts):
            return self.terms[:0], rows[:0], self.weights[:0]
        sizes = self.sizes[texts]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes) + np.repeat(self.starts[texts], sizes)
        return self.terms[places], np.repeat(rows, sizes), self.weights[places]


def summed(parts: list[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    """Return term, row and summed weight of each pair of term and row."""
    terms, rows, weights = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if not len(terms):
        return terms, rows, weights
    order = np.lexsort((rows, terms))
    terms, rows, weights = terms[order], rows[order], weights[order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(terms) != 0) | (np.diff(rows) != 0)]))
    return terms[first], rows[first], np.add.reduceat(weights, first)
