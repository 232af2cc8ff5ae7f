"""Cuts what the checkpoint's weights hold already out of an exported tower; `onnx_parts` puts it back. Needs onnx."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from models.onnx_parts import CONVOLUTION, NORM, POWERS, Form, Part, powers_text, side_by_side, values
from models.packing import SCALE, WeightsFile

LEAST_BYTES = 1024
"""Smaller constants stay in the graph."""
PACKED: tuple[Form, Form] = ("codes", "scales")
SMALLEST_GROUP = 16
"""onnxruntime gathers from packed rows whose groups are powers of two, this long at the least."""


def pack_embeddings(model: bytes, weights: WeightsFile) -> bytes:
    """Return a tower that looks up its tokens in packed rows where the checkpoint has them, with equal results.

    In float32, the table of MiniLM's tokens takes 47 MB of memory, as it is stored 12 MB; a look-up takes no longer.
    """
    proto = onnx.load_from_string(model)
    tables = {value.name: value for value in proto.graph.initializer}
    for place, node in enumerate(proto.graph.node):
        found = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if found is None or any(one.name == "axis" and one.i != 0 for one in node.attribute):
            continue
        table = numpy_helper.to_array(found)
        name, group = _packed_table(table, weights)
        if name is None:
            continue
        codes, scales = (
            numpy_helper.from_array(values(form, weights, name), f"{found.name}.{form}") for form in PACKED
        )
        proto.graph.initializer.extend([codes, scales])
        look_up = onnx.helper.make_node(
            "GatherBlockQuantized",
            [codes.name, node.input[1], scales.name],
            node.output,
            node.name,
            domain="com.microsoft",
            bits=8,
            block_size=group,
            gather_axis=0,
            quantize_axis=1,
        )
        proto.graph.node[place].CopyFrom(look_up)
    used = {name for node in proto.graph.node for name in node.input}
    for value in [value for value in proto.graph.initializer if value.name not in used]:
        proto.graph.initializer.remove(value)
    packed: bytes = proto.SerializeToString()
    return packed


def _packed_table(table: np.ndarray, weights: WeightsFile) -> tuple[str | None, int]:
    """Return the packed tensor whose values are those of a table of embeddings, and how many of a row share a scale."""
    for name in weights.names:
        if table.ndim == 2 and name + SCALE in weights.names and weights.stored(name).shape == table.shape:
            group = table.shape[1] // weights.stored(name + SCALE).shape[1]
            usable = group >= SMALLEST_GROUP and group & (group - 1) == 0
            if usable and np.array_equal(weights.float32(name), table):
                return name, group
    return None, 0


def cut(model: bytes, weights: WeightsFile, powers: Sequence[np.ndarray] = ()) -> tuple[bytes, list[Part]]:
    """Return the graph of a tower without the bytes that `weights` hold, and its parts in their order.

    Tensors are found by their values: whatever an exporter turned, joined or rounded as a `Form` says is cut out, and
    the rest stays in the graph. `powers` are the exponents of the matrices that are smoothed.
    """
    known = _known(weights) | _known_smoothed(weights, powers)
    graph, parts, done, cut_bytes = [], [], 0, 0
    for value in onnx.load_from_string(model).graph.initializer:
        raw = value.raw_data
        if len(raw) < LEAST_BYTES:
            continue
        found = known.get(_digest(raw)) or _joined(numpy_helper.to_array(value), known)
        if found is not None:
            at = model.index(raw, done)
            graph.append(model[done:at])
            parts.append(Part(at - cut_bytes, *found))
            done, cut_bytes = at + len(raw), cut_bytes + len(raw)
    return b"".join([*graph, model[done:]]), parts


def _joined(array: np.ndarray, known: dict[bytes, tuple[Form, tuple[str, ...]]]) -> tuple[Form, tuple[str, ...]] | None:
    """Return where the three thirds of an array come from: the projections of an attention; else None."""
    if array.ndim == 0 or array.shape[-1] % 3:
        return None
    thirds = [known.get(_digest(part.tobytes())) for part in np.split(array, 3, axis=-1)]
    found = [third for third in thirds if third is not None]
    if len(found) < 3 or len({form for form, _ in found}) > 1:
        return None
    return found[0][0], tuple(name for _, names in found for name in names)


def _known(weights: WeightsFile) -> dict[bytes, tuple[Form, tuple[str, ...]]]:
    """Return every form of every tensor, under the digest of its bytes."""
    return {
        _digest(side_by_side([values(form, weights, name)])): (form, (name,))
        for name in sorted(weights.names)
        for form in _forms(weights, name)
    }


def _known_smoothed(weights: WeightsFile, powers: Sequence[np.ndarray]) -> dict[bytes, tuple[Form, tuple[str, ...]]]:
    """Return the smoothed forms of every matrix that has as many input channels as one of the exponents."""
    turned: tuple[tuple[Form, int], ...] = (("int8.T", 1), ("int8", 0))
    found: dict[bytes, tuple[Form, tuple[str, ...]]] = {}
    for exponents in powers:
        text = powers_text(exponents)
        for name in sorted(weights.names):
            shape = weights.stored(name).shape
            for form, axis in turned:
                if len(shape) == 2 and not name.endswith(SCALE) and shape[axis] == len(exponents):
                    smoothed = f"{name}{POWERS}{text}"
                    found[_digest(side_by_side([values(form, weights, smoothed)]))] = (form, (smoothed,))
    return found


def _forms(weights: WeightsFile, name: str) -> Iterator[Form]:
    if name.endswith(SCALE) and name.removesuffix(SCALE) in weights.names:
        return
    if name + SCALE in weights.names:
        yield from PACKED
    if weights.stored(name).ndim == 2:
        yield "float32.T"
        yield "int8"
        yield "int8.T"
    if name.endswith(CONVOLUTION) and f"{name.removesuffix(CONVOLUTION)}{NORM}.running_var" in weights.names:
        yield "normed"
    yield "float32"


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
