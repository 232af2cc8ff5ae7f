"""Keeps a live service as a data set says: what differs is sent, what the data set lacks is taken out.

Is given the service as `Service` describes it. Knows no HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.sync.run import Service as Service
    from training.sync.run import SyncOptions as SyncOptions
    from training.sync.run import sync as sync

__getattr__ = lazy_exports(
    __name__,
    {
        "training.sync.run": "Service SyncOptions sync",
    },
)
