"""What the service serves now, and how it is edited, replaced, evaluated and found ready while it runs.

Knows no request and no route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.live.edits import Edited as Edited
    from app.live.edits import Editor as Editor
    from app.live.evaluation import Evaluations as Evaluations
    from app.live.examples import DocumentExamples as DocumentExamples
    from app.live.facet_counts import FacetCounts as FacetCounts
    from app.live.label_texts import LabelTexts as LabelTexts
    from app.live.listing import Listing as Listing
    from app.live.merging import Edit as Edit
    from app.live.named import Named as Named
    from app.live.picture_cache import PictureCache as PictureCache
    from app.live.private import make_new_files_private as make_new_files_private
    from app.live.product_map import Maps as Maps
    from app.live.readiness import Readiness as Readiness
    from app.live.readiness import shared_readiness as shared_readiness
    from app.live.serving import CANARY as CANARY
    from app.live.serving import ServingState as ServingState
    from app.live.shared import Shared as Shared
    from app.live.shown_pictures import Shown as Shown
    from app.live.shown_pictures import ShownPictures as ShownPictures
    from app.live.shown_pictures import small_tag as small_tag
    from app.live.tagging import Tagging as Tagging

__getattr__ = lazy_exports(
    __name__,
    {
        "app.live.edits": "Edited Editor",
        "app.live.evaluation": "Evaluations",
        "app.live.examples": "DocumentExamples",
        "app.live.facet_counts": "FacetCounts",
        "app.live.label_texts": "LabelTexts",
        "app.live.listing": "Listing",
        "app.live.merging": "Edit",
        "app.live.named": "Named",
        "app.live.private": "make_new_files_private",
        "app.live.picture_cache": "PictureCache",
        "app.live.product_map": "Maps",
        "app.live.readiness": "Readiness shared_readiness",
        "app.live.serving": "CANARY ServingState",
        "app.live.shared": "Shared",
        "app.live.shown_pictures": "Shown ShownPictures small_tag",
        "app.live.tagging": "Tagging",
    },
)
