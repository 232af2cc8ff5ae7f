"""The towers on torch: which device, which number type, how much at once. Knows no files."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from common import ConfigError, first_line
from models.backend import DeviceLostError, TowerName, check_device
from models.checkpoint import Checkpoint

logger = logging.getLogger("vitrine.models")


class TorchBackend:
    """Both towers in the number type that is fastest on their device, projections and norms in float32.

    A call that the device has no memory for is halved until it fits, and later calls begin at that size. Nothing is
    compiled, so a batch of a new shape costs no more than another.
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
        self._limits: dict[TowerName, int] = {}  # the most inputs of a call, once memory was short

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

    def _features(self, tower: TowerName, inputs: np.ndarray) -> np.ndarray:
        rows: list[np.ndarray] = []
        done = 0
        while done < len(inputs):
            part = inputs[done : done + self._limits.get(tower, len(inputs))]
            try:
                rows.append(self._call(tower, part))
                done += len(part)
            except torch.OutOfMemoryError as error:
                if len(part) == 1:
                    raise DeviceLostError(f"{self.device} has no memory left: {first_line(error)}") from error
                self._limits[tower] = len(part) // 2
                logger.warning(
                    "%s has no memory for %d inputs of the %s tower at once; from now on %d",
                    self.device,
                    len(part),
                    tower,
                    self._limits[tower],
                )
            except torch.AcceleratorError as error:  # no later call of this process can use the device
                raise DeviceLostError(f"{self.device} failed: {first_line(error)}") from error
            else:
                continue
            # Outside the handler: inside it the exception keeps the frames, and the frames keep the tensors.
            torch.cuda.empty_cache()
        return np.concatenate(rows)

    def _call(self, tower: TowerName, inputs: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) for inputs that fit into memory together."""
        batch = torch.from_numpy(inputs)
        if self._device.type == "cuda":
            # Pinned memory is copied without an intermediate buffer, and the CPU goes on meanwhile.
            batch = batch.pin_memory().to(self._device, non_blocking=True)
        with torch.inference_mode():
            features: Tensor = self._model(**{tower: batch})[f"{tower}_features"]
            return np.ascontiguousarray(features.float().cpu().numpy())


def pick_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the first GPU, or the CPU where there is none.

    Raises:
        ConfigError: the device does not exist here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    check_device(name)
    try:
        device = torch.device(name)
        if device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("there is no usable GPU")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"the device {name!r} cannot be used ({first_line(error)}); give auto, cpu or cuda"
        ) from error
    return device


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return the type that towers compute in fastest here: bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
