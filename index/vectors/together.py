"""Queries that vectors alone rank: those over the same products share a scan; what repeats a better result goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from index.attributes import Mask
from index.filters import Filters
from index.query import SearchQuery, Side
from index.records import Vectors
from index.results import collapse
from index.vectors.pages import RankedRows
from index.vectors.scan import Ranked, top_products
from index.vectors.state import IndexState
from index.vectors.subset import RowSubset


@dataclass(frozen=True, slots=True)
class Together:
    """Queries over the same products: they share one scan. Above all, so do those over all products."""

    filters: Filters
    exclude: frozenset[str]
    numbers: list[int]


def queries_together(side: Side, queries: Mapping[int, SearchQuery]) -> Iterator[Together]:
    """Yield queries, by their numbers, that are over the same products."""
    groups: dict[Any, list[int]] = {}
    for number, query in queries.items():
        exclude = query.exclude if side == "images" else frozenset()
        groups.setdefault((frozenset(query.filters.items()), exclude), []).append(number)
    for (filters, exclude), numbers in groups.items():
        yield Together(dict(filters), exclude, numbers)


def collapsed(
    state: IndexState, vector: Vectors, query: SearchQuery, subset: RowSubset, passing: Mask
) -> tuple[Ranked, int | None]:
    """Return the best rows of one query (1, D) that do not repeat a better one, and how many there are."""

    def best(width: int) -> RankedRows:
        ((rows, scores),) = top_products(state.pictures, vector, [width], subset)
        return RankedRows(state, partial(state.pictures.nearest, vector[0]), rows, scores)

    ranking, places, total = collapse(query, subset.total, best)
    if query.collapse == "title":
        total = state.title_count(passing)
    return (ranking.rows[places], ranking.scores[places]), total


def scan_all(state: IndexState, vector: Vectors, passing: Mask) -> Callable[[int], Ranked]:
    """Return what finds the best rows of one query (D,) among those that pass (N,), exactly: by no index."""
    subset = RowSubset(None if passing is state.alive and state.count == len(passing) else passing, len(passing))

    def best(width: int) -> Ranked:
        return top_products(state.pictures, vector[None], [min(width, subset.total)], subset, exact=True)[0]

    return best
