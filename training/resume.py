"""What lets a run go on after it was killed: its progress, its state file, its log, and how it is asked to stop."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from common import ConfigError, atomic_file
from models.checkpoint_folder import CONFIG_FILE
from training.config import RunConfig

STATE_FILE = "state.pt"
LOG_FILE = "log.jsonl"


@dataclass(slots=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    epoch_loss: float = 0.0
    best: float = -math.inf
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)


def save_state(out: Path, state: dict[str, Any]) -> None:
    """Write what a resumed run needs, whole or not at all."""
    with atomic_file(out / STATE_FILE) as beside:
        torch.save(state, beside)


def read_state(out: Path, config: RunConfig, resume: bool) -> dict[str, Any] | None:
    """Return the state of the interrupted run in `out`, None for a fresh start.

    Raises:
        ConfigError: `out` holds a run that is not to be resumed, or one of another config.
    """
    if not resume:
        if (out / CONFIG_FILE).exists() or (out / STATE_FILE).exists():
            raise ConfigError(f"{out} holds a training run already; go on with --resume, or choose another --out")
        return None
    if not (out / STATE_FILE).exists():
        return None
    try:
        state: dict[str, Any] = torch.load(out / STATE_FILE, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ConfigError(f"{out / STATE_FILE} is damaged; delete {out} and train again") from error
    theirs, ours = json.loads(state["config"]), json.loads(config.model_dump_json())
    if different := sorted(_differences(theirs, ours, "")):
        raise ConfigError(f"{out} is a run of another config (it differs in {', '.join(different)}); use the same one")
    return state


def _differences(one: Any, other: Any, name: str) -> set[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return set().union(*(_differences(one.get(k), other.get(k), f"{name}.{k}".lstrip(".")) for k in keys))
    return set() if one == other else {name}


@contextmanager
def log_lines(path: Path, steps: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield how to append a line to the log, which is first cut back to the `steps` that a resumed run keeps."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:steps] if path.exists() else []
    with atomic_file(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")

    def write(fields: dict[str, Any]) -> None:
        file.write(json.dumps(fields) + "\n")

    with path.open("a", encoding="utf-8", buffering=1) as file:
        yield write


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or a TERM signal came: the step at hand is finished and saved; a second one stops it."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    if threading.current_thread() is not threading.main_thread():  # only the main thread may listen
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
