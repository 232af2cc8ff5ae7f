"""From a checkpoint to the same towers for onnxruntime, in int8 where that is close enough. Needs torch and onnx."""

from __future__ import annotations

import io
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from torch import Tensor, nn
from transformers import AttentionInterface

from common import ArtefactError, atomic_folder, write_json
from models.checkpoint import Checkpoint, load_checkpoint
from models.dual_encoder import DualEncoder
from models.onnx_backend import FOLDER, FORMAT, INPUT, OUTPUT, RECORD_FILE, TOWERS, Tower, digest, run, session

OPSET = 20
CLOSE = 0.98
"""Least cosine between an exported tower's vectors and torch's float32 ones; what is further off is not installed.

A guard against a tower that computes something else; what int8 costs in retrieval, `vitrine export --data` measures."""
ATTENTION = "com.microsoft::MultiHeadAttention"
"""A whole attention as one node, which onnxruntime has beyond ONNX's own; a name for transformers too."""
TITLES = (
    "red dress",
    "Nike Men Blue Running Shoes",
    "Titan Women Silver Watch",
    "a pair of black leather formal shoes for men",
    "Turtle Check Men Navy Blue Shirt",
    "x",  # no empty one: where a tower has nothing to attend to, its kernels disagree
    "Fastrack Unisex Aviator Sunglasses P202BK1, with case and cloth, for driving and for the beach, in a gift box",
)
PICTURES = 12
"""Pictures that an exported tower is tried on: gradients and noise."""


def export(folder: Path) -> dict[str, Any]:
    """Write `onnx/` into a checkpoint folder, whole or not at all, and return its record as JSON data.

    The matrices are int8 by channel, and multiplied with inputs that are rounded to int8 with one scale a call: a call
    has one text or picture (`OnnxTowers`), so its vector does not depend on what is encoded beside it. A tower that
    comes out further than `CLOSE` from torch is kept in float32.

    Raises:
        ArtefactError: the checkpoint cannot be used, or an exported tower does not compute what it should.
    """
    started = time.monotonic()
    checkpoint = load_checkpoint(folder)
    record: dict[str, Any] = {
        "format": FORMAT,
        "encoder_id": checkpoint.encoder_id,
        "logit_scale": float(checkpoint.model.logit_scale.detach().exp().item()),
        "onnxruntime": onnxruntime.__version__,
        "towers": {},
    }
    with atomic_folder(folder / FOLDER) as beside:
        for tower in TOWERS:
            data, found = _tower(checkpoint, tower)
            (beside / f"{tower}.onnx").write_bytes(data)
            record["towers"][tower] = {**found, "bytes": len(data), "digest": digest(data)}
        record["seconds"] = round(time.monotonic() - started, 1)
        write_json(beside / RECORD_FILE, record)
    return record


def _tower(checkpoint: Checkpoint, tower: Tower) -> tuple[bytes, dict[str, Any]]:
    """Return a tower's file in the smallest form that is close enough, and which that is.

    Attention that is not just that (with positions added to its scores, say) is exported as transformers spells it out.
    """
    probes = _probes(checkpoint, tower)
    with torch.inference_mode():
        wanted = [_Tower(checkpoint.model, tower)(torch.from_numpy(probe)).numpy() for probe in probes]
    together = checkpoint.text(TITLES) if tower == "text" else np.concatenate(probes)
    plain = cache(lambda attention: _exported(checkpoint.model, tower, together, attention))
    forms: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (("int8", _by_channel), ("float32", bytes))
    for (precision, make), attention in product(forms, (ATTENTION, "eager")):
        try:
            with _quiet():
                data = make(plain(attention))
            tried = session(data)
            rows = [run(tried, probe) for probe in probes]
        except Exception as error:  # a form that torch cannot export, or onnxruntime cannot run, of this model
            logging.getLogger("vitrine.models").info("%s %s: %s", tower, precision, error)
            continue
        cosines = np.concatenate([(one * other).sum(axis=1) for one, other in zip(rows, wanted, strict=True)])
        unit = np.abs(np.linalg.norm(np.concatenate(rows), axis=1) - 1).max() < 1e-3
        if np.isfinite(cosines).all() and unit and cosines.min() >= CLOSE:
            return data, {"precision": precision, "cosine": round(float(cosines.min()), 6)}
    raise ArtefactError(f"the {tower} tower comes out of the export different from what it is in torch; it stays there")


class _Tower(nn.Module):
    """One tower as a function of one input."""

    def __init__(self, model: DualEncoder, tower: Tower) -> None:
        super().__init__()
        self.model = model
        self.tower = tower

    def forward(self, inputs: Tensor) -> Tensor:
        """Return unit rows (B, D) for token ids (B, T) or pixels (B, H, W, 3) uint8."""
        features: Tensor = self.model(**{self.tower: inputs})[f"{self.tower}_features"]
        return features


def _exported(model: DualEncoder, tower: Tower, probe: np.ndarray, attention: str = ATTENTION) -> bytes:
    """Return a tower as ONNX in float32, with any number of inputs, and of tokens; `probe` has several.

    The tower attends as `attention` says, one of transformers' names, from now on: torch cannot run `ATTENTION`.
    """
    part = getattr(model, f"{tower}_tower")
    if hasattr(part, "set_attn_implementation"):
        part.set_attn_implementation(attention)
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {0: dynamic, 1: dynamic} if tower == "text" else {0: dynamic}
    with _quiet():
        program = torch.onnx.export(
            _Tower(model, tower).eval(),
            (torch.from_numpy(probe),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(shapes,),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - None is for dynamo=False
    _join_projections(program.model)
    exported: bytes = program.model_proto.SerializeToString()
    return exported


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: object, scaling: float, **__: object
) -> tuple[Tensor, None]:
    """Attend with heads (B, N, T, F) as `ATTENTION` does, and return (B, T, N, F); the signature is transformers'.

    There is no mask but the causal one: an exported tower has one input a call, so none is padded.
    """
    batch, heads, tokens, width = query.shape
    flat = [states.transpose(1, 2).flatten(2) for states in (query, key, value)]
    causal = int(getattr(module, "is_causal", False))
    attrs: dict[str, Any] = {"num_heads": heads, "scale": scaling, "unidirectional": causal}
    found = torch.onnx.ops.symbolic(
        ATTENTION, flat, attrs, dtype=query.dtype, shape=(batch, tokens, heads * width), version=1
    )
    return found.reshape(batch, tokens, heads, width), None


AttentionInterface.register(ATTENTION, attend)


def _join_projections(model: ir.Model) -> None:
    """Make one multiplication of the three that lead to each attention, and drop the reshapes around it.

    A text is so small that what a node costs beside its arithmetic counts. Whatever comes in another shape (GPT-2 has
    one matrix from the start) stays as it is.
    """
    graph = model.graph
    for node in [node for node in graph if node.op_type == ATTENTION.partition("::")[2]]:
        for place, value in enumerate(node.inputs):
            if value is not None:
                node.replace_input_with(place, _past_reshapes(value, back=True))
        _past_reshapes(node.outputs[0], back=False).replace_all_uses_with(node.outputs[0])
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
    """Return what reshapes have made `value` of, or make of it: the furthest that is (B, T, F) as well."""
    found = value
    while True:
        users = [use.node for use in value.uses()]
        node = value.producer() if back else users[0] if len(users) == 1 else None
        if node is None or node.op_type != "Reshape" or node.inputs[0] is None:
            return found
        value = node.inputs[0] if back else node.outputs[0]
        if value.shape is not None and value.shape.rank() == 3:
            found = value


def _projection(value: ir.Value | None) -> tuple[ir.Value, np.ndarray, np.ndarray] | None:
    """Return input, weights (F, G) and bias (G,) of `input @ weights + bias`, None where `value` is not that."""
    add = None if value is None else value.producer()
    if add is None or add.op_type != "Add":
        return None
    for multiplied, bias in (add.inputs, add.inputs[::-1]):
        node = None if multiplied is None else multiplied.producer()
        if node is not None and node.op_type == "MatMul":
            source, weight = node.inputs
            constants = [value.const_value for value in (weight, bias) if value is not None and value.const_value]
            if source is not None and len(constants) == 2:
                return source, constants[0].numpy(), constants[1].numpy()
    return None


def _by_channel(model: bytes) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tower.onnx"
        quantize_dynamic(
            onnx.load_from_string(model),
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return path.read_bytes()


def _probes(checkpoint: Checkpoint, tower: Tower) -> list[np.ndarray]:
    """Return inputs to try a tower on, one text or picture each."""
    if tower == "text":
        return [checkpoint.text([title]) for title in TITLES]
    height, width = checkpoint.model.config.image.preprocess.size
    rng = np.random.default_rng(0)
    down, right = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pictures = []
    for number in range(PICTURES):
        colour, other = rng.uniform(0, 255, (2, 3))
        mixed = (np.sin(3 * number * right + number * down) / 2 + 0.5)[..., None]
        noise = rng.normal(0, 12 * (number % 3), (height, width, 3))
        pictures.append((mixed * colour + (1 - mixed) * other + noise).clip(0, 255).astype(np.uint8))
    return [picture[None] for picture in pictures]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the many lines and warnings of exporter and quantisers off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
