"""Products for the load tests, whose words and picture each follow from a mark.

The marks stand in a product's attributes, so that a reader can tell whether all of a product belongs together.
"""

from __future__ import annotations

import base64
import hashlib
import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw

from index import CatalogueInfo, Database, Entry, Product, SplitRule, write_catalogue
from models import Encoder, decode_image, load_encoder

Place = TypeVar("Place", Path, Database)

COLOURS = ("red", "blue", "green", "yellow", "black", "pink", "brown", "purple", "white", "orange")
KINDS = ("dress", "shirt", "shoe", "bag", "watch", "belt", "scarf", "skirt")
GENDERS = ("Women", "Men", "Unisex")


def seeded(mark: str) -> random.Random:
    """Return a generator that follows from `mark` alone, in every process."""
    return random.Random(int.from_bytes(hashlib.blake2b(mark.encode(), digest_size=8).digest()))


def title_of(words: str) -> str:
    """Return the title that belongs to the mark of a product's words."""
    dice = seeded(words)
    return f"{dice.choice(COLOURS)} {dice.choice(KINDS)} for {dice.choice(GENDERS)} {words}"


def attributes_of(words: str, picture: str) -> dict[str, str]:
    """Return the attributes of a product with these marks."""
    dice = seeded(words)
    return {
        "baseColour": dice.choice(COLOURS),
        "articleType": dice.choice(KINDS),
        "gender": dice.choice(GENDERS),
        "words": words,
        "picture": picture,
    }


def picture_of(picture: str, kind: str = "PNG") -> bytes:
    """Return the picture that belongs to its mark, 60x80."""
    dice = seeded(picture)
    image = Image.new("RGB", (60, 80), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(dice.randint(2, 5)):
        x, y = dice.randint(0, 40), dice.randint(0, 60)
        box = (x, y, x + dice.randint(8, 40), y + dice.randint(8, 50))
        draw = dice.choice((pen.ellipse, pen.rectangle))
        draw(box, fill=(dice.randint(0, 255), dice.randint(0, 255), dice.randint(0, 255)))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def data_uri(picture: bytes) -> str:
    """Return a picture as JSON carries it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def write_shop(checkpoint: Path, place: Place, count: int) -> Place:
    """Write a catalogue of `count` drawn products, the first ones in every language of the marks: base0, base1, ..."""
    encoder = load_encoder(checkpoint, "cpu")
    marks = [f"base{number}" for number in range(count)]
    pairs = [(_product(info := _info(encoder), mark), picture_of(mark)) for mark in marks]
    with write_catalogue(
        place, info, lambda changed: encoded(encoder, [(one, first) for one, (first, *_) in changed])
    ) as writer:
        for start in range(0, count, 32):
            writer.add(encoded(encoder, pairs[start : start + 32]))
    return place


def encoded(encoder: Encoder, pairs: Sequence[tuple[Product, bytes]]) -> list[Entry]:
    """Return products and pictures with their vectors."""
    images = encoder.encode_image([decode_image(picture) for _, picture in pairs])
    texts = encoder.encode_text([product.title for product, _ in pairs])
    return [Entry(*pair, image, text) for pair, image, text in zip(pairs, images, texts, strict=True)]


def _info(encoder: Encoder) -> CatalogueInfo:
    return CatalogueInfo(encoder.encoder_id, encoder.dim, "drawn", SplitRule(), "2025-01-01T00:00:00+00:00")


def _product(info: CatalogueInfo, mark: str) -> Product:
    title = title_of(mark)
    return Product(mark, title, attributes_of(mark, mark), info.split.of(title))
