"""What a runtime must do to compute the towers, and how it says that its device is lost. Needs no runtime itself."""

from __future__ import annotations

import re
from typing import Literal, Protocol, get_args

import numpy as np

from common import ConfigError, VitrineError

TowerName = Literal["text", "image"]
"""One tower of the two; also the name of its input in a batch."""
DEVICE = re.compile(r"auto|cpu|(cuda|mps|xpu)(:\d+)?")
TOWERS: tuple[TowerName, ...] = get_args(TowerName)


def check_device(name: str) -> None:
    """Refuse the name of a device that there is nowhere; whether this machine has it is seen when it is used.

    Raises:
        ConfigError: says what there is.
    """
    if not DEVICE.fullmatch(name):
        meant = ", did you mean 'cuda'?" if "gpu" in name.lower() else ";"
        raise ConfigError(f"there is no device {name!r}{meant} choose auto, cpu, cuda or cuda:0")


class DeviceLostError(VitrineError):
    """The device that the towers run on cannot be used any more in this process."""

    code = "device_lost"


class Backend(Protocol):
    """Both towers with their projections on one runtime; called from several threads."""

    @property
    def device(self) -> str:
        """Where they run."""

    @property
    def runtime(self) -> str:
        """What runs them: "torch" or "onnx"."""

    @property
    def logit_scale(self) -> float:
        """The factor by which cosines are multiplied before a softmax makes probabilities of them."""

    def encode_ids(self, ids: np.ndarray, /) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64."""

    def encode_pixels(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8."""
