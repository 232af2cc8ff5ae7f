"""Drawn photos of full size, for the benchmark of the service."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

LARGE = (1080, 1440)
"""Width and height of the large pictures: those of the full-size ones of the data set."""


def large_pictures(count: int) -> list[bytes]:
    """Return drawn JPEG files of `LARGE` pixels, with as much noise as photos have: some 200 KB."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        patches = Image.fromarray(rng.integers(0, 255, (12, 9, 3), dtype=np.uint8))
        rough = np.asarray(patches.resize(LARGE, Image.Resampling.BICUBIC))
        noise = rng.normal(0, 6, (LARGE[1], LARGE[0], 3))
        file = io.BytesIO()
        Image.fromarray((rough + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=82)
        found.append(file.getvalue())
    return found
