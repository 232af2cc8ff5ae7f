"""Exact search of one version of a catalogue, in memory: rows, filters, facets and the scan.

Indexes are immutable; a change makes a new one that shares the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.vectors.search import SearchIndex as SearchIndex

__getattr__ = lazy_exports(__name__, {"index.vectors.search": "SearchIndex"})
