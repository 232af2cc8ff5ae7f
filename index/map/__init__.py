"""A map of the products in two dimensions: layout, places of new products, names of regions, and how it is stored.

Plain arrays and products. Knows no store, no search and no HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.map.folder import MAP_FILE as MAP_FILE
    from index.map.folder import FolderMap as FolderMap
    from index.map.folder import checked_map as checked_map
    from index.map.labels import RegionLabel as RegionLabel
    from index.map.labels import RegionWord as RegionWord
    from index.map.labels import name_regions as name_regions
    from index.map.making import pca as pca
    from index.map.making import project as project
    from index.map.product_map import FORMAT as FORMAT
    from index.map.product_map import METHODS as METHODS
    from index.map.product_map import Method as Method
    from index.map.product_map import ProductMap as ProductMap
    from index.map.product_map import parsed_map as parsed_map

__getattr__ = lazy_exports(
    __name__,
    {
        "index.map.folder": "MAP_FILE FolderMap checked_map",
        "index.map.labels": "RegionLabel RegionWord name_regions",
        "index.map.making": "pca project",
        "index.map.product_map": "FORMAT METHODS Method ProductMap parsed_map",
    },
)
