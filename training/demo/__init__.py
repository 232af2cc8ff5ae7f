"""The demo: a shop of drawn products, and the run that trains, indexes and evaluates it offline.

Needs no data set and no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.demo.run import prepare_demo as prepare_demo
    from training.demo.shop import draw_catalogue as draw_catalogue

__getattr__ = lazy_exports(
    __name__,
    {
        "training.demo.run": "prepare_demo",
        "training.demo.shop": "draw_catalogue",
    },
)
