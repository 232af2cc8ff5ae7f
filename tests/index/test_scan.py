"""The best k rows against a sort of all scores: small and large batches, masks, chosen rows, rows that came later."""

from __future__ import annotations

import numpy as np
import pytest

from index.results import SMALL_PRODUCT, score_exactly
from index.vectors.arrays import BLOCK, LEAST_BLOCK, PRODUCT_FROM
from index.vectors.block import GROUP
from index.vectors.rows import RowVectors
from index.vectors.scan import top_k
from index.vectors.subset import RowSubset
from tests.index.brute_force import unit


def sorted_scores(
    vectors: np.ndarray, query: np.ndarray, end: int, mask: np.ndarray | None
) -> tuple[list[int], list[float]]:
    rows = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    order, scores = score_exactly(query, vectors[rows], rows)
    return rows[order[:end]].tolist(), scores[:end].tolist()


@pytest.mark.parametrize("batch", [1, 3, PRODUCT_FROM - 1, PRODUCT_FROM, 33])
@pytest.mark.parametrize("passing", [None, 0.999, 0.5, 0.02])
@pytest.mark.parametrize("late", [0, 1, 700])
def test_the_scan_finds_what_a_sort_of_all_scores_finds(batch: int, passing: float | None, late: int) -> None:
    count = 3000 + GROUP // 2
    vectors = unit(count, 24, 1)
    vectors[100:200] = vectors[:100]  # equals
    mask = None if passing is None else np.random.default_rng(2).random(count) < passing
    queries = np.concatenate([vectors[:1], unit(batch - 1, 24, 3)])
    subset = RowSubset(mask, count)
    ends = [min([10, 1, 150, 0, 900, 5000][number % 6], subset.total) for number in range(batch)]
    found = top_k(RowVectors(vectors[: count - late], vectors[count - late :]), queries, ends, subset)
    for query, end, (rows, scores) in zip(queries, ends, found, strict=True):
        assert (rows.tolist(), scores.tolist()) == sorted_scores(vectors, query, end, mask)


@pytest.mark.parametrize("passing", [None, 0.5])
@pytest.mark.parametrize("count", [2 * BLOCK + 5, 2 * LEAST_BLOCK + 21])
def test_blocks_of_rows_are_put_together(count: int, passing: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    vectors = unit(count, 4, 1)
    mask = None if passing is None else np.random.default_rng(2).random(count) < passing
    queries = unit(PRODUCT_FROM, 4, 3)
    found = top_k(RowVectors(vectors, vectors[:0]), queries, [20] * len(queries), RowSubset(mask, count))
    for query, (rows, scores) in zip(queries, found, strict=True):
        assert (rows.tolist(), scores.tolist()) == sorted_scores(vectors, query, 20, mask)


@pytest.mark.parametrize("passing", [None, 0.5])
def test_pieces_of_a_large_batch_are_put_together(passing: float | None) -> None:
    count, dim = 1000, 256
    batch = 2 * SMALL_PRODUCT // (GROUP * dim) + 3
    vectors = unit(count, dim, 1)
    mask = None if passing is None else np.random.default_rng(2).random(count) < passing
    queries = unit(batch, dim, 3)
    found = top_k(
        RowVectors(vectors, vectors[:0]), queries, [1 + number % 20 for number in range(batch)], RowSubset(mask, count)
    )
    for number, (query, (rows, scores)) in enumerate(zip(queries, found, strict=True)):
        assert (rows.tolist(), scores.tolist()) == sorted_scores(vectors, query, 1 + number % 20, mask)
