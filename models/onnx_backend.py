"""The towers on onnxruntime, for a CPU: what an export is, and how it is run. Needs no torch.

Each text and each picture goes through its tower alone, on one thread, and as many go at once as there are cores. So a
vector depends on nothing but its input, no text is padded to the length of another, and no thread waits at a barrier
for a core that another process has (docs/performance.md has the gain).

onnx/text.graph, onnx/image.graph   a tower each, with normalisation of pixels, pooling and projection, but without the
                                    bytes that the file of the weights holds (onnx_parts.py)
onnx/export.json                    format, encoder id; of each tower precision, cosine, hash of the whole, and which
                                    parts of it are in the file of the weights
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from safetensors import SafetensorError

from common import ArtefactError, compute_threads, read_json
from models.backend import TOWERS, TowerName
from models.checkpoint_folder import WEIGHTS_FILE
from models.onnx_parts import Part, filled
from models.packing import WeightsFile

ONNX_FOLDER = "onnx"
RECORD_FILE = "export.json"
FORMAT = 4
"""2: both towers are quantised for one input a call. 3: without what the weights' file holds. 4: large channels are
smoothed, and matrices that int8 would spoil are in float32 (onnx_quantise.py)."""
WHOLE_FORMAT, READABLE = 2, (2, 3, 4)
"""The format whose towers are whole ONNX files, and those that are read."""
INPUT, OUTPUT = "input", "features"


class OnnxBackend:
    """The towers as onnxruntime sessions.

    Args:
        folder: a checkpoint folder with an export in it.
        encoder_id: the checkpoint's.
        pad_id: the token id that pads rows of token ids on the right.
        towers: those that will be used; the others are not loaded.

    Raises:
        ArtefactError: the export is damaged, of another format, or of other weights than `encoder_id`.
    """

    runtime = "onnx"
    device = "cpu"

    def __init__(self, folder: Path, encoder_id: str, pad_id: int, towers: Sequence[TowerName] = TOWERS) -> None:
        record = read_record(folder)
        if record["encoder_id"] != encoder_id:
            raise ArtefactError(
                f"{folder / ONNX_FOLDER} was exported from encoder {record['encoder_id']}, the checkpoint is "
                f"{encoder_id}; {_repair(folder)}"
            )
        self.logit_scale = float(record["logit_scale"])
        self._pad_id = pad_id
        with ThreadPoolExecutor(len(towers), thread_name_prefix="vitrine-loading") as side_by_side:
            sessions = side_by_side.map(lambda tower: session(_checked(folder, record, tower)), towers)
            self._sessions = dict(zip(towers, sessions, strict=True))
        # Between two inputs a thread needs the interpreter lock, and while it waits another one computes.
        self._threads = compute_threads()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="vitrine-towers")

    def encode_ids(self, ids: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64."""
        # The position after the last real token; a row of padding alone keeps one token.
        lengths = np.maximum(((ids != self._pad_id) * np.arange(1, ids.shape[1] + 1)).max(axis=1), 1)
        return self._each("text", [ids[row : row + 1, :length] for row, length in enumerate(lengths.tolist())])

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8."""
        return self._each("image", [pixels[row : row + 1] for row in range(len(pixels))])

    def _each(self, tower: TowerName, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return rows (B, D) for B inputs, at least one; each thread takes the next input when it is ready."""
        found: dict[int, np.ndarray] = {}
        left = deque(enumerate(inputs))

        def work() -> None:
            while True:
                try:
                    place, one = left.popleft()
                except IndexError:
                    return
                found[place] = run(self._sessions[tower], one)

        # The calling thread works too: a hand-over to another thread costs a tenth of a text's time.
        others = [self._pool.submit(work) for _ in range(min(self._threads, len(inputs)) - 1)]
        work()
        for other in others:
            if not other.cancel():  # one that has not begun is not waited for
                other.result()
        return np.concatenate([found[place] for place in range(len(inputs))])


def export_remedy(folder: Path) -> str:
    """Return what to do about a checkpoint that onnxruntime cannot use as it is."""
    return f"`vitrine export {folder}` makes it ready, where torch is installed (pip install 'vitrine[train]')"


def _repair(folder: Path) -> str:
    """Return what to do about an export that cannot be used: most are half a copy, or a copy of two checkpoints."""
    return f"copy the whole checkpoint again, or {export_remedy(folder)}"


def exported(folder: Path) -> bool:
    """Return whether a checkpoint folder holds an export, sound or not."""
    return (folder / ONNX_FOLDER / RECORD_FILE).is_file()


def earlier_export(folder: Path) -> bool:
    """Return whether the export in a checkpoint folder is of an earlier format, whose pictures int8 may have spoilt.

    Raises:
        ArtefactError: there is none, it is damaged, or of an unknown format.
    """
    return bool(read_record(folder)["format"] != FORMAT)


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of the export in a checkpoint folder.

    Raises:
        ArtefactError: there is none, it is damaged, or of another format.
    """
    path = folder / ONNX_FOLDER / RECORD_FILE
    remedy = _repair(folder)
    record = read_json(path, remedy)
    if record.get("format") not in READABLE:
        raise ArtefactError(f"{path} is of format {record.get('format')}; this version reads {FORMAT}: {remedy}")
    towers = record.get("towers")
    whole = isinstance(towers, dict) and set(towers) == set(TOWERS) and "encoder_id" in record
    scale = record.get("logit_scale")
    if not whole or not isinstance(scale, int | float) or not math.isfinite(scale):
        raise ArtefactError(f"{path} is incomplete; {remedy}")
    return record


def session(model: bytes | Path) -> Any:
    """Return an onnxruntime session for a tower, given by its bytes or its file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the calling thread
    options.inter_op_num_threads = 1
    # Both keep memory for every shape of input that ever came, so a service would grow for ever. Without them malloc is
    # as fast.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    # Fused into one node, sum and norm take six times as long as the two nodes (1.32): a quarter of a text's time. Sum
    # and GELU take twice as long: 2 % of a picture's time for each layer in float32.
    slow = ["SkipLayerNormFusion", "BiasGeluFusion"]
    found = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"], disabled_optimizers=slow)
    # Kept for a change of providers, which never comes: the whole file beside what the session has made of it.
    found._model_bytes = None
    return found


def run(tower: Any, inputs: np.ndarray) -> np.ndarray:
    """Return the unit row (1, D) float32 of one text's ids (1, T) or one picture (1, H, W, 3)."""
    (rows,) = tower.run([OUTPUT], {INPUT: np.ascontiguousarray(inputs)})
    return np.asarray(rows, dtype=np.float32)


def graph_file(tower: TowerName) -> str:
    """Return the name of a tower's file."""
    return f"{tower}.graph"


def digest(data: bytes) -> str:
    """Return the hash of a whole tower."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _checked(folder: Path, record: dict[str, Any], tower: TowerName) -> bytes:
    whole = record["format"] == WHOLE_FORMAT
    path = folder / ONNX_FOLDER / (f"{tower}.onnx" if whole else graph_file(tower))
    try:
        data = path.read_bytes()
        if not whole:
            parts = [Part.parse(text) for text in record["towers"][tower]["parts"]]
            data = filled(data, parts, WeightsFile(folder / WEIGHTS_FILE))
        if digest(data) != record["towers"][tower]["digest"]:
            raise ValueError("it is not the tower that was exported")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{path} cannot be used ({error}); {_repair(folder)}") from None
    return data
