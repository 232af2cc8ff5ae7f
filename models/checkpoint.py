"""How a checkpoint folder is written and read. Runs no pickled code, needs no network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from common import ArtefactError, atomic_file, first_line, write_json
from models.checkpoint_folder import (
    CONFIG_FILE,
    FORMAT,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Weights,
    encoder_id,
    read_config,
)
from models.dual_encoder import DualEncoder
from models.packing import GROUP, SCALE, unpacked_tensor
from models.presets import ModelConfig, Tower
from models.tokenizer import TextPreprocessor
from models.towers import build_architecture


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint in memory, in float32."""

    model: DualEncoder
    text: TextPreprocessor
    training: dict[str, Any]
    weights: Weights
    encoder_id: str


def save_checkpoint(
    folder: Path, model: DualEncoder, text: TextPreprocessor, training: dict[str, Any], weights: Weights = "float16"
) -> None:
    """Write a checkpoint into `folder`, file by file and each atomically; the weights last.

    Args:
        folder: created when it does not exist; files of other names stay.
        model: what is saved.
        text: the model's tokenizer.
        training: how it was trained, as JSON data; `training["split"]` says which titles it has seen.
        weights: how its weights are stored; "int8" takes half the space of "float16".
    """
    described_model = described(model).model_dump(mode="json")
    write_json(
        folder / CONFIG_FILE, {"format": FORMAT, "weights": weights, "model": described_model, "training": training}
    )
    with atomic_file(folder / TOKENIZER_FILE) as beside:
        beside.write_text(text.to_json(), encoding="utf-8")
    with atomic_file(folder / WEIGHTS_FILE) as beside:
        state = model.state_dict()
        save_file(packed(state) if weights == "int8" else {name: _half(state[name]) for name in state}, beside)
        beside.chmod(0o644)  # the library makes it private; a service may run as another user than the training


def packed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` with every matrix and kernel in bytes, one scale for each group of a row; `unpacked` undoes it.

    A row is what leads to one output channel or one embedded token; its groups are neighbours, `GROUP` at most
    (as in Dettmers et al., arXiv 2110.02861). Symmetric rounding to 255 steps: a value comes back within half a step,
    max|group| / 254. Tensors with a single row (class tokens, positions) or fewer than two dimensions (norms, biases)
    are small and stay in half precision.
    """
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        if not value.is_floating_point() or value.ndim < 2 or len(value) == 1:
            stored[name] = _half(value)
            continue
        rows = value.detach().float().cpu().flatten(1)
        width = rows.shape[1]
        group = next((size for size in range(GROUP, GROUP // 2, -1) if width % size == 0), width)
        groups = rows.view(len(rows), -1, group)
        # In float32: float16 cannot hold the scale of a group of very small values.
        scale = (groups.abs().amax(2) / 127).clamp(min=torch.finfo(torch.float32).tiny)
        stored[name] = (groups / scale[..., None]).round().to(torch.int8).view(value.shape)
        stored[name + SCALE] = scale  # (rows, groups)
    return stored


def unpacked(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state that `packed` stored, with its matrices in float32.

    Raises:
        ValueError: a scale is missing, or does not fit its tensor.
    """
    state = {name: value for name, value in stored.items() if value.dtype != torch.int8}
    for name in stored.keys() - state.keys():
        scale = state.pop(name + SCALE, None)
        state[name] = torch.from_numpy(
            unpacked_tensor(name, stored[name].numpy(), None if scale is None else scale.numpy())
        )
    return state


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
    # A local path means nothing on another machine; its last part still names the weights.
    source = Path(config.source).name if config.source and Path(config.source).is_dir() else config.source
    return config.model_copy(update={"architecture": architecture, "source": source})


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder into a model on the CPU, in float32 and evaluation mode.

    Raises:
        ArtefactError: no checkpoint there, damaged, of another format, or weights that do not fit the config.
    """
    folder = Path(folder)
    config, training, weights = read_config(folder)
    text = TextPreprocessor.load(folder, config.text.max_tokens)
    model = DualEncoder(config, build_architecture(config.text), build_architecture(config.image), text.pad_id)
    path = folder / WEIGHTS_FILE
    try:
        stored = load_file(path)
        if weights != "int8" and any(value.dtype == torch.int8 for value in stored.values()):
            raise ValueError(f"it holds int8, not {weights}")
        model.load_state_dict(unpacked(stored) if weights == "int8" else stored)
    except FileNotFoundError:
        raise ArtefactError(f"{folder} holds no {WEIGHTS_FILE}; copy the whole checkpoint folder") from None
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ArtefactError(
            f"{path} does not hold the weights that {CONFIG_FILE} describes ({first_line(error)}); "
            "copy the checkpoint again"
        ) from error
    return Checkpoint(model.eval(), text, training, weights, encoder_id(folder))


def state_hash(module: nn.Module) -> str:
    """Return a hash of a module's weights: the key under which its features are cached."""
    digest = hashlib.blake2b(digest_size=8)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
