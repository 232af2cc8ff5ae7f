"""Decoded pixels and the features of locked towers: computed once, kept on disk, read at every step.

The name of an entry is a hash of everything that it depends on, so it is never stale. The folder may be deleted: it
only costs time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from common import atomic_folder, reserve
from models import DualEncoder, TextPreprocessor, fast_dtype, read_pixels, state_hash
from training.data import Dataset, chunks, decode_pictures
from training.progress import bar

CHUNK = 32
"""Inputs that go through a locked tower at once."""


def pixels(model: DualEncoder, dataset: Dataset, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures at the model's input size (N, H, W, 3) uint8, memory-mapped, and which are usable (N,)."""
    height, width = model.config.image.preprocess.size
    folder = cache / f"pixels-{_key(dataset.fingerprint, height, width)}"
    if not folder.is_dir():
        with atomic_folder(folder) as beside, bar("decoding pictures", len(dataset.items), "images") as advance:
            shape = (len(dataset.items), height, width, 3)
            rows = np.lib.format.open_memmap(beside / "rows.npy", mode="w+", dtype=np.uint8, shape=shape)
            with (beside / "rows.npy").open("r+b") as file:
                reserve(file.fileno(), os.fstat(file.fileno()).st_size)
            usable = np.zeros(len(rows), dtype=bool)
            for position, _, picture in decode_pictures(dataset, lambda data: read_pixels(data, (height, width))):
                rows[position] = picture
                usable[position] = True
                advance()
            rows.flush()
            np.save(beside / "usable.npy", usable)
    return np.load(folder / "rows.npy", mmap_mode="r"), np.load(folder / "usable.npy")


def image_features(
    model: DualEncoder, dataset: Dataset, cache: Path, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Return the image tower's pooled features (N, F) float16, zero where a picture is not usable, and which are (N,).

    Pictures are decoded while the tower computes.
    """
    config = model.config.image
    key = _key(
        dataset.fingerprint, state_hash(model.image_tower), config.pooling, config.preprocess, fast_dtype(device)
    )
    folder = cache / f"image-{key}"
    if not folder.is_dir():
        with atomic_folder(folder) as beside, bar("locked image tower", len(dataset.items), "images") as advance:
            rows = np.zeros((len(dataset.items), model.image_width), dtype=np.float16)
            usable = np.zeros(len(rows), dtype=bool)
            stream = decode_pictures(dataset, lambda data: read_pixels(data, config.preprocess.size))
            for chunk in chunks(stream, CHUNK):
                positions = [position for position, _, _ in chunk]
                batch = torch.from_numpy(np.stack([picture for _, _, picture in chunk])).to(device)
                with _fast(device):
                    rows[positions] = model.pool_image(batch).float().cpu().numpy()
                usable[positions] = True
                advance(len(chunk))
            np.save(beside / "rows.npy", rows)
            np.save(beside / "usable.npy", usable)
    return np.load(folder / "rows.npy"), np.load(folder / "usable.npy")


def text_features(
    model: DualEncoder, text: TextPreprocessor, titles: list[str], cache: Path, device: torch.device
) -> np.ndarray:
    """Return the text tower's pooled features (N, F) float16 of the titles; equal titles are encoded once."""
    distinct = sorted(
        set(titles), key=lambda title: (len(title), title)
    )  # titles of one length share a chunk: less padding
    key = _key(distinct, text.to_json(), state_hash(model.text_tower), model.config.text.pooling, fast_dtype(device))
    folder = cache / f"text-{key}"
    if not folder.is_dir():
        with atomic_folder(folder) as beside, bar("locked text tower", len(distinct), "texts") as advance:
            rows = np.zeros((len(distinct), model.text_width), dtype=np.float16)
            for start in range(0, len(distinct), CHUNK):
                ids = torch.from_numpy(text(distinct[start : start + CHUNK])).to(device)
                with _fast(device):
                    rows[start : start + len(ids)] = model.pool_text(ids).float().cpu().numpy()
                advance(len(ids))
            np.save(beside / "rows.npy", rows)
    place = {title: position for position, title in enumerate(distinct)}
    stored: np.ndarray = np.load(folder / "rows.npy")
    return stored[[place[title] for title in titles]]


@contextmanager
def _fast(device: torch.device) -> Iterator[None]:
    dtype = fast_dtype(device)
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        yield


def _key(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
