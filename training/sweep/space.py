"""The plan of a sweep: a config file, its table [sweep], and the ranges of fields. Knows no study and no training."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from common import ConfigError
from training.config import RunConfig, parse_config, read_fields
from training.config_files import find_config

if TYPE_CHECKING:
    import optuna


STUDY_FILE = "study.db"
SWEEP_FILE = "sweep.json"
BEST_FILE = "best.toml"
PLOT_FILE = "sweep.png"
TRIALS = "trials"

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
"""States of a trial that has ended."""

MEASURE = "R@10 + MRR@10, hubs corrected"
"""Of the validation titles, by which trials are judged; as the best checkpoint of a run."""


class Range(BaseModel):
    """The values that a field may take: from `low` to `high`, both included, or one of `choices`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: int | float | None = None
    high: int | float | None = None
    """Whole numbers are drawn when the field and both ends are whole."""
    log: bool = False
    """Draw uniformly in the logarithm, for a field whose order of magnitude is unknown."""
    choices: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Range:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("choices stand alone; take low, high and log out, or the choices")
            if not self.choices:
                raise ValueError("choices is empty; give at least one value")
            return self
        if self.low is None or self.high is None:
            raise ValueError("a range needs low and high, or choices")
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}; low must be the smaller one")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}; with log = true it must be above 0")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the range as it is written in a config; `log` is always there."""
        return self.model_dump(mode="json", include={"low", "high", "log"} if self.choices is None else {"choices"})

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to check: when these are allowed, all values of the range are."""
        return (self.low, self.high) if self.choices is None else self.choices

    def holds(self, value: Any) -> bool:
        """Return whether `value` is in the range."""
        if self.choices is not None:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high  # type: ignore[operator]

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """Return the trial's value for the field `name`: drawn now, or at an earlier call."""
        if self.choices is not None:
            return json.loads(trial.suggest_categorical(name, [json.dumps(choice) for choice in self.choices]))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)  # type: ignore[arg-type]

    def stored(self, value: Any) -> Any:
        """Return `value` as the study stores it: a choice may be a list, so it is stored as JSON."""
        return value if self.choices is None else json.dumps(self.choices[self.choices.index(value)])

    def read(self, stored: Any) -> Any:
        """Return the value that the study stores as `stored`."""
        return stored if self.choices is None else json.loads(stored)


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A config file and its search space, read and checked."""

    name: str
    written: dict[str, Any]
    """The file's fields, without [sweep]."""
    fields: dict[str, Any]
    """The same with the towers that the command line names."""
    run: RunConfig
    space: dict[str, Range]
    """From a field's dotted name to its range."""

    @classmethod
    def read(cls, path: Path, text_tower: str | None, image_tower: str | None) -> SweepPlan:
        """Read the TOML file at `path`; the towers' sources replace the file's.

        Raises:
            ConfigError: no such file, no TOML, or a field or range that is unknown or contradictory.
        """
        written = read_fields(path)
        given = written.pop("sweep", None)
        towers = {"text": text_tower, "image": image_tower}
        sources = {f"model.{tower}.source": source for tower, source in towers.items() if source is not None}
        try:
            fields = with_overrides(written, sources)
            run = parse_config(fields)
            if run.split.validation == 0:
                raise ConfigError("split.validation is 0, and trials are judged by it; give it a part of the titles")
            space = _default_space(run) if given is None else _space(given, fields, run)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
        return cls(find_config(path).name, written, fields, run, space)

    def with_values(self, values: Mapping[str, Any]) -> RunConfig:
        """Return the run with `values` (dotted name -> value) instead of the config's."""
        return parse_config(with_overrides(self.fields, values))


def _default_space(run: RunConfig) -> dict[str, Range]:
    """Return the space of a config without [sweep]: the learning rate within a factor of 5, and the regularisation."""
    low, high = (float(f"{run.train.learning_rate * factor:.6g}") for factor in (0.2, 5))
    return {
        "train.learning_rate": Range(low=low, high=high, log=True),
        "train.weight_decay": Range(low=0.01, high=1.0, log=True),
        "train.warmup": Range(low=0.0, high=0.2),
        "model.projection.dropout": Range(low=0.0, high=0.6),
    }


def _space(given: Any, fields: dict[str, Any], run: RunConfig) -> dict[str, Range]:
    """Return the ranges of the table [sweep].

    Raises:
        ConfigError: a range that contradicts itself, or that leaves what its field can be.
    """
    ranges = dict(_ranges(given, "")) if isinstance(given, dict) else {}
    if not ranges:
        raise ConfigError(
            '[sweep] names no field; write "train.learning_rate" = { low = 3e-4, high = 5e-3, log = true }'
        )
    now = run.model_dump(mode="json")
    space: dict[str, Range] = {}
    for name, written in ranges.items():
        if name.split(".")[0] not in ("train", "model"):
            raise ConfigError(f"[sweep] {name}: only fields of [train] and [model] can be searched; take it out")
        try:
            allowed = Range.model_validate(written)
        except ValidationError as error:
            found = {problem["loc"][:1]: _explain(name, dict(problem)) for problem in error.errors()}
            raise ConfigError("; ".join(found.values())) from None
        own = value_at(now, name)
        if allowed.choices is None and isinstance(own, float):
            allowed = Range(low=float(allowed.ends[0]), high=float(allowed.ends[1]), log=allowed.log)
        elif allowed.choices is None and not all(isinstance(end, int) for end in allowed.ends) and type(own) is int:
            raise ConfigError(f"[sweep] {name}: a whole number is needed; write low and high without a point")
        for end in allowed.ends:
            try:
                parse_config(with_overrides(fields, {name: end}))
            except ConfigError as error:
                raise ConfigError(f"[sweep] {error}") from None
        space[name] = allowed
    return space


def _ranges(table: dict[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, range as written); names may be quoted in the file, or be tables of tables."""
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value and not value.keys() & Range.model_fields.keys():
            yield from _ranges(value, f"{name}.")
        else:
            yield name, value


def _explain(name: str, problem: dict[str, Any]) -> str:
    where = ".".join([name, *(str(part) for part in problem["loc"] if part in Range.model_fields)])
    if problem["type"] == "extra_forbidden":
        return f"[sweep] {name}.{problem['loc'][-1]} is no field of a range; those are {', '.join(Range.model_fields)}"
    if problem["type"] == "model_type":
        return f"[sweep] {where}: needs {{ low = …, high = … }} or {{ choices = […] }}; got {problem['input']!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"[sweep] {where}: {message}"


def with_overrides(fields: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the nested `fields` with each of `values` (dotted name -> value) set."""
    result = copy.deepcopy(fields)
    for name, value in values.items():
        *tables, last = name.split(".")
        table = result
        for key in tables:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{name} is no field, since {key} is {table!r}; name a field of a table")
        table[last] = value
    return result


def value_at(fields: dict[str, Any], name: str) -> Any:
    """Return the value of the dotted `name` in the nested `fields`, None when there is none."""
    value: Any = fields
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def to_toml(fields: dict[str, Any]) -> str:
    """Return nested `fields` as TOML, as they were read from it."""
    import tomli_w  # of the extra `sweep`

    return tomli_w.dumps(fields)
