"""A search over hyper-parameters: a config is trained repeatedly with other values, and scored on validation.

Runs trials and judges them; knows nothing of how a run learns. The sweep's folder holds `study.db` (Optuna's, the
truth), `trials/<number>` (run folders; only the best one keeps its weights), and what is derived after each trial:
`sweep.json`, `best.toml` and, once a minute and at the end, `sweep.png`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console

from common import ConfigError, DataError, InputError, VitrineError
from models import pick_device
from training.data import open_dataset
from training.progress import report_console
from training.resume import score
from training.sweep.results import FIGURES, collect_result, summary_line, write_plot, write_results
from training.sweep.space import TRIALS, SweepPlan
from training.sweep.study import check_installed, lock_folder, next_trial, open_study
from training.train import train

if TYPE_CHECKING:
    import optuna

PLOT_EVERY_S = 60
"""Seconds between two plots of a sweep that goes on; to draw one takes longer than a trial of a small model."""


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
    """Train the config with other values until there are `trials` trials, and return the results, best trial first.

    The first trial has the config's own values where the search space holds them; the others are proposed by a
    tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), and stopped early when their validation is below
    the median of the earlier ones at the same epoch. A validation is judged as in a run: by R@10 + MRR@10, corrected
    for hubs. A sweep in `out` continues where it stopped; on a CPU
    the results do not depend on interruptions.

    Args:
        config: a TOML file; its table [sweep] names fields and their ranges, see `Range`.
        data: a data set that training.data can read.
        out: the sweep's folder.
        trials: in `out` at the end, counting complete, pruned and failed ones.
        cache: see `train`.
        text_tower: hub id or folder instead of the config's.
        image_tower: hub id or folder instead of the config's.
        device: "auto", "cpu", "cuda" or "cuda:N".
        seed: of the proposals.
        console: where to report; standard error when not given.

    Returns:
        "config", "data", "space" (field -> range), "best" (number of the best trial) and "trials": each with "number",
        "state" (complete, pruned or failed), "values" (field -> value), the "score" by which it is judged, the figures
        of its best validation ("hub_recall10", "hub_mrr10" and so on), "best_epoch", "epochs", "seconds" and, of a
        failed one, the "reason". The same as in `sweep.json`.

    Raises:
        ConfigError: Optuna is not installed; a field or range is impossible; `out` is in use, or of another sweep.
        DataError: the data set cannot be read, or leaves nothing to validate on.
        VitrineError: no trial was completed.
    """
    check_installed()
    console = console or report_console()
    plan = SweepPlan.read(config, text_tower, image_tower)
    pick_device(device)
    dataset = open_dataset(data)
    with lock_folder(out), open_study(out, plan, [dataset.name, dataset.fingerprint]) as study:
        result = collect_result(study, plan, dataset.name)
        drawn = time.monotonic()
        while len(result["trials"]) < trials:
            trial = next_trial(study, seed)
            console.print(f"trial {trial.number} ({len(result['trials']) + 1} of {trials})")
            try:
                _run(trial, plan, data, out, cache=cache, device=device, console=console)
            except KeyboardInterrupt:
                console.print(
                    f"the sweep stops in trial {trial.number}, with {len(result['trials'])} done; "
                    "the same command goes on from there"
                )
                raise
            result = collect_result(study, plan, dataset.name)
            write_results(out, plan, result)
            if time.monotonic() - drawn > PLOT_EVERY_S:
                write_plot(out, study, result)
                drawn = time.monotonic()
            console.print(summary_line(result, trial.number))
        write_results(out, plan, result)
        write_plot(out, study, result)
    if result["best"] is None:
        raise VitrineError(
            f"none of the {len(result['trials'])} trials in {out} came to its end; the last one: "
            f"{result['trials'][-1]['reason']}"
        )
    return result


def _run(
    trial: optuna.Trial, plan: SweepPlan, data: Path, out: Path, *, cache: Path, device: str, console: Console
) -> None:
    """Train a run with the trial's values and tell the study the outcome.

    A loss that diverges, values that contradict one another or too large a batch make a failed trial, and no error.

    Raises:
        InputError: the run was refused.
        KeyboardInterrupt: the run was interrupted; it continues when `next_trial` returns its trial again.
    """
    import optuna

    study = trial.study
    values = {name: allowed.suggest(trial, name) for name, allowed in plan.space.items()}
    reported = set(study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    started = time.monotonic()

    def on_epoch(entry: dict[str, Any]) -> None:
        value = score(entry)
        if value is None:
            raise DataError(f"{data} leaves no titles to validate on, by which trials are judged; give more data")
        best: dict[str, Any] | None = trial.user_attrs.get("best")
        if best is None or value > best["score"]:
            trial.set_user_attr("best", {"score": value, **{name: entry[name] for name in ("epoch", *FIGURES)}})
        if entry["epoch"] in reported:  # repeated, since a killed process had not saved it
            return
        trial.report(value, entry["epoch"])
        if entry["epoch"] + 1 < run.train.epochs and trial.should_prune():
            raise optuna.TrialPruned

    def failed(reason: str) -> None:
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)

    try:
        run = plan.with_values(values)
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
        trial.set_user_attr("seconds", round(time.monotonic() - started, 1))
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except VitrineError as error:
        failed(str(error))
        if isinstance(error, InputError):
            raise
    except torch.OutOfMemoryError:
        failed("the device has not enough memory for these values")
    else:
        trial.set_user_attr("seconds", metrics["seconds"])
        study.tell(trial, trial.user_attrs["best"]["score"])
