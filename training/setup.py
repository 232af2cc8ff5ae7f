"""What a run starts with: its data, split by title, and its model. Knows no step and no run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from common import ConfigError, DataError
from models import (
    TOWERS,
    Checkpoint,
    DualEncoder,
    TextPreprocessor,
    build_tower,
    fast_dtype,
    load_checkpoint,
    pick_device,
    pretrained_text_preprocessor,
    train_text_preprocessor,
)
from training.augment import drop_patches, drop_paths
from training.config import Recipe, RunConfig
from training.data import Dataset, open_dataset
from training.heads import Targets
from training.inputs import Inputs, make_inputs


@dataclass(frozen=True, slots=True)
class Setup:
    """A run's data and model, before anything was learned."""

    dataset: Dataset
    """N items."""
    splits: np.ndarray
    """(N,) "train", "validation" or "test"."""
    text: TextPreprocessor
    """The tokenizer."""
    model: DualEncoder
    """On `device`, in evaluation mode."""
    recipe: Recipe
    """How it will learn."""
    device: torch.device
    """Where it computes."""
    fast: bool
    """Whether to compute in bfloat16."""
    init: str | None
    """Id of the encoder that the run starts with."""
    targets: Targets | None
    """What heads over the image tower predict, on `device`; none without heads."""

    def titles(self, rows: np.ndarray) -> list[str]:
        """Return the titles of `rows`."""
        return [self.dataset.items[row].title for row in rows]

    def inputs(self, locked: tuple[str, ...], cache: Path) -> tuple[Inputs, np.ndarray]:
        """Return the inputs while the towers in `locked` do not learn, and flags of usable pictures (N,)."""
        return make_inputs(self.model, self.text, self.dataset, self.recipe, locked, cache, self.device)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which pairs a run learns from, and in how many steps."""

    learning: np.ndarray
    """Positions of the items that are learned from."""
    validation: np.ndarray
    """Positions of the items that are validated on."""
    gallery: np.ndarray
    """Positions of the items among whose pictures validation's titles search; those of `validation` are in it."""
    unusable: int
    """Items whose pictures cannot be used."""
    batch: int
    """Pairs in a step, over all processes."""
    epoch_steps: int
    """Steps in an epoch."""


def make_plan(setup: Setup, usable: np.ndarray, processes: int = 1) -> Plan:
    """Return the plan of a run over the items whose pictures are usable, by the flags `usable` (N,).

    Raises:
        DataError: nothing to learn from.
    """
    learning = np.flatnonzero(usable & (setup.splits == "train"))
    if len(learning) < 2:
        raise DataError(f"{setup.dataset.name} leaves {len(learning)} pairs to learn from; a run needs at least 2")
    batch = min(setup.recipe.batch_size, len(learning))
    batch -= batch % processes
    validation = usable & (setup.splits == "validation")
    others = np.flatnonzero(usable & ~validation)
    if setup.recipe.gallery:
        others = np.random.default_rng(0).permutation(others)[: setup.recipe.gallery]
    return Plan(
        learning,
        validation=np.flatnonzero(validation),
        gallery=np.sort(np.concatenate([np.flatnonzero(validation), others])),
        unusable=int((~usable).sum()),
        batch=batch,
        epoch_steps=len(learning) // batch,
    )


def prepare(
    config: RunConfig,
    data: Path,
    device: str,
    *,
    processes: int = 1,
    init: Path | None = None,
    tokenizer: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Setup:
    """Open the data, split it by title and build the model.

    Args:
        config: the model, the split and the recipe.
        data: the data set.
        device: "auto", "cpu", "cuda" or "cuda:N".
        processes: how many share each batch.
        init: a checkpoint folder to start from.
        tokenizer: an interrupted run's tokenizer as JSON, instead of one trained on the titles.
        mapping: columns of roles whose names do not tell, see `training.data.open_dataset`.

    Raises:
        ConfigError: a device, a tower or an option that cannot be had, or a checkpoint `init` of another model.
        ArtefactError: `init` is no checkpoint.
        DataError: the data set cannot be read.
    """
    recipe = config.train
    where = pick_device(device)
    if recipe.batch_size < 2 * processes:
        raise ConfigError(f"batch_size is {recipe.batch_size} for {processes} processes; give at least 2 to each")
    dataset = open_dataset(data, mapping)
    titles = [item.title for item in dataset.items]
    splits = np.array([config.split.of(title) for title in titles])

    torch.manual_seed(recipe.seed)
    start = load_checkpoint(init) if init is not None else None
    if start is not None and init is not None:
        text, model = start.text, _model_from_checkpoint(start, config, init)
    else:
        text = _text_preprocessor(config, [titles[row] for row in np.flatnonzero(splits == "train")], tokenizer)
        model = DualEncoder(config.model, build_tower(config.model.text), build_tower(config.model.image), text.pad_id)
    if recipe.patch_dropout:
        drop_patches(model.image_tower, recipe.patch_dropout)
    if recipe.path_dropout:
        drop_paths(model.image_tower, recipe.path_dropout)
    targets = None
    if recipe.heads or recipe.word_weight:
        targets = Targets.of(dataset.items, recipe.heads, recipe.word_count).to(where)
    if where.type == "cpu":
        for tower in (model.text_tower, model.image_tower):
            use_eager_attention(tower)
    fast = recipe.precision == "auto" and fast_dtype(where) == torch.bfloat16
    init_id = start.encoder_id if start is not None else None
    return Setup(dataset, splits, text, model.to(where).eval(), recipe, where, fast, init_id, targets)


def _model_from_checkpoint(start: Checkpoint, config: RunConfig, folder: Path) -> DualEncoder:
    """Return a checkpoint's model to train further, with new projections where the config has others."""
    theirs, ours = start.model.config, config.model
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
    model = DualEncoder(ours, start.model.text_tower, start.model.image_tower, start.text.pad_id)
    if theirs.projection == ours.projection:
        model.load_state_dict(start.model.state_dict())
    return model


def use_eager_attention(tower: nn.Module) -> None:
    """Compute attention as plain matrix products: on a CPU, this is 1.5 times as fast for sequences this short."""
    hf_tower: Any = tower
    if getattr(tower, "_supports_sdpa", False):
        hf_tower.set_attn_implementation("eager")


def _text_preprocessor(config: RunConfig, titles: list[str], tokenizer: str | None) -> TextPreprocessor:
    tower = config.model.text
    if tokenizer is not None:
        return TextPreprocessor.from_json(tokenizer, tower.max_tokens)
    if tower.source is not None:
        return pretrained_text_preprocessor(tower.source, tower.max_tokens)
    return train_text_preprocessor(titles, tower)
