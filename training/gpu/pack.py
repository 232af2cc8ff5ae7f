"""The two files that a run on a GPU needs, small enough to send: the data set, and the weights to start from.

data.xz               products, splits and pictures as they are; the checkpoint's config and tokenizer
towers.safetensors    the weights of pretrained towers and random projections, as a checkpoint stores them in int8
"""

from __future__ import annotations

import hashlib
import json
import lzma
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from common import ArtefactError, ConfigError, DataError, atomic_file, first_line
from models import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    DualEncoder,
    ModelConfig,
    build_tower,
    pretrained_text_preprocessor,
    save_checkpoint,
    unpacked,
)
from training.config import load_config
from training.data import Item, decode_pictures, open_dataset
from training.gpu.towers import Architecture

DATA_FILE = "data.xz"
TOWERS_FILE = "towers.safetensors"
MAX_BYTES = 55_000_000
"""The largest pack: what the usual ways to a rented machine let through."""
FORMAT = 1
CONFIG = Path(__file__).parents[1] / "configs" / "minilm-dinov2.toml"
"""The run whose model and split a pack takes; its recipe is for a CPU."""


@dataclass(frozen=True, slots=True)
class Packs:
    """What is in both packs."""

    items: list[Item]
    """The products, each with its picture's bytes."""
    splits: list[str]
    """The split of each product's title."""
    checkpoint: dict[str, Any]
    """The content of the checkpoint's config file; `training` holds preset and split."""
    tokenizer: str
    """The content of its tokenizer file."""
    weights: dict[str, Tensor]
    """Its weights in float32."""


def write_packs(data: Path, out: Path, *, text_tower: str | None, image_tower: str | None) -> dict[str, int]:
    """Write both packs to the folder `out`, and return the size of each in bytes.

    Args:
        data: a data set in any layout that `training.data` reads; pictures that cannot be decoded are left out.
        out: created when it does not exist.
        text_tower: folder or hub id of the text tower; the preset's when not given.
        image_tower: the same of the image tower.

    Raises:
        DataError: the data set cannot be read, or has no picture.
        ArtefactError: a tower cannot be read.
        ConfigError: a tower is of another kind, or a pack is too large; then nothing is written.
    """
    run = load_config(CONFIG, text_tower=text_tower, image_tower=image_tower)
    dataset = open_dataset(data)
    text = pretrained_text_preprocessor(str(run.model.text.source), run.model.text.max_tokens)
    torch.manual_seed(run.train.seed)  # the projections are random
    model = DualEncoder(run.model, build_tower(run.model.text), build_tower(run.model.image), text.pad_id)
    record = run.model_dump(mode="json", include={"preset", "split"})
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), model, text, record, "int8")
        towers = (Path(folder) / WEIGHTS_FILE).read_bytes()
        checkpoint = json.loads((Path(folder) / CONFIG_FILE).read_text(encoding="utf-8"))
        tokenizer = (Path(folder) / TOKENIZER_FILE).read_text(encoding="utf-8")
    Architecture.of(ModelConfig.model_validate(checkpoint["model"]))  # refuses other towers

    products, pictures = [], []
    for row, picture, _ in decode_pictures(dataset, lambda image: None):
        item = dataset.items[row]
        split = run.split.of(item.title)
        product = {"id": item.id, "title": item.title, "attributes": dict(item.attributes), "split": split}
        products.append({**product, "bytes": len(picture)})
        pictures.append(picture)
    if not products:
        raise DataError(f"{data} has no picture that can be decoded; see `vitrine data info {data}`")
    header = json.dumps(
        {
            "format": FORMAT,
            "towers": _digest(towers),
            "checkpoint": checkpoint,
            "tokenizer": tokenizer,
            "products": products,
        }
    ).encode()
    # The header's length in eight bytes, the header, then the pictures one after another.
    content = b"".join([len(header).to_bytes(8, "little"), header, *pictures])
    packs = {DATA_FILE: lzma.compress(content), TOWERS_FILE: towers}
    sizes = {name: len(pack) for name, pack in packs.items()}
    _check_sizes(sizes, ConfigError, "take fewer products or smaller pictures, or smaller towers")
    for name, pack in packs.items():
        with atomic_file(out / name) as beside:
            beside.write_bytes(pack)
    return sizes


def check_packs(folder: Path) -> dict[str, int]:
    """Return the size of each pack in `folder` in bytes.

    Raises:
        ArtefactError: a pack is missing or too large; the message says which one, and how large.
    """
    remedy = "write both with `python -m training.gpu pack`"
    files = {name: folder / name for name in (DATA_FILE, TOWERS_FILE)}
    if missing := [name for name, path in files.items() if not path.is_file()]:
        raise ArtefactError(f"{folder} holds no {' and no '.join(missing)}; {remedy}")
    sizes = {name: path.stat().st_size for name, path in files.items()}
    _check_sizes(sizes, ArtefactError, remedy)
    return sizes


def read_packs(folder: Path, limit: int | None = None) -> Packs:
    """Read both packs from `folder`; with `limit`, only that many products.

    Raises:
        ArtefactError: a pack is missing, too large or damaged, the two do not belong together, or the model is of
            another kind.
    """
    check_packs(folder)
    remedy = "copy both packs again"
    path = folder / DATA_FILE
    towers = (folder / TOWERS_FILE).read_bytes()
    try:
        content = memoryview(lzma.decompress(path.read_bytes()))
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(bytes(content[8:start]))
        if header["format"] != FORMAT:
            raise ArtefactError(f"{path} is of format {header['format']}; this version reads {FORMAT}: pack again")
        if header["towers"] != _digest(towers):
            raise ArtefactError(f"{folder / TOWERS_FILE} is not the one that {path} was packed with; {remedy}")
        items, splits = [], []
        for product in header["products"][:limit]:
            end = start + product["bytes"]
            read = partial(bytes, content[start:end])
            items.append(Item(product["id"], product["title"], product["attributes"], read))
            splits.append(product["split"])
            start = end
        weights = {name: value.float() for name, value in unpacked(load(towers)).items()}
    except (lzma.LZMAError, SafetensorError, ValueError, KeyError, EOFError) as error:
        raise ArtefactError(f"the packs in {folder} are damaged ({first_line(error)}); {remedy}") from error
    return Packs(items, splits, header["checkpoint"], header["tokenizer"], weights)


def _check_sizes(sizes: Mapping[str, int], error: type[ArtefactError] | type[ConfigError], remedy: str) -> None:
    if large := [f"{name} has {size:,} bytes" for name, size in sizes.items() if size > MAX_BYTES]:
        raise error(f"{', '.join(large)}; at most {MAX_BYTES:,} are allowed: {remedy}")


def _digest(pack: bytes) -> str:
    return hashlib.blake2b(pack, digest_size=8).hexdigest()
