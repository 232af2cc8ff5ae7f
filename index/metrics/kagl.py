"""The protocol of the KAGL leaderboard: titles find their pictures, attribute values find their products.

Source: https://github.com/marqo-ai/marqo-FashionCLIP. Knows no model and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from common import InputError
from index.metrics.evaluation import corrected_scores, group_by_title, title_figures, title_scores
from index.metrics.intervals import figures_of
from index.metrics.queries import about, query_rows
from index.metrics.rank import Integers, ranks
from index.metrics.slices import sliced_titles
from index.records import FurtherVectors, Snapshot, Vectors
from index.values import first_text

PRECISION_CUTOFFS = (1, 10)

KAGL_ATTRIBUTES = ("masterCategory", "subCategory", "articleType", "baseColour")
"""The attributes whose values are queries, where the catalogue has them."""

KAGL_WEIGHTS = (0.9, 0.1)
"""Weights of image and text in the vector of a product, in the gallery of the category queries."""


def evaluate_kagl(
    snapshot: Snapshot,
    split: str,
    encode_text: Callable[[Sequence[str]], Vectors],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure a catalogue by the protocol of the KAGL leaderboard, on the titles of `split`.

    Every distinct title of the split is a query for all of its pictures, as in `evaluate`. Every distinct value of
    `KAGL_ATTRIBUTES` that the catalogue has is a query, as it is written, for the products that have it. Those queries
    run twice: against pictures alone (`image`), and, as the leaderboard does, against 0.9 of a product's image vector
    + 0.1 of its text vector (`image_and_text`). The gallery is all products, each by the best of its pictures. Source:
    https://github.com/marqo-ai/marqo-FashionCLIP (eval.py, configs/KAGL.json, utils/metrics.py).

    Args:
        snapshot: what is searched.
        split: "train", "validation", "test" or "all".
        encode_text: from B texts to (B, D) unit rows; of the encoder that made the catalogue.
        seed: Of the bootstrap, which resamples titles, or values.
        resamples: Of the bootstrap.

    Returns:
        `{"protocol", "split", "encoder_id", "catalogue_version", "source", "gallery", "titles": {"queries", "recall1",
        ..., "mrr10"}, "titles_hub_corrected", "categories": {attribute: {"queries", "image": {"p1", "p10"},
        "image_and_text"}}, "slices"}`, ready for JSON; `slices` is that of `title_slices`. `titles_hub_corrected`, as
        in `evaluate`, is there where the catalogue has hubness.

    Raises:
        InputError: an unknown split, or one without products.
    """
    queries = query_rows(snapshot, split)
    images, texts, products = snapshot.image_vectors, snapshot.text_vectors, snapshot.products
    title_of, members, starts = group_by_title([product.title for product in products])
    queried = np.unique(title_of[queries])
    further = snapshot.further
    titled = title_scores(images, texts, members, starts, queried, further)
    corrected: dict[str, Any] = {}
    if snapshot.hubs is not None:
        names = [product.title for product in products]
        of_titles = corrected_scores(images, texts, names, queries, further, snapshot.hubs)
        corrected["titles_hub_corrected"] = title_figures(of_titles, seed, resamples)
    image_weight, text_weight = KAGL_WEIGHTS
    mixed = image_weight * images + text_weight * texts
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    mixed_further = None
    if further is not None:
        more = image_weight * further.vectors + text_weight * texts[further.owners]
        mixed_further = FurtherVectors(further.owners, more / np.linalg.norm(more, axis=1, keepdims=True))

    categories: dict[str, Any] = {}
    for name in KAGL_ATTRIBUTES:
        given = [first_text(product.attributes.get(name)) for product in products]
        values = sorted({value for value in given if value})
        if values:
            numbers = {value: number for number, value in enumerate(values)}
            value_of = np.array([numbers[value] if value else -1 for value in given], dtype=np.int64)
            vectors = encode_text(values)
            categories[name] = {"queries": len(values)}
            galleries = (("image", images, further), ("image_and_text", mixed, mixed_further))
            for documents, gallery, others in galleries:
                found = precision(vectors, gallery, value_of, others, seed=seed, resamples=resamples)
                categories[name][documents] = {key: found[key] for key in found if key != "queries"}
    return {
        "protocol": "kagl",
        **about(snapshot, split),
        "gallery": len(products),
        "titles": title_figures(titled, seed, resamples),
        **corrected,
        "categories": categories,
        "slices": sliced_titles(titled, products, seed=seed, resamples=resamples),
    }


def precision(
    queries: Vectors,
    gallery: Vectors,
    value_of: Integers,
    further: FurtherVectors | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure how many of the best k are right: found / k, for queries that each stand for a value of an attribute.

    Args:
        queries: (V, D) of unit length, one per value.
        gallery: (N, D) of unit length.
        value_of: (N,) the value of each item, 0 to V - 1; -1 for an item without one, which is right for no query.
        further: more vectors of the items: the best of its vectors counts for each.
        seed: Of the bootstrap, which resamples values.
        resamples: Of the bootstrap.

    Returns:
        `{"queries", "p1", "p10"}`; the figures are `{"value", "low", "high"}`.

    Raises:
        InputError: no queries, or vectors that are not finite or do not fit together.
    """
    if not len(queries):
        raise InputError("there are no values to ask for; choose an attribute that the catalogue has")
    members = np.argsort(value_of, kind="stable")[np.count_nonzero(value_of < 0) :]
    sizes = np.bincount(value_of[members], minlength=len(queries))
    positions = ranks(queries, gallery, (np.concatenate([[0], np.cumsum(sizes)]), members), further)
    measures = {
        f"p{k}": np.bincount(value_of[members], weights=positions <= k, minlength=len(queries)) / k
        for k in PRECISION_CUTOFFS
    }
    return {"queries": len(queries), **figures_of(measures, np.ones(len(queries)), seed, resamples)}
