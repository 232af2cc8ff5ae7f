"""A training run as data: which model, which titles, which recipe; read from TOML. Knows no torch."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common import ConfigError
from index import SplitRule
from models import TOWERS, ModelConfig, TowerName, preset
from training.config_files import find_config
from training.languages import Language


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Augmentation(_Frozen):
    """How pictures are changed at random each time they are seen, on the device, in batches; all off by default."""

    flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of a mirror image: a product is the same one from either side."""
    crop: float = Field(default=1.0, gt=0, le=1)
    """The smallest fraction of a picture's area that a random crop keeps."""
    ratio: float = Field(default=0.0, ge=0)
    """Logarithm of the largest change of a crop's aspect, either way."""
    light: float = Field(default=0.0, ge=0, lt=0.5)
    """Brightness, contrast and saturation vary by up to this fraction; no hue, so that a colour keeps its name."""
    erase: float = Field(default=0.0, ge=0, le=1)
    """Probability that a rectangle of a picture is replaced by a grey (arXiv 1708.04896)."""
    mix: float = Field(default=0.0, ge=0, le=1)
    """Probability that a batch's pictures get a rectangle of another one, and its text as a target in that share
    (cutmix, arXiv 1905.04899)."""


class Recipe(_Frozen):
    """How the weights are found. The defaults are CLIP's plain recipe; each addition is a field, off by default."""

    epochs: int = Field(default=5, ge=1)
    """Passes over the training titles."""
    batch_size: int = Field(default=64, ge=2)
    """Pairs in a step, over all devices; each pair's negatives are the others of its batch."""
    chunk_size: int = Field(default=0, ge=0)
    """Pairs that go through the towers at once, for large batches in little memory: features first, then the gradients
    of the whole batch's loss chunk by chunk (gradient caching, arXiv 2101.06983). 0: the whole batch at once."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak rate of the projections and the temperature."""
    tower_learning_rate: float = Field(default=3e-5, gt=0)
    """Peak rate of the towers that are not locked."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Each layer of a pretrained tower learns this much slower than the one above it (arXiv 2212.06138)."""
    weight_decay: float = Field(default=0.05, ge=0)
    """AdamW's, on matrices only."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Fraction of all steps in which the rates rise from 0; then they fall as a cosine."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient's norm is cut to this."""
    positives: Literal["same-title", "same-product"] = "same-title"
    """Which pairs of a batch belong together: all of one title (UniCL), or only a product's own (CLIP)."""
    locked: tuple[TowerName, ...] = ()
    """Towers that stay as they are: their features are computed once and cached on disk (LiT, arXiv 2111.07991)."""
    gallery_negatives: int = Field(default=0, ge=0)
    """Each text has all pictures that are learned from as negatives, beside those of its batch; they are projected
    again after this many steps. Needs a locked image tower; 0: the batch alone."""
    locked_epochs: int = Field(default=0, ge=0)
    """First epochs in which both towers are locked and only the projections learn; then the towers follow."""
    frozen_layers: int = Field(default=0, ge=0)
    """The image tower's embeddings and this many of its first layers never learn."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay per step of a moving average of the weights, which is what is validated and kept; 0: no average."""
    augment: Augmentation = Augmentation()
    """How pictures are changed at random."""
    patch_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of an image transformer's patches that are left out, at random (FLIP, arXiv 2212.00794)."""
    path_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a picture passes an image transformer's last layer over, less for lower ones (stochastic depth,
    arXiv 1603.09382)."""
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of a text's tokens that are left out, at random; the first one stays."""
    heads: tuple[str, ...] = ()
    """Attributes that linear heads over the image tower predict beside the contrast."""
    head_weight: float = Field(default=0.1, gt=0)
    """Weight of their mean cross-entropy in the loss."""
    word_weight: float = Field(default=0.0, ge=0)
    """Weight in the loss of the cross-entropy of a title's words, weighted by rarity, as a linear head over the image
    tower predicts them (SuperCLIP, arXiv 2512.14480)."""
    word_count: int = Field(default=3, ge=1)
    """A word is predicted if this many different titles have it."""
    captions: tuple[str, ...] = ()
    """Attributes that are put behind the title, each with probability `caption_keep`; the plain title is kept too."""
    caption_keep: float = Field(default=0.5, gt=0, le=1)
    """See `captions`."""
    caption_alone: float = Field(default=0.0, ge=0, le=1)
    """Probability that a wording other than the plain title is only one or two of `captions`, as people search."""
    languages: tuple[Language, ...] = ()
    """Languages that wordings other than the plain title are written in, of English titles only."""
    language_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that such a wording is in one of `languages`."""
    validate_epochs: int = Field(default=1, ge=1)
    """Epochs from one validation to the next; the last epoch is always validated."""
    gallery: int = Field(default=0, ge=0)
    """Products of other titles, always the same, whose pictures stand beside those of the validation titles when these
    are searched with; 0: all of the data set, as in a shop. Encoding one costs about half of what learning from it
    does; of a locked tower it costs next to nothing."""
    patience: int = Field(default=0, ge=0)
    """Stop after this many validations without a better one; 0: never."""
    precision: Literal["auto", "float32"] = "auto"
    """auto: bfloat16 arithmetic where the device has it; weights are float32 either way."""
    seed: int = 0
    """Of the initial weights, the order of the pairs, augmentation and dropout."""
    save_minutes: float = Field(default=5.0, ge=0)
    """A killed run loses at most about this much work."""

    def locked_in(self, epoch: int) -> tuple[TowerName, ...]:
        """Return the towers that are locked in `epoch`, which counts from 0."""
        return TOWERS if epoch < self.locked_epochs else self.locked

    def validates_after(self, epoch: int) -> bool:
        """Return whether a validation follows `epoch`, which counts from 0."""
        return (epoch + 1) % self.validate_epochs == 0 or epoch + 1 == self.epochs

    @model_validator(mode="before")
    @classmethod
    def _has_no_loss(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "loss" in fields:
            raise ValueError("loss is no field any more: every run has CLIP's cross-entropy; delete that line")
        return fields

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        both = set(self.locked) == {"text", "image"}
        image = "image" in self.locked
        if self.locked_epochs >= self.epochs:
            raise ValueError(
                f"locked_epochs is {self.locked_epochs} of {self.epochs} epochs, so no tower would ever learn; "
                'for that say locked = ["image", "text"]'
            )
        if both and self.locked_epochs:
            raise ValueError("locked_epochs has no meaning when both towers are locked for good; take one of them out")
        for name, wanted in (
            ("augment", self.augment != Augmentation()),
            ("patch_dropout", self.patch_dropout > 0),
            ("path_dropout", self.path_dropout > 0),
            ("frozen_layers", self.frozen_layers > 0),
            ("heads", bool(self.heads)),
            ("word_weight", self.word_weight > 0),
        ):
            if image and wanted:
                raise ValueError(f"{name} has no meaning when the image tower is locked; take one of them out")
        if self.gallery_negatives and not image:
            raise ValueError('gallery_negatives needs a locked image tower; say locked = ["image"], or take it out')
        if "text" in self.locked and self.word_dropout:
            raise ValueError("word_dropout has no meaning when the text tower is locked; take one of them out")
        if self.caption_alone and not self.captions:
            raise ValueError("caption_alone needs captions, the attributes that stand alone; name some")
        if both and (self.layer_decay < 1 or self.chunk_size):
            raise ValueError("layer_decay and chunk_size have no meaning when both towers are locked; take them out")
        return self


class RunConfig(_Frozen):
    """Everything that decides the outcome of a training run, but the data."""

    preset: str
    """Where the model's config starts from; see models/presets.py."""
    model: ModelConfig
    """The preset with the values of the file's [model] section."""
    split: SplitRule = SplitRule()
    """How titles are split: fractions `train`, `validation`, `test`, and a `seed`."""
    train: Recipe = Recipe()
    """The recipe."""


def load_config(path: Path, *, text_tower: str | None = None, image_tower: str | None = None) -> RunConfig:
    """Read a run's config from a TOML file, or the shipped one of that name.

    `text_tower` and `image_tower` replace the sources of the towers.

    Raises:
        ConfigError: no such file, no TOML, or a field that is unknown, missing or contradictory.
    """
    fields = read_fields(path)
    for tower, source in (("text", text_tower), ("image", image_tower)):
        if source is not None:
            fields.setdefault("model", {}).setdefault(tower, {})["source"] = source
    try:
        return parse_config(fields)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def read_fields(path: Path) -> dict[str, Any]:
    """Return the content, unchecked, of a config file, or of the shipped one of that name.

    Raises:
        ConfigError: no such file, or no TOML.
    """
    try:
        return tomllib.loads(find_config(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no TOML file ({error}); correct it there") from error


def parse_config(fields: dict[str, Any]) -> RunConfig:
    """Return the run that `fields`, a config file's content, describes.

    Raises:
        ConfigError: a field is unknown, missing or contradictory; the message names it as the user wrote it.
    """
    if not isinstance(fields.get("preset"), str):
        raise ConfigError('a config needs a preset, such as preset = "minilm-dinov2"')
    base = preset(fields["preset"]).model_dump(mode="json")
    try:
        return RunConfig.model_validate({**fields, "model": merge(base, fields.get("model", {}))})
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(dict(problem)) for problem in error.errors())) from None


def merge(base: Any, over: Any) -> Any:
    """Return `base` with the values of `over`, table by table; an architecture's fields are replaced together."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = {name: merge(base[name], over[name]) if name in over else base[name] for name in base}
    if "architecture" in over:
        merged["architecture"] = over["architecture"]
        merged["source"] = over.get("source")
    return {**{name: value for name, value in over.items() if name not in base}, **merged}


def _explain(problem: dict[str, Any]) -> str:
    """Say one of pydantic's findings in the names that the user typed, with the known ones."""
    names = [str(part) for part in problem["loc"]]
    if problem["type"] not in ("extra_forbidden", "unexpected_keyword_argument"):
        message = problem["msg"].removeprefix("Value error, ")
        got = "" if isinstance(problem["input"], dict) else f"; got {problem['input']!r}"  # not a whole table
        return f"{'.'.join(names) or 'config'}: {message}{got}"
    owner: Any = RunConfig
    for name in names[:-1]:
        owner = owner.model_fields[name].annotation
    known = owner.model_fields if hasattr(owner, "model_fields") else owner.__dataclass_fields__
    return f"{'.'.join(names)} is no field; the fields there are {', '.join(known)}"
