"""The graph of an exported tower: one node for an attention, one product for its three projections.

A text of twelve tokens needs so little arithmetic that the cost of each node counts (DECISIONS.md, "What a text
costs"). Knows no checkpoint and no file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from torch import Tensor, nn
from transformers import AttentionInterface

ATTENTION = "com.microsoft::MultiHeadAttention"
"""A whole attention as one node, from onnxruntime's own operators; also the name under which transformers finds it."""


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: object, scaling: float, **__: object
) -> tuple[Tensor, None]:
    """Attend with heads (B, N, T, F) as `ATTENTION` does, and return (B, T, N, F); the signature is transformers'.

    The only mask is the causal one: an exported tower takes one input a call, so no input is padded.
    """
    batch, heads, tokens, width = query.shape
    flat = [states.transpose(1, 2).flatten(2) for states in (query, key, value)]
    causal = int(getattr(module, "is_causal", False))
    attrs: dict[str, Any] = {"num_heads": heads, "scale": scaling, "unidirectional": causal}
    found = torch.onnx.ops.symbolic(
        ATTENTION, flat, attrs, dtype=query.dtype, shape=(batch, tokens, heads * width), version=1
    )
    return found.reshape(batch, tokens, heads, width), None


# An attention function is chosen by name, for example by `set_attn_implementation`.
AttentionInterface.register(ATTENTION, attend)


def join_projections(model: ir.Model) -> None:
    """Replace the three matrix products before each attention by one, and drop the reshapes around the attention.

    An attention whose inputs have another form stays as it is: GPT-2 has a single matrix from the start.
    """
    graph = model.graph
    for node in [node for node in graph if node.op_type == ATTENTION.partition("::")[2]]:
        for place, value in enumerate(node.inputs):
            if value is not None:
                node.replace_input_with(place, _past_reshapes(value, back=True))
        _past_reshapes(node.outputs[0], back=False).replace_all_uses_with(node.outputs[0])
        # Only three products of one and the same input can become one product.
        projections = [found for value in node.inputs if (found := _projection(value))]
        if len(projections) != 3 or len({id(source) for source, _, _ in projections}) != 1:
            continue
        weight = ir.Value(const_value=ir.tensor(np.hstack([weight for _, weight, _ in projections])))
        bias = ir.Value(const_value=ir.tensor(np.hstack([bias for _, _, bias in projections])))
        for value, part in ((weight, "weight"), (bias, "bias")):
            value.name = f"{node.name}.{part}"
            graph.register_initializer(value)
        multiplied = ir.node("MatMul", [projections[0][0], weight])
        added = ir.node("Add", [multiplied.outputs[0], bias])
        split = ir.node("Split", added.outputs, {"axis": -1, "num_outputs": 3}, num_outputs=3)
        graph.insert_before(node, [multiplied, added, split])
        for place, value in enumerate(split.outputs):
            node.replace_input_with(place, value)
    RemoveUnusedNodesPass()(model)


def _past_reshapes(value: ir.Value, *, back: bool) -> ir.Value:
    """Follow the reshapes that end in `value` (back) or start there; return the furthest value that is (B, T, F)."""
    found = value
    while True:
        users = [use.node for use in value.uses()]
        # Forwards only where one node uses the value: another user would see it with another shape.
        node = value.producer() if back else users[0] if len(users) == 1 else None
        if node is None or node.op_type != "Reshape" or node.inputs[0] is None:
            return found
        value = node.inputs[0] if back else node.outputs[0]
        if value.shape is not None and value.shape.rank() == 3:
            found = value


def _projection(value: ir.Value | None) -> tuple[ir.Value, np.ndarray, np.ndarray] | None:
    """Return input, weights (F, G) and bias (G,) where `value` is `input @ weights + bias`, else None."""
    add = None if value is None else value.producer()
    if add is None or add.op_type != "Add":
        return None
    for multiplied, bias in (add.inputs, add.inputs[::-1]):  # the exporter writes the bias first or last
        node = None if multiplied is None else multiplied.producer()
        if node is not None and node.op_type == "MatMul":
            source, weight = node.inputs
            constants = [value.const_value for value in (weight, bias) if value is not None and value.const_value]
            if source is not None and len(constants) == 2:
                return source, constants[0].numpy(), constants[1].numpy()
    return None


def without_remarks(model: onnx.ModelProto) -> bytes:
    """Return an ONNX model without what its exporter noted of each node: names of classes, lines and paths of files."""
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    for value in (*model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    exported: bytes = model.SerializeToString()
    return exported
