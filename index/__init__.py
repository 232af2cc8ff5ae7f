"""What a catalogue is: products, the store that holds them, search with filters, retrieval metrics.

Knows no model and no HTTP. Code outside this package imports from here, or from `index.metrics`.
Names are imported on first use, so that `SplitRule` needs neither FAISS nor SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.ann import DEPTH as DEPTH
    from index.ann import IndexRequirements as IndexRequirements
    from index.ann import make_index as make_index
    from index.ann import open_index as open_index
    from index.map import MAP_FILE as MAP_FILE
    from index.map import METHODS as METHODS
    from index.map import Method as Method
    from index.map import ProductMap as ProductMap
    from index.map import load_map as load_map
    from index.map import make_map as make_map
    from index.metrics import KAGL_ATTRIBUTES as KAGL_ATTRIBUTES
    from index.metrics import evaluate as evaluate
    from index.metrics import evaluate_details as evaluate_details
    from index.metrics import evaluate_kagl as evaluate_kagl
    from index.metrics import evaluate_split as evaluate_split
    from index.metrics import query_stats as query_stats
    from index.metrics import ranks as ranks
    from index.metrics import title_slices as title_slices
    from index.product import SPLITS as SPLITS
    from index.product import Product as Product
    from index.product import Split as Split
    from index.product import SplitRule as SplitRule
    from index.product import title_key as title_key
    from index.query import MAX_K as MAX_K
    from index.query import Collapse as Collapse
    from index.query import DescriptionHit as DescriptionHit
    from index.query import Filter as Filter
    from index.query import Filters as Filters
    from index.query import Hit as Hit
    from index.query import LikeVectors as LikeVectors
    from index.query import Page as Page
    from index.query import SearchQuery as SearchQuery
    from index.query import Side as Side
    from index.query import UnknownProductError as UnknownProductError
    from index.sqlite import Catalogue as Catalogue
    from index.sqlite import CatalogueInfo as CatalogueInfo
    from index.sqlite import CatalogueWriter as CatalogueWriter
    from index.sqlite import Changes as Changes
    from index.sqlite import Delete as Delete
    from index.sqlite import Entry as Entry
    from index.sqlite import Put as Put
    from index.sqlite import Snapshot as Snapshot
    from index.sqlite import Written as Written
    from index.sqlite import etag_of as etag_of
    from index.store import Database as Database
    from index.store import Location as Location
    from index.store import Search as Search
    from index.store import Store as Store
    from index.store import copy_catalogue as copy_catalogue
    from index.store import open_catalogue as open_catalogue
    from index.store import open_search as open_search
    from index.store import parse_location as parse_location
    from index.store import refresh as refresh
    from index.store import write_catalogue as write_catalogue
    from index.vectors import SearchIndex as SearchIndex

__getattr__ = lazy_exports(
    __name__,
    {
        "index.ann": "DEPTH IndexRequirements make_index open_index",
        "index.map": "MAP_FILE METHODS Method ProductMap load_map make_map",
        "index.metrics": (
            "KAGL_ATTRIBUTES evaluate evaluate_details evaluate_kagl evaluate_split query_stats ranks title_slices"
        ),
        "index.product": "Product SPLITS Split SplitRule title_key",
        "index.query": (
            "Collapse DescriptionHit Filter Filters Hit LikeVectors MAX_K Page SearchQuery Side UnknownProductError"
        ),
        "index.sqlite": "Catalogue CatalogueInfo CatalogueWriter Changes Delete Entry Put Snapshot Written etag_of",
        "index.store": (
            "Database Location Search Store refresh copy_catalogue open_catalogue open_search parse_location "
            "write_catalogue"
        ),
        "index.vectors": "SearchIndex",
    },
)
