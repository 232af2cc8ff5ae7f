"""The parts of an exported tower that are in the checkpoint's weights already. Needs neither torch nor onnx.

`onnx/text.graph` is the ONNX file of a tower without those bytes. A part says where they belong in that file, from
which tensors of `model.safetensors` they come, and in which form. So each weight is stored once, and onnxruntime gets
the file that was exported, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.packing import SCALE, WeightsFile

Form = Literal["float32", "float32.T", "int8", "int8.T", "normed", "codes", "scales"]
"""float32: the values. int8: the values rounded with one scale for each output channel. `.T`: turned, from rows that
lead to one output each into columns that do. normed: a convolution's kernels times the scale of the norm behind them.
codes, scales: a packed tensor as it is stored, its bytes without sign.

In int8, a name may end in exponents of its input channels, `name*99:3,201:1`: their weights are multiplied by 2 ** 3
and 2 before they are rounded, because the tower divides the channels by as much (onnx_quantise.py)."""
POWERS = "*"
"""Stands between a tensor's name and its exponents."""
CONVOLUTION, NORM = "convolution.weight", "normalization"
"""How a ResNet's kernels end in the weights' names, and what stands there for the norm behind them."""
EPSILON = float(np.float32(1e-5))
"""What such a norm adds to its variance."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that belong at the place `at` of a graph's file; those of several tensors stand side by side."""

    at: int
    form: Form
    names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((str(self.at), self.form, *self.names))

    @classmethod
    def parse(cls, text: str) -> Part:
        """Return the part that `text` tells, as `str` wrote it; ValueError: it tells none."""
        at, form, *names = text.split(" ")
        for known in get_args(Form):
            if form == known and names:
                return cls(int(at), known, tuple(names))
        raise ValueError(f"{text!r} is no part of a graph")


def values(form: Form, weights: WeightsFile, name: str) -> np.ndarray:
    """Return one tensor in a form; KeyError, ValueError: it is not there, or does not have that form."""
    if form == "codes":
        codes: np.ndarray = weights.stored(name).view(np.uint8) ^ np.uint8(128)
        return codes
    if form == "scales":
        return weights.stored(name + SCALE)
    name, _, powers = name.partition(POWERS)
    found = weights.float32(name)
    if form == "normed":
        norm = name.removesuffix(CONVOLUTION) + NORM
        scale = weights.float32(f"{norm}.weight") / np.sqrt(weights.float32(f"{norm}.running_var") + EPSILON)
        return found * scale.reshape(-1, *[1] * (found.ndim - 1))
    if form.startswith("int8"):
        axis = 1 if form == "int8.T" else 0
        found = rounded(_smoothed(found, powers, axis) if powers else found, axis)
    return found.T if form.endswith(".T") else found


def powers_text(exponents: np.ndarray) -> str:
    """Return exponents (F,) int as they stand behind a name."""
    return ",".join(f"{channel}:{exponents[channel]}" for channel in np.flatnonzero(exponents))


def _smoothed(matrix: np.ndarray, powers: str, axis: int) -> np.ndarray:
    exponents = np.zeros(matrix.shape[axis], dtype=int)
    for power in powers.split(","):
        channel, exponent = map(int, power.split(":"))
        if not 0 <= channel < len(exponents):
            raise ValueError(f"{powers!r} names a channel that a matrix {matrix.shape} does not have")
        exponents[channel] = exponent
    factors = np.exp2(exponents).astype(np.float32)
    return matrix * (factors if axis == 1 else factors[:, None])


def rounded(matrix: np.ndarray, axis: int) -> np.ndarray:
    """Return a float32 matrix as int8, with one scale for all values along `axis`.

    It rounds as onnxruntime's `quantize_dynamic` does, whose scales are in the graph.
    """
    largest = np.maximum(matrix.max(axis, keepdims=True), -matrix.min(axis, keepdims=True))
    scale = (largest.astype(np.float64) / 127).astype(np.float32)
    scale[scale < np.finfo(np.float32).tiny] = 1
    steps: np.ndarray = matrix / scale
    codes: np.ndarray = np.rint(steps, out=steps).astype(np.int8)
    return codes


def filled(graph: bytes, parts: Iterable[Part], weights: WeightsFile) -> bytes:
    """Return the ONNX file whose graph this is; KeyError, ValueError: the weights do not hold a part of it."""
    return b"".join(_pieces(graph, parts, weights))


def _pieces(graph: bytes, parts: Iterable[Part], weights: WeightsFile) -> Iterator[bytes]:
    done = 0
    for part in parts:
        yield graph[done : part.at]
        yield side_by_side([values(part.form, weights, name) for name in part.names])
        done = part.at
    yield graph[done:]


def side_by_side(arrays: Sequence[np.ndarray]) -> bytes:
    """Return the bytes of arrays that are joined along their last dimension."""
    return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1)).tobytes()
