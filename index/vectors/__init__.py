"""Exact search of one version of a catalogue, in memory: rows, filters, facets and the scan.

Indexes are immutable; a change makes a new one that shares the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.vectors.search import MARGIN as MARGIN
    from index.vectors.search import MAX_K as MAX_K
    from index.vectors.search import SLACK as SLACK
    from index.vectors.search import DescriptionHit as DescriptionHit
    from index.vectors.search import Filter as Filter
    from index.vectors.search import Filters as Filters
    from index.vectors.search import Hit as Hit
    from index.vectors.search import Page as Page
    from index.vectors.search import SearchIndex as SearchIndex
    from index.vectors.search import SearchQuery as SearchQuery
    from index.vectors.search import Side as Side
    from index.vectors.search import drop_near_duplicates as drop_near_duplicates
    from index.vectors.search import number_of as number_of

__getattr__ = lazy_exports(
    __name__,
    {
        "index.vectors.search": (
            "DescriptionHit Filter Filters Hit MARGIN MAX_K Page SLACK SearchIndex SearchQuery Side "
            "drop_near_duplicates number_of"
        ),
    },
)
