"""Collapsing: as the slow way does it, within bounds, whatever the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import SearchQuery
from index.query import MAX_COLLAPSED
from index.results import COMPARED, EXAMINED, PIECE, Integers, collapse
from tests.index.brute_force import unit

THOUSANDS = 60_000


@dataclass
class Drawn:
    """A ranking that is given."""

    image_vectors: np.ndarray
    keys: Integers

    @property
    def scores(self) -> np.ndarray:
        return np.linspace(1, 0, len(self.keys), dtype=np.float32)

    def title_keys(self) -> Integers:
        return self.keys

    def vectors(self, places: slice) -> np.ndarray:
        return self.image_vectors[places]


def drawn(vectors: np.ndarray, titles: int = 10) -> Drawn:
    return Drawn(vectors, np.random.default_rng(3).integers(0, titles, len(vectors)))


def one_by_one(vectors: np.ndarray, threshold: float) -> list[int]:
    """Return the places of those with no better one that is nearer."""
    kept: list[int] = []
    for place, vector in enumerate(vectors):
        if all(float(vector @ vectors[other]) < threshold for other in kept):
            kept.append(place)
    return kept


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    count=st.sampled_from([0, 1, 15, 16, 17, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5]),
    dim=st.sampled_from([8, 33]),
    threshold=st.sampled_from([1e-9, 0.3, 0.9, 0.98, 1.0]),
)
def test_near_duplicates_are_dropped_as_one_by_one(seed: int, count: int, dim: int, threshold: float) -> None:
    base = unit(max(1, count // 2), dim, seed)
    vectors = base[np.random.default_rng(seed).integers(0, len(base), count)]
    query = SearchQuery(k=min(1000, max(1, count)), collapse="image", collapse_threshold=threshold)
    found = collapse(query, count, lambda width: drawn(vectors[:width]))
    # A picture that comes twice is one, also where the cosine with itself is summed to a little less than 1.
    assert found.places.tolist() == one_by_one(vectors, threshold - 1e-6)[: query.end]


@pytest.mark.parametrize("threshold", [1e-9, 0.15, 0.5])
@pytest.mark.parametrize("end", [10, 1000, MAX_COLLAPSED])
def test_collapsing_looks_through_a_bounded_part_of_the_ranking(threshold: float, end: int) -> None:
    """With a threshold that hardly any two pictures are below, all 60,000 were compared with all that were kept."""
    base = unit(64, 16, 0)
    vectors = np.resize(base, (THOUSANDS, 16))
    widths = []

    def best(width: int) -> Drawn:
        widths.append(width)
        return drawn(vectors[:width])

    query = SearchQuery(k=min(end, 1000), offset=max(0, end - 1000), collapse="image", collapse_threshold=threshold)
    found = collapse(query, THOUSANDS, best)
    assert max(widths) <= EXAMINED["image"]
    assert max(widths) * end <= max(COMPARED, 2 * end * end)
    assert found.total is None  # how many there are is not known
    assert found.places.tolist() == one_by_one(base, threshold - 1e-6)[:end]


def test_titles_are_told_apart_within_a_bounded_part_of_the_ranking() -> None:
    vectors = np.zeros((THOUSANDS, 1), dtype=np.float32)
    widths = []

    def best(width: int) -> Drawn:
        widths.append(width)
        return drawn(vectors[:width], titles=7)

    found = collapse(SearchQuery(k=10, collapse="title"), THOUSANDS, best)
    assert max(widths) == EXAMINED["title"]
    keys = best(THOUSANDS).keys.tolist()
    assert found.places.tolist() == sorted(keys.index(title) for title in range(7))
