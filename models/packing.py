"""Weights that are packed into bytes, one scale for each group of a row, and the file they are in. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

GROUP = 64
"""The most neighbours in a row that share a scale. With one scale a row, the error is twice as large."""
SCALE = ".scale"
"""Suffix of the name under which the scales of a packed tensor are stored beside it."""


def unpacked_tensor(name: str, value: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    """Return the float32 values of a packed tensor: `value` int8 of any shape, `scale` (rows, groups) float32.

    Raises:
        ValueError: the scale is missing, or does not fit the tensor.
    """
    if scale is None:
        raise ValueError(f"{name} has no {name + SCALE}")
    fits = scale.ndim == 2 and len(scale) == len(value) and value[0].size % scale.shape[1] == 0
    if not fits or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f"{name + SCALE} {scale.shape} does not scale {name} {value.shape}")
    found: np.ndarray = (value.reshape(*scale.shape, -1) * scale[..., None]).reshape(value.shape)
    return found


class WeightsFile:
    """A checkpoint's weights; each is read from the file when it is asked for.

    Raises:
        OSError, SafetensorError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        opened: Any = safe_open(path, "np")
        self._file = opened
        self.names = frozenset(self._file.keys())

    def stored(self, name: str) -> np.ndarray:
        """Return a tensor as it is stored.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self.names:
            raise KeyError(name)
        found: np.ndarray = self._file.get_tensor(name)
        return found

    def float32(self, name: str) -> np.ndarray:
        """Return a tensor's values as float32; KeyError: there is none of that name."""
        value = self.stored(name)
        if value.dtype != np.int8:
            return value.astype(np.float32)
        return unpacked_tensor(name, value, self.stored(name + SCALE) if name + SCALE in self.names else None)
