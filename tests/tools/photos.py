"""A tool: pictures such as cameras and editors save them, and a catalogue of such."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from index import CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule
from tests.tools.shop import COLOURS, KINDS, DrawnEncoder, draw, encoded, unit

INFO = CatalogueInfo("drawn-1", 128, "photos", SplitRule(0.4, 0.3, 0.3), "2025-01-01T00:00:00Z")


def photo(number: int, width: int = 900, height: int = 1200) -> Image.Image:
    """Return a drawn product as a camera sees it: large, softly lit, with grain."""
    colour, kind = list(COLOURS)[number % len(COLOURS)], list(KINDS)[number // len(COLOURS) % len(KINDS)]
    drawn = np.asarray(draw(colour, kind).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
    light = 1 - 0.15 * np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    grain = np.random.default_rng(number).normal(0, 4, (height, width, 1)).astype(np.float32)
    return Image.fromarray((drawn * light + grain).clip(0, 255).astype(np.uint8))


def title(number: int) -> str:
    """Return what `photo` shows."""
    return f"{list(COLOURS)[number % len(COLOURS)].title()} {list(KINDS)[number // len(COLOURS) % len(KINDS)].title()}"


def write_photos(folder: Path, pictures: Mapping[str, bytes]) -> Path:
    """Write a catalogue of products with these ids and pictures."""
    encoder = DrawnEncoder()
    with CatalogueWriter(folder, INFO) as writer:
        for number, (name, picture) in enumerate(pictures.items()):
            product = Product(name, f"{title(number)} {name}", {"kind": f"kind {number % 3}"}, "test")
            vector = encoder.encode_image([photo(number, 120, 160)])[0]
            writer.add([Entry(product, picture, vector, unit(encoder._of_text(product.title)))])
    return folder


def jpeg(number: int, width: int = 900, height: int = 1200) -> bytes:
    """Return `photo` as a camera saves it."""
    return encoded(photo(number, width, height), "JPEG", quality=92)
