"""What a catalogue is: products, vectors, search with filters, retrieval metrics.

Knows no model and no HTTP.
"""

from __future__ import annotations

from index.backend import (
    Database,
    Location,
    copy_catalogue,
    location,
    open_catalogue,
    open_search,
    write_catalogue,
)
from index.catalogue import (
    Catalogue,
    CatalogueInfo,
    CatalogueWriter,
    Changes,
    Delete,
    Entry,
    Put,
    Snapshot,
    Written,
    digest_of,
)
from index.derived import Wants, make_index, open_index
from index.map import METHODS, Method, ProductMap, load_map, make_map
from index.metrics import (
    KAGL_ATTRIBUTES,
    evaluate,
    evaluate_details,
    evaluate_kagl,
    evaluate_split,
    examine,
    ranks,
    title_slices,
)
from index.products import SPLITS, Product, Split, SplitRule, title_key
from index.search import MAX_K, DescriptionHit, Filter, Filters, Hit, Page, SearchIndex, Want

__all__ = [
    "KAGL_ATTRIBUTES",
    "MAX_K",
    "METHODS",
    "SPLITS",
    "Catalogue",
    "CatalogueInfo",
    "CatalogueWriter",
    "Changes",
    "Database",
    "Delete",
    "DescriptionHit",
    "Entry",
    "Filter",
    "Filters",
    "Hit",
    "Location",
    "Method",
    "Page",
    "Product",
    "ProductMap",
    "Put",
    "SearchIndex",
    "Snapshot",
    "Split",
    "SplitRule",
    "Want",
    "Wants",
    "Written",
    "copy_catalogue",
    "digest_of",
    "evaluate",
    "evaluate_details",
    "evaluate_kagl",
    "evaluate_split",
    "examine",
    "load_map",
    "location",
    "make_index",
    "make_map",
    "open_catalogue",
    "open_index",
    "open_search",
    "ranks",
    "title_key",
    "title_slices",
    "write_catalogue",
]
