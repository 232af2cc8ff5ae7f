"""Measures the served catalogue on demand: off the event loop, once per split, shared by all who ask. Knows no HTTP."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from app.telemetry import Telemetry
from index.metrics import evaluate_split
from index.search import SearchIndex


class Evaluations:
    """The figures of one search index, computed when first asked for and kept."""

    def __init__(self, index: SearchIndex, telemetry: Telemetry) -> None:
        self._index = index
        self._telemetry = telemetry
        self._figures: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._turn = threading.Lock()

    async def of(self, split: str) -> dict[str, Any]:
        """Return what `index.metrics.evaluate_split` gives for `split`.

        Callers who leave do not stop the computation for the others. A failure is not kept.

        Raises:
            InputError: the catalogue has no product in that split.
        """
        figures = self._figures.get(split)
        if figures is None:
            figures = self._figures[split] = asyncio.get_running_loop().create_future()
            # A daemon, since minutes of arithmetic must not keep the process from ending.
            threading.Thread(
                target=self._compute,
                args=(split, figures, asyncio.get_running_loop()),
                name=f"vitrine-evaluate-{split}",
                daemon=True,
            ).start()
        return await asyncio.shield(figures)

    def _compute(self, split: str, figures: asyncio.Future[dict[str, Any]], loop: asyncio.AbstractEventLoop) -> None:
        """Evaluate `split`, one split at a time, and hand the outcome to the event loop."""
        outcome: dict[str, Any] | Exception
        try:
            with self._turn:
                outcome = evaluate_split(self._index.snapshot, split)
            self._telemetry.evaluated()
        except Exception as error:
            outcome = error

        def settle() -> None:
            if isinstance(outcome, Exception):
                del self._figures[split]
                figures.set_exception(outcome)
                figures.exception()  # read once, for the case that everybody who asked has left
            else:
                figures.set_result(outcome)

        if not loop.is_closed():
            loop.call_soon_threadsafe(settle)
