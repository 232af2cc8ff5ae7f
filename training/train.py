"""The training run, in the order in which it happens. Knows no catalogue and no HTTP.

A run folder holds the checkpoint (the best validation so far), `log.jsonl` (a line per step), `state.pt` while the run
is not finished, and at its end `metrics.json`, a model card and a report with pictures. Over several processes:

    torchrun --nproc-per-node N -m training.train CONFIG --data DATA --out FOLDER
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn

from common import ConfigError, VitrineError, write_json
from models import load_checkpoint, save_checkpoint
from training.bank import PictureBank
from training.config import RunConfig, load_config
from training.data import parse_mapping
from training.distributed import World, joined
from training.estimate import told
from training.inputs import Inputs, batches, prefetch
from training.progress import report_console
from training.reports import card_text
from training.resume import (
    CARD_FILE,
    METRICS_FILE,
    STATE_FILE,
    Progress,
    StateSaver,
    finished_metrics,
    interruptible,
    read_state,
)
from training.run_log import open_log
from training.setup import Plan, Setup, make_plan, prepare
from training.trainer import Trainer
from training.validate import encode_rows, validate


def train(
    config: RunConfig,
    data: Path,
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    device: str = "auto",
    console: Console | None = None,
    init: Path | None = None,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    tensorboard: bool = False,
    report: bool = True,
    mapping: Mapping[str, str] | None = None,
    world: World | None = None,
) -> dict[str, Any]:
    """Train a dual encoder on the data set at `data`, write its best checkpoint to `out`, return its metrics.

    Args:
        config: the model, the split and the recipe.
        data: a data set in any layout that `training.data` reads.
        out: the run folder.
        cache: where decoded pixels and locked towers' features are kept, for this run and others.
        resume: go on where an interrupted run stopped; on a CPU the outcome is the same to the last bit.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report; standard error when not given.
        init: a checkpoint folder to start from, instead of pretrained towers and random projections.
        on_epoch: called with each validation's entry of the history; what it raises ends the run.
        tensorboard: also write the log for TensorBoard, into `out`/tensorboard.
        mapping: columns of roles whose names do not tell, see `training.data.open_dataset`.
        report: draw the report's pictures at the end.
        world: the processes that share the run; this one alone when not given.

    Raises:
        ConfigError: `out` is in use, or holds a run of another config or data set.
        DataError: nothing to learn from.
        VitrineError: the loss is not finite any more.
    """
    world = world or World()
    console = (console or report_console()) if world.first else Console(quiet=True)
    recipe = config.train
    if resume and (metrics := finished_metrics(out)) is not None:
        console.print(f"{out} is finished already")
        return metrics
    saved = read_state(out, config, resume)
    board = None
    if tensorboard and world.first:
        from training.reports import tensorboard_writer  # an optional package: say so early when it is missing

        board = tensorboard_writer(out / "tensorboard")

    # ------------------------------------------------ data, split by title; model; inputs of the first epochs
    tokenizer = saved["tokenizer"] if saved is not None else None
    setup = prepare(config, data, device, processes=world.size, init=init, tokenizer=tokenizer, mapping=mapping)
    if world.first and (line := told(setup)) is not None:
        console.print(line, soft_wrap=True, highlight=False)
    locked = recipe.locked_in(0)
    inputs, usable = world.in_turn(setup.inputs, locked, cache)
    plan = make_plan(setup, usable, world.size)

    # ------------------------------------------------ optimiser, average, and where an earlier run stopped
    steps = plan.epoch_steps * recipe.epochs
    bank = PictureBank.of(setup, inputs, plan)
    trainer = Trainer(setup, steps, plan.epoch_steps * recipe.locked_epochs, world, bank)
    console.print(_overview(setup, plan, world))
    done = Progress()
    if saved is not None:
        _check_same_run(saved, setup, out)
        done = Progress(**saved["progress"])
        trainer.load_state_dict(saved)
        console.print(f"going on after step {done.step:,} of {steps:,}")
    world.broadcast(setup.model)
    if trainer.heads is not None:
        world.broadcast(trainer.heads)
    if saved is None and setup.init is not None and world.first:  # what it has to beat, on the same titles
        done.before = validate(setup.model, inputs, plan, setup)

    # ------------------------------------------------ steps
    out.mkdir(parents=True, exist_ok=True)
    saver = StateSaver(out, recipe.save_minutes, lambda: _state(config, setup, trainer, done))
    began = time.monotonic() - done.seconds
    stopped = False
    folder = out if world.first else None
    sizes = {"steps": steps, "batch": plan.batch}
    with open_log(folder, done, **sizes, console=console, board=board) as log, interruptible() as interrupted:
        for epoch in range(done.step // plan.epoch_steps, recipe.epochs):
            if recipe.locked_in(epoch) != locked:  # from locked towers' features to pixels and tokens
                locked = recipe.locked_in(epoch)
                inputs, _ = world.in_turn(setup.inputs, locked, cache)
            trainer.lock(locked)

            order = {"seed": recipe.seed, "epoch": epoch, "start": done.step % plan.epoch_steps}
            share = world.share(plan.batch)
            for batch, groups, rows in prefetch(batches(inputs, plan.learning, plan.batch, **order, share=share)):
                loss = trainer.step(batch, groups, rows, done.step)
                done.step += 1
                done.epoch_loss += loss / plan.epoch_steps
                log.step(step=done.step, epoch=epoch, loss=loss, **trainer.scalars())

                # ------------------------------------ validation and best checkpoint, at the end of an epoch
                if done.step % plan.epoch_steps == 0:
                    due = world.first and recipe.validates_after(epoch)
                    figures = validate(trainer.eval_model, inputs, plan, setup) if due else {}
                    entry = done.end_epoch(figures)
                    if due:
                        best = done.is_best(entry)
                        if best:
                            save_checkpoint(out, trainer.eval_model, setup.text, _record(config, setup))
                        log.validation(entry, done.step, gallery=len(plan.gallery), saved=best)
                        if on_epoch is not None:
                            on_epoch(entry)
                    stopped = world.any(0 < recipe.patience <= done.since_best(), setup.device)

                # ------------------------------------ state, every few minutes and when the run is to stop
                done.seconds = time.monotonic() - began
                asked = world.any(interrupted(), setup.device)
                if world.first:
                    saver.save_if_due(at_once=asked)
                if asked:
                    console.print(f"interrupted after step {done.step:,}; go on with --resume")
                    raise KeyboardInterrupt
            if stopped:
                console.print(f"no better validation in the last {recipe.patience}: stopped early")
                break
    return _finish(config, setup, plan, done, inputs, out, world, report) if world.first else {}


def _overview(setup: Setup, plan: Plan, world: World) -> str:
    """Return one line on what is learned from what, and where."""
    return (
        f"{setup.dataset.name}: {len(plan.learning):,} pairs to learn from, {len(plan.validation):,} to validate on, "
        f"{plan.unusable:,} pictures not usable. {_learned(setup.model):,} parameters to learn on {setup.device}"
        f"{' in bfloat16' if setup.fast else ''}{f', {world.size} processes' if world.size > 1 else ''}"
    )


def _learned(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _record(config: RunConfig, setup: Setup) -> dict[str, Any]:
    """Return what a checkpoint says of its training."""
    return {**config.model_dump(mode="json", exclude={"model"}), "init": setup.init}


def _state(config: RunConfig, setup: Setup, trainer: Trainer, done: Progress) -> dict[str, Any]:
    """Return what a resumed run needs."""
    return {
        "config": config.model_dump_json(),
        "data": setup.dataset.fingerprint,
        "init": setup.init,
        "tokenizer": setup.text.to_json(),
        "progress": asdict(done),
        **trainer.state_dict(),
    }


def _check_same_run(saved: dict[str, Any], setup: Setup, out: Path) -> None:
    """Refuse to go on with other data or another start than the interrupted run's."""
    if saved["data"] != setup.dataset.fingerprint:
        raise ConfigError(f"{out} was trained on other data; resume with the same data, or choose another --out")
    if saved["init"] != setup.init:
        raise ConfigError(f"{out} began from {saved['init'] or 'no checkpoint'}; resume with the same --init")


def _finish(
    config: RunConfig,
    setup: Setup,
    plan: Plan,
    done: Progress,
    inputs: Inputs,
    out: Path,
    world: World,
    report: bool,
) -> dict[str, Any]:
    """Write metrics, model card and report of the best checkpoint; return the metrics."""
    best = load_checkpoint(out)
    metrics = {
        "encoder_id": best.encoder_id,
        "init": setup.init,
        "data": setup.dataset.name,
        "pairs": {"train": len(plan.learning), "validation": len(plan.validation)},
        "gallery": len(plan.gallery),
        "parameters": {"total": sum(p.numel() for p in setup.model.parameters()), "learned": _learned(setup.model)},
        "device": str(setup.device),
        "processes": world.size,
        "seconds": round(done.seconds, 1),
        "samples_per_second": round(done.step * plan.batch / done.seconds, 1),
        "best_epoch": done.best_epoch,
        "before": done.before,
        "history": done.history,
        "better": done.better(),
    }
    card = out / CARD_FILE
    card.write_text(card_text(config, metrics), encoding="utf-8")  # in case the report fails
    write_json(out / METRICS_FILE, metrics)
    if report and len(plan.validation) > 1:
        from training.reports import write_report  # draws with matplotlib, slow to import

        best.model.to(setup.device)
        vectors = encode_rows(best.model, inputs, plan.validation, setup)
        drawn = write_report(out, [setup.dataset.items[row] for row in plan.validation], *vectors)
        card.write_text(card_text(config, metrics, drawn), encoding="utf-8")
    (out / STATE_FILE).unlink(missing_ok=True)  # from here on the run is finished
    return metrics


def main() -> None:
    """Take part in a run that `torchrun` started.

    The arguments are those of `vitrine train` that make sense there. They are read here and not by the command line's
    package, which this one must not know.
    """
    parser = argparse.ArgumentParser(prog="torchrun ... -m training.train", description="Train over several processes.")
    parser.add_argument("config", type=Path, help="TOML file; see training/configs")
    parser.add_argument("--data", type=Path, required=True, help="the data set")
    parser.add_argument("--out", type=Path, default=Path("artefacts/checkpoint"), help="run folder")
    parser.add_argument("--cache", type=Path, default=Path("artefacts/cache"), help="decoded pixels, locked features")
    parser.add_argument("--text-tower", help="hub id or local folder instead of the config's")
    parser.add_argument("--image-tower", help="hub id or local folder instead of the config's")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--map", action="append", default=[], help="ROLE=COLUMN, such as title=Bezeichnung")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")
    given = parser.parse_args()
    try:
        config = load_config(given.config, text_tower=given.text_tower, image_tower=given.image_tower)
        with joined(given.device) as (world, device):
            options = {"cache": given.cache, "resume": given.resume, "init": given.init}
            options["mapping"] = parse_mapping(given.map)
            train(config, given.data, given.out, **options, device=device, world=world)
    except VitrineError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
