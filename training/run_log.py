"""What a run says while it learns: log.jsonl, the progress bar, the console, TensorBoard. Knows no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from training.progress import Advance, bar
from training.resume import LOG_FILE, Progress, log_lines

Board = Callable[[str, float, int], None]
"""Called as `board(name, value, step)`."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """Tells every listener of each step and each validation."""

    append: Callable[[dict[str, Any]], None]
    advance: Advance
    console: Console
    board: Board | None
    batch: int
    """Pairs in a step."""

    def step(self, *, step: int, epoch: int, loss: float, **scalars: float) -> None:
        """Record a step; `step` counts from 1, `epoch` from 0."""
        self.append({"step": step, "epoch": epoch, "loss": loss, **scalars})
        self.advance(self.batch, epoch=epoch + 1, loss=loss)
        self._plot({"loss": loss, **scalars}, step)

    def validation(self, entry: dict[str, Any], step: int, *, gallery: int, saved: bool) -> None:
        """Record an epoch's entry of the history; its figures are of `gallery` pictures, its checkpoint may be kept."""
        figures = {name: value for name, value in entry.items() if name not in ("epoch", "loss")}
        line = f"epoch {entry['epoch'] + 1:>3}  loss {entry['loss']:.3f}"
        if figures:
            line += f"  validation R@10 {entry['recall10']:.3f}  MRR {entry['mrr10']:.3f}"
            line += f"; hubs corrected {entry['hub_recall10']:.3f} and {entry['hub_mrr10']:.3f}  (among {gallery:,})"
        self.console.print(line + ("  saved" if saved else ""))
        self._plot({f"validation/{name}": value for name, value in figures.items()}, step)

    def _plot(self, values: dict[str, float], step: int) -> None:
        if self.board is not None:
            for name, value in values.items():
                self.board(name, value, step)


@contextmanager
def open_log(
    out: Path | None, done: Progress, *, steps: int, batch: int, console: Console, board: Board | None
) -> Iterator[RunLog]:
    """Yield the log of a run of `steps` steps of `batch` pairs; with `out`, also into that folder's log.jsonl.

    A resumed run keeps the lines of the steps that are `done`, and goes on behind them.
    """
    lines = log_lines(out / LOG_FILE, done.step) if out is not None else nullcontext(lambda entry: None)
    with bar("training", steps * batch, "samples", console) as advance, lines as append:
        advance(done.step * batch)
        yield RunLog(append, advance, console, board, batch)
