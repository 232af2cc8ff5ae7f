"""From a data set and two pretrained towers to the packs of a run. Knows no step."""

from __future__ import annotations

import json
import lzma
import tempfile
from pathlib import Path

import torch

from common import ConfigError, DataError, atomic_file
from index import SplitRule
from models import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    DualEncoder,
    ModelConfig,
    build_tower,
    load_checkpoint,
    pretrained_text_preprocessor,
    save_checkpoint,
)
from training.config import load_config
from training.config_files import CONFIGS
from training.data import decode_pictures, open_dataset
from training.gpu.packs import DATA_FILE, FORMAT, TOWERS_FILE, check_sizes, digest
from training.gpu.towers import Architecture

CONFIG = CONFIGS / "minilm-dinov2.toml"
"""The run whose model and split a pack takes; its recipe is for a CPU."""


def write_packs(
    data: Path,
    out: Path,
    *,
    text_tower: str | None = None,
    image_tower: str | None = None,
    init: Path | None = None,
) -> dict[str, int]:
    """Write both packs to the folder `out`, and return the size of each in bytes.

    Args:
        data: a data set in any layout that `training.data` reads; pictures that cannot be decoded are left out.
        out: created when it does not exist.
        text_tower: folder or hub id of the text tower; the preset's when not given.
        image_tower: the same of the image tower.
        init: a checkpoint folder to go on from, instead of pretrained towers; titles are split as for its training.

    Raises:
        DataError: the data set cannot be read, or has no picture.
        ArtefactError: a tower or the checkpoint cannot be read.
        ConfigError: a tower is of another kind, `init` is given beside a tower, or a pack is too large; then nothing
            is written.
    """
    if init is not None and (text_tower is not None or image_tower is not None):
        raise ConfigError("a checkpoint to go on from has both towers; leave out --text-tower and --image-tower")
    dataset = open_dataset(data)
    with tempfile.TemporaryDirectory() as folder:
        if init is None:
            _save_towers(Path(folder), text_tower, image_tower)
        else:
            start = load_checkpoint(init)
            record = {name: start.training[name] for name in ("preset", "split")}
            save_checkpoint(Path(folder), start.model, start.text, {**record, "init": start.encoder_id}, "int8")
        towers = (Path(folder) / WEIGHTS_FILE).read_bytes()
        checkpoint = json.loads((Path(folder) / CONFIG_FILE).read_text(encoding="utf-8"))
        tokenizer = (Path(folder) / TOKENIZER_FILE).read_text(encoding="utf-8")
    Architecture.of(ModelConfig.model_validate(checkpoint["model"]))  # refuses other towers

    rule = SplitRule(**checkpoint["training"]["split"])
    products, pictures = [], []
    for row, picture, _ in decode_pictures(dataset, lambda image: None):
        item = dataset.items[row]
        split = rule.of(item.title)
        product = {"id": item.id, "title": item.title, "attributes": dict(item.attributes), "split": split}
        products.append({**product, "bytes": len(picture)})
        pictures.append(picture)
    if not products:
        raise DataError(f"{data} has no picture that can be decoded; see `vitrine data info {data}`")
    header = json.dumps(
        {
            "format": FORMAT,
            "name": dataset.name,
            "towers": digest(towers),
            "checkpoint": checkpoint,
            "tokenizer": tokenizer,
            "products": products,
        }
    ).encode()
    # The header's length in eight bytes, the header, then the pictures one after another.
    content = b"".join([len(header).to_bytes(8, "little"), header, *pictures])
    packs = {DATA_FILE: lzma.compress(content), TOWERS_FILE: towers}
    sizes = {name: len(pack) for name, pack in packs.items()}
    check_sizes(sizes, ConfigError, "take fewer products or smaller pictures, or smaller towers")
    for name, pack in packs.items():
        with atomic_file(out / name) as beside:
            beside.write_bytes(pack)
    return sizes


def _save_towers(folder: Path, text_tower: str | None, image_tower: str | None) -> None:
    """Write a checkpoint of pretrained towers and random projections."""
    run = load_config(CONFIG, text_tower=text_tower, image_tower=image_tower)
    text = pretrained_text_preprocessor(str(run.model.text.source), run.model.text.max_tokens)
    torch.manual_seed(run.train.seed)
    model = DualEncoder(run.model, build_tower(run.model.text), build_tower(run.model.image), text.pad_id)
    save_checkpoint(folder, model, text, run.model_dump(mode="json", include={"preset", "split"}), "int8")
