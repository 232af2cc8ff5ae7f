"""The training run, in the order in which it happens. Knows no catalogue and no HTTP.

A run folder holds the checkpoint (the best epoch so far), `log.jsonl` (a line per step), `state.pt` while the run is
not finished, and at its end `metrics.json` and a model card.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from common import ConfigError, DataError, VitrineError, file_beside, write_json
from index import evaluate, title_key
from models.checkpoint import CONFIG_FILE, load_checkpoint, save_checkpoint
from models.dual_encoder import MAX_LOGIT_SCALE, DualEncoder, build_tower
from models.encoder import fast_dtype, pick_device
from models.text import TextPreprocessor, pretrained_text_preprocessor, train_text_preprocessor
from training.cache import image_features, pixels, text_features
from training.card import model_card
from training.config import Recipe, RunConfig
from training.data import Dataset, open_dataset
from training.loss import contrastive_loss
from training.progress import bar, report_console

STATE_FILE = "state.pt"
LOG_FILE = "log.jsonl"
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

    Raises:
        ConfigError: `out` is in use, or holds a run of another config or data set.
        DataError: nothing to learn from.
        VitrineError: the loss is not finite any more.
    """
    console = console or report_console()
    recipe = config.train
    if resume and (out / METRICS_FILE).is_file():
        console.print(f"{out} is finished already")
        return dict(json.loads((out / METRICS_FILE).read_text(encoding="utf-8")))
    saved = _read_state(out, config, resume)
    where = pick_device(device)
    fast = recipe.precision == "auto" and fast_dtype(where) == torch.bfloat16

    # ------------------------------------------------ data, dealt out by title
    dataset = open_dataset(data)
    titles = [item.title for item in dataset.items]
    splits = np.array([config.split.of(title) for title in titles])
    groups = np.unique([title_key(title) for title in titles], return_inverse=True)[1].astype(np.int64)  # (N,)

    # ------------------------------------------------ model
    torch.manual_seed(recipe.seed)
    text = _text_preprocessor(config, [titles[row] for row in np.flatnonzero(splits == "train")], saved)
    model = DualEncoder(config.model, build_tower(config.model.text), build_tower(config.model.image), text.pad_id)
    model.to(where).eval()
    for name in recipe.locked:
        model.get_submodule(f"{name}_tower").requires_grad_(False)

    # ------------------------------------------------ inputs: pixels and token ids, or a locked tower's features
    inputs, usable = _inputs(model, text, dataset, recipe, cache, where)
    learning = np.flatnonzero(usable & (splits == "train"))
    validation = np.flatnonzero(usable & (splits == "validation"))
    if len(learning) < 2:
        raise DataError(f"{data} leaves {len(learning)} pairs to learn from; a run needs at least 2")
    console.print(
        f"{dataset.name}: {len(learning):,} pairs to learn from, {len(validation):,} to validate on, "
        f"{len(titles) - int(usable.sum()):,} pictures not usable. "
        f"{_learned(model):,} parameters to learn on {where}{' in bfloat16' if fast else ''}"
    )

    # ------------------------------------------------ optimiser, and where an earlier run stopped
    batch = min(recipe.batch_size, len(learning))
    epoch_steps = len(learning) // batch
    total_steps = epoch_steps * recipe.epochs
    optimizer = torch.optim.AdamW(_parameter_groups(model, recipe))
    done = Progress()
    if saved is not None:
        if saved["data"] != dataset.fingerprint:
            raise ConfigError(f"{out} was trained on other data; resume with the same data, or choose another --out")
        done = Progress(**saved["progress"])
        model.load_state_dict(saved["model"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        console.print(f"going on after step {done.step:,} of {total_steps:,}")

    # ------------------------------------------------ steps
    out.mkdir(parents=True, exist_ok=True)
    clock = time.monotonic() - done.seconds
    last_saved = time.monotonic()
    with (
        bar("training", total_steps * batch, "samples", console) as advance,
        _log(out / LOG_FILE, done.step) as log,
        _interruptible() as interrupted,
    ):
        advance(done.step * batch)
        for epoch in range(done.step // epoch_steps, recipe.epochs):
            # The order follows from seed and epoch, dropout's draws from seed and step: no state to save.
            order = np.random.default_rng([recipe.seed, epoch]).permutation(learning)
            for start in range(done.step % epoch_steps * batch, epoch_steps * batch, batch):
                rows = order[start : start + batch]
                torch.manual_seed(recipe.seed * 1_000_003 + done.step)
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * schedule(done.step, total_steps, recipe.warmup)

                model.train()
                for name in recipe.locked:
                    model.get_submodule(f"{name}_tower").eval()
                with torch.autocast(where.type, torch.bfloat16, enabled=fast):
                    features = model(**inputs.batch(rows, where))
                same = torch.from_numpy(groups[rows]).to(where) if recipe.positives == "same-title" else None
                loss = contrastive_loss(**features, groups=same)
                if not math.isfinite(value := loss.item()):
                    raise VitrineError(
                        f"the loss is {value} at step {done.step + 1}; {out} keeps the best checkpoint so far: "
                        "try a lower learning rate"
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_((p for p in model.parameters() if p.requires_grad), recipe.clip_norm)
                optimizer.step()
                model.logit_scale.data.clamp_(0, MAX_LOGIT_SCALE)  # as CLIP does

                done.step += 1
                done.epoch_loss += value / epoch_steps
                advance(batch, epoch=epoch + 1, loss=value)
                log({"step": done.step, "epoch": epoch, "loss": value, "logit_scale": features["logit_scale"].item()})

                # ------------------------------------ validation and best checkpoint, at the end of each epoch
                if done.step % epoch_steps == 0:
                    figures = _validate(model, inputs, validation, titles, where, fast) if len(validation) else {}
                    better = figures.get("mrr10", math.inf) > done.best
                    done.history.append({"epoch": epoch, "loss": done.epoch_loss, **figures})
                    done.epoch_loss = 0.0
                    if better:
                        done.best, done.best_epoch = figures.get("mrr10", -math.inf), epoch
                        save_checkpoint(out, model, text, config.model_dump(mode="json", exclude={"model"}))
                    console.print(_epoch_line(done.history[-1], len(validation), better))
                done.seconds = time.monotonic() - clock
                if interrupted() or time.monotonic() - last_saved >= recipe.save_minutes * 60:
                    _save_state(out, config, dataset, text, model, optimizer, done)
                    last_saved = time.monotonic()
                if interrupted():
                    console.print(f"interrupted after step {done.step:,}; go on with --resume")
                    raise KeyboardInterrupt

    # ------------------------------------------------ what came out
    metrics = {
        "encoder_id": load_checkpoint(out).encoder_id,
        "data": dataset.name,
        "pairs": {"train": len(learning), "validation": len(validation)},
        "parameters": {"total": sum(p.numel() for p in model.parameters()), "learned": _learned(model)},
        "device": str(where),
        "seconds": round(done.seconds, 1),
        "samples_per_second": round(total_steps * batch / done.seconds, 1),
        "best_epoch": done.best_epoch,
        "history": done.history,
    }
    (out / "README.md").write_text(model_card(config, metrics), encoding="utf-8")
    write_json(out / METRICS_FILE, metrics)
    (out / STATE_FILE).unlink(missing_ok=True)
    return metrics


# ---------------------------------------------------------------------- what goes in


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a step reads for each of N products: pixels or image features, token ids or text features."""

    image: np.ndarray
    """(N, H, W, 3) uint8, or (N, F) float16 of a locked tower."""
    text: np.ndarray
    """(N, T) int64 padded with `pad_id`, or (N, F) float16 of a locked tower."""
    pad_id: int

    def batch(self, rows: np.ndarray, device: torch.device) -> dict[str, Tensor]:
        """Return the model's inputs for `rows` (B,), named as its `forward` takes them."""
        text = self.text[rows]
        tokens = text.dtype == np.int64
        if tokens:  # cut the padding that this batch does not need
            text = text[:, : max(1, int((text != self.pad_id).sum(1).max()))]
        return {
            "image" if self.image.ndim == 4 else "image_pooled": torch.from_numpy(self.image[rows]).to(device),
            "text" if tokens else "text_pooled": torch.from_numpy(text).to(device),
        }


def _inputs(
    model: DualEncoder, text: TextPreprocessor, dataset: Dataset, recipe: Recipe, cache: Path, device: torch.device
) -> tuple[Inputs, np.ndarray]:
    """Return the inputs of all N items, and which of them have a picture that can be used (N,)."""
    titles = [item.title for item in dataset.items]
    if "image" in recipe.locked:
        image, usable = image_features(model, dataset, cache, device)
    else:
        image, usable = pixels(model, dataset, cache)
    words = text_features(model, text, titles, cache, device) if "text" in recipe.locked else text(titles)
    return Inputs(image, words, text.pad_id), usable


def _text_preprocessor(config: RunConfig, titles: list[str], saved: dict[str, Any] | None) -> TextPreprocessor:
    tower = config.model.text
    if saved is not None:
        return TextPreprocessor.from_json(saved["tokenizer"], tower.max_tokens)
    if tower.source is not None:
        return pretrained_text_preprocessor(tower.source, tower.max_tokens)
    return train_text_preprocessor(titles, tower)


# ---------------------------------------------------------------------- steps


def schedule(step: int, total: int, warmup: float) -> float:
    """Return the fraction of its peak that the learning rate has at `step`: a linear rise, then a cosine to 0."""
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def _parameter_groups(model: DualEncoder, recipe: Recipe) -> list[dict[str, Any]]:
    """Sort what is learned into towers and heads, each with and without weight decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            tower = name.startswith(("text_tower.", "image_tower."))
            pretrained = tower and getattr(model.config, name.split("_")[0]).source is not None
            rate = recipe.tower_learning_rate if pretrained else recipe.learning_rate
            decay = recipe.weight_decay if parameter.ndim >= 2 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": p, "lr": rate, "peak": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]


def _learned(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@contextmanager
def _log(path: Path, steps: int) -> Iterator[Any]:
    """Yield how to append a line to the log, which is first cut back to the `steps` that a resumed run keeps."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:steps] if path.exists() else []
    with file_beside(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")
    with path.open("a", encoding="utf-8", buffering=1) as file:
        yield lambda fields: file.write(json.dumps(fields) + "\n")


# ---------------------------------------------------------------------- validation


def _validate(
    model: DualEncoder, inputs: Inputs, rows: np.ndarray, titles: list[str], device: torch.device, fast: bool
) -> dict[str, float]:
    """Return text → image recall over the titles of `rows` (Q,), among the pictures of `rows`."""
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
        for start in range(0, len(rows), VALIDATION_BATCH):
            parts.append(model(**inputs.batch(rows[start : start + VALIDATION_BATCH], device)))
    image, text = (
        torch.cat([part[name] for part in parts]).float().cpu().numpy() for name in ("image_features", "text_features")
    )
    result = evaluate(image, text, [titles[row] for row in rows], np.arange(len(rows)), resamples=1)["titles"]
    return {name: result[name]["value"] for name in ("recall1", "recall10", "mrr10")}


def _epoch_line(entry: dict[str, Any], gallery: int, better: bool) -> str:
    line = f"epoch {entry['epoch'] + 1:>3}  loss {entry['loss']:.3f}"
    if "mrr10" in entry:
        line += f"  validation R@1 {entry['recall1']:.3f}  R@10 {entry['recall10']:.3f}  MRR {entry['mrr10']:.3f}"
        line += f"  (among {gallery:,})"
    return line + ("  saved" if better else "")


# ---------------------------------------------------------------------- interruption


@dataclass(slots=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    epoch_loss: float = 0.0
    best: float = -math.inf
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or a TERM signal came: the step at hand is finished and saved; a second one stops it."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    if threading.current_thread() is not threading.main_thread():  # only the main thread may listen
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _save_state(
    out: Path,
    config: RunConfig,
    dataset: Dataset,
    text: TextPreprocessor,
    model: DualEncoder,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write what a resumed run needs; locked towers are left out, they come from their source again."""
    locked = tuple(f"{name}_tower." for name in config.train.locked)
    weights = {name: value for name, value in model.state_dict().items() if not name.startswith(locked or ("-",))}
    state = {
        "config": config.model_dump_json(),
        "data": dataset.fingerprint,
        "tokenizer": text.to_json(),
        "progress": asdict(progress),
        "model": weights,
        "optimizer": optimizer.state_dict(),
    }
    with file_beside(out / STATE_FILE) as beside:
        torch.save(state, beside)


def _read_state(out: Path, config: RunConfig, resume: bool) -> dict[str, Any] | None:
    """Return the state of the interrupted run in `out`, None for a fresh start.

    Raises:
        ConfigError: `out` holds a run that is not to be resumed, or one of another config.
    """
    if not resume:
        if (out / CONFIG_FILE).exists() or (out / STATE_FILE).exists():
            raise ConfigError(f"{out} holds a training run already; go on with --resume, or choose another --out")
        return None
    if not (out / STATE_FILE).exists():
        return None
    try:
        state: dict[str, Any] = torch.load(out / STATE_FILE, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ConfigError(f"{out / STATE_FILE} is damaged; delete {out} and train again") from error
    theirs, ours = json.loads(state["config"]), json.loads(config.model_dump_json())
    if different := sorted(_differences(theirs, ours, "")):
        raise ConfigError(f"{out} is a run of another config (it differs in {', '.join(different)}); use the same one")
    return state


def _differences(one: Any, other: Any, name: str) -> set[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return set().union(*(_differences(one.get(k), other.get(k), f"{name}.{k}".lstrip(".")) for k in keys))
    return set() if one == other else {name}
