"""A run folder's files, and what lets a killed run go on: progress, state, log, and the request to stop."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import ConfigError, atomic_file
from models import CONFIG_FILE
from training.config import Recipe, RunConfig, merge
from training.data import refuse_others

STATE_FILE = "state.pt"
"""What an unfinished run needs to go on."""
LOG_FILE = "log.jsonl"
"""A line per step."""
METRICS_FILE = "metrics.json"
"""What came out of a finished run."""
CARD_FILE = "README.md"
"""The model card of a finished run."""
CARD_MARK = "library_name: vitrine"
"""Stands in every model card."""


@dataclass(slots=True)
class Progress:
    """How far a run has come, and its best validation."""

    step: int = 0
    """Steps taken."""
    seconds: float = 0.0
    """Time taken, over all resumptions."""
    epoch_loss: float = 0.0
    """The mean loss of the epoch at hand, of its steps so far."""
    best: float = -math.inf
    """The best `score`."""
    best_epoch: int = -1
    """Its epoch."""
    before: dict[str, float] = field(default_factory=dict)
    """The validation of the checkpoint that it began from; empty without one."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """An entry for each finished epoch: `epoch`, `loss`, and a validation's figures."""

    def __post_init__(self) -> None:
        # An earlier version validated in another gallery; its figures do not compare.
        if self.history and score(self.history[self.best_epoch]) is None:
            self.best = -math.inf

    def end_epoch(self, figures: dict[str, float]) -> dict[str, Any]:
        """Append the epoch at hand to the history, with a validation's `figures`; return its entry."""
        self.history.append({"epoch": len(self.history), "loss": self.epoch_loss, **figures})
        self.epoch_loss = 0.0
        return self.history[-1]

    def is_best(self, entry: dict[str, Any]) -> bool:
        """Return whether `entry` is the best validation so far, and remember it; without figures the last one is."""
        value = score(entry)
        if value is not None and value <= self.best:
            return False
        self.best, self.best_epoch = -math.inf if value is None else value, entry["epoch"]
        return True

    def better(self) -> bool:
        """Return whether the best validation is better than that of the checkpoint that the run began from."""
        before = score(self.before)
        return before is None or self.best > before

    def since_best(self) -> int:
        """Return the validations since the best one."""
        return sum(score(entry) is not None and entry["epoch"] > self.best_epoch for entry in self.history)


def score(figures: Mapping[str, Any]) -> float | None:
    """Return what the best checkpoint has the most of: R@10 + MRR@10, corrected for hubs; None without figures."""
    return float(figures["hub_recall10"] + figures["hub_mrr10"]) if "hub_mrr10" in figures else None


class StateSaver:
    """Writes the state of a run every few minutes."""

    def __init__(self, out: Path, minutes: float, state: Callable[[], dict[str, Any]]) -> None:
        """Write what `state` returns into the run folder `out`, at most once in `minutes`."""
        self._path, self._seconds, self._state = out / STATE_FILE, minutes * 60, state
        self._saved = time.monotonic()

    def save_if_due(self, at_once: bool = False) -> None:
        """Write the state when it is time or `at_once`; the file is whole or the one before."""
        if at_once or time.monotonic() - self._saved >= self._seconds:
            import torch  # here, since reports need the names of a run's files and no torch

            with atomic_file(self._path) as beside:
                torch.save(self._state(), beside)
            self._saved = time.monotonic()


def finished_metrics(out: Path) -> dict[str, Any] | None:
    """Return the metrics of the run in `out` when it is finished."""
    if not (out / METRICS_FILE).is_file() or (out / STATE_FILE).exists():
        return None
    return dict(json.loads((out / METRICS_FILE).read_text(encoding="utf-8")))


def read_state(out: Path, config: RunConfig, resume: bool) -> dict[str, Any] | None:
    """Return the state of the interrupted run in `out`, None for a fresh start.

    Raises:
        ConfigError: `out` holds a run that is not to be resumed, one of another config, or files of the user's own.
    """
    if not resume:
        if (out / CONFIG_FILE).exists() or (out / STATE_FILE).exists():
            raise ConfigError(f"{out} holds a training run already; go on with --resume, or choose another --out")
        _refuse_others(out)
        return None
    _refuse_others(out)
    if not (out / STATE_FILE).exists():
        return None
    import torch

    try:
        state: dict[str, Any] = torch.load(out / STATE_FILE, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ConfigError(f"{out / STATE_FILE} is damaged; delete {out} and train again") from error
    before, ours = _of_this_version(json.loads(state["config"])), json.loads(config.model_dump_json())
    if different := sorted(_differences(before, ours, "")):
        raise ConfigError(f"{out} is a run of another config (it differs in {', '.join(different)}); use the same one")
    return state


def _refuse_others(out: Path) -> None:
    """Refuse a folder with files that no run wrote; a run that has begun leaves its log, and its card has a mark."""
    card = out / CARD_FILE
    theirs = card.is_file() and CARD_MARK not in card.read_text(encoding="utf-8", errors="replace")[:2000]
    begun = (out / LOG_FILE).exists() or (out / STATE_FILE).exists()
    own = {path.name for path in out.iterdir()} if begun and out.is_dir() else set()
    refuse_others(out, own - {CARD_FILE} if theirs else own, "--out")


def _of_this_version(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a run's config with the recipe's fields that an earlier version lacks, at their defaults."""
    if fields["train"].get("loss") == "softmax":  # a field of earlier versions; this loss is the only one now
        del fields["train"]["loss"]
    return {**fields, "train": merge(Recipe().model_dump(mode="json"), fields["train"])}


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

    if threading.current_thread() is not threading.main_thread():  # only the main thread can have signal handlers
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
