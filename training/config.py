"""A training run as data: which model, which titles, which recipe; read from TOML. Knows no torch."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common import ConfigError
from index.products import SplitRule
from models.presets import ModelConfig, preset


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Recipe(_Frozen):
    """How the weights are found."""

    epochs: int = Field(default=5, ge=1)
    """Passes over the training titles."""
    batch_size: int = Field(default=64, ge=2)
    """Pairs in a step; each pair's negatives are the others of its batch."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak rate of the projections and the temperature."""
    tower_learning_rate: float = Field(default=3e-5, gt=0)
    """Peak rate of the towers that are not locked."""
    weight_decay: float = Field(default=0.05, ge=0)
    """AdamW's, on matrices only."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Fraction of all steps in which the rates rise from 0; then they fall as a cosine."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient's norm is cut to this."""
    positives: Literal["same-title", "same-product"] = "same-title"
    """Which pairs of a batch belong together: all of one title (UniCL), or only a product's own (CLIP)."""
    locked: tuple[Literal["text", "image"], ...] = ()
    """Towers that stay as they are: their features are computed once and cached on disk (LiT, arXiv 2111.07991)."""
    precision: Literal["auto", "float32"] = "auto"
    """auto: bfloat16 arithmetic where the device has it; weights are float32 either way."""
    seed: int = 0
    """Of the initial weights, the order of the pairs and dropout."""
    save_minutes: float = Field(default=5.0, ge=0)
    """A killed run loses at most about this much work."""


class RunConfig(_Frozen):
    """Everything that decides the outcome of a training run, but the data."""

    preset: str
    """Where the model's config starts from; see models/presets.py."""
    model: ModelConfig
    """The preset with the file's [model] section laid over it."""
    split: SplitRule = SplitRule()
    """How titles are dealt out: fractions `train`, `validation`, `test`, and a `seed`."""
    train: Recipe = Recipe()
    """The recipe."""


def load_config(path: Path, *, text_tower: str | None = None, image_tower: str | None = None) -> RunConfig:
    """Read a run's config from a TOML file; `text_tower` and `image_tower` replace the sources of the towers.

    Raises:
        ConfigError: no such file, no TOML, or a field that is unknown, missing or contradictory.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no config {path}; see training/configs for those that come along") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no TOML file ({error}); correct it there") from error
    for tower, source in (("text", text_tower), ("image", image_tower)):
        if source is not None:
            fields.setdefault("model", {}).setdefault(tower, {})["source"] = source
    try:
        return parse_config(fields)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_config(fields: dict[str, Any]) -> RunConfig:
    """Return the run that `fields`, a config file's content, describes.

    Raises:
        ConfigError: a field is unknown, missing or contradictory; the message names it as the user wrote it.
    """
    if not isinstance(fields.get("preset"), str):
        raise ConfigError('a config needs a preset, such as preset = "minilm-dinov2"')
    base = preset(fields["preset"]).model_dump(mode="json")
    try:
        return RunConfig.model_validate({**fields, "model": _overlaid(base, fields.get("model", {}))})
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(dict(problem)) for problem in error.errors())) from None


def _overlaid(base: Any, over: Any) -> Any:
    """Lay `over` on `base`, table by table; an architecture is replaced whole, its fields belong together."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = {name: _overlaid(base[name], over[name]) if name in over else base[name] for name in base}
    if "architecture" in over:
        merged["architecture"] = over["architecture"]
        merged["source"] = over.get("source")
    return {**{name: value for name, value in over.items() if name not in base}, **merged}


def _explain(problem: dict[str, Any]) -> str:
    """Say one of pydantic's findings in the names that the user typed, with the known ones."""
    names = [str(part) for part in problem["loc"]]
    if problem["type"] not in ("extra_forbidden", "unexpected_keyword_argument"):
        message = problem["msg"].removeprefix("Value error, ")
        return f"{'.'.join(names) or 'config'}: {message}; got {problem['input']!r}"
    owner: Any = RunConfig
    for name in names[:-1]:
        owner = owner.model_fields[name].annotation
    known = owner.model_fields if hasattr(owner, "model_fields") else owner.__dataclass_fields__
    return f"{'.'.join(names)} is no field; the fields there are {', '.join(known)}"
