"""What a run leaves, each as soon as it is known: a log of validations, and the best checkpoint in small parts.

log.json                 recipe, device, speed and a figure for each ranking and validation
config.json, tokenizer.json, step-NNNNN.partN
                         the best checkpoint; its weights are in parts small enough to send
best.json                which parts belong together, and their digest
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from common import ArtefactError, atomic_file, atomic_folder, read_json, write_json
from models import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, load_checkpoint, packed
from training.gpu.recipe import Recipe

PART_BYTES = 15_000_000
"""The largest part."""
LOG_FILE = "log.json"
BEST_FILE = "best.json"
_PART = re.compile(r"step-\d+\.part\d+")


class Results:
    """Writes a run's results into a folder."""

    def __init__(self, out: Path, checkpoint: dict[str, Any], tokenizer: str, recipe: Recipe, seconds: float) -> None:
        """`checkpoint` is the config of the checkpoint that the run began with; its `training` gets the recipe."""
        self._out = out
        record = {**checkpoint["training"], "gpu": recipe.model_dump(mode="json"), "seconds": seconds}
        write_json(out / CONFIG_FILE, {**checkpoint, "training": record})
        with atomic_file(out / TOKENIZER_FILE) as beside:
            beside.write_text(tokenizer, encoding="utf-8")

    def log(self, content: dict[str, Any]) -> None:
        """Replace the log."""
        write_json(self._out / LOG_FILE, content)

    def checkpoint(self, weights: dict[str, Tensor], step: int) -> None:
        """Replace the best checkpoint; until the new one is complete, the old one is the best."""
        data = save(packed(weights))
        parts = []
        for number, start in enumerate(range(0, len(data), PART_BYTES)):
            parts.append(f"step-{step:05}.part{number}")
            with atomic_file(self._out / parts[-1]) as beside:
                beside.write_bytes(data[start : start + PART_BYTES])
        write_json(self._out / BEST_FILE, {"step": step, "parts": parts, "digest": _digest(data)})
        for path in self._out.iterdir():
            if _PART.fullmatch(path.name) and path.name not in parts:
                path.unlink()


def join_parts(folder: Path, out: Path) -> str:
    """Write the best checkpoint of a run's `folder` to `out`, which must not exist, and return its encoder id.

    Raises:
        ArtefactError: `out` exists, or a file of the run is missing or damaged.
    """
    if out.exists():
        raise ArtefactError(f"{out} exists already; choose another --out")
    remedy = "copy the whole folder of the run again"
    best = read_json(folder / BEST_FILE, remedy)
    needed = [*best["parts"], CONFIG_FILE, TOKENIZER_FILE]
    if missing := [name for name in needed if not (folder / name).is_file()]:
        raise ArtefactError(f"{folder} holds no {', '.join(missing)}; {remedy}")
    data = b"".join((folder / name).read_bytes() for name in best["parts"])
    if _digest(data) != best["digest"]:
        raise ArtefactError(f"the parts of the checkpoint in {folder} are damaged; {remedy}")
    with atomic_folder(out) as beside:
        for name in (CONFIG_FILE, TOKENIZER_FILE):
            (beside / name).write_bytes((folder / name).read_bytes())
        (beside / WEIGHTS_FILE).write_bytes(data)
        return load_checkpoint(beside).encoder_id


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
