"""Mirrors of feeds: fetches the pictures that a feed names by address into a folder that opens as a data set.

The one part that follows addresses from a file. Knows no catalogue and no model, and the service never imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.mirror.options import MirrorOptions as MirrorOptions
    from training.mirror.run import Mirrored as Mirrored
    from training.mirror.run import mirror_feed as mirror_feed

__getattr__ = lazy_exports(
    __name__,
    {
        "training.mirror.options": "MirrorOptions",
        "training.mirror.run": "Mirrored mirror_feed",
    },
)
