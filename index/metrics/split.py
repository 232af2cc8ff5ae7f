"""The figures of a split of a catalogue, and what is kept of them for slices by further attributes."""

from __future__ import annotations

from typing import Any

from index.metrics import progress
from index.metrics.evaluation import TO_IMAGE, TO_TEXT, TitleScores, scored
from index.metrics.kept import Array
from index.metrics.queries import about, query_rows
from index.metrics.rank import Integers
from index.metrics.slices import all_labels, kept_slices, sliced_titles
from index.records import Snapshot

COSTS: dict[progress.Stage, float] = {"intervals": 20_000.0, "slices": 60_000.0}
"""What a query costs in stages that compare no scores, in scores that are compared in the same time."""


def evaluate_split(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Measure a catalogue as `evaluate` does: the products of `split` ask, all products are the gallery.

    The one place from which the command line and the service take their figures, so that they are the same ones.

    Args:
        snapshot: what is searched.
        split: "train", "validation", "test" or "all".

    Returns:
        What `evaluate` returns, before it `split`, `encoder_id`, `catalogue_version` and `source`, after it `slices`:
        what `title_slices` returns.

    Raises:
        InputError: an unknown split, or one without products.
    """
    return _figures(snapshot, split, query_rows(snapshot, split))[0]


def measured_split(snapshot: Snapshot, split: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what `evaluate_split` does, and as arrays what `slices_by` makes slices of.

    Raises:
        InputError: as `evaluate_split`.
    """
    queries = query_rows(snapshot, split)
    labels = all_labels(snapshot.products)
    figures, titled = _figures(snapshot, split, queries)
    return figures, kept_slices(titled, labels)


def _figures(snapshot: Snapshot, split: str, queries: Integers) -> tuple[dict[str, Any], TitleScores]:
    """Return what `evaluate_split` does, of the products at `queries` (Q,), and what each title has of it."""
    products = snapshot.products
    scores = float(len(products))
    passes = 1.5 if snapshot.hubs is None else 3.0
    progress.plan({TO_TEXT: scores, TO_IMAGE: 1.5 * scores, "titles": passes * scores, **COSTS})
    titles = [product.title for product in products]
    images, texts = snapshot.image_vectors, snapshot.text_vectors
    figures, titled = scored(images, texts, titles, queries, snapshot.further, snapshot.hubs)
    progress.begin("slices")
    return {**about(snapshot, split), **figures, "slices": sliced_titles(titled, products)}, titled
