"""What a job costs before it is done: its work, in units of about a millisecond of one core.

Measured on 40,000 products with vectors of 128 values. It bounds batches and lines, and tells light jobs from heavy
ones: it has to be right to a factor of two. Knows no queue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from index import MEMBERS, SearchQuery

LIGHT = 12.0
"""Work up to which a job is light: one text with a page of results, its facets among them."""
BATCH_WORK = 30.0
"""Work of one batch, at most: so long a light job waits for others, unless one job is more than this."""
WAITING_WORK = 3_000.0
"""Work that waits in one line, at most: what would wait longer is refused."""

WHOLE_TEXT = 200
"""Characters that fill a text tower's input, about; longer texts are only cut into words."""
PICTURE, FAST_PICTURE = 12.0, 1.0
"""One picture through the image tower, on a CPU, where it is heavy, and elsewhere."""
NEAR_DUPLICATE = 0.9
"""Threshold from which on few pictures are near-duplicates, so that few results are compared to fill a page."""
COUNTED = 0.3
"""The values of one attribute, counted."""


def encoding_work(texts: Sequence[str], pictures: int, device: str) -> float:
    """Return the work of encoding texts and pictures on a device; nothing is known to be in the cache."""
    of_texts = sum(0.3 + min(len(text), WHOLE_TEXT) / 60 + len(text) / 200 for text in texts)
    return of_texts + pictures * (PICTURE if device == "cpu" else FAST_PICTURE)


def counting_work(names: int, filters: Collection[str]) -> float:
    """Return the work of counting the values of so many attributes, among what passes some filters."""
    return 1 + COUNTED * names + 0.1 * len(filters)


def search_work(query: SearchQuery) -> float:
    """Return the work of a search, and of putting its results together."""
    work = 0.4 if query.mode == "vector" else 1.5
    work += query.end / 1000 + query.k / 200
    work += COUNTED * (len(query.facets) + len(query.histograms)) + 0.1 * len(query.filters)
    if query.group_by is not None:
        work += 3 + query.k * MEMBERS / 400  # all rows are sorted by their groups; an answer holds the members
    if query.collapse == "title":
        work += 3 + query.end / 200
    elif query.collapse == "image":
        work += query.end / 40 + (3 if query.collapse_threshold >= NEAR_DUPLICATE else 30)
    return work
