"""The catalogue in a folder: one SQLite file that holds products, pictures, vectors and the log of changes.

It is the truth that everything else in the folder is made from. Knows no search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.sqlite.build import CatalogueWriter as CatalogueWriter
    from index.sqlite.catalogue import Catalogue as Catalogue
    from index.sqlite.picture_files import Pictures as Pictures
    from index.sqlite.wal import moment_of as moment_of
    from index.sqlite.whole import whole_folder as whole_folder

__getattr__ = lazy_exports(
    __name__,
    {
        "index.sqlite.build": "CatalogueWriter",
        "index.sqlite.catalogue": "Catalogue",
        "index.sqlite.picture_files": "Pictures",
        "index.sqlite.wal": "moment_of",
        "index.sqlite.whole": "whole_folder",
    },
)
