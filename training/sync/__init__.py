"""Keeps a live service as a data set says: what differs is sent, what the data set lacks is taken out.

Talks to the service over HTTP alone. Knows neither its code nor its catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.sync.run import SyncOptions as SyncOptions
    from training.sync.run import sync as sync
    from training.sync.service import Service as Service
    from training.sync.service import read_key as read_key

__getattr__ = lazy_exports(
    __name__,
    {
        "training.sync.run": "SyncOptions sync",
        "training.sync.service": "Service read_key",
    },
)
