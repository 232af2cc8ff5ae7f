"""Two encoders on the same queries and the same gallery: the difference of every measure with its paired interval.

Both are measured on the same titles, so a bootstrap draws titles once for both: what makes a title hard is in neither
figure alone, and the difference is known far better than the two figures are. From plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from common import InputError
from index.metrics.evaluation import Place, TitleScores, query_sums
from index.metrics.examples import first_of
from index.metrics.intervals import Name, bootstrap, named
from index.metrics.labels import Labels
from index.metrics.rank import Floats, Integers, score_rows
from index.metrics.slices import SLICED_BY, TITLE_FREQUENCY, all_labels
from index.product import Product
from index.records import FurtherVectors, Vectors

HEADLINE = ("titles", "found", "recall10")
"""The measure that the verdict is about. It is chosen before anything is measured: of many, one differs by chance."""
SLICE_MEASURE = "recall10"
ATTRIBUTES = 3
"""Attributes that slices are by where the catalogue has none of `SLICED_BY`."""

Line = dict[str, Any]
"""`{"direction", "right", "measure", "a", "b", "difference"}`; figures are `{"value", "low", "high"}`."""


class Side(NamedTuple):
    """What one of two encoders makes of N products."""

    images: Vectors
    """(N, D)."""
    texts: Vectors
    """(N, D)."""
    further: FurtherVectors | None


def paired_figures(
    sums: tuple[Mapping[Name, Floats], Mapping[Name, Floats]], counts: Floats, *, seed: int = 0, resamples: int = 1000
) -> dict[Name, dict[str, dict[str, float]]]:
    """Return the means of both sides, and those of b less a, each measure's with their intervals.

    Args:
        sums: of a and of b: measure -> (T,) sums of independent groups, such as the queries of a title.
        counts: (T,) how many values each sum is of.
        seed: of the bootstrap, which draws the same groups for both sides.
        resamples: of the bootstrap.

    Returns:
        Measure -> `{"a", "b", "difference"}`, each `{"value", "low", "high"}`.

    Raises:
        InputError: the sides do not have the same measures.
    """
    names = list(sums[0])
    if names != list(sums[1]):
        raise InputError("the two sides have different measures; measure both alike")
    a, b = (np.stack(list(one.values()), axis=1) for one in sums)
    figures = bootstrap(np.concatenate([a, b, b - a], axis=1), counts[:, None], seed, resamples)
    of_a, of_b, difference = (named(names, part) for part in np.split(figures, 3))
    return {name: {"a": of_a[name], "b": of_b[name], "difference": difference[name]} for name in names}


def compare(
    a: Side, b: Side, products: Sequence[Product], queries: Integers, *, seed: int = 0, resamples: int = 1000
) -> dict[str, Any]:
    """Measure two encoders as `evaluate` does, and how they differ.

    Args:
        a: one of them.
        b: the other one, of the same products in the same order.
        products: N.
        queries: (Q,) positions of the products that are queries.
        seed: of the bootstrap, which resamples titles.
        resamples: of the bootstrap.

    Returns:
        `{"queries", "gallery", "titles", "measures", "slices"}`, ready for JSON: `titles` is how many ask, `measures`
        is a list of `Line`, that of `HEADLINE` first, and `slices` attribute -> `[{"value", "queries", "a", "b",
        "difference"}]` of the titles' recall@10.

    Raises:
        InputError: as `evaluate`.
    """
    titles = [product.title for product in products]
    sums_a, counts, titled_a = query_sums(a.images, a.texts, titles, queries, a.further)
    sums_b, _, titled_b = query_sums(b.images, b.texts, titles, queries, b.further)
    by_title = _by_title(titled_a), _by_title(titled_b)
    figures = paired_figures(by_title, np.ones(len(counts)), seed=seed, resamples=resamples)
    figures |= paired_figures((sums_a, sums_b), counts, seed=seed, resamples=resamples)
    lines = [dict(zip(("direction", "right", "measure"), place, strict=True)) | one for place, one in figures.items()]
    lines.sort(key=lambda line: (line["direction"], line["right"], line["measure"]) != HEADLINE)
    return {
        "queries": len(queries),
        "gallery": len(products),
        "titles": len(counts),
        "measures": lines,
        "slices": _slices(all_labels(products), (titled_a, titled_b), seed, resamples),
    }


def _by_title(titled: TitleScores) -> dict[Place, Floats]:
    """Return the titles' own measures, each by what it is called among the lines."""
    return {("titles", "found", name): values for name, values in titled.measures.items()}


def _slices(
    labels: Mapping[str, Labels], titled: tuple[TitleScores, TitleScores], seed: int, resamples: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the differences of the titles' recall, apart by value of some attributes."""
    names = [name for name in SLICED_BY if name in labels] or list(labels)[:ATTRIBUTES]
    first = titled[0].first
    found: dict[str, list[dict[str, Any]]] = {}
    for name in dict.fromkeys([*names, TITLE_FREQUENCY]):
        found[name] = []
        for value, chosen in labels[name].slices(first):
            count = int(chosen.sum())
            of_a, of_b = ({SLICE_MEASURE: one.measures[SLICE_MEASURE][chosen]} for one in titled)
            figures = paired_figures((of_a, of_b), np.ones(count), seed=seed, resamples=resamples)[SLICE_MEASURE]
            found[name].append({"value": value, "queries": count, **figures})
    return found


def first_results(texts: Vectors, side: Side, count: int) -> list[list[int]]:
    """Return, for each text (Q, D), the positions of the `count` products whose best picture is most similar."""
    return [first_of(row, count).tolist() for _, row in score_rows(texts, side.images, side.further)]


def verdict(difference: Mapping[str, float]) -> str:
    """Return in a sentence what the difference of a measure says: b less a, with its interval."""
    value, low, high = (100 * difference[part] for part in ("value", "low", "high"))
    if low > 0:
        return f"B is better by {value:.1f} points ({low:.1f} to {high:.1f})."
    if high < 0:
        return f"A is better by {-value:.1f} points ({-high:.1f} to {-low:.1f})."
    return f"No difference that can be told from chance: {value:+.1f} points ({low:+.1f} to {high:+.1f})."
