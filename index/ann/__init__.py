"""The files that make search in large catalogues fast: approximate indexes and memory-mapped columns.

They are derived from the catalogue, checked against it, and remade when they do not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.ann.columns import Columns as Columns
    from index.ann.faiss_index import DEPTH as DEPTH
    from index.ann.faiss_index import NOISE as NOISE
    from index.ann.faiss_index import AnnIndex as AnnIndex
    from index.ann.faiss_index import Choice as Choice
    from index.ann.faiss_index import Kind as Kind
    from index.ann.faiss_index import Trial as Trial
    from index.ann.faiss_index import build as build
    from index.ann.faiss_index import factories as factories
    from index.ann.faiss_index import from_json as from_json
    from index.ann.faiss_index import load as load
    from index.ann.faiss_index import milliseconds as milliseconds
    from index.ann.faiss_index import queries_of as queries_of
    from index.ann.faiss_index import to_json as to_json
    from index.ann.faiss_index import tuned as tuned
    from index.ann.search_files import IndexRequirements as IndexRequirements
    from index.ann.search_files import make_index as make_index
    from index.ann.search_files import open_index as open_index

__getattr__ = lazy_exports(
    __name__,
    {
        "index.ann.columns": "Columns",
        "index.ann.faiss_index": (
            "AnnIndex Choice DEPTH Kind NOISE Trial build factories from_json load milliseconds queries_of "
            "to_json tuned"
        ),
        "index.ann.search_files": "IndexRequirements make_index open_index",
    },
)
