"""From a checkpoint and a data set to a catalogue folder. Knows no training loop and no HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from common import ArtefactError, DataError
from index import CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule, Wants, make_index, make_map
from models import Encoder, load_encoder
from models.images import decode_image
from training.data import Dataset, chunks, decode, open_dataset
from training.progress import bar, report_console

CHUNK = 32
"""Products encoded at once."""


def build_catalogue(
    checkpoint: Path,
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    console: Console | None = None,
    wants: Wants | None = None,
) -> dict[str, Any]:
    """Encode every usable product of the data set at `data` and write the catalogue folder `out`; return the figures.

    Products get the split of the checkpoint's own rule, so that the titles it was trained on are known. Pictures are
    decoded and scaled in threads while the towers compute. `out` appears when it is whole, or not at all; then a map of
    it is made.

    Raises:
        ArtefactError: the checkpoint cannot be used.
        DataError: the data set cannot be read, or has no usable product.
    """
    console = console or report_console()
    encoder = load_encoder(checkpoint, device)
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

    with (
        CatalogueWriter(out, info, encode) as writer,
        bar("encoding", len(dataset.items), "images", console) as advance,
    ):
        for entries in _encoded(encoder, dataset, rule):
            writer.add(entries)
            products += len(entries)
            advance(len(entries))
        if not products:
            raise DataError(f"{data} has no product with a usable picture; look at it with `vitrine data info {data}`")
    with suppress(ArtefactError):  # a handful of products needs no map
        make_map(out)
    search = make_index(out, wants)
    seconds = time.monotonic() - started
    return {
        "products": products,
        "skipped": len(dataset.items) - products,
        "encoder_id": encoder.encoder_id,
        "device": encoder.device,
        "seconds": round(seconds, 1),
        "images_per_second": round(products / seconds, 1),
        "data": dataset.report.to_json(),
        "search": search,
    }


def _encoded(encoder: Encoder, dataset: Dataset, rule: SplitRule) -> Iterator[list[Entry]]:
    """Yield the data set's products with their pictures and vectors, chunk by chunk."""
    for chunk in chunks(decode(dataset, encoder.prepare_image), CHUNK):
        items = [dataset.items[position] for position, _, _ in chunk]
        image_vectors = encoder.encode_pixels([pixels for _, _, pixels in chunk])  # (B, D)
        text_vectors = encoder.encode_text([item.title for item in items])  # (B, D)
        yield [
            Entry(Product(item.id, item.title, item.attributes, rule.of(item.title)), picture, image, text)
            for item, (_, picture, _), image, text in zip(items, chunk, image_vectors, text_vectors, strict=True)
        ]
