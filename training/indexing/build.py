"""From a checkpoint and a data set to a catalogue folder. Knows no training loop and no HTTP."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from common import ArtefactError, DataError
from index import (
    CatalogueInfo,
    Entry,
    IndexRequirements,
    Location,
    Product,
    SplitRule,
    make_index,
    make_map,
    write_catalogue,
)
from models import Encoder, load_encoder
from models.images import decode_image
from training.data import Dataset, open_dataset, undecodable
from training.indexing.local import Encoded, Vector, cores, distinct_titles, encode_pictures, encode_titles
from training.indexing.ray_encode import Parts, encode_on_ray
from training.progress import bar, report_console

Found = tuple[Vector, Generator[list[Encoded | None], None, None]]
"""The vectors (T, D) of the distinct titles, and the pictures with theirs, in the data set's order."""


def build_catalogue(
    checkpoint: Path,
    data: Path,
    out: Location,
    *,
    device: str = "auto",
    ray: str | None = None,
    requirements: IndexRequirements | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Encode every usable product of the data set at `data` and write the catalogue `out`; return the figures.

    Products get the split of the checkpoint's own rule, so that the titles it was trained on are known. `out` appears
    when it is whole, or not at all; then, in a folder, a map of it is made. With `ray`, the address of a cluster, that
    encodes (`ray_encode`), and a build that was stopped goes on where it was.

    Raises:
        ArtefactError: the checkpoint cannot be used.
        ConfigError: the device does not exist; Ray is not installed, or there is no cluster.
        DataError: the data set cannot be read, or has no usable product.
    """
    console = console or report_console()
    encoder = load_encoder(checkpoint, device if ray is None else "cpu")
    dataset = open_dataset(data)
    rule = SplitRule(**encoder.training["split"])
    info = CatalogueInfo(
        encoder_id=encoder.encoder_id,
        dim=encoder.dim,
        source=dataset.name,
        split=rule,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    started = time.monotonic()
    products = 0

    def encode(changed: Sequence[tuple[Product, bytes]]) -> list[Entry]:
        """Encode what was changed in the catalogue that this one replaces."""
        images = encoder.encode_image([decode_image(picture) for _, picture in changed])
        texts = encoder.encode_text([product.title for product, _ in changed])
        return [Entry(*pair, image, text) for pair, image, text in zip(changed, images, texts, strict=True)]

    titles = distinct_titles(dataset)
    beside = out if isinstance(out, Path) else Path("artefacts/catalogue")  # where the parts of a cluster are kept
    parts: Parts | None = None
    with write_catalogue(out, info, encode) as writer:
        if ray is None:
            found = _encoded(encoder, dataset, titles, console)
        else:
            parts = encode_on_ray(
                ray, checkpoint, encoder, data, dataset, titles, beside, device=device, console=console
            )
            found = parts.titles(), parts.pictures()
        with (
            bar("writing" if parts else "encoding", len(dataset.items), "images", console) as advance,
            closing(found[1]),
        ):
            for entries in _entries(dataset, rule, titles, *found):
                writer.add(entries)
                products += len(entries)
                advance(len(entries))
        if not products:
            raise DataError(f"{data} has no product with a usable picture; look at it with `vitrine data info {data}`")
    if parts:
        parts.remove()
    search = None
    if isinstance(out, Path):
        with suppress(ArtefactError):  # a handful of products needs no map
            make_map(out)
        search = make_index(out, requirements)
    seconds = time.monotonic() - started
    return {
        "products": products,
        "skipped": len(dataset.items) - products,
        "encoder_id": encoder.encoder_id,
        "device": parts.device if parts else encoder.device,
        "seconds": round(seconds, 1),
        "images_per_second": round(products / seconds, 1),
        "data": dataset.report.to_json(),
        "search": search,
    }


def _encoded(encoder: Encoder, dataset: Dataset, titles: Sequence[str], console: Console) -> Found:
    """Encode the titles, and begin with the pictures, on the cores of this machine."""
    rows: list[Vector] = []
    with (
        bar("titles", len(titles), "titles", console) as advance,
        closing(encode_titles(encoder, titles, cores())) as parts,
    ):
        for part in parts:
            rows.append(part)
            advance(len(part))
    return np.concatenate(rows), encode_pictures(encoder, (item.read for item in dataset.items), cores())


def _entries(
    dataset: Dataset, rule: SplitRule, titles: Sequence[str], texts: Vector, pictures: Iterable[list[Encoded | None]]
) -> Iterator[list[Entry]]:
    """Yield the data set's products with their pictures and vectors, batch by batch, and count the others."""
    row_of = {title: row for row, title in enumerate(titles)}
    items = iter(dataset.items)
    for batch in pictures:
        entries = []
        for item, found in zip([next(items) for _ in batch], batch, strict=True):
            if found is None:
                undecodable(dataset, item)
                continue
            product = Product(item.id, item.title, item.attributes, rule.of(item.title))
            entries.append(Entry(product, *found, texts[row_of[item.title]]))
        yield entries
