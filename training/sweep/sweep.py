"""A search over hyper-parameters: one config trained again and again with other values, scored on validation.

Proposes values and judges runs; knows nothing of how a run learns. The sweep's folder holds `study.db` (Optuna's, the
truth), `trials/<number>` (run folders; only the best one keeps its weights), and what is derived after each trial:
`sweep.json`, `best.toml` and `sweep.png`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

from common import ConfigError, DataError, InputError, VitrineError, atomic_file, write_json
from models.checkpoint_folder import WEIGHTS_FILE
from models.torch_backend import pick_device
from training.data import open_dataset
from training.progress import report_console
from training.reports.plots import DPI, GREY, INK, style
from training.resume import STATE_FILE
from training.sweep.space import Search, to_toml, value_at, with_overrides
from training.train import train

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STUDY_FILE = "study.db"
SWEEP_FILE = "sweep.json"
BEST_FILE = "best.toml"
PLOT_FILE = "sweep.png"
TRIALS = "trials"

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"

SHOWN = 6
"""Trials in the table."""
PANELS_ACROSS = 3
POINT, BEST_POINT = "#2166ac", "#d6721f"


def run_sweep(
    config: Path,
    data: Path,
    out: Path,
    *,
    trials: int,
    cache: Path,
    text_tower: str | None = None,
    image_tower: str | None = None,
    device: str = "auto",
    seed: int = 0,
    console: Console | None = None,
) -> dict[str, Any]:
    """Train the config with other values `trials` times in all, and return what came out, best trial first.

    The first trial has the config's own values where the search space holds them; the others are proposed by a
    tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), and stopped early when their validation MRR@10 is
    below the median of the earlier ones at the same epoch. A sweep in `out` goes on where it stopped, and on a CPU
    ends as if it had never stopped.

    Args:
        config: a TOML file; its table [sweep] names fields and their ranges, see `Range`.
        data: a data set that training.data can read.
        out: the sweep's folder.
        trials: how many there shall be in `out`, finished, pruned and failed ones.
        cache: see `train`.
        text_tower: hub id or folder instead of the config's.
        image_tower: hub id or folder instead of the config's.
        device: "auto", "cpu", "cuda" or "cuda:N".
        seed: of the proposals.
        console: where to report; standard error when not given.

    Returns:
        "config", "data", "space" (field -> range), "best" (number of the best trial) and "trials": each with "number",
        "state" (complete, pruned or failed), "values" (field -> value), "mrr10", "recall10", "recall1", "best_epoch",
        "epochs", "seconds" and, of a failed one, the "reason". The same as in `sweep.json`.

    Raises:
        ConfigError: Optuna is not installed; a field or range that cannot be; `out` is in use, or of another sweep.
        DataError: the data set cannot be read, or leaves nothing to validate on.
        VitrineError: not one trial came to its end.
    """
    optuna = _optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it does is said here
    console = console or report_console()
    asked = Search.read(config, text_tower, image_tower)
    pick_device(device)
    dataset = open_dataset(data)
    with _alone(out), _study(out, asked, [dataset.name, dataset.fingerprint]) as study:
        result = _result(study, asked, dataset.name)
        while len(result["trials"]) < trials:
            trial = _next(study, seed)
            console.print(f"trial {trial.number} ({len(result['trials']) + 1} of {trials})")
            try:
                _run(trial, asked, data, out, cache=cache, device=device, console=console)
            except KeyboardInterrupt:
                console.print(
                    f"the sweep stops in trial {trial.number}, with {len(result['trials'])} done; "
                    "the same command goes on from there"
                )
                raise
            result = _result(study, asked, dataset.name)
            _write(out, result, asked)
            console.print(_line(result, trial.number))
        _write(out, result, asked)
    if result["best"] is None:
        raise VitrineError(
            f"none of the {len(result['trials'])} trials in {out} came to its end; the last one: "
            f"{result['trials'][-1]['reason']}"
        )
    return result


# ---------------------------------------------------------------------- the study


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise ConfigError("a sweep needs Optuna, which is not installed: pip install 'vitrine[sweep]'") from None
    return optuna


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the sweep's folder for this process; two would go on with the same interrupted trial."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise ConfigError(f"another sweep is at work in {out}; wait for it, or choose another --out") from None


@contextmanager
def _study(out: Path, asked: Search, data: list[str]) -> Iterator[optuna.Study]:
    """Open the study in `out`, or begin one.

    Raises:
        ConfigError: it is of another config, search space or data set, or cannot be read.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    path = out / STUDY_FILE
    if (out / TRIALS).exists() and not path.exists():
        raise ConfigError(f"{out} holds trials without their {STUDY_FILE}; delete it, or choose another --out")
    space = {name: allowed.to_json() for name, allowed in asked.space.items()}
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path} is no study that can be read ({reason}); delete {out} or choose another") from None
    try:
        # A run's first epochs say little of its end: none is stopped in them.
        pruner = optuna.pruners.MedianPruner(n_warmup_steps=asked.run.train.epochs // 5)
        study = optuna.create_study(
            study_name="sweep", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
        )
        if not study.user_attrs:
            run = asked.run.model_dump(mode="json")
            own = {name: value_at(run, name) for name in space}
            if all(asked.space[name].holds(value) for name, value in own.items()):
                stored = {name: asked.space[name].stored(value) for name, value in own.items()}
                study.enqueue_trial(stored, skip_if_exists=True)
            study.set_user_attr("asked", {"config": asked.fields, "[sweep]": space, "data": data})
        theirs = study.user_attrs["asked"]
        if theirs["data"] != data:
            raise ConfigError(
                f"{out} is a sweep over the data {theirs['data'][0]} ({theirs['data'][1]}), not {data[0]} ({data[1]}); "
                "use the same, or choose another --out"
            )
        before = _flat(theirs["config"]) | {f"[sweep] {name}": allowed for name, allowed in theirs["[sweep]"].items()}
        now = _flat(asked.fields) | {f"[sweep] {name}": allowed for name, allowed in space.items()}
        if different := sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)):
            raise ConfigError(
                f"{out} is a sweep of another config (it differs in {', '.join(different)}); "
                "use the same one, or choose another --out"
            )
        try:
            yield study
        except InputError:
            if not (out / TRIALS).exists():  # no run has begun: nothing binds the folder to this command
                optuna.delete_study(study_name="sweep", storage=storage)
            raise
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _flat(fields: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return the nested `fields` as one table of dotted names."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


# ---------------------------------------------------------------------- trials


def _next(study: optuna.Study, seed: int) -> optuna.Trial:
    """Return the trial that an earlier process did not finish, else a new one."""
    import optuna

    trials = study.get_trials(deepcopy=False)
    # Drawn from (seed, trials so far), so that it does not matter how often the sweep was stopped on its way.
    draw = np.random.default_rng([seed, sum(trial.state.is_finished() for trial in trials)])
    study.sampler = optuna.samplers.TPESampler(seed=int(draw.integers(2**31)))
    for trial in trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            return optuna.Trial(study, trial._trial_id)
    return study.ask()


def _run(
    trial: optuna.Trial, asked: Search, data: Path, out: Path, *, cache: Path, device: str, console: Console
) -> None:
    """Train a run with the trial's values and tell the study what came of it.

    A loss that diverges, values that contradict one another or too large a batch is an outcome like others.

    Raises:
        InputError: the run was refused.
        KeyboardInterrupt: the run was interrupted, and goes on where `_next` returns its trial again.
    """
    import optuna

    study = trial.study
    values = {name: allowed.suggest(trial, name) for name, allowed in asked.space.items()}
    reported = set(study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    begun = time.monotonic()

    def on_epoch(entry: dict[str, Any]) -> None:
        if "mrr10" not in entry:
            raise DataError(f"{data} leaves no titles to validate on, by which trials are judged; give more data")
        best: dict[str, Any] | None = trial.user_attrs.get("best")
        if best is None or entry["mrr10"] > best["mrr10"]:
            trial.set_user_attr("best", {name: entry[name] for name in ("epoch", "mrr10", "recall10", "recall1")})
        if entry["epoch"] in reported:  # of an epoch that a killed process had not saved
            return
        trial.report(entry["mrr10"], entry["epoch"])
        if entry["epoch"] + 1 < run.train.epochs and trial.should_prune():
            raise optuna.TrialPruned

    def failed(reason: str) -> None:
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)

    try:
        run = asked.with_values(values)
    except ConfigError as error:
        return failed(str(error))
    try:
        metrics = train(
            run,
            data,
            out / TRIALS / str(trial.number),
            cache=cache,
            resume=True,
            device=device,
            console=console,
            on_epoch=on_epoch,
            report=False,
        )
    except optuna.TrialPruned:
        trial.set_user_attr("seconds", round(time.monotonic() - begun, 1))
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except VitrineError as error:
        failed(str(error))
        if isinstance(error, InputError):
            raise
    except torch.OutOfMemoryError:
        failed("the device has not enough memory for these values")
    else:
        trial.set_user_attr("seconds", metrics["seconds"])
        study.tell(trial, trial.user_attrs["best"]["mrr10"])


# ---------------------------------------------------------------------- what came out


def _result(study: optuna.Study, asked: Search, data: str) -> dict[str, Any]:
    """Return the finished trials, best first: complete ones, pruned ones, failed ones; see `sweep`."""
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}
    entries = []
    for trial in study.get_trials(deepcopy=False, states=tuple(states)):
        best = trial.user_attrs.get("best", {})
        entry = {
            "number": trial.number,
            "state": states[trial.state],
            "values": {name: asked.space[name].read(value) for name, value in trial.params.items()},
            "mrr10": best.get("mrr10"),
            "recall10": best.get("recall10"),
            "recall1": best.get("recall1"),
            "best_epoch": best.get("epoch"),
            "epochs": max(trial.intermediate_values, default=-1) + 1,
            "seconds": trial.user_attrs.get("seconds"),
        }
        if "reason" in trial.user_attrs:
            entry["reason"] = trial.user_attrs["reason"]
        entries.append(entry)
    order = list(states.values())
    entries.sort(key=lambda entry: (order.index(entry["state"]), -(entry["mrr10"] or 0.0), entry["number"]))
    return {
        "config": asked.name,
        "data": data,
        "space": {name: allowed.to_json() for name, allowed in asked.space.items()},
        "best": entries[0]["number"] if entries and entries[0]["state"] == COMPLETE else None,
        "trials": entries,
    }


def _delete_losers(out: Path, result: dict[str, Any]) -> None:
    """Delete the weights of all trials but the best one; their logs, metrics and cards stay."""
    for entry in result["trials"]:
        if entry["number"] != result["best"]:
            for name in (WEIGHTS_FILE, STATE_FILE):
                (out / TRIALS / str(entry["number"]) / name).unlink(missing_ok=True)


def _line(result: dict[str, Any], number: int) -> str:
    """Say what came of a trial, in a line."""
    entry = next(entry for entry in result["trials"] if entry["number"] == number)
    if entry["state"] == FAILED:
        return f"trial {number} failed: {entry['reason']}"
    line = f"trial {number}: validation MRR {entry['mrr10']:.3f}"
    if entry["state"] == PRUNED:
        line += f", stopped after epoch {entry['epochs']} since earlier trials were better there"
    return line if result["best"] is None else f"{line}; best so far: trial {result['best']}"


def terminal_table(result: dict[str, Any]) -> Table:
    """Return the best trials of a sweep, side by side, as a table for the terminal; `result` as `sweep` returns it."""
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
        table.add_row(name.rsplit(".", 1)[-1], *(_written(entry["values"][name]) for entry in shown))
    table.add_section()
    table.add_row("MRR@10", *(f"{entry['mrr10']:.3f}" for entry in shown))
    table.add_row("R@10", *(f"{entry['recall10']:.3f}" for entry in shown))
    table.add_row("epochs", *(f"{'† ' if entry['state'] == PRUNED else ''}{entry['epochs']}" for entry in shown))
    table.add_row("seconds", *(f"{entry['seconds']:,.0f}" for entry in shown))
    return table


def _written(value: Any) -> str:
    """Return a field's value in few characters."""
    if isinstance(value, list):
        return " + ".join(map(_written, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


def _write(out: Path, result: dict[str, Any], asked: Search) -> None:
    """Write the sweep's report, its best config and its plot; spare the disk the weights that were not the best."""
    _delete_losers(out, result)
    write_json(out / SWEEP_FILE, result)
    if result["best"] is None:
        return
    best = result["trials"][0]
    head = (
        f"# Trial {best['number']} of {len(result['trials'])} over {result['config']}: "
        f"validation R@10 {best['recall10']:.3f}, MRR@10 {best['mrr10']:.3f}.\n"
    )
    with atomic_file(out / BEST_FILE) as beside:
        beside.write_text(head + to_toml(with_overrides(asked.written, best["values"])), encoding="utf-8")
    with atomic_file(out / PLOT_FILE) as beside:
        _plot(result).savefig(beside, format="png")


# ---------------------------------------------------------------------- the plot


def _plot(result: dict[str, Any]) -> Figure:
    """Draw how the search went, and for each field the trials' values against what they scored."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    across = min(PANELS_ACROSS, 1 + len(result["space"]))
    down = -(-(1 + len(result["space"])) // across)
    figure = Figure(figsize=(3.7 * across, 2.9 * down + 0.6), dpi=DPI, layout="constrained")
    figure.get_layout_engine().set(wspace=0.04, hspace=0.08)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(down, across, sharey=True, squeeze=False)
    for spare in panels.flat[1 + len(result["space"]) :]:
        spare.set_visible(False)
    for row in panels:
        row[0].set_ylabel("validation MRR@10", color=INK)

    scored = sorted((e for e in result["trials"] if e["mrr10"] is not None), key=lambda entry: entry["number"])
    numbers = [float(entry["number"]) for entry in scored]
    history: Axes = panels.flat[0]
    complete = [entry["mrr10"] if entry["state"] == COMPLETE else -np.inf for entry in scored]
    best = np.maximum.accumulate(complete)
    history.step(
        [*numbers, numbers[-1] + 0.5], [*best, best[-1]], where="post", color=BEST_POINT, linewidth=1.2, zorder=1
    )
    _points(history, scored, numbers, result["best"])
    style(history, "trial, and the best so far")
    history.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes, (name, allowed) in zip(panels.flat[1:], result["space"].items(), strict=False):
        values = [entry["values"][name] for entry in scored]
        style(axes, name)
        if "choices" in allowed:
            choices = [_written(choice) for choice in allowed["choices"]]
            # Side by side within a choice, in an order that follows from the trial's number.
            aside = [0.3 * ((entry["number"] * 0.618) % 1 - 0.5) for entry in scored]
            places = [choices.index(_written(value)) + shift for value, shift in zip(values, aside, strict=True)]
            axes.set_xticks(range(len(choices)), choices)
            axes.set_xlim(-0.5, len(choices) - 0.5)
        else:
            places = values
            _span(axes, allowed)
        _points(axes, scored, places, result["best"])
    best_mrr = result["trials"][0]["mrr10"]
    title = f"{result['config']} on {result['data']}: {len(result['trials'])} trials, best MRR@10 {best_mrr:.3f}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    handles, labels = history.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=9)
    return figure


def _points(axes: Axes, scored: list[dict[str, Any]], places: list[float], best: int) -> None:
    """Draw a point per trial at its place and its MRR: full when it came to its end, hollow when it was stopped."""

    def draw(label: str, state: str, is_best: bool, size: int, face: str, edge: str) -> None:
        chosen = [i for i, e in enumerate(scored) if e["state"] == state and (e["number"] == best) == is_best]
        if chosen:
            across, up = [places[i] for i in chosen], [scored[i]["mrr10"] for i in chosen]
            axes.scatter(across, up, s=size, facecolors=face, edgecolors=edge, label=label, zorder=2)

    draw("stopped early, its best until then", PRUNED, False, 44, "white", GREY)
    draw("trial", COMPLETE, False, 52, POINT, "white")
    draw("best trial", COMPLETE, True, 80, BEST_POINT, INK)


def _span(axes: Axes, allowed: dict[str, Any]) -> None:
    """Show the whole range, so that a best value near its end is seen to be there; with plain numbers below."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = allowed["low"], allowed["high"]
    if not allowed["log"]:
        pad = 0.04 * (high - low)
        axes.set_xlim(low - pad, high + pad)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=isinstance(low, int) and isinstance(high, int)))
        return
    decades = np.log10(high / low)
    axes.set_xscale("log")
    axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 4 else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
