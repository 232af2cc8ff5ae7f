"""From a checkpoint and a data set to a catalogue folder. Knows no training loop and no HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from common import DataError, ImageError, require
from index import (
    CatalogueInfo,
    Entry,
    FurtherPicture,
    IndexRequirements,
    Keep,
    Location,
    Pictures,
    Product,
    SplitRule,
    make_index,
    map_beside,
    write_catalogue,
)
from models import Encoder, load_encoder
from training.data import Dataset, chunks, further_undecodable, open_dataset, undecodable
from training.indexing.calibrate import calibrate_catalogue
from training.indexing.local import Encoded, Encoding, Vector, distinct_titles, encode_locally
from training.indexing.parts import PART, Parts
from training.progress import bar, report_console

PARTS_OF_DATABASES = Path("artefacts/catalogue")
"""Beside this path the parts of a cluster are kept while a catalogue in a database is built."""
TOGETHER = 16
"""Products that are written at a time."""


def build_catalogue(
    checkpoint: Path,
    data: Path,
    out: Location,
    *,
    device: str = "auto",
    ray: str | None = None,
    part_size: int = PART,
    requirements: IndexRequirements | None = None,
    keep: Keep | None = Keep(),  # noqa: B008 - frozen
    strict: bool = False,
    mapping: Mapping[str, str] | None = None,
    pictures: Pictures = "size",
    console: Console | None = None,
) -> dict[str, Any]:
    """Encode every usable product of the data set at `data`, write the catalogue `out`, and return the figures.

    Products get the split of the checkpoint's own rule, so that the titles of its training are known. `out` appears
    when it is complete, or not at all; it then also gets its map, and a folder its search files. Edits of the catalogue
    that is replaced are kept: what callers put in stays as it is, and what they deleted stays away.

    Args:
        checkpoint: folder.
        data: a data set that training.data can read.
        out: a folder or a database.
        device: "auto", "cpu", "cuda" or "cuda:N".
        ray: the address of a cluster that encodes, see `encode_on_ray`; an interrupted build then continues.
        part_size: titles or pictures that a process of the cluster encodes at a time.
        requirements: for the search files, see `index.make_index`.
        keep: which edits, see `index.edits_to_keep`.
        mapping: columns of roles whose names do not tell, see `training.data.open_dataset`.
        strict: refuse a data set in which anything had to be repaired or skipped.
        pictures: where its pictures go.
        console: for progress; standard error when not given.

    Raises:
        ArtefactError: the checkpoint cannot be used.
        ConfigError: the device does not exist; Ray is not installed, or there is no cluster.
        DataError: the data set cannot be read, or has no usable product; with `strict`, it has findings.
    """
    console = console or report_console()
    if ray is not None:
        require("ray", "ray", "pyarrow", what="--ray")
    dataset = open_dataset(data, mapping)
    if strict:
        dataset.report.refuse(data)
    encoder = load_encoder(checkpoint, device if ray is None else "cpu")
    rule = SplitRule(**encoder.training["split"])
    info = CatalogueInfo(
        encoder_id=encoder.encoder_id,
        dim=encoder.dim,
        source=dataset.name,
        split=rule,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    started = time.monotonic()
    titles = distinct_titles(dataset)
    parts: Parts | None = None
    with write_catalogue(out, info, partial(_encode_edits, encoder), keep, pictures) as writer:
        if ray is None:
            encoding = encode_locally(encoder, dataset, titles, console)
        else:
            from training.indexing.ray_encode import encode_on_ray  # needs extras

            beside = out if isinstance(out, Path) else PARTS_OF_DATABASES
            parts = encode_on_ray(
                ray,
                checkpoint,
                encoder,
                data,
                dataset,
                titles,
                beside,
                device=device,
                part_size=part_size,
                console=console,
            )
            encoding = parts.encoding()
        products = images = 0
        with (
            bar("encoding" if parts is None else "writing", len(dataset.items), "images", console) as advance,
            closing(encoding.pictures),
        ):
            for entries in _entries(dataset, rule, titles, encoding):
                writer.add(entries)
                products += len(entries)
                images += sum(len(entry.images) for entry in entries)
                advance(len(entries))
        encoded = time.monotonic() - started
        if strict:
            dataset.report.refuse(data)
        if not products:
            raise DataError(f"{data} has no product with a usable picture; look at it with `vitrine data info {data}`")
    if parts is not None:
        parts.remove()
    with map_beside(out, products):
        search = make_index(out, requirements) if isinstance(out, Path) else None  # a database makes its own
        calibration = calibrate_catalogue(out, encoder)
    seconds = time.monotonic() - started
    return {
        "products": products,
        "skipped": len(dataset.items) - products,
        "encoder_id": encoder.encoder_id,
        "device": encoding.device,
        "edits": writer.kept.to_json(),
        "seconds": round(seconds, 1),
        "encoding_seconds": round(encoded, 1),
        "images": images,
        "images_per_second": round(images / seconds, 1),
        "data": dataset.report.to_json(),
        "search": search,
        "calibrated": calibration is not None,
    }


def _encode_edits(encoder: Encoder, edits: Sequence[tuple[Product, Sequence[bytes]]]) -> list[Entry]:
    """Encode the edited products of an old catalogue, but for those with a picture that cannot be read."""
    pixels: list[Any] = []
    readable = []
    for product, images in edits:
        with suppress(ImageError):
            pixels += [encoder.read_image(image) for image in images]
            readable.append((product, images))
    if not readable:
        return []
    vectors = iter(encoder.encode_pixels(pixels))
    texts = encoder.encode_text([product.title for product, _ in readable])
    return [
        entry_of(product, [(image, next(vectors)) for image in images], text)
        for (product, images), text in zip(readable, texts, strict=True)
    ]


def entry_of(product: Product, pictures: Sequence[Encoded], text_vector: Vector) -> Entry:
    """Return a product with its pictures, the first of which stands for it wherever one does."""
    (image, vector), *more = pictures
    return Entry(product, image, vector, text_vector, tuple(FurtherPicture(*one) for one in more))


def _entries(dataset: Dataset, rule: SplitRule, titles: Sequence[str], encoding: Encoding) -> Iterator[list[Entry]]:
    """Yield the usable products with their pictures and vectors, some at a time; count the others in the report.

    A product stays without those of its pictures that cannot be decoded, as long as there is one that can.
    """
    row_of = {title: row for row, title in enumerate(titles)}
    encoded = (one for batch in encoding.pictures for one in batch)
    for items in chunks(iter(dataset.items), TOGETHER):
        entries = []
        for item in items:
            found = [next(encoded) for _ in item.pictures]
            pictures = [one for one in found if one is not None]
            if not pictures:
                undecodable(dataset, item)
                continue
            for _ in range(len(found) - len(pictures)):
                further_undecodable(dataset, item)
            product = Product(item.id, item.title, item.attributes, rule.of(item.title))
            entries.append(entry_of(product, pictures, encoding.titles[row_of[item.title]]))
        yield entries
