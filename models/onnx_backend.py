"""The towers on onnxruntime, for a CPU: what an export is, and how it is run. Needs no torch.

Every text and every picture goes through its tower alone, on one thread, as many at once as there are cores. So its
vector depends on nothing but itself, no text is padded to the length of another, and no thread waits for one on a core
that somebody else has taken (docs/performance.md has what it gains).

onnx/text.onnx, onnx/image.onnx   a tower each, with preprocessing, pooling, projection and normalisation in the graph
onnx/export.json                  whose weights these are, how they are stored, what that costs, the files' hashes
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnxruntime

from common import ArtefactError

FOLDER = "onnx"
RECORD_FILE = "export.json"
FORMAT = 2
"""2: both towers are quantised for one input a call."""
Tower = Literal["text", "image"]
TOWERS: tuple[Tower, ...] = get_args(Tower)
INPUT, OUTPUT = "input", "features"


class OnnxTowers:
    """Both towers as onnxruntime sessions.

    Args:
        folder: a checkpoint folder with an export in it.
        encoder_id: the checkpoint's.
        pad_id: the token id that rows of token ids are filled up with on the right.

    Raises:
        ArtefactError: the export is damaged, of another format, or of other weights than `encoder_id`.
    """

    runtime = "onnx"
    device = "cpu"

    def __init__(self, folder: Path, encoder_id: str, pad_id: int) -> None:
        record = read_record(folder)
        if record["encoder_id"] != encoder_id:
            raise ArtefactError(
                f"{folder / FOLDER} was exported from encoder {record['encoder_id']}, the checkpoint is {encoder_id}; "
                f"export it again with `vitrine export {folder}`"
            )
        self.logit_scale = float(record["logit_scale"])
        self._pad_id = pad_id
        self._sessions = {tower: session(_checked(folder, record, tower)) for tower in TOWERS}
        # As many threads as OpenMP is told to use, where it is told. Otherwise one more than there are cores: between
        # two inputs a thread needs Python's lock, and while it waits for it another one can compute.
        cores = len(os.sched_getaffinity(0))
        self._threads = int(os.environ.get("OMP_NUM_THREADS") or (cores + 1 if cores > 1 else 1))
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="vitrine-towers")

    def encode_ids(self, ids: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64."""
        # A text that is nothing but padding keeps one token of it.
        lengths = np.maximum(((ids != self._pad_id) * np.arange(1, ids.shape[1] + 1)).max(axis=1), 1)
        return self._each("text", [ids[row : row + 1, :length] for row, length in enumerate(lengths.tolist())])

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8."""
        return self._each("image", [pixels[row : row + 1] for row in range(len(pixels))])

    def _each(self, tower: Tower, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return one row (D,) for each of `inputs`, one at least; a thread that is done takes the next one."""
        found: dict[int, np.ndarray] = {}
        left = deque(enumerate(inputs))

        def work() -> None:
            while True:
                try:
                    place, one = left.popleft()
                except IndexError:
                    return
                found[place] = run(self._sessions[tower], one)

        # The calling thread is one of them: handing over and waiting cost as much as a tenth of a text.
        others = [self._pool.submit(work) for _ in range(min(self._threads, len(inputs)) - 1)]
        work()
        for other in others:
            other.result()
        return np.concatenate([found[place] for place in range(len(inputs))])


def exported(folder: Path) -> bool:
    """Return whether a checkpoint folder holds an export, sound or not."""
    return (folder / FOLDER / RECORD_FILE).is_file()


def read_record(folder: Path) -> dict[str, Any]:
    """Return what the export in a checkpoint folder says of itself.

    Raises:
        ArtefactError: there is none, it is damaged, or of another format.
    """
    path = folder / FOLDER / RECORD_FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ArtefactError(
                f"{path} is of format {record['format']}, this version reads {FORMAT}; export it again"
                f" with `vitrine export {folder}`"
            )
        if not {"encoder_id", "logit_scale", "towers"} <= record.keys() or set(record["towers"]) != set(TOWERS):
            raise ValueError("it is incomplete")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{path} cannot be read ({error}); export it with `vitrine export {folder}`") from error
    return record


def session(model: bytes | Path) -> Any:
    """Return an onnxruntime session for a tower, given by its bytes or its file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # its caller's
    options.inter_op_num_threads = 1
    # Both keep memory for every shape of a batch that ever came, which never ends in a service; malloc does as well.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    # As one node, sum and norm take six times as long as the two apart (1.32): a quarter of a text's time.
    apart = ["SkipLayerNormFusion"]
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"], disabled_optimizers=apart)


def run(tower: Any, inputs: np.ndarray) -> np.ndarray:
    """Return a unit row (1, D) float32 that a session makes of one text's ids (1, T) or one picture (1, H, W, 3)."""
    (rows,) = tower.run([OUTPUT], {INPUT: np.ascontiguousarray(inputs)})
    return np.asarray(rows, dtype=np.float32)


def digest(data: bytes) -> str:
    """Return the hash of a tower's file."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _checked(folder: Path, record: dict[str, Any], tower: Tower) -> bytes:
    path = folder / FOLDER / f"{tower}.onnx"
    try:
        data = path.read_bytes()
        if digest(data) != record["towers"][tower]["digest"]:
            raise ValueError("it is not the file that was exported")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{path} cannot be used ({error}); export it again with `vitrine export {folder}`"
        ) from None
    return data
