"""The catalogue in a folder: one SQLite file that holds products, pictures, vectors and the log of changes.

It is the truth that everything else in the folder is made from. Knows no search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.sqlite.catalogue import ABANDONED_AFTER_S as ABANDONED_AFTER_S
    from index.sqlite.catalogue import LOG_LENGTH as LOG_LENGTH
    from index.sqlite.catalogue import Catalogue as Catalogue
    from index.sqlite.catalogue import CatalogueInfo as CatalogueInfo
    from index.sqlite.catalogue import CatalogueWriter as CatalogueWriter
    from index.sqlite.catalogue import Changes as Changes
    from index.sqlite.catalogue import Delete as Delete
    from index.sqlite.catalogue import Entry as Entry
    from index.sqlite.catalogue import Put as Put
    from index.sqlite.catalogue import Snapshot as Snapshot
    from index.sqlite.catalogue import Vectors as Vectors
    from index.sqlite.catalogue import Written as Written
    from index.sqlite.catalogue import checked_vector as checked_vector
    from index.sqlite.catalogue import conflict_of as conflict_of
    from index.sqlite.catalogue import etag_of as etag_of

__getattr__ = lazy_exports(
    __name__,
    {
        "index.sqlite.catalogue": (
            "ABANDONED_AFTER_S Catalogue CatalogueInfo CatalogueWriter Changes Delete Entry LOG_LENGTH Put "
            "Snapshot Vectors Written checked_vector conflict_of etag_of"
        ),
    },
)
