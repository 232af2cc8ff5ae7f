"""The towers on torch: which device, which number type, how much at once, and a loaded checkpoint as an encoder."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from common import ConfigError
from models.checkpoint import Checkpoint
from models.encoder import DeviceLostError, Encoder, Towers
from models.onnx_backend import Tower

logger = logging.getLogger("vitrine.models")


class TorchTowers:
    """Both towers in the number type that is fastest on their device, projections and norms in float32.

    A call that the device has no memory for is cut in half until it fits, and later ones begin at that size. Nothing is
    compiled, so a batch of a new shape costs what any other does.
    """

    runtime = "torch"

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.device = str(device)
        self.logit_scale = float(checkpoint.model.logit_scale.detach().exp().item())
        self._device = device
        self._model = checkpoint.model.to(device).eval()
        dtype = fast_dtype(device)
        self._model.text_tower.to(dtype)
        self._model.image_tower.to(dtype)
        self._most: dict[Tower, int] = {}  # inputs that a call may have, where memory has set a limit

    def encode_ids(self, ids: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64.

        Raises:
            DeviceLostError: the GPU failed, or has no memory for a single text.
        """
        return self._features("text", ids)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8.

        Raises:
            DeviceLostError: the GPU failed, or has no memory for a single picture.
        """
        return self._features("image", pixels)

    def _features(self, tower: Tower, inputs: np.ndarray) -> np.ndarray:
        rows: list[np.ndarray] = []
        done = 0
        while done < len(inputs):
            part = inputs[done : done + self._most.get(tower, len(inputs))]
            try:
                rows.append(self._call(tower, part))
                done += len(part)
            except torch.OutOfMemoryError as error:
                if len(part) == 1:
                    raise DeviceLostError(f"{self.device} has no memory left: {_first_line(error)}") from error
                self._most[tower] = len(part) // 2
                logger.warning(
                    "%s has no memory for %d inputs of the %s tower at once; from now on %d",
                    self.device,
                    len(part),
                    tower,
                    self._most[tower],
                )
            except torch.AcceleratorError as error:  # the whole process has lost it
                raise DeviceLostError(f"{self.device} failed: {_first_line(error)}") from error
            else:
                continue
            # Out of the handler: the exception holds the frames, and they the tensors.
            torch.cuda.empty_cache()
        return np.concatenate(rows)

    def _call(self, tower: Tower, inputs: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) for inputs that fit into memory together."""
        there = torch.from_numpy(inputs)
        if self._device.type == "cuda":
            # From pinned memory the copy needs no second one on the way, and the CPU goes on meanwhile.
            there = there.pin_memory().to(self._device, non_blocking=True)
        with torch.inference_mode():
            features: Tensor = self._model(**{tower: there})[f"{tower}_features"]
            return np.ascontiguousarray(features.float().cpu().numpy())


def torch_encoder(
    checkpoint: Checkpoint, device: torch.device, fallback: Callable[[], Towers] | None = None
) -> Encoder:
    """Return the encoder of a checkpoint in memory; its model is moved and converted, not copied.

    `fallback` is what the encoder turns to when the device is lost.
    """
    towers = TorchTowers(checkpoint, device)
    config, training = checkpoint.model.config, checkpoint.training
    return Encoder(checkpoint.encoder_id, config, training, checkpoint.text, towers, fallback)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
