"""The checkpoint folder: what is in it, how it is written, read and named. Runs no pickled code, needs no network.

model.safetensors   weights of both towers, projections and temperature, in half precision
config.json         format, the model (full architectures, pooling, preprocessing, projection), how it was trained
tokenizer.json      the tokenizer, with its padding
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from common import ArtefactError, file_beside, write_json
from models.dual_encoder import DualEncoder, build_architecture
from models.presets import ModelConfig, Tower
from models.text import TOKENIZER_FILE, TextPreprocessor

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint in memory, in float32."""

    model: DualEncoder
    text: TextPreprocessor
    training: dict[str, Any]
    encoder_id: str


def save_checkpoint(folder: Path, model: DualEncoder, text: TextPreprocessor, training: dict[str, Any]) -> None:
    """Write a checkpoint into `folder`, file by file, each one whole or not at all; the weights last.

    Args:
        folder: made when it does not exist; files of other names stay.
        model: saved in half precision.
        text: the tokenizer that belongs to it.
        training: how it was trained, as JSON data; `training["split"]` tells which titles it has seen.
    """
    config = {"format": FORMAT, "model": described(model).model_dump(mode="json"), "training": training}
    write_json(folder / CONFIG_FILE, config)
    with file_beside(folder / TOKENIZER_FILE) as beside:
        beside.write_text(text.to_json(), encoding="utf-8")
    with file_beside(folder / WEIGHTS_FILE) as beside:
        save_file({name: _half(value) for name, value in model.state_dict().items()}, beside)
        beside.chmod(0o644)  # the library makes it private, and a service runs as another user than a training run


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).cpu().contiguous()


def described(model: DualEncoder) -> ModelConfig:
    """Return the model's config with the full architecture of both towers, so that it can be built without them."""
    config = model.config
    return config.model_copy(
        update={
            "text": _described(config.text, model.text_tower),
            "image": _described(config.image, model.image_tower),
        }
    )


def _described(config: Tower, tower: nn.Module) -> Tower:
    hf_config: Any = tower.config
    architecture = {"model_type": hf_config.model_type, **hf_config.to_diff_dict()}
    for name in ("architectures", "dtype", "transformers_version", "_name_or_path"):
        architecture.pop(name, None)
    # A local folder means nothing elsewhere; its name still says where the weights began.
    source = Path(config.source).name if config.source and Path(config.source).is_dir() else config.source
    return config.model_copy(update={"architecture": architecture, "source": source})


def read_config(folder: Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Read a checkpoint's model config and its training record, without its weights.

    Raises:
        ArtefactError: no checkpoint there, damaged, or of another format.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise ArtefactError(f"{folder} holds no {CONFIG_FILE}; give a checkpoint folder, as `vitrine train` writes it")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config.get("format") != FORMAT:
            raise ArtefactError(f"{path} is of format {config.get('format')}; this version reads {FORMAT}: train again")
        return ModelConfig.model_validate(config["model"]), config["training"]
    except (ValueError, KeyError, AttributeError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        else:
            reason = str(error)
        raise ArtefactError(f"{path} is damaged ({reason}); copy the checkpoint again, or train anew") from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder into a model on the CPU, in float32 and evaluation mode.

    Raises:
        ArtefactError: no checkpoint there, damaged, of another format, or weights that do not fit the config.
    """
    folder = Path(folder)
    config, training = read_config(folder)
    text = TextPreprocessor.load(folder, config.text.max_tokens)
    model = DualEncoder(config, build_architecture(config.text), build_architecture(config.image), text.pad_id)
    path = folder / WEIGHTS_FILE
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ArtefactError(f"{folder} holds no {WEIGHTS_FILE}; copy the whole checkpoint folder") from None
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(
            f"{path} does not hold the weights that {CONFIG_FILE} describes ({str(error).splitlines()[0]}); "
            "copy the checkpoint again"
        ) from error
    return Checkpoint(model.eval(), text, training, encoder_id(folder, config))


def encoder_id(folder: Path, config: ModelConfig) -> str:
    """Return the name of what a checkpoint computes: a hash of its weights, tokenizer and model config."""
    digest = hashlib.blake2b(digest_size=8)
    described = config.model_dump(mode="json", exclude={"text": {"source"}, "image": {"source"}})
    digest.update(json.dumps(described, sort_keys=True).encode())
    for name in (TOKENIZER_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def state_hash(module: nn.Module) -> str:
    """Return a hash of a module's weights: the name under which its features are cached."""
    digest = hashlib.blake2b(digest_size=8)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
