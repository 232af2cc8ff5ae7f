"""Sweeps: the search space of a training config, and the trials over it with Optuna.

Needs the extra `sweep`.
"""

from __future__ import annotations

from training.sweep.sweep import BEST_FILE, PLOT_FILE, run_sweep, terminal_table

__all__ = [
    "BEST_FILE",
    "PLOT_FILE",
    "run_sweep",
    "terminal_table",
]
