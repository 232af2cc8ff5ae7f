"""Choosing rows among many, against NumPy's own slow ways."""

from __future__ import annotations

import numpy as np
import pytest

from index.vectors.chosen import are_among, best_places, joined


@pytest.mark.parametrize("distinct", [1, 2, 5, 1000])
@pytest.mark.parametrize("count", [1, 7, 26, 300])
@pytest.mark.parametrize("size", [1, 40, 900, 5003])
def test_the_best_of_many_scores_are_found_however_many_are_equal(size: int, count: int, distinct: int) -> None:
    scores = np.random.default_rng(size + count).integers(0, distinct, size).astype(np.float32)
    places = best_places(scores, count)
    assert len(np.unique(places)) == len(places) == min(count, size)
    assert np.array_equal(np.sort(scores[places])[::-1], np.sort(scores)[::-1][: len(places)])


def test_the_best_may_be_behind_the_last_whole_group() -> None:
    scores = np.zeros(16 * 40 + 5, dtype=np.float32)
    scores[-3:] = 1
    assert set(best_places(scores, 3).tolist()) == set(range(len(scores) - 3, len(scores)))


@pytest.mark.parametrize("few", [0, 1, 3, 20])
def test_rows_are_joined_and_recognised_as_numpy_does(few: int) -> None:
    rng = np.random.default_rng(few)
    rows, others = (np.sort(rng.choice(500, size, replace=False)) for size in (200, few))
    assert np.array_equal(joined(rows, others), np.union1d(rows, others))
    assert np.array_equal(joined(rows[:0], others), others)
    assert np.array_equal(are_among(rows, others), np.isin(rows, others))
