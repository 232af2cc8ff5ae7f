"""The files that make search in large catalogues fast: approximate indexes and memory-mapped columns.

They are derived from the catalogue, checked against it, and remade when they do not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.ann.choose import NOISE as NOISE
    from index.ann.choose import Trial as Trial
    from index.ann.choose import milliseconds as milliseconds
    from index.ann.choose import queries_of as queries_of
    from index.ann.choose import tuned as tuned
    from index.ann.columns import Columns as Columns
    from index.ann.faiss_index import DEPTH as DEPTH
    from index.ann.faiss_index import AnnIndex as AnnIndex
    from index.ann.faiss_index import Choice as Choice
    from index.ann.faiss_index import Indexed as Indexed
    from index.ann.faiss_index import Kind as Kind
    from index.ann.faiss_index import build as build
    from index.ann.faiss_index import factories as factories
    from index.ann.faiss_index import from_json as from_json
    from index.ann.faiss_index import load as load
    from index.ann.faiss_index import to_json as to_json
    from index.ann.requirements import IndexRequirements as IndexRequirements
    from index.ann.search_files import SearchFiles as SearchFiles
    from index.ann.search_files import make_index as make_index
    from index.ann.search_files import open_files as open_files

__getattr__ = lazy_exports(
    __name__,
    {
        "index.ann.choose": "NOISE Trial milliseconds queries_of tuned",
        "index.ann.columns": "Columns",
        "index.ann.faiss_index": "AnnIndex Choice DEPTH Indexed Kind build factories from_json load to_json",
        "index.ann.requirements": "IndexRequirements",
        "index.ann.search_files": "SearchFiles make_index open_files",
    },
)
