"""One score from words, titles and pictures, and what a score is worth: weights, relevance, cutoff.

Plain arrays in and out. Knows no storage and no scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.ranking.calibrate import Calibration as Calibration
    from index.ranking.calibrate import Curve as Curve
    from index.ranking.calibrate import load_calibration as load_calibration
    from index.ranking.calibrate import save_calibration as save_calibration
    from index.ranking.calibrate import shipped_calibration as shipped_calibration
    from index.ranking.fuse import HYBRID as HYBRID
    from index.ranking.fuse import Kind as Kind
    from index.ranking.fuse import Scales as Scales
    from index.ranking.fuse import Weights as Weights
    from index.ranking.fuse import fused as fused
    from index.ranking.fuse import kind_of as kind_of
    from index.ranking.fuse import lifted as lifted
    from index.ranking.fuse import scaled as scaled
    from index.ranking.fuse import weights_of as weights_of
    from index.ranking.hubs import HUB_SHARPNESS as HUB_SHARPNESS
    from index.ranking.hubs import TitleBank as TitleBank
    from index.ranking.hubs import hub_weight as hub_weight

__getattr__ = lazy_exports(
    __name__,
    {
        "index.ranking.calibrate": "Calibration Curve load_calibration save_calibration shipped_calibration",
        "index.ranking.fuse": "HYBRID Kind Scales Weights fused kind_of lifted scaled weights_of",
        "index.ranking.hubs": "HUB_SHARPNESS TitleBank hub_weight",
    },
)
