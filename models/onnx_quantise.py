"""Int8 for the matrices of an exported tower, where that keeps its vectors. Needs onnx; knows no checkpoint, no file.

onnxruntime rounds the input of a matrix to int8 with one scale a call. A channel that is much larger than the others
then leaves them few steps. Such channels are made smaller in front of the matrix, and their weights larger by as much
(SmoothQuant, Xiao et al., arXiv 2211.10438). A matrix where that does not help stays in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

GAIN = 0.6
"""A matrix is smoothed where its error falls below this part of the error before. Each costs a node."""
LARGE = 0.03
"""Relative error of a product from which on smoothing is worth a node."""
LIMITS = tuple(2.0**power for power in range(5, -3, -1))
"""Sizes that a channel may have when it is smoothed."""
MOST_KEPT = 4
"""Matrices that stay in float32 at the most. A tower with more of them stays in float32 as a whole."""


def smooth(model: bytes, name: str, probes: Sequence[np.ndarray]) -> tuple[bytes, list[np.ndarray]]:
    """Return a float32 tower with large channels made smaller before its matrices, and all exponents.

    Args:
        model: the tower.
        name: of its input.
        probes: inputs, one text or picture each. Channels that are large for one are so for others.

    Returns:
        The tower, which computes the same values, and for each smoothed matrix the exponents (F,) int of its F input
        channels: a channel is divided by 2 ** exponent, and its weights are multiplied by it. Powers of two are exact.
    """
    proto = onnx.load_from_string(model)
    constants = {value.name: value for value in proto.graph.initializer}
    nodes, found = [], []
    for node, matrix, rows in _products(proto, name, probes):
        exponents = _exponents(matrix, rows)
        if exponents is None:
            continue
        found.append(exponents)
        factors = np.exp2(exponents).astype(np.float32)
        stored = numpy_helper.to_array(constants[node.input[1]])
        larger = stored * (factors if _turned(node) else factors[:, None])
        source, weight = (f"{node.name}.{part}" for part in ("smoothed", "weight"))
        proto.graph.initializer.extend(
            [numpy_helper.from_array(1 / factors, f"{source}.factors"), numpy_helper.from_array(larger, weight)]
        )
        nodes.append((node.name, onnx.helper.make_node("Mul", [node.input[0], f"{source}.factors"], [source])))
        node.input[0], node.input[1] = source, weight
    for before, node in nodes:
        place = next(place for place, one in enumerate(proto.graph.node) if one.name == before)
        proto.graph.node.insert(place, node)
    _drop_unused(proto)
    smoothed: bytes = proto.SerializeToString()
    return smoothed, found


def quantise(model: bytes, keep: Sequence[str] = ()) -> bytes:
    """Return an ONNX model with its matrices in int8, one scale for each output channel; nodes in `keep` stay."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tower.onnx"
        quantize_dynamic(
            onnx.load_from_string(model),
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(keep),
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return path.read_bytes()


def matrices(model: bytes) -> list[str]:
    """Return the names of the nodes that multiply by a constant matrix, in their order."""
    return [node.name for node in _constant_products(onnx.load_from_string(model))]


def spoilt(names: Sequence[str], close: Callable[[Sequence[str]], bool]) -> list[str] | None:
    """Return which matrices must stay in float32 for a tower to be close; None: more than `MOST_KEPT`.

    Args:
        names: the matrices, in their order.
        close: whether the tower is close enough when these matrices stay in float32.
    """
    kept: list[str] = []
    while not close(kept):
        if len(kept) == MOST_KEPT:
            return None
        # The first `good` matrices may be int8, the first `bad` may not.
        good, bad = 0, len(names)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if close([*kept, *names[middle:]]) else (good, middle)
        kept.append(names[good])
    return kept


def fold_scales(model: bytes) -> bytes:
    """Return a quantised tower whose constant factors behind a matrix (the layer scales of DINOv2) are in its scales.

    A node less for each: 2 % of a picture's time.
    """
    proto = onnx.load_from_string(model)
    constants = {value.name: value for value in proto.graph.initializer}
    makers = {name: node for node in proto.graph.node for name in node.output}
    users: dict[str, int] = {}
    for name in (name for node in proto.graph.node for name in node.input):
        users[name] = users.get(name, 0) + 1
    for node in [node for node in proto.graph.node if node.op_type == "Mul"]:
        value, factors = sorted(node.input, key=lambda name: name in constants)
        added = makers.get(value)
        if factors not in constants or added is None or added.op_type != "Add" or users[value] > 1:
            continue
        product, bias = sorted(added.input, key=lambda name: name in constants)
        scaled = makers.get(product)
        if bias not in constants or scaled is None or scaled.op_type != "Mul" or users[product] > 1:
            continue
        scales = [one for name in scaled.input if (one := _weight_scale(makers.get(name), constants))]
        parts = (bias, *scales)
        arrays = [numpy_helper.to_array(constants[name]) for name in (factors, *parts)]
        if len(scales) != 1 or len({array.shape for array in arrays}) > 1 or any(users[name] > 1 for name in parts):
            continue
        for name, array in zip(parts, arrays[1:], strict=True):
            constants[name].CopyFrom(numpy_helper.from_array(array * arrays[0], name))
        added.output[0] = node.output[0]
        proto.graph.node.remove(node)
    _drop_unused(proto)
    folded: bytes = proto.SerializeToString()
    return folded


def _weight_scale(node: onnx.NodeProto | None, constants: dict[str, onnx.TensorProto]) -> str | None:
    """Return the constant of a node that multiplies the scale of a matrix' input by those of the matrix."""
    if node is None or node.op_type != "Mul":
        return None
    found = [name for name in node.input if name in constants]
    return found[0] if len(found) == 1 else None


def _constant_products(proto: onnx.ModelProto) -> list[onnx.NodeProto]:
    constants = {value.name for value in proto.graph.initializer}
    return [node for node in proto.graph.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in constants]


def _products(
    proto: onnx.ModelProto, name: str, probes: Sequence[np.ndarray]
) -> Iterator[tuple[onnx.NodeProto, np.ndarray, list[np.ndarray]]]:
    """Yield each node that multiplies by a constant matrix, the matrix (F, G), and of each probe the rows (T, F)."""
    nodes = _constant_products(proto)
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    sources = list(dict.fromkeys(node.input[0] for node in nodes))
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, None) for one in sources
    )
    tower = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = [dict(zip(sources, tower.run(sources, {name: probe}), strict=True)) for probe in probes]
    constants = {value.name: value for value in proto.graph.initializer}
    for node in nodes:
        stored = numpy_helper.to_array(constants[node.input[1]])
        matrix = stored.T if _turned(node) else stored
        yield node, matrix, [one[node.input[0]].reshape(-1, len(matrix)) for one in seen]


def _turned(node: onnx.NodeProto) -> bool:
    """Return whether a product's matrix is stored (G, F)."""
    return any(one.name == "transB" and one.i for one in node.attribute)


def _exponents(matrix: np.ndarray, probes: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the exponents (F,) with which a product has the least error in int8, or None: not worth a node."""
    largest = np.maximum(np.max([np.abs(rows).max(axis=0) for rows in probes], axis=0), np.finfo(np.float32).tiny)
    wanted = [rows @ matrix for rows in probes]
    exponents = np.zeros(len(matrix), dtype=int)
    before = least = _error(matrix, probes, wanted, exponents)
    if before < LARGE:
        return None
    for limit in LIMITS:
        tried = np.maximum(np.ceil(np.log2(largest / limit)), 0).astype(int)
        error = _error(matrix, probes, wanted, tried)
        if error < least:
            least, exponents = error, tried
    return exponents if least < GAIN * before else None


def _error(
    matrix: np.ndarray, probes: Sequence[np.ndarray], wanted: Sequence[np.ndarray], exponents: np.ndarray
) -> float:
    """Return the relative error of a product in int8, as the root of the mean square over all rows."""
    factors = np.exp2(exponents).astype(np.float32)
    larger = matrix * factors[:, None]
    steps = np.maximum(np.abs(larger).max(axis=0) / 127, np.finfo(np.float32).tiny)
    rounded = np.rint(larger / steps) * steps
    errors = []
    for rows, exact in zip(probes, wanted, strict=True):
        smaller = rows / factors
        step = max(float(smaller.max()), 0) / 255 - min(float(smaller.min()), 0) / 255 or 1
        off = np.linalg.norm((np.rint(smaller / step) * step) @ rounded - exact, axis=1)
        errors.append(off / np.maximum(np.linalg.norm(exact, axis=1), np.finfo(np.float32).tiny))
    return float(np.sqrt(np.mean(np.square(np.concatenate(errors)))))


def _drop_unused(proto: onnx.ModelProto) -> None:
    used = {name for node in proto.graph.node for name in node.input}
    for value in [value for value in proto.graph.initializer if value.name not in used]:
        proto.graph.initializer.remove(value)
