"""Data sets: their layouts on disk, decoding of their pictures, and download from a hub.

Knows nothing of models but how to decode a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.data.dataset import MAX_IMAGE_BYTES as MAX_IMAGE_BYTES
    from training.data.dataset import Dataset as Dataset
    from training.data.dataset import Item as Item
    from training.data.dataset import Problem as Problem
    from training.data.dataset import Report as Report
    from training.data.decode import chunks as chunks
    from training.data.decode import decode_pictures as decode_pictures
    from training.data.decode import decoded as decoded
    from training.data.decode import further_undecodable as further_undecodable
    from training.data.decode import in_order as in_order
    from training.data.decode import inspect as inspect
    from training.data.decode import undecodable as undecodable
    from training.data.download import HUB_DATASET as HUB_DATASET
    from training.data.download import download_dataset as download_dataset
    from training.data.layouts import feed_rows as feed_rows
    from training.data.layouts import open_dataset as open_dataset
    from training.data.mapping import parse_mapping as parse_mapping
    from training.data.mirrored import MIRROR_FILE as MIRROR_FILE
    from training.data.mirrored import MIRROR_FORMAT as MIRROR_FORMAT
    from training.data.mirrored import PICTURES as PICTURES
    from training.data.mirrored import addresses_in as addresses_in
    from training.data.mirrored import is_address as is_address
    from training.data.mirrored import read_mirror as read_mirror
    from training.data.own_folder import refuse_others as refuse_others
    from training.data.photos import Photo as Photo
    from training.data.photos import photos_of as photos_of
    from training.data.table import MAX_TABLE_BYTES as MAX_TABLE_BYTES

__getattr__ = lazy_exports(
    __name__,
    {
        "training.data.dataset": "MAX_IMAGE_BYTES Dataset Item Problem Report",
        "training.data.decode": "chunks decode_pictures decoded further_undecodable in_order inspect undecodable",
        "training.data.download": "HUB_DATASET download_dataset",
        "training.data.layouts": "feed_rows open_dataset",
        "training.data.mapping": "parse_mapping",
        "training.data.mirrored": "MIRROR_FILE MIRROR_FORMAT PICTURES addresses_in is_address read_mirror",
        "training.data.own_folder": "refuse_others",
        "training.data.photos": "Photo photos_of",
        "training.data.table": "MAX_TABLE_BYTES",
    },
)
