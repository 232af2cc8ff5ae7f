"""Indexing: encodes a data set's titles and pictures, on this machine or on Ray, and builds the catalogue.

One module for each of the two ways, and one that builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.indexing.build import build_catalogue as build_catalogue
    from training.indexing.calibrate import calibrate_catalogue as calibrate_catalogue
    from training.indexing.local import cores as cores
    from training.indexing.local import encode_pictures as encode_pictures
    from training.indexing.local import encode_titles as encode_titles

__getattr__ = lazy_exports(
    __name__,
    {
        "training.indexing.build": "build_catalogue",
        "training.indexing.calibrate": "calibrate_catalogue",
        "training.indexing.local": "cores encode_pictures encode_titles",
    },
)
