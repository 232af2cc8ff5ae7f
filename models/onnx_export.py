"""The export: from a checkpoint to the same towers for onnxruntime, in int8 where that is close enough.

Needs torch and onnx. What is changed in a graph is in onnx_graph.
"""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator
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
from models.onnx_graph import ATTENTION, join_projections, quantise, without_remarks
from models.packing import WeightsFile

OPSET = 20
CLOSE = 0.98
"""Least cosine between the vectors of an exported tower and those of torch in float32; other forms are not written.

It guards against a tower that computes something else; `vitrine export --data` measures what int8 costs in
retrieval."""
TITLES = (
    "red dress",
    "Nike Men Blue Running Shoes",
    "Titan Women Silver Watch",
    "a pair of black leather formal shoes for men",
    "Turtle Check Men Navy Blue Shirt",
    "x",  # no empty text: with nothing to attend to, kernels differ in what they return
    "Fastrack Unisex Aviator Sunglasses P202BK1, with case and cloth, for driving and for the beach, in a gift box",
)
PICTURES = 12
"""Number of pictures that an exported tower is tried on: gradients and noise."""


def export(folder: Path) -> dict[str, Any]:
    """Write `onnx/` into a checkpoint folder, atomically, and return its record as JSON data.

    The matrices are int8 with one scale a channel. Their inputs are rounded to int8 with one scale a call; a call has
    one text or picture (`OnnxBackend`), so a vector does not depend on what else is encoded. A tower that is further
    than `CLOSE` from torch in int8 stays in float32.

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
            data, found = _tower(checkpoint, weights, tower)
            graph, parts = cut(data, weights)
            (beside / graph_file(tower)).write_bytes(graph)
            parts_of = {"bytes": len(graph), "digest": digest(data), "parts": [str(part) for part in parts]}
            record["towers"][tower] = {**found, **parts_of}
        write_json(beside / RECORD_FILE, record)
    return {**record, "seconds": round(time.monotonic() - started, 1)}


def _tower(checkpoint: Checkpoint, weights: WeightsFile, tower: TowerName) -> tuple[bytes, dict[str, Any]]:
    """Return a whole tower in the smallest form that is close enough, and its precision and cosine.

    Attention that does more than `ATTENTION` (adds positions to its scores, for example) is exported node by node, as
    transformers computes it ("eager").
    """
    probes = _probes(checkpoint, tower)
    with torch.inference_mode():
        wanted = [_Tower(checkpoint.model, tower)(torch.from_numpy(probe)).numpy() for probe in probes]
    together = checkpoint.text(TITLES) if tower == "text" else np.concatenate(probes)
    plain = cache(lambda attention: export_tower(checkpoint.model, tower, together, attention))
    forms: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (("int8", quantise), ("float32", bytes))
    for (precision, make), attention in product(forms, (ATTENTION, "eager")):
        try:
            with quiet():
                data = pack_embeddings(make(plain(attention)), weights)
            tried = session(data)
            rows = [run(tried, probe) for probe in probes]
        except Exception as error:  # torch cannot export this form of the model, or onnxruntime cannot run it
            logging.getLogger("vitrine.models").info("%s %s: %s", tower, precision, error)
            continue
        cosines = np.concatenate([(one * other).sum(axis=1) for one, other in zip(rows, wanted, strict=True)])
        unit = np.abs(np.linalg.norm(np.concatenate(rows), axis=1) - 1).max() < 1e-3
        if np.isfinite(cosines).all() and unit and cosines.min() >= CLOSE:
            return data, {"precision": precision, "cosine": round(float(cosines.min()), 6)}
    raise ArtefactError(
        f"the exported {tower} tower computes other vectors than torch; use the checkpoint with torch, as it is"
    )


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
