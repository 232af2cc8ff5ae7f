"""A checkpoint at work: texts and pictures in, unit vectors out. Knows no catalogue, no HTTP, no training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from common import ConfigError
from models.checkpoint import Checkpoint, load_checkpoint
from models.images import scaled, to_rgb

CHUNK = 256
"""Inputs that go through a tower at once, at most: bounds the memory of a call of any size."""


class Encoder:
    """Encodes with a trained dual encoder; safe to call from several threads."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        config = checkpoint.model.config
        self.config = config
        self.encoder_id = checkpoint.encoder_id
        self.training = checkpoint.training
        self.dim = config.projection.dim
        self.device = str(device)
        self.logit_scale = checkpoint.model.logit_scale.detach().exp().item()
        self._device = device
        self._text = checkpoint.text
        self._model = checkpoint.model.to(device).eval()
        dtype = fast_dtype(device)
        # Towers compute in the fast type, projections and norms in float32.
        self._model.text_tower.to(dtype)
        self._model.image_tower.to(dtype)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B texts."""
        # Texts of like length share a chunk, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        rows = self._chunks([texts[position] for position in order], self._encode_ids)
        out = np.empty_like(rows)
        out[order] = rows
        return out

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Return how many tokens of these texts the model reads, all together; padding does not count."""
        return sum(self._text.count(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK))

    def encode_image(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B pictures of any mode and size."""
        return self._chunks(images, lambda part: self._encode_pixels([self.prepare_image(image) for image in part]))

    def prepare_image(self, image: Image.Image) -> np.ndarray:
        """Scale one picture to the model's input (H, W, 3) uint8: the part that needs no model."""
        return scaled(to_rgb(image), self.config.image.preprocess.size)

    def encode_pixels(self, pixels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for B pictures that `prepare_image` made, (H, W, 3) uint8 each."""
        return self._chunks(pixels, self._encode_pixels)

    def _chunks(self, inputs: Sequence[Any] | np.ndarray, encode: Callable[..., np.ndarray]) -> np.ndarray:
        parts = [encode(inputs[start : start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def _encode_ids(self, texts: Sequence[str]) -> np.ndarray:
        ids = torch.from_numpy(self._text(texts)).to(self._device)
        with torch.inference_mode():
            return _numpy(self._model(text=ids)["text_features"])

    def _encode_pixels(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        batch = torch.from_numpy(np.stack(list(pixels))).to(self._device)
        with torch.inference_mode():
            return _numpy(self._model(image=batch)["image_features"])


def _numpy(rows: Tensor) -> np.ndarray:
    return np.ascontiguousarray(rows.float().cpu().numpy())


def load_encoder(folder: str | Path, device: str = "auto") -> Encoder:
    """Load a checkpoint folder for encoding on `device`: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ArtefactError: no checkpoint there, or one that cannot be used.
        ConfigError: the device does not exist here.
    """
    return Encoder(load_checkpoint(Path(folder)), pick_device(device))


def pick_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the first GPU, or the CPU where there is none.

    Raises:
        ConfigError: the device does not exist here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("there is no usable GPU")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"the device {name!r} cannot be used ({str(error).splitlines()[0]}); give auto, cpu or cuda"
        ) from error
    return device


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return the type that towers compute in fastest here: bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
