"""The export: from a checkpoint to the same towers for onnxruntime, in int8 where that is close enough.

Needs torch and onnx. What is changed in a graph is in onnx_graph.
"""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from common import ArtefactError, atomic_folder, write_json
from models.backend import TOWERS, TowerName
from models.checkpoint import Checkpoint, load_checkpoint
from models.checkpoint_folder import WEIGHTS_FILE
from models.dual_encoder import DualEncoder
from models.onnx_backend import FORMAT, INPUT, ONNX_FOLDER, OUTPUT, RECORD_FILE, digest, graph_file, run, session
from models.onnx_cut import cut, pack_embeddings
from models.onnx_graph import ATTENTION, join_projections, without_remarks
from models.onnx_quantise import fold_scales, matrices, quantise, smooth, spoilt
from models.packing import WeightsFile

OPSET = 20
CLOSE = 0.99
"""Least cosine between the vectors of an exported tower and those of torch in float32; other forms are not written.

It guards against a tower that computes something else, and finds the matrices that int8 would spoil;
`vitrine export --data` measures what int8 costs in retrieval."""
TITLES = (
    "red dress",
    "Nike Men Blue Running Shoes",
    "Titan Women Silver Watch",
    "a pair of black leather formal shoes for men",
    "Turtle Check Men Navy Blue Shirt",
    "x",  # no empty text: with nothing to attend to, kernels differ in what they return
    "Fastrack Unisex Aviator Sunglasses P202BK1, with case and cloth, for driving and for the beach, in a gift box",
)
PICTURES, DRAWINGS = 12, 6
"""Number of pictures that an exported tower is tried on: gradients and noise, and flat drawings. In DINOv2, a picture
of one colour on white has activations that no noise has."""


def export(folder: Path) -> dict[str, Any]:
    """Write `onnx/` into a checkpoint folder, atomically, and return its record as JSON data.

    The matrices are int8 with one scale a channel. Their inputs are rounded to int8 with one scale a call; a call has
    one text or picture (`OnnxBackend`), so a vector does not depend on what else is encoded. A matrix without which the
    tower is within `CLOSE` of torch stays in float32, and where a few are not enough the tower does.

    Raises:
        ArtefactError: the checkpoint cannot be used, an exported tower does not compute what it should, or the folder
            `onnx` is another's.
    """
    started = time.monotonic()
    checkpoint = load_checkpoint(folder)
    there = folder / ONNX_FOLDER
    if there.exists() and not (there / RECORD_FILE).is_file() and (not there.is_dir() or any(there.iterdir())):
        raise ArtefactError(
            f"{there} holds no export of Vitrine, and would be replaced; move it elsewhere, then export"
        )
    record: dict[str, Any] = {
        "format": FORMAT,
        "encoder_id": checkpoint.encoder_id,
        "logit_scale": float(checkpoint.model.logit_scale.detach().exp().item()),
        "onnxruntime": onnxruntime.__version__,
        "towers": {},
    }
    weights = WeightsFile(folder / WEIGHTS_FILE)
    with atomic_folder(folder / ONNX_FOLDER) as beside:
        for tower in TOWERS:
            data, powers, found = _tower(checkpoint, weights, tower)
            graph, parts = cut(data, weights, powers)
            (beside / graph_file(tower)).write_bytes(graph)
            parts_of = {"bytes": len(graph), "digest": digest(data), "parts": [str(part) for part in parts]}
            record["towers"][tower] = {**found, **parts_of}
        write_json(beside / RECORD_FILE, record)
    return {**record, "seconds": round(time.monotonic() - started, 1)}


def _tower(
    checkpoint: Checkpoint, weights: WeightsFile, tower: TowerName
) -> tuple[bytes, list[np.ndarray], dict[str, Any]]:
    """Return a whole tower in the smallest form that is close enough, its exponents (`smooth`), and what is recorded.

    Attention that does more than `ATTENTION` (adds positions to its scores, for example) is exported node by node, as
    transformers computes it ("eager").
    """
    probes = _probes(checkpoint, tower)
    with torch.inference_mode():
        wanted = [_Tower(checkpoint.model, tower)(torch.from_numpy(probe)).numpy() for probe in probes]
    together = checkpoint.text(TITLES) if tower == "text" else np.concatenate(probes)
    plain = cache(lambda attention: export_tower(checkpoint.model, tower, together, attention))

    def cosine(data: bytes) -> float:
        """Return the least cosine of a tower's vectors to torch's; -1: they are no unit vectors."""
        tried = session(data)
        rows = np.concatenate([run(tried, probe) for probe in probes])
        unit = np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-3  # false for NaN
        return float((rows * np.concatenate(wanted)).sum(axis=1).min()) if unit else -1.0

    for precision, attention in product(("int8", "float32"), (ATTENTION, "eager")):
        try:
            with quiet():
                data, powers, kept = plain(attention), list[np.ndarray](), 0
                if precision == "int8":
                    data, powers, kept = _in_int8(data, probes, cosine)
                data = pack_embeddings(data, weights)
            least = cosine(data)
        except Exception as error:  # torch cannot export this form of the model, or onnxruntime cannot run it
            logging.getLogger("vitrine.models").info("%s %s: %s", tower, precision, error)
            continue
        if least >= CLOSE:
            return data, powers, {"precision": precision, "float32_matrices": kept, "cosine": round(least, 6)}
    raise ArtefactError(
        f"the exported {tower} tower computes other vectors than torch; use the checkpoint with torch, as it is"
    )


def _in_int8(
    plain: bytes, probes: Sequence[np.ndarray], cosine: Callable[[bytes], float]
) -> tuple[bytes, list[np.ndarray], int]:
    """Return a tower in int8, its exponents, and how many of its matrices stay in float32.

    Raises:
        ValueError: int8 spoils too many of them.
    """
    smoothed, powers = smooth(plain, INPUT, probes)
    kept = spoilt(matrices(smoothed), lambda kept: cosine(quantise(smoothed, kept)) >= CLOSE)
    if kept is None:
        raise ValueError("int8 spoils too many matrices")
    return fold_scales(quantise(smoothed, kept)), powers, len(kept)


class _Tower(nn.Module):
    """One tower as a function of one input."""

    def __init__(self, model: DualEncoder, tower: TowerName) -> None:
        super().__init__()
        self.model = model
        self.tower = tower

    def forward(self, inputs: Tensor) -> Tensor:
        """Return unit rows (B, D) for token ids (B, T) or pixels (B, H, W, 3) uint8."""
        features: Tensor = self.model(**{self.tower: inputs})[f"{self.tower}_features"]
        return features


def export_tower(model: DualEncoder, tower: TowerName, probe: np.ndarray, attention: str = ATTENTION) -> bytes:
    """Return a tower as ONNX in float32, for any number of inputs and of tokens; `probe` has several of both.

    From then on the tower of `model` attends as `attention` says, a name that transformers knows. With `ATTENTION`,
    torch cannot run it any more.
    """
    part = getattr(model, f"{tower}_tower")
    if hasattr(part, "set_attn_implementation"):
        part.set_attn_implementation(attention)
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {0: dynamic, 1: dynamic} if tower == "text" else {0: dynamic}
    with quiet():
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
    join_projections(program.model)
    return without_remarks(program.model_proto)


def _probes(checkpoint: Checkpoint, tower: TowerName) -> list[np.ndarray]:
    """Return the inputs that a tower is tried on, one text or picture each."""
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
    for number in range(DRAWINGS):
        inside = np.hypot(down - 0.5, right - 0.5) < 0.1 + 0.05 * number
        pictures.append(np.where(inside[..., None], rng.integers(0, 256, 3), 255).astype(np.uint8))
    return [picture[None] for picture in pictures]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the lines and warnings of the exporter and the quantiser off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
