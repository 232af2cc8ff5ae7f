"""What a catalogue is: products, vectors, exact search with filters, retrieval metrics.

Knows no model and no HTTP.
"""

from __future__ import annotations

from index.catalogue import Catalogue, CatalogueInfo, CatalogueWriter, Entry, Snapshot
from index.metrics import KAGL_ATTRIBUTES, evaluate, evaluate_kagl, evaluate_split, ranks, title_slices
from index.products import SPLITS, Product, Split, SplitRule, title_key
from index.search import MAX_K, DescriptionHit, Filter, Filters, Hit, Page, SearchIndex, Want

__all__ = [
    "KAGL_ATTRIBUTES",
    "MAX_K",
    "SPLITS",
    "Catalogue",
    "CatalogueInfo",
    "CatalogueWriter",
    "DescriptionHit",
    "Entry",
    "Filter",
    "Filters",
    "Hit",
    "Page",
    "Product",
    "SearchIndex",
    "Snapshot",
    "Split",
    "SplitRule",
    "Want",
    "evaluate",
    "evaluate_kagl",
    "evaluate_split",
    "ranks",
    "title_key",
    "title_slices",
]
