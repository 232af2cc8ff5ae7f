"""How well the things in a picture are found: collages of three products, searched whole, cut out, by their regions.

python -m tests.benchmarks.collages --checkpoint CHECKPOINT --catalogue CATALOGUE --out docs/collages.json
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from app.query.regions import KIND, FoundRegion, choose, neighbours
from common import write_json
from index import Product, Search, Store, open_catalogue, open_search
from models import Crop, Encoder, load_encoder
from models.windows import windowed
from training.reports.tables import Cell, Rows, markdown_lines

SIZES = ((700, 700), (600, 800), (900, 600), (500, 1_000))
"""Width and height of collages."""
GROUNDS = ((255, 255, 255), (240, 238, 230), (200, 210, 220), (232, 222, 226))
THINGS = 3
SHARE = (0.41, 0.64)
"""Height of a thing in the shorter side of its collage."""
LEVEL = 240
"""What is darker than this in a product's photo is the product."""
GROUP = "subCategory"
"""The attribute that is coarser than `KIND`: tops and T-shirts are both topwear."""


@dataclass(frozen=True)
class Placed:
    """A product in a collage, and where it is: a box in parts of the collage."""

    product: Product
    box: Crop


def collage(chosen: Sequence[tuple[Product, Image.Image]], draw: random.Random) -> tuple[Image.Image, list[Placed]]:
    """Return a collage of some products that do not overlap."""
    width, height = draw.choice(SIZES)
    canvas = Image.new("RGB", (width, height), draw.choice(GROUNDS))
    placed: list[Placed] = []
    taken: list[tuple[int, int, int, int]] = []
    for product, photo in chosen:
        while True:
            high = round(draw.uniform(*SHARE) * min(width, height))
            wide = round(high * photo.width / photo.height)
            left, top = draw.randint(0, width - wide), draw.randint(0, height - high)
            area = (left, top, left + wide, top + high)
            if draw.random() < 0.002:  # no room is left: once more from the start
                return collage(chosen, draw)
            if all(area[2] <= a[0] or a[2] <= area[0] or area[3] <= a[1] or a[3] <= area[1] for a in taken):
                break
        taken.append(area)
        scaled = photo.resize((wide, high), Image.Resampling.BICUBIC)
        canvas.paste(ImageChops.multiply(canvas.crop(area), scaled), area[:2])
        inner = _inner(scaled)
        placed.append(
            Placed(
                product,
                Crop(
                    (left + inner[0]) / width,
                    (top + inner[1]) / height,
                    (inner[2] - inner[0]) / width,
                    (inner[3] - inner[1]) / height,
                ),
            )
        )
    return canvas, placed


def measured(checkpoint: Path, place: Path, collages: int = 100, seed: int = 1) -> dict[str, Any]:
    """Return figures of collages whose products the catalogue has, and of the same without these products."""
    encoder = load_encoder(checkpoint, "cpu")
    draw = random.Random(seed)
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        search = open_search(catalogue)
        made = [collage(_three(catalogue, draw), draw) for _ in range(collages)]
        return {
            "encoder_id": encoder.encoder_id,
            "products": len(catalogue),
            "collages": collages,
            "known": _figures(made, encoder, search, known=True),
            "unknown": _figures(made, encoder, search, known=False),
        }


def _three(catalogue: Store, draw: random.Random) -> list[tuple[Product, Image.Image]]:
    """Return products of different groups with their photos."""
    ids = list(catalogue.ids())
    found: dict[Any, tuple[Product, Image.Image]] = {}
    while len(found) < THINGS:
        product = catalogue.product(draw.choice(ids))
        group = product.attributes.get(GROUP, product.attributes.get(KIND))
        found[group] = product, Image.open(io.BytesIO(catalogue.image(product.id))).convert("RGB")
    return list(found.values())


def _inner(photo: Image.Image) -> tuple[int, int, int, int]:
    """Return the box of what is not white."""
    dark = photo.convert("L").point(lambda level: 255 * (level < LEVEL))
    return dark.getbbox() or (0, 0, *photo.size)


def _figures(
    made: Sequence[tuple[Image.Image, list[Placed]]], encoder: Encoder, search: Search, *, known: bool
) -> dict[str, float]:
    counts = dict.fromkeys(("whole", "cut", "dot", "kind", "group", "regions", "things"), 0)
    spent = dict.fromkeys(("cut_ms", "encode_ms", "choose_ms"), 0.0)
    for image, placed in made:
        exclude = [] if known else [one.product.id for one in placed]
        times = [time.perf_counter()]
        boxes, pixels = zip(*windowed(image, encoder.image_size), strict=True)
        seen = np.stack([np.frombuffer(one, np.uint8).reshape(*encoder.image_size, 3) for one in pixels])
        times.append(time.perf_counter())
        vectors = encoder.encode_pixels(seen)
        times.append(time.perf_counter())
        regions = choose(boxes, seen, vectors, neighbours(search, vectors, exclude))
        times.append(time.perf_counter())
        for name, start, end in zip(spent, times, times[1:], strict=False):
            spent[name] += 1000 * (end - start)
        counts["regions"] += len(regions)
        whole = {one.get(KIND) for one in neighbours(search, vectors[:1], exclude)[0].attributes}
        for one in placed:
            wanted = one.product.attributes
            counts["things"] += 1
            counts["whole"] += wanted.get(KIND) in whole
            counts["cut"] += _cut(image, one, encoder, search, exclude).label == wanted.get(KIND)
            inside = [region for region in regions if _dot_in(region.box, one.box)]
            counts["dot"] += bool(inside)
            counts["kind"] += any(region.label == wanted.get(KIND) for region in inside)
            counts["group"] += any(_group(search, region) == wanted.get(GROUP) for region in inside)
    things = counts.pop("things")
    shares = {name: count / (len(made) if name == "regions" else things) for name, count in counts.items()}
    return {**shares, **{name: value / len(made) for name, value in spent.items()}}


def _cut(image: Image.Image, one: Placed, encoder: Encoder, search: Search, exclude: Sequence[str]) -> FoundRegion:
    """Return what is found for the very box of a thing."""
    box = one.box.within((0.0, 0.0, float(image.width), float(image.height)))
    seen = np.stack([encoder.prepare_image(image.crop((int(box[0]), int(box[1]), round(box[2]), round(box[3]))))])
    vectors = encoder.encode_pixels(seen)
    return choose([one.box], seen, vectors, neighbours(search, vectors, exclude))[0]


def _dot_in(region: Crop, thing: Crop) -> bool:
    """Return whether the middle of a region is within the box of a thing."""
    x, y = region.left + region.width / 2, region.top + region.height / 2
    return thing.left <= x <= thing.left + thing.width and thing.top <= y <= thing.top + thing.height


def _group(search: Search, region: FoundRegion) -> Any:
    """Return the group of the products that have the label of a region."""
    near = neighbours(search, region.vector[None])[0].attributes
    return next((one.get(GROUP) for one in near if one.get(KIND) == region.label), None)


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a table; a column for whether the catalogue has the products."""
    rows = {
        "its type is among the ten best of the whole picture, %": "whole",
        "its type is right, cut out exactly, %": "cut",
        "it has a dot within, %": "dot",
        "a dot with the right type, %": "kind",
        "a dot with the right group of types, %": "group",
    }
    sides = (figures["known"], figures["unknown"])
    lines: list[list[Cell]] = [[name, *({"value": one[key]} for one in sides)] for name, key in rows.items()]
    head = [
        f"of {THINGS * figures['collages']} things in {figures['collages']} collages",
        "in the catalogue",
        "not in it",
    ]
    known = figures["known"]
    spent = ", ".join(
        f"{name} {known[key]:.0f}"
        for name, key in (("cut out", "cut_ms"), ("encode", "encode_ms"), ("choose", "choose_ms"))
    )
    return "\n".join(
        [*markdown_lines(Rows(head, lines)), "", f"{known['regions']:.1f} dots a collage; milliseconds: {spent}."]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--collages", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_json(given.out, measured(given.checkpoint, given.catalogue, given.collages))
