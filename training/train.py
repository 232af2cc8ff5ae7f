"""The training run, in the order in which it happens. Knows no catalogue and no HTTP.

A run folder holds the checkpoint (the best validation so far), `log.jsonl` (a line per step), `state.pt` while the run
is not finished, and at its end `metrics.json`, a model card and a report with pictures. Over several processes:

    torchrun --nproc-per-node N -m training.train CONFIG --data DATA --out FOLDER
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from common import ConfigError, DataError, VitrineError, write_json
from index import evaluate
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.dual_encoder import MAX_LOGIT_SCALE, DualEncoder
from models.tokenizer import TextPreprocessor, pretrained_text_preprocessor, train_text_preprocessor
from models.torch_backend import fast_dtype, pick_device
from models.towers import build_tower
from training.augment import augment, drop_patches
from training.config import Recipe, RunConfig
from training.data import Dataset, open_dataset
from training.distributed import World, joined
from training.inputs import Inputs, make_inputs, prefetch, to_device
from training.loss import SIGMOID_LOGIT_SCALE, SigmoidCriterion, SoftmaxCriterion
from training.optim import TOWERS, averaged, parameter_groups, schedule, set_learning
from training.progress import bar, report_console
from training.reports import card_text
from training.resume import LOG_FILE, Progress, interruptible, log_lines, read_state, save_state
from training.resume import STATE_FILE as STATE_FILE
from training.step import backward

METRICS_FILE = "metrics.json"
VALIDATION_BATCH = 128


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
    world: World | None = None,
) -> dict[str, Any]:
    """Train a dual encoder on the data set at `data`, leave its best checkpoint in `out`, return its metrics.

    Args:
        config: the model, the split and the recipe.
        data: a data set that training.data can read.
        out: the run folder.
        cache: where decoded pixels and locked towers' features are kept, for this run and others.
        resume: go on where an interrupted run stopped; on a CPU the outcome is the same to the last bit.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report; standard error when not given.
        init: a checkpoint folder to start from, instead of pretrained towers and random projections.
        on_epoch: called with each validation's entry of the history; what it raises ends the run.
        tensorboard: also write the log for TensorBoard, into `out`/tensorboard.
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
    if resume and (out / METRICS_FILE).is_file() and not (out / STATE_FILE).exists():
        console.print(f"{out} is finished already")
        return dict(json.loads((out / METRICS_FILE).read_text(encoding="utf-8")))
    saved = read_state(out, config, resume)
    board = None
    if tensorboard and world.first:
        from training.reports import tensorboard_writer

        board = tensorboard_writer(out / "tensorboard")

    # ------------------------------------------------ data, dealt out by title; model; inputs of the first stage
    setup = prepare(config, data, device, saved, world, init)
    model, criterion, where = setup.model, setup.criterion, setup.device
    stages = _stages(recipe)
    inputs, usable = _shared(world, lambda: setup.inputs(stages[0].locked, cache))
    learning = np.flatnonzero(usable & (setup.splits == "train"))
    validation = np.flatnonzero(usable & (setup.splits == "validation"))
    if len(learning) < 2:
        raise DataError(f"{data} leaves {len(learning)} pairs to learn from; a run needs at least 2")
    batch = min(recipe.batch_size, len(learning))
    batch -= batch % world.size
    set_learning(model, recipe, recipe.locked)
    console.print(
        f"{setup.dataset.name}: {len(learning):,} pairs to learn from, {len(validation):,} to validate on, "
        f"{len(usable) - int(usable.sum()):,} pictures not usable. {_learned(model):,} parameters to learn on {where}"
        f"{' in bfloat16' if setup.fast else ''}{f', {world.size} processes' if world.size > 1 else ''}"
    )

    # ------------------------------------------------ optimiser, average, and where an earlier run stopped
    epoch_steps = len(learning) // batch
    total_steps = epoch_steps * recipe.epochs
    learner = Learner(setup, total_steps, epoch_steps * recipe.locked_epochs, world)
    optimizer, average, eval_model = learner.optimizer, learner.average, learner.eval_model
    done = Progress()
    if saved is not None:
        if saved["data"] != setup.dataset.fingerprint:
            raise ConfigError(f"{out} was trained on other data; resume with the same data, or choose another --out")
        if saved["init"] != setup.init:
            raise ConfigError(f"{out} began from {saved['init'] or 'no checkpoint'}; resume with the same --init")
        done = Progress(**saved["progress"])
        model.load_state_dict(saved["model"], strict=False)
        criterion.load_state_dict(saved["criterion"])
        optimizer.load_state_dict(saved["optimizer"])
        if average is not None:
            average.load_state_dict(saved["average"], strict=False)
        console.print(f"going on after step {done.step:,} of {total_steps:,}")
    world.copied(model)

    # ------------------------------------------------ steps
    record = {**config.model_dump(mode="json", exclude={"model"}), "init": setup.init}
    out.mkdir(parents=True, exist_ok=True)
    clock = time.monotonic() - done.seconds
    last_saved = time.monotonic()
    at_stage = 0
    stopped = False

    def keep() -> None:
        if world.first:
            save_state(out, _state(config, setup, model, criterion, average, optimizer, done))

    with (
        bar("training", total_steps * batch, "samples", console) as advance,
        log_lines(out / LOG_FILE if world.first else out / f".log-{world.rank}", done.step) as log,
        interruptible() as interrupted,
    ):
        advance(done.step * batch)
        for epoch in range(done.step // epoch_steps, recipe.epochs):
            # -------------------------------- from locked towers' features to pixels and tokens
            if stages[-1].first_epoch <= epoch and at_stage < len(stages) - 1:
                at_stage = len(stages) - 1
                inputs, _ = _shared(world, lambda: setup.inputs(stages[-1].locked, cache))
            locked = stages[at_stage].locked
            set_learning(model, recipe, locked)

            start = done.step % epoch_steps
            for groups, made in prefetch(batches(setup, inputs, learning, epoch, start, batch, world)):
                loss = learner.gradient(made, groups, done.step, locked)
                if not math.isfinite(value := loss.item()):  # nothing was learned from it yet
                    raise VitrineError(
                        f"the loss is {value} at step {done.step + 1}; {out} keeps the best checkpoint so far: "
                        "try a lower learning rate"
                    )
                learner.update()
                done.step += 1
                done.epoch_loss += value / epoch_steps
                advance(batch, epoch=epoch + 1, loss=value)
                entry = {
                    "step": done.step,
                    "epoch": epoch,
                    "loss": value,
                    "logit_scale": model.logit_scale.exp().item(),
                    "learning_rate": optimizer.param_groups[-1]["lr"],
                }
                log(entry)
                if board is not None:
                    for name in ("loss", "logit_scale", "learning_rate"):
                        board(name, entry[name], done.step)

                # ------------------------------------ validation and best checkpoint, at the end of an epoch
                if done.step % epoch_steps == 0:
                    figures: dict[str, float] = {}
                    due = (epoch + 1) % recipe.validate_epochs == 0 or epoch + 1 == recipe.epochs
                    if due and world.first and len(validation):
                        figures = _recall(*encode_rows(eval_model, inputs, validation, setup), setup.titles(validation))
                    done.history.append({"epoch": epoch, "loss": done.epoch_loss, **figures})
                    done.epoch_loss = 0.0
                    if due and world.first:
                        better = figures.get("mrr10", math.inf) > done.best
                        if better:
                            done.best, done.best_epoch = figures.get("mrr10", -math.inf), epoch
                            save_checkpoint(out, eval_model, setup.text, record)
                        console.print(_epoch_line(done.history[-1], len(validation), better))
                        if board is not None:
                            for name, figure in figures.items():
                                board(f"validation/{name}", figure, done.step)
                        if on_epoch is not None:
                            on_epoch(done.history[-1])
                        stopped = bool(recipe.patience and figures) and _waited(done) >= recipe.patience
                    stopped = world.any(stopped, where)
                done.seconds = time.monotonic() - clock
                asked = world.any(interrupted(), where)
                if asked or time.monotonic() - last_saved >= recipe.save_minutes * 60:
                    keep()
                    last_saved = time.monotonic()
                if asked:
                    console.print(f"interrupted after step {done.step:,}; go on with --resume")
                    raise KeyboardInterrupt
            if stopped:
                console.print(f"no better MRR in {recipe.patience} validations: stopped early")
                break
    if not world.first:
        (out / f".log-{world.rank}").unlink(missing_ok=True)
        return {}

    # ------------------------------------------------ what came out
    best = load_checkpoint(out)
    metrics = {
        "encoder_id": best.encoder_id,
        "init": setup.init,
        "data": setup.dataset.name,
        "pairs": {"train": len(learning), "validation": len(validation)},
        "parameters": {"total": sum(p.numel() for p in model.parameters()), "learned": _learned(model)},
        "device": str(where),
        "processes": world.size,
        "seconds": round(done.seconds, 1),
        "samples_per_second": round(done.step * batch / done.seconds, 1),
        "best_epoch": done.best_epoch,
        "history": done.history,
    }
    card = out / "README.md"
    card.write_text(card_text(config, metrics), encoding="utf-8")  # in case the report fails
    write_json(out / METRICS_FILE, metrics)
    if report and len(validation) > 1:
        from training.reports import write_report  # draws with matplotlib, slow to import

        best.model.to(where)
        vectors = encode_rows(best.model, inputs, validation, setup)
        drawn = write_report(out, [setup.dataset.items[row] for row in validation], *vectors)
        card.write_text(card_text(config, metrics, drawn), encoding="utf-8")
    (out / STATE_FILE).unlink(missing_ok=True)
    return metrics


# ---------------------------------------------------------------------- what a run is made of


@dataclass(frozen=True, slots=True)
class Setup:
    """A run's data and model, before anything was learned."""

    dataset: Dataset
    splits: np.ndarray
    """(N,) "train", "validation" or "test"."""
    text: TextPreprocessor
    model: DualEncoder
    criterion: nn.Module
    recipe: Recipe
    device: torch.device
    fast: bool
    """Whether to compute in bfloat16."""
    init: str | None
    """Id of the encoder that the run begins with."""

    def titles(self, rows: np.ndarray) -> list[str]:
        """Return the titles of `rows`."""
        return [self.dataset.items[row].title for row in rows]

    def inputs(self, locked: tuple[str, ...], cache: Path) -> tuple[Inputs, np.ndarray]:
        """Return the inputs while the towers in `locked` stand still, and whose pictures are usable (N,)."""
        return make_inputs(self.model, self.text, self.dataset, self.recipe, locked, cache, self.device)


def prepare(
    config: RunConfig,
    data: Path,
    device: str,
    saved: dict[str, Any] | None = None,
    world: World | None = None,
    init: Path | None = None,
) -> Setup:
    """Open the data, deal it out by title and build the model; `saved` is an interrupted run's state.

    Raises:
        ConfigError: a device, a tower or an option that cannot be had, or a checkpoint `init` of another model.
        ArtefactError: `init` is no checkpoint.
        DataError: the data set cannot be read.
    """
    recipe = config.train
    where = pick_device(device)
    if world is not None and recipe.batch_size < 2 * world.size:
        raise ConfigError(f"batch_size is {recipe.batch_size} for {world.size} processes; give at least 2 to each")
    dataset = open_dataset(data)
    titles = [item.title for item in dataset.items]
    splits = np.array([config.split.of(title) for title in titles])

    torch.manual_seed(recipe.seed)
    begun = load_checkpoint(init) if init is not None else None
    if begun is not None:
        text, model = begun.text, _model_from_checkpoint(begun, config, cast(Path, init))
    else:
        text = _text_preprocessor(config, [titles[row] for row in np.flatnonzero(splits == "train")], saved)
        model = DualEncoder(config.model, build_tower(config.model.text), build_tower(config.model.image), text.pad_id)
    if recipe.patch_dropout:
        drop_patches(model.image_tower, recipe.patch_dropout)
    criterion: nn.Module = SoftmaxCriterion()
    if recipe.loss == "sigmoid":
        criterion = SigmoidCriterion()
        if begun is None:
            model.logit_scale.data.fill_(SIGMOID_LOGIT_SCALE)
    if where.type == "cpu":
        for tower in (model.text_tower, model.image_tower):
            _use_eager_attention(tower)
    fast = recipe.precision == "auto" and fast_dtype(where) == torch.bfloat16
    return Setup(
        dataset,
        splits,
        text,
        model.to(where).eval(),
        criterion.to(where),
        recipe,
        where,
        fast,
        None if begun is None else begun.encoder_id,
    )


def _model_from_checkpoint(begun: Checkpoint, config: RunConfig, folder: Path) -> DualEncoder:
    """Return a checkpoint's model to go on with; its projections too, unless the config wants others."""
    theirs, ours = begun.model.config, config.model
    for tower in TOWERS:
        one, other = getattr(theirs, tower), getattr(ours, tower)
        for name in sorted({"pooling", "max_tokens", "preprocess"} & type(one).model_fields.keys()):
            if getattr(one, name) != getattr(other, name):
                raise ConfigError(
                    f"{folder} and the config differ in model.{tower}.{name}: {getattr(one, name)!r} there, "
                    f"{getattr(other, name)!r} here; make them equal"
                )
        if one.architecture["model_type"] != other.architecture["model_type"]:
            raise ConfigError(
                f"{folder} has a {tower} tower of the kind {one.architecture['model_type']}, the config "
                f"{other.architecture['model_type']}; give a checkpoint of the same preset"
            )
    model = DualEncoder(ours, begun.model.text_tower, begun.model.image_tower, begun.text.pad_id)
    if theirs.projection == ours.projection:
        model.load_state_dict(begun.model.state_dict())
    return model


def _use_eager_attention(tower: nn.Module) -> None:
    """Compute attention as plain matrix products: on a CPU, sequences this short train 1.5 times as fast so."""
    hf_tower: Any = tower
    if getattr(tower, "_supports_sdpa", False):
        hf_tower.set_attn_implementation("eager")


def _text_preprocessor(config: RunConfig, titles: list[str], saved: dict[str, Any] | None) -> TextPreprocessor:
    tower = config.model.text
    if saved is not None:
        return TextPreprocessor.from_json(saved["tokenizer"], tower.max_tokens)
    if tower.source is not None:
        return pretrained_text_preprocessor(tower.source, tower.max_tokens)
    return train_text_preprocessor(titles, tower)


@dataclass(frozen=True, slots=True)
class _Stage:
    """A part of a run, and the towers that stand still in it."""

    first_epoch: int
    locked: tuple[str, ...]


def _stages(recipe: Recipe) -> list[_Stage]:
    if not recipe.locked_epochs:
        return [_Stage(0, recipe.locked)]
    return [_Stage(0, TOWERS), _Stage(recipe.locked_epochs, recipe.locked)]


def _shared(world: World, make: Callable[[], tuple[Inputs, np.ndarray]]) -> tuple[Inputs, np.ndarray]:
    """Let rank 0 make what goes into the cache; the others find it there."""
    if not world.first:
        world.wait()
    made = make()
    if world.first:
        world.wait()
    return made


# ---------------------------------------------------------------------- steps


class Learner:
    """Takes steps: what of a run changes with each of them."""

    def __init__(self, setup: Setup, total: int, locked_steps: int, world: World) -> None:
        self.setup = setup
        self.total = total
        self.locked_steps = locked_steps
        self.world = world
        recipe = setup.recipe
        self.optimizer = torch.optim.AdamW(parameter_groups(setup.model, setup.criterion, recipe))
        self.average = averaged(setup.model, recipe.ema) if recipe.ema else None
        self.eval_model = setup.model if self.average is None else cast(DualEncoder, self.average.module)

    def gradient(self, batch: dict[str, Tensor], groups: Tensor, step: int, locked: tuple[str, ...]) -> Tensor:
        """Return the loss of a batch, with its gradient and rates in place; `groups` (B,), `step` counts from 0."""
        setup, recipe = self.setup, self.setup.recipe
        for group in self.optimizer.param_groups:
            first = self.locked_steps if group["tower"] else 0
            group["lr"] = group["peak"] * schedule(step - first, self.total - first, recipe.warmup)
        setup.model.train()
        for tower in locked:
            setup.model.get_submodule(f"{tower}_tower").eval()
        sent = to_device(batch, setup.device)
        if "image" in sent:  # the changes are drawn from seed, step and rank
            torch.manual_seed((recipe.seed * 1_000_003 + step) * 1_009 + self.world.rank)
            sent["image"] = augment(sent["image"], recipe.augment)
        same = recipe.positives == "same-title"
        self.optimizer.zero_grad(set_to_none=True)
        return backward(
            setup.model,
            setup.criterion,
            sent,
            groups.to(setup.device) if same else None,
            seed=recipe.seed * 1_000_003 + step,
            chunk=0 if set(locked) == set(TOWERS) else recipe.chunk_size,
            fast=setup.fast,
            world=self.world,
        )

    def update(self) -> None:
        """Change the weights by the gradient at hand, and their average."""
        model, recipe = self.setup.model, self.setup.recipe
        nn.utils.clip_grad_norm_((p for p in model.parameters() if p.requires_grad), recipe.clip_norm)
        self.optimizer.step()
        model.logit_scale.data.clamp_(0, MAX_LOGIT_SCALE)  # as CLIP does
        if self.average is not None:
            self.average.update_parameters(model)


# ---------------------------------------------------------------------- what goes in


def batches(
    setup: Setup, inputs: Inputs, learning: np.ndarray, epoch: int, start: int, batch: int, world: World
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Yield this process's groups (B,) and inputs for what is left of an epoch after its first `start` steps.

    The order follows from seed and epoch, and so does the wording of each title: no generator's state to save.
    """
    seed = setup.recipe.seed
    order = np.random.default_rng([seed, epoch]).permutation(learning)
    wording = np.random.default_rng([seed, epoch, 1]).integers(inputs.text.shape[1], size=len(inputs.text))
    for step in range(start, len(order) // batch):
        rows = order[step * batch : (step + 1) * batch][world.share(batch)]
        yield torch.from_numpy(inputs.groups[rows, wording[rows]]), inputs.batch(rows, wording[rows])


def _learned(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# ---------------------------------------------------------------------- validation


def encode_rows(model: DualEncoder, inputs: Inputs, rows: np.ndarray, setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Return image and text vectors (R, D) float32 of `rows`."""
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode(), torch.autocast(setup.device.type, torch.bfloat16, enabled=setup.fast):
        for start in range(0, len(rows), VALIDATION_BATCH):
            batch = inputs.batch(rows[start : start + VALIDATION_BATCH])
            parts.append(model(**to_device(batch, setup.device)))
    image, text = (
        torch.cat([part[name] for part in parts]).float().cpu().numpy() for name in ("image_features", "text_features")
    )
    return image, text


def _recall(image: np.ndarray, text: np.ndarray, titles: list[str]) -> dict[str, float]:
    """Return text → image recall over the distinct titles, among these pictures."""
    result = evaluate(image, text, titles, np.arange(len(titles)), resamples=1)["titles"]
    return {name: result[name]["value"] for name in ("recall1", "recall10", "mrr10")}


def _waited(done: Progress) -> int:
    """Return the validations since the best one."""
    return sum("mrr10" in entry and entry["epoch"] > done.best_epoch for entry in done.history)


def _epoch_line(entry: dict[str, Any], gallery: int, better: bool) -> str:
    line = f"epoch {entry['epoch'] + 1:>3}  loss {entry['loss']:.3f}"
    if "mrr10" in entry:
        line += f"  validation R@1 {entry['recall1']:.3f}  R@10 {entry['recall10']:.3f}  MRR {entry['mrr10']:.3f}"
        line += f"  (among {gallery:,})"
    return line + ("  saved" if better else "")


# ---------------------------------------------------------------------- interruption


def _state(
    config: RunConfig,
    setup: Setup,
    model: DualEncoder,
    criterion: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> dict[str, Any]:
    """Return what a resumed run needs; locked towers are left out, they come from their source again."""
    locked = tuple(f"{prefix}{name}_tower." for name in config.train.locked for prefix in ("", "module."))

    def learned(module: nn.Module) -> dict[str, Tensor]:
        return {name: value for name, value in module.state_dict().items() if not name.startswith(locked or ("-",))}

    return {
        "config": config.model_dump_json(),
        "data": setup.dataset.fingerprint,
        "init": setup.init,
        "tokenizer": setup.text.to_json(),
        "progress": asdict(progress),
        "model": learned(model),
        "criterion": criterion.state_dict(),
        "average": learned(average) if average is not None else {},
        "optimizer": optimizer.state_dict(),
    }


# ---------------------------------------------------------------------- several processes


def main() -> None:
    """Take part in a run that `torchrun` started."""
    import argparse

    from training.config import load_config

    parser = argparse.ArgumentParser(prog="torchrun ... -m training.train", description="Train over several processes.")
    parser.add_argument("config", type=Path, help="TOML file; see training/configs")
    parser.add_argument("--data", type=Path, required=True, help="the data set")
    parser.add_argument("--out", type=Path, default=Path("artefacts/checkpoint"), help="run folder")
    parser.add_argument("--cache", type=Path, default=Path("artefacts/cache"), help="decoded pixels, locked features")
    parser.add_argument("--text-tower", help="hub id or local folder instead of the config's")
    parser.add_argument("--image-tower", help="hub id or local folder instead of the config's")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")
    given = parser.parse_args()
    try:
        config = load_config(given.config, text_tower=given.text_tower, image_tower=given.image_tower)
        with joined(given.device) as (world, device):
            options = {"cache": given.cache, "resume": given.resume, "init": given.init}
            train(config, given.data, given.out, **options, device=device, world=world)
    except VitrineError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
