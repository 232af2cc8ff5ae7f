"""Progress bars and the console for all offline work. Knows nothing of the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[..., None]
"""Called as `advance(count, **facts)`: `count` more are done; facts, such as the loss, are shown beside the bar."""

PLAIN_SECONDS = 15.0
"""Between two lines of progress where there is no terminal to draw a bar on (a log file, a container)."""


def report_console() -> Console:
    """Return the console that offline work reports to: standard error, lines unbroken."""
    return Console(stderr=True, soft_wrap=True)


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Show how many a second."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else "", style="cyan")


@contextmanager
def bar(description: str, total: int, unit: str, console: Console | None = None) -> Iterator[Advance]:
    """Show progress with rate and time left while the block runs; yield how to advance it."""
    console = console or report_console()
    if not console.is_terminal:
        yield _plain(description, total, unit, console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total, facts="")
        yield lambda count=1, **facts: progress.update(task, advance=count, facts=_shown(facts))


def _plain(description: str, total: int, unit: str, console: Console) -> Advance:
    started = said = time.monotonic()
    first: int | None = None
    done = 0

    def advance(count: int = 1, **facts: float | str) -> None:
        nonlocal done, said, first
        done += count
        # The first call includes what an earlier run did and the start-up, so the rate counts from the second one.
        first = done if first is None else first
        now = time.monotonic()
        if now - said >= PLAIN_SECONDS or (done >= total and now - started >= 1):
            said = now
            rate = (done - first) / (now - started)
            left = f", {(total - done) / rate:,.0f} s left" if rate and done < total else ""
            console.print(f"{description}: {done:,}/{total:,}, {rate:,.0f} {unit}/s{left}  {_shown(facts)}".rstrip())

    return advance


def _shown(facts: dict[str, float | str]) -> str:
    return "  ".join(
        f"{name} {fact:.3f}" if isinstance(fact, float) else f"{name} {fact}" for name, fact in facts.items()
    )
