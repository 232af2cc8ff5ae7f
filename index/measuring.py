"""Edits that are about to be written, with the hubness of their products, where the titles are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.records import Delete, Put
from index.search import Search
from index.vectors import SearchIndex


def measured(search: Search, edits: Sequence[Put | Delete]) -> list[Put | Delete]:
    """Return edits with the hubness of their products, where `search` has the titles of the catalogue.

    A store finds out what it is not told: a folder reads all of its titles for that.
    """
    puts = [edit for edit in edits if isinstance(edit, Put)]
    if not puts or not isinstance(search, SearchIndex):
        return list(edits)
    hubs = iter(search.hubness([edit.entry for edit in puts]))
    return [
        replace(edit, entry=replace(edit.entry, hub=next(hubs))) if isinstance(edit, Put) else edit for edit in edits
    ]
