"""What the two files are that a run on a GPU needs, and how they are read. Needs neither Hugging Face nor pyarrow.

data.xz               products, splits and pictures as they are; the checkpoint's config and tokenizer
towers.safetensors    the weights of pretrained towers and random projections, as a checkpoint stores them in int8
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from common import ArtefactError, InputError, first_line, write_json
from models import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, unpacked
from training.data import Item

DATA_FILE = "data.xz"
TOWERS_FILE = "towers.safetensors"
MAX_BYTES = 55_000_000
"""The largest pack: what the usual ways to a rented machine let through."""
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Packs:
    """What is in both packs."""

    name: str
    """The data set's."""
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
    check_sizes(sizes, ArtefactError, remedy)
    return sizes


def read_packs(folder: Path, limit: int | None = None) -> Packs:
    """Read both packs from `folder`; with `limit`, only that many products.

    Raises:
        ArtefactError: a pack is missing, too large or damaged, or the two do not belong together.
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
        if header["towers"] != digest(towers):
            raise ArtefactError(f"{folder / TOWERS_FILE} is not the one that {path} was packed with; {remedy}")
        items, splits = [], []
        for product in header["products"][:limit]:
            end = start + product["bytes"]
            read = partial(bytes, content[start:end])
            attributes = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in product["attributes"].items()
            }
            items.append(Item(product["id"], product["title"], attributes, read))
            splits.append(product["split"])
            start = end
        weights = {name: value.float() for name, value in unpacked(load(towers)).items()}
    except (lzma.LZMAError, SafetensorError, ValueError, KeyError, EOFError) as error:
        raise ArtefactError(f"the packs in {folder} are damaged ({first_line(error)}); {remedy}") from error
    return Packs(header["name"], items, splits, header["checkpoint"], header["tokenizer"], weights)


def check_sizes(sizes: Mapping[str, int], error: type[InputError], remedy: str) -> None:
    """Raise `error` if a pack, name -> bytes, is too large."""
    if large := [f"{name} has {size:,} bytes" for name, size in sizes.items() if size > MAX_BYTES]:
        raise error(f"{', '.join(large)}; at most {MAX_BYTES:,} are allowed: {remedy}")


def digest(pack: bytes) -> str:
    """Return what tells the towers' pack of one data set from another's."""
    return hashlib.blake2b(pack, digest_size=8).hexdigest()


def starting_checkpoint(folder: Path, out: Path) -> None:
    """Write the weights that a run begins with as a checkpoint folder.

    Raises:
        ArtefactError: a pack is missing, too large or damaged.
    """
    content = read_packs(folder, limit=0)
    write_json(out / CONFIG_FILE, content.checkpoint)
    (out / TOKENIZER_FILE).write_text(content.tokenizer, encoding="utf-8")
    (out / WEIGHTS_FILE).write_bytes((folder / TOWERS_FILE).read_bytes())
