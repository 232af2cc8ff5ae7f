"""The towers on torch: which device, which number type, and a loaded checkpoint as an encoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from common import ConfigError
from models.checkpoint import Checkpoint
from models.encoder import Encoder


class TorchTowers:
    """Both towers in the number type that is fastest on their device, projections and norms in float32."""

    runtime = "torch"

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.device = str(device)
        self.logit_scale = float(checkpoint.model.logit_scale.detach().exp().item())
        self._device = device
        self._model = checkpoint.model.to(device).eval()
        dtype = fast_dtype(device)
        self._model.text_tower.to(dtype)
        self._model.image_tower.to(dtype)

    def encode_ids(self, ids: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64."""
        with torch.inference_mode():
            return _numpy(self._model(text=torch.from_numpy(ids).to(self._device))["text_features"])

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8."""
        with torch.inference_mode():
            return _numpy(self._model(image=torch.from_numpy(pixels).to(self._device))["image_features"])


def torch_encoder(checkpoint: Checkpoint, device: torch.device) -> Encoder:
    """Return the encoder of a checkpoint in memory; its model is moved and converted, not copied."""
    towers = TorchTowers(checkpoint, device)
    return Encoder(checkpoint.encoder_id, checkpoint.model.config, checkpoint.training, checkpoint.text, towers)


def _numpy(rows: Tensor) -> np.ndarray:
    return np.ascontiguousarray(rows.float().cpu().numpy())


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
