"""Sweeps: the search space of a training config, and the trials over it with Optuna.

Needs the extra `sweep`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.sweep.results import terminal_table as terminal_table
    from training.sweep.space import BEST_FILE as BEST_FILE
    from training.sweep.space import PLOT_FILE as PLOT_FILE
    from training.sweep.sweep import run_sweep as run_sweep

__getattr__ = lazy_exports(
    __name__,
    {
        "training.sweep.results": "terminal_table",
        "training.sweep.space": "BEST_FILE PLOT_FILE",
        "training.sweep.sweep": "run_sweep",
    },
)
