"""Data sets: their layouts on disk, decoding of their pictures, and download from a hub.

Knows no model but the decoder of pictures.
"""

from __future__ import annotations

from training.data.dataset import Dataset, Item
from training.data.decode import chunks, decode_pictures, decoded, in_order, inspect, open_dataset, undecodable
from training.data.download import download_dataset

__all__ = [
    "Dataset",
    "Item",
    "chunks",
    "decode_pictures",
    "decoded",
    "download_dataset",
    "in_order",
    "inspect",
    "open_dataset",
    "undecodable",
]
