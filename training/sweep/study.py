"""The study of a sweep: Optuna's database in the sweep's folder, opened by one process at a time. Trains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common import ConfigError, InputError, first_line
from training.data import refuse_others
from training.sweep.space import MEASURE, STUDY_FILE, TRIALS, SweepPlan, value_at

if TYPE_CHECKING:
    import optuna


def check_installed() -> None:
    """Refuse to start without the packages of the extra `sweep`.

    Raises:
        ConfigError: one of them is not installed.
    """
    try:
        import filelock  # noqa: F401
        import optuna
        import tomli_w  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(f"a sweep needs {error.name}, which is not installed: pip install 'vitrine[sweep]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the sweep reports its trials itself


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Lock the sweep's folder for this process: two would continue the same interrupted trial.

    Raises:
        ConfigError: another process has it.
    """
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise ConfigError(f"another sweep is at work in {out}; wait for it, or choose another --out") from None


@contextmanager
def open_study(out: Path, plan: SweepPlan, data: list[str]) -> Iterator[optuna.Study]:
    """Open the study in `out`, or create one; `data` is the data set's name and fingerprint.

    Raises:
        ConfigError: it is of another config, search space or data set, or cannot be read.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    path = out / STUDY_FILE
    if (out / TRIALS).exists() and not path.exists():
        raise ConfigError(f"{out} holds trials without their {STUDY_FILE}; delete it, or choose another --out")
    if not path.exists():
        refuse_others(out, (), "--out")
    space = {name: allowed.to_json() for name, allowed in plan.space.items()}
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        raise ConfigError(
            f"{path} is no study that can be read ({first_line(error)}); delete {out} or choose another"
        ) from None
    try:
        # The first epochs of a run say little about its end, so no trial is stopped in them.
        pruner = optuna.pruners.MedianPruner(n_warmup_steps=plan.run.train.epochs // 5)
        study = optuna.create_study(
            study_name="sweep", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
        )
        if not study.user_attrs:
            # A new study: its first trial has the config's own values, where the search space holds them.
            run = plan.run.model_dump(mode="json")
            own = {name: value_at(run, name) for name in space}
            if all(plan.space[name].holds(value) for name, value in own.items()):
                stored = {name: plan.space[name].stored(value) for name, value in own.items()}
                study.enqueue_trial(stored, skip_if_exists=True)
            study.set_user_attr("asked", {"config": plan.fields, "[sweep]": space, "data": data, "measure": MEASURE})
        theirs = study.user_attrs["asked"]
        if theirs.get("measure") != MEASURE:
            raise ConfigError(
                f"{out} is a sweep of another version, which judged trials by {theirs.get('measure', 'MRR@10')}, "
                f"not by {MEASURE}; delete it, or choose another --out"
            )
        if theirs["data"] != data:
            raise ConfigError(
                f"{out} is a sweep over the data {theirs['data'][0]} ({theirs['data'][1]}), not {data[0]} ({data[1]}); "
                "use the same, or choose another --out"
            )
        before = _flat(theirs["config"]) | {f"[sweep] {name}": allowed for name, allowed in theirs["[sweep]"].items()}
        now = _flat(plan.fields) | {f"[sweep] {name}": allowed for name, allowed in space.items()}
        if different := sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)):
            raise ConfigError(
                f"{out} is a sweep of another config (it differs in {', '.join(different)}); "
                "use the same one, or choose another --out"
            )
        try:
            yield study
        except InputError:
            if not (out / TRIALS).exists():  # no trial has started, so the folder is free for another sweep
                optuna.delete_study(study_name="sweep", storage=storage)
            raise
    finally:
        storage.remove_session()
        storage.engine.dispose()


def next_trial(study: optuna.Study, seed: int) -> optuna.Trial:
    """Return the trial that an earlier process did not finish, or a new one."""
    import optuna

    trials = study.get_trials(deepcopy=False)
    # The sampler is seeded from (seed, finished trials), so that interruptions do not change what it proposes.
    draw = np.random.default_rng([seed, sum(trial.state.is_finished() for trial in trials)])
    study.sampler = optuna.samplers.TPESampler(seed=int(draw.integers(2**31)))
    for trial in trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            # Optuna has no public way to continue a trial of another process.
            return optuna.Trial(study, trial._trial_id)
    return study.ask()


def _flat(fields: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return the nested `fields` as one table of dotted names."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat
