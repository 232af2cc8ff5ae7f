"""The results of a sweep: the trials as data, the best config, a table, and Optuna's plots of the study."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich import box
from rich.table import Table

from common import atomic_file, write_json
from models import WEIGHTS_FILE
from training.resume import STATE_FILE
from training.sweep.space import (
    BEST_FILE,
    COMPLETE,
    FAILED,
    MEASURE,
    PLOT_FILE,
    PRUNED,
    SWEEP_FILE,
    TRIALS,
    SweepPlan,
    to_toml,
    with_overrides,
)

if TYPE_CHECKING:
    import optuna

SHOWN = 6
"""Trials in the table."""
FIGURES = ("hub_recall1", "hub_recall10", "hub_mrr10", "recall1", "recall10", "mrr10")
"""Of a validation, that are kept of a trial."""


def collect_result(study: optuna.Study, plan: SweepPlan, data: str) -> dict[str, Any]:
    """Return the finished trials, best first: complete ones, pruned ones, failed ones; see `run_sweep`."""
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}
    entries = []
    for trial in study.get_trials(deepcopy=False, states=tuple(states)):
        best = trial.user_attrs.get("best", {})
        entry = {
            "number": trial.number,
            "state": states[trial.state],
            "values": {name: plan.space[name].read(value) for name, value in trial.params.items()},
            **{name: best.get(name) for name in ("score", *FIGURES)},
            "best_epoch": best.get("epoch"),
            "epochs": max(trial.intermediate_values, default=-1) + 1,
            "seconds": trial.user_attrs.get("seconds"),
        }
        if "reason" in trial.user_attrs:
            entry["reason"] = trial.user_attrs["reason"]
        entries.append(entry)
    order = list(states.values())
    entries.sort(key=lambda entry: (order.index(entry["state"]), -(entry["score"] or 0.0), entry["number"]))
    return {
        "config": plan.name,
        "data": data,
        "space": {name: allowed.to_json() for name, allowed in plan.space.items()},
        "best": entries[0]["number"] if entries and entries[0]["state"] == COMPLETE else None,
        "trials": entries,
    }


def write_results(out: Path, plan: SweepPlan, result: dict[str, Any]) -> None:
    """Write the results and the best config into `out`; delete the weights of all trials but the best."""
    _delete_losers(out, result)
    write_json(out / SWEEP_FILE, result)
    if result["best"] is None:
        return
    best = result["trials"][0]
    head = (
        f"# Trial {best['number']} of {len(result['trials'])} over {result['config']}: validation {_figures(best)}.\n"
    )
    with atomic_file(out / BEST_FILE) as beside:
        beside.write_text(head + to_toml(with_overrides(plan.written, best["values"])), encoding="utf-8")


def write_plot(out: Path, study: optuna.Study, result: dict[str, Any]) -> None:
    """Draw the study into `out`, once a trial is complete."""
    if result["best"] is None:
        return
    with atomic_file(out / PLOT_FILE) as beside:
        title = f"{result['config']} on {result['data']}: {len(result['trials'])} trials"
        _plot(study, list(result["space"]), title).save(beside, format="png")


def summary_line(result: dict[str, Any], number: int) -> str:
    """Return the outcome of a trial in one line."""
    entry = next(entry for entry in result["trials"] if entry["number"] == number)
    if entry["state"] == FAILED:
        return f"trial {number} failed: {entry['reason']}"
    line = f"trial {number}: validation {_figures(entry)}"
    if entry["state"] == PRUNED:
        line += f", stopped after epoch {entry['epochs']} since earlier trials were better there"
    return line if result["best"] is None else f"{line}; best so far: trial {result['best']}"


def terminal_table(result: dict[str, Any]) -> Table:
    """Return the best trials, side by side, as a table for the terminal; `result` as `run_sweep` returns it."""
    finished = [entry for entry in result["trials"] if entry["state"] != FAILED]
    shown = finished[:SHOWN]
    left = len(result["trials"]) - len(finished)
    title = f"{result['config']} on {result['data']}: {len(result['trials'])} trials"
    table = Table(
        title=f"{title}, {left} of them failed" if left else title,
        caption="† stopped early: earlier trials were better then" if shown and shown[-1]["state"] == PRUNED else None,
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column("rank", no_wrap=True)
    for rank, entry in enumerate(shown, 1):
        table.add_column(
            str(rank), justify="right", overflow="fold", style="bold" if entry["number"] == result["best"] else ""
        )
    table.add_row("trial", *(str(entry["number"]) for entry in shown))
    for name in result["space"]:
        table.add_row(name.rsplit(".", 1)[-1], *(_short(entry["values"][name]) for entry in shown))
    table.add_section()
    for label, name in (("R@10", "recall10"), ("MRR@10", "mrr10")):
        for after, prefix in ((", corrected", "hub_"), ("", "")):
            table.add_row(label + after, *(f"{entry[prefix + name]:.3f}" for entry in shown))
    table.add_row("epochs", *(f"{'† ' if entry['state'] == PRUNED else ''}{entry['epochs']}" for entry in shown))
    table.add_row("seconds", *(f"{entry['seconds']:,.0f}" for entry in shown))
    return table


def _plot(study: optuna.Study, fields: list[str], title: str) -> Image.Image:
    """Draw the history of a study, the curves of its trials, and the score over the values of each field.

    Pruned trials appear in the curves only.
    """
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter
    from optuna.exceptions import ExperimentalWarning
    from optuna.visualization import matplotlib as plots

    # Optuna draws with pyplot and sets a style for the whole process; the context puts back what was there.
    with warnings.catch_warnings(), pyplot.rc_context({"figure.figsize": (7.2, 4.2), "figure.dpi": 110}):
        warnings.simplefilter("ignore", ExperimentalWarning)  # a change of these functions would fail our tests
        # When all trials have the same value, as after the first one, matplotlib widens the axis.
        warnings.filterwarnings("ignore", "Attempting to set identical", UserWarning)
        history = plots.plot_optimization_history(study, target_name=f"validation {MEASURE}")
        history.set_title(title)
        history.legend(loc="lower right")
        curves = plots.plot_intermediate_values(study)
        curves.set(title="trials by epoch", xlabel="epoch", ylabel=f"validation {MEASURE}")
        if legend := curves.get_legend():
            legend.remove()  # a line a trial: too many to name
        slices: Any = np.ravel(np.asarray(plots.plot_slice(study, fields, target_name=f"validation {MEASURE}")))
        slices[0].figure.suptitle("complete trials by value")
        for axes in slices:
            axes.tick_params(axis="x", labelrotation=30)
            if axes.get_xscale() == "log":  # labelled at 1, 2 and 5 of each power of ten
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter("{x:g}")
                axes.xaxis.set_minor_formatter(NullFormatter())
        parts = [_rendered(axes.figure) for axes in (history, curves, slices[0])]
    above, beside, below = parts
    sheet = Image.new(
        "RGB", (max(above.width + beside.width, below.width), max(above.height, beside.height) + below.height), "white"
    )
    sheet.paste(above, (0, 0))
    sheet.paste(beside, (above.width, 0))
    sheet.paste(below, (0, max(above.height, beside.height)))
    return sheet


def _rendered(figure: Any) -> Image.Image:
    """Return a figure of pyplot as a picture, and close it."""
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    pyplot.close(figure)
    return Image.open(buffer)


def _delete_losers(out: Path, result: dict[str, Any]) -> None:
    """Delete the weights of all trials but the best one; their logs, metrics and cards stay."""
    for entry in result["trials"]:
        if entry["number"] != result["best"]:
            for name in (WEIGHTS_FILE, STATE_FILE):
                (out / TRIALS / str(entry["number"]) / name).unlink(missing_ok=True)


def _figures(entry: dict[str, Any]) -> str:
    return f"R@10 {entry['hub_recall10']:.3f}, MRR@10 {entry['hub_mrr10']:.3f}, corrected for hubs"


def _short(value: Any) -> str:
    """Return the value of a field in few characters."""
    if isinstance(value, list):
        return " + ".join(map(_short, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
