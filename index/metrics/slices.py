"""Figures of titles apart: by value of an attribute, and by how many products share them.

From plain arrays, or from what a measurement has kept. Knows no model and no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from index.metrics import progress
from index.metrics.evaluation import MRR_CUTOFF, TitleScores, checked_pairs, group_by_title, title_scores
from index.metrics.intervals import figures_of
from index.metrics.kept import Array
from index.metrics.labels import NOT_GIVEN, OTHER, KeptLabels, Labels, labels_of, packed_labels
from index.metrics.rank import Floats, Integers
from index.product import Product
from index.records import FurtherVectors, Vectors
from index.values import first_text

SLICED_BY = ("masterCategory", "gender", "baseColour")
TITLE_FREQUENCY = "title frequency"
FREQUENCIES = {"1": 1, "2–4": 2, "5–19": 5, "20+": 20}
"""Names of the slices by title frequency -> the fewest products that a title in it has."""
MEASURES = ("recall1", "recall10", f"mrr{MRR_CUTOFF}")
RESAMPLES = 1000
MINIMUM = 30

Lines = list[dict[str, Any]]
"""`{"value", "queries", "recall1", "recall10", "mrr10"}` of each slice; a figure is `{"value", "low", "high"}`."""


def title_slices(
    image_vectors: Vectors,
    text_vectors: Vectors,
    products: Sequence[Product],
    queries: Integers,
    further: FurtherVectors | None = None,
    *,
    by: Sequence[str] = SLICED_BY,
    minimum: int = MINIMUM,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Lines]:
    """Measure the titles of `queries` as `evaluate` does, apart for each value of some attributes.

    The value is that of the title's first product; "not given" where it has none. `title frequency` tells titles
    apart by how many products of the gallery share them. Values with fewer than `minimum` titles are grouped as
    "other", last. An attribute that no product has is left out.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        products: N.
        queries: (Q,) positions of the products whose titles are queries.
        further: of the products that have more than one picture.
        by: Names of attributes.
        minimum: Titles.
        seed: Of the bootstrap, which resamples the titles of a slice.
        resamples: Of the bootstrap.

    Returns:
        Attribute -> its slices, most titles first, and "title frequency" -> the same, rarest titles first.

    Raises:
        InputError: as `evaluate`.
    """
    image_vectors, text_vectors, queries = checked_pairs(image_vectors, text_vectors, len(products), queries)
    title_of, members, starts = group_by_title([product.title for product in products])
    titled = title_scores(image_vectors, text_vectors, members, starts, np.unique(title_of[queries]), further)
    return sliced_titles(titled, products, by=by, minimum=minimum, seed=seed, resamples=resamples)


def sliced_titles(
    titled: TitleScores,
    products: Sequence[Product],
    *,
    by: Sequence[str] = SLICED_BY,
    minimum: int = MINIMUM,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Lines]:
    """Return what `title_slices` does, of titles that are measured already."""
    first = [products[at] for at in titled.first]
    values = {
        name: [first_text(product.attributes.get(name)) or NOT_GIVEN for product in first]
        for name in by
        if any(first_text(product.attributes.get(name)) for product in products)
    }
    names = list(FREQUENCIES)
    values[TITLE_FREQUENCY] = [names[number] for number in _frequencies(titled.sizes)]
    result: dict[str, Lines] = {}
    for number, (name, of_title) in enumerate(values.items()):
        counts = Counter(of_title)
        kept = [value for value, count in counts.most_common() if count >= minimum]
        if name == TITLE_FREQUENCY:
            kept.sort(key=names.index)
        label = np.array([kept.index(value) if value in kept else len(kept) for value in of_title])
        masks = [(value, label == code) for code, value in enumerate([*kept, OTHER])]
        with progress.portion(number, len(values)):
            result[name] = _lines([one for one in masks if one[1].any()], titled.measures, seed, resamples)
    return result


def all_labels(products: Sequence[Product]) -> dict[str, Labels]:
    """Return all that products can be told apart by: attributes, and `TITLE_FREQUENCY`."""
    title_of, _, starts = group_by_title([product.title for product in products])
    frequency = Labels(tuple(FREQUENCIES), _frequencies(np.diff(starts))[title_of], True)
    return {**labels_of(products), TITLE_FREQUENCY: frequency}


def kept_slices(titled: TitleScores, labels: Mapping[str, Labels]) -> dict[str, Array]:
    """Return, as arrays, what slices by any attribute are later made of."""
    measures = np.stack([titled.measures[name] for name in MEASURES])
    return {**packed_labels(labels), "first": titled.first, "measures": measures}


def _frequencies(sizes: Integers) -> Integers:
    """Return which of `FREQUENCIES` titles with so many products have."""
    return np.searchsorted(list(FREQUENCIES.values()), sizes, side="right") - 1


def slices_by(arrays: Mapping[str, Array], attributes: Iterable[str]) -> dict[str, Lines]:
    """Return the slices of titles by any attributes, of what `kept_slices` has kept.

    Numbers are told apart by quarters of the catalogue, other values by the `MOST_VALUES` that most titles have, and
    `OTHER`, last.

    Raises:
        InputError: an attribute that tells no products apart.
    """
    labels, first = KeptLabels(arrays), arrays["first"]
    measures = dict(zip(MEASURES, arrays["measures"], strict=True))
    return {name: _lines(labels.of(name).slices(first), measures, 0, RESAMPLES) for name in attributes}


def _lines(slices: Sequence[tuple[str, Array]], measures: Mapping[str, Floats], seed: int, resamples: int) -> Lines:
    """Return the figures of slices: of each its name, and which of the titles (T,) it has, one or more."""
    lines: Lines = []
    for number, (value, chosen) in enumerate(slices):
        count = int(chosen.sum())
        parts = {key: measures[key][chosen] for key in MEASURES}
        with progress.portion(number, len(slices)):
            lines.append({"value": value, "queries": count, **figures_of(parts, np.ones(count), seed, resamples)})
    return lines
