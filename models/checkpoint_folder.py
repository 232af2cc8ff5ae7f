"""What is in a checkpoint folder, its config and its encoder id. Needs no torch.

model.safetensors   weights of both towers, projections and temperature, in half precision or packed into bytes
config.json         format, how the weights are stored, the model (full architectures, pooling, preprocessing,
                    projection), how it was trained
tokenizer.json      the tokenizer, with its padding
onnx/               both towers for onnxruntime, without the weights, written by `vitrine export`
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from common import ArtefactError, read_json
from models.presets import ModelConfig

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"

Weights = Literal["float16", "int8"]
"""How weights are stored. int8: matrices packed into bytes, the rest float16. A model in memory is float32."""


def read_config(folder: Path) -> tuple[ModelConfig, dict[str, Any], Weights]:
    """Read a checkpoint's model config, its training record and how its weights are stored, without the weights.

    Raises:
        ArtefactError: no checkpoint there, damaged, or of another format.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise ArtefactError(f"{folder} holds no {CONFIG_FILE}; give a checkpoint folder, as `vitrine train` writes it")
    remedy = "copy the checkpoint again, or train again"
    config = read_json(path, remedy, file_format=FORMAT)
    try:
        weights: Weights = config.get("weights", "float16")  # the first checkpoints did not say
        if weights not in get_args(Weights):
            raise ValueError(f"weights are {weights!r}; this version reads {', '.join(get_args(Weights))}")
        return ModelConfig.model_validate(config["model"]), config["training"], weights
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ArtefactError(f"{path} is damaged ({reason}); {remedy}") from error
    except (ValueError, KeyError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); {remedy}") from error


def encoder_id(folder: Path) -> str:
    """Return the name of what a checkpoint computes: a hash of its weights as stored, tokenizer and model config.

    Raises:
        ArtefactError: no checkpoint there, damaged, or of another format.
        FileNotFoundError: weights or tokenizer are missing.
    """
    config, _, _ = read_config(folder)
    digest = hashlib.blake2b(digest_size=8)
    # Where a tower's first weights came from changes no vector.
    described = config.model_dump(mode="json", exclude={"text": {"source"}, "image": {"source"}})
    digest.update(json.dumps(described, sort_keys=True).encode())
    for name in (TOKENIZER_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
