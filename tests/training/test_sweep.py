"""Sweeps: search spaces, continuing after a stop, and the files that a sweep leaves."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from common import ConfigError, DataError, VitrineError
from tests.conftest import draw_shape
from tests.tools.root import ROOT
from training.config import load_config
from training.sweep import run_sweep, terminal_table
from training.sweep.space import SweepPlan, to_toml
from vitrine.cli import cli

CONFIG = """
preset = "tiny"

[train]
epochs = 2
batch_size = 16
learning_rate = 3e-3
precision = "float32"

[sweep]
"train.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"train.batch_size" = { choices = [16, 30] }
model.projection.dropout = { low = 0, high = 0.5 }
"""


def written(folder: Path, text: str = CONFIG, name: str = "run.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep-cache")


def swept(config: Path, data: Path, out: Path, cache: Path, trials: int, **options: Any) -> dict[str, Any]:
    console = Console(file=options.pop("said", StringIO()), soft_wrap=True)
    return run_sweep(config, data, out, trials=trials, cache=cache, device="cpu", console=console, **options)


def by_number(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what must not depend on when it ran."""
    trials = sorted(result["trials"], key=lambda entry: entry["number"])
    return [(e["number"], e["state"], e["values"], e["score"], e["epochs"]) for e in trials]


@pytest.fixture(scope="module")
def few(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the half of the shapes: an epoch of a few steps is enough for a stop within it."""
    folder = shutil.copytree(shapes.parent, tmp_path_factory.mktemp("few") / "shop")
    head, *lines = shapes.read_text(encoding="utf-8").splitlines(keepends=True)
    table = folder / shapes.name
    table.write_text(head + "".join(line for row, line in enumerate(lines) if row % 4 < 2), encoding="utf-8")
    return table


@pytest.fixture(scope="module")
def one_trial(few: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return a folder with a config and its finished sweep of one trial, to be copied."""
    folder = tmp_path_factory.mktemp("one-trial")
    swept(written(folder), few, folder / "sweep", cache, 1)
    return folder


@pytest.fixture
def finished(one_trial: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    return shutil.copytree(one_trial, tmp_path / "finished")


@pytest.fixture(scope="module")
def uninterrupted(few: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> list[tuple[Any, ...]]:
    """Return what a sweep of two trials comes to that nothing stops."""
    folder = tmp_path_factory.mktemp("whole")
    config = written(folder, CONFIG.replace("epochs = 2", "epochs = 4"))
    return by_number(swept(config, few, folder / "sweep", cache, 2))


# ---------------------------------------------------------------------- the search


def test_a_sweep_keeps_its_best_trial_and_continues_where_it_stopped(few: Path, tmp_path: Path, cache: Path) -> None:
    config, out = written(tmp_path), tmp_path / "sweep"
    first = swept(config, few, out, cache, 2)
    kept = (out / "trials" / "1" / "log.jsonl").stat().st_mtime_ns
    result = swept(config, few, out, cache, 4)
    assert [entry["number"] for entry in sorted(result["trials"], key=lambda e: e["number"])] == [0, 1, 2, 3]
    assert by_number(result)[:2] == by_number(first)
    assert (out / "trials" / "1" / "log.jsonl").stat().st_mtime_ns == kept

    # The first trial is the config itself; the others stay in their ranges.
    trials = {entry["number"]: entry for entry in result["trials"]}
    assert trials[0]["values"] == {
        "train.learning_rate": 3e-3,
        "train.batch_size": 16,
        "model.projection.dropout": 0.0,
    }
    for entry in trials.values():
        assert 1e-5 <= entry["values"]["train.learning_rate"] <= 1e-2
        assert entry["values"]["train.batch_size"] in (16, 30)
        assert 0 <= entry["values"]["model.projection.dropout"] <= 0.5
    assert len({entry["values"]["train.learning_rate"] for entry in trials.values()}) == 4

    # The best is the one with the best epoch of all, and alone has weights.
    scores = {}
    for number in trials:
        history = json.loads((out / "trials" / str(number) / "metrics.json").read_text())["history"]
        best = max(history, key=lambda entry: entry["hub_recall10"] + entry["hub_mrr10"])
        scores[number] = best["hub_recall10"] + best["hub_mrr10"]
        assert trials[number]["score"] == scores[number]
        assert trials[number]["best_epoch"] == best["epoch"]
        assert trials[number]["hub_mrr10"] == best["hub_mrr10"]
    assert scores[result["best"]] == max(scores.values())
    assert result["trials"][0]["number"] == result["best"]
    assert [path.parent.name for path in out.glob("trials/*/model.safetensors")] == [str(result["best"])]
    assert json.loads((out / "sweep.json").read_text()) == result

    # What it leaves can be trained and looked at.
    best = load_config(out / "best.toml")
    assert best.train.learning_rate == result["trials"][0]["values"]["train.learning_rate"]
    trained = json.loads((out / "trials" / str(result["best"]) / "config.json").read_text())
    assert trained["training"]["train"] == best.model_dump(mode="json")["train"]
    with Image.open(out / "sweep.png") as plot:
        assert plot.width > 800
    table = Console(width=80, file=StringIO(), record=True)
    table.print(terminal_table(result))
    assert f"{result['trials'][0]['hub_mrr10']:.3f}" in table.export_text()


def test_a_finished_sweep_is_shown_again_without_training(few: Path, finished: Path, cache: Path) -> None:
    config, out = finished / "run.toml", finished / "sweep"
    result = json.loads((out / "sweep.json").read_text())
    for name in ("sweep.json", "best.toml", "sweep.png"):
        (out / name).unlink()
    said = StringIO()
    assert swept(config, few, out, cache, 1, said=said) == result
    assert "trial" not in said.getvalue()
    assert (out / "best.toml").exists()
    assert (out / "sweep.png").exists()


def test_hopeless_trials_are_stopped_early(shapes: Path, tmp_path: Path, cache: Path) -> None:
    text = CONFIG.replace("epochs = 2", "epochs = 3").replace("low = 1e-5", "low = 1e-6")
    said = StringIO()
    result = swept(written(tmp_path, text), shapes, tmp_path / "sweep", cache, 9, said=said)
    pruned = [entry for entry in result["trials"] if entry["state"] == "pruned"]
    assert pruned
    assert all(entry["number"] >= 5 and entry["epochs"] < 3 for entry in pruned)
    assert result["trials"][-1] in pruned
    assert "stopped after epoch" in said.getvalue()
    for entry in pruned:
        folder = tmp_path / "sweep" / "trials" / str(entry["number"])
        assert (folder / "log.jsonl").exists()
        assert not list(folder.glob("*.safetensors")) + list(folder.glob("state.pt"))


class Stopping(Console):
    """Presses Ctrl-C when the second trial's third epoch is reported, before any of it is saved."""

    def print(self, *said: Any, **options: Any) -> None:
        super().print(*said, **options)
        assert isinstance(self.file, StringIO)
        if str(said[0]).startswith("epoch   3") and "trial 1 (" in self.file.getvalue():
            raise KeyboardInterrupt


@pytest.mark.parametrize("save_minutes", [0, 5])
def test_a_stopped_sweep_ends_as_one_without_a_stop(
    few: Path,
    tmp_path: Path,
    cache: Path,
    save_minutes: int,
    uninterrupted: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.sweep.sweep.PLOT_EVERY_S", 0 if save_minutes else 60)
    # Saved at each step, the trial goes on within an epoch; not saved at all, it begins again and tells epochs twice.
    config = written(tmp_path, CONFIG.replace("epochs = 2", f"epochs = 4\nsave_minutes = {save_minutes}"))
    out = tmp_path / "sweep"
    console = Stopping(file=(said := StringIO()), soft_wrap=True)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(config, few, out, trials=2, cache=cache, device="cpu", console=console)
    assert said.getvalue().splitlines()[-1] == (
        "the sweep stops in trial 1, with 1 done; the same command goes on from there"
    )
    assert (out / "sweep.png").exists() == (save_minutes > 0), "a sweep that goes on is drawn at intervals"
    result = swept(config, few, out, cache, 2, said=(said := StringIO()))
    assert "trial 0 (" not in said.getvalue()
    assert ("going on after step" in said.getvalue()) == (save_minutes == 0)
    assert by_number(result) == uninterrupted


def test_a_failed_trial_is_a_result_and_stops_nothing(few: Path, tmp_path: Path, cache: Path) -> None:
    # Each choice alone agrees with the config; two of them together do not.
    text = CONFIG.split("[sweep]")[0] + (
        '[sweep]\n"train.epochs" = { choices = [1, 2] }\n"train.locked_epochs" = { choices = [0, 1] }\n'
    )
    result = swept(written(tmp_path, text), few, tmp_path / "sweep", cache, 6)
    failed = [entry for entry in result["trials"] if entry["state"] == "failed"]
    assert failed
    for entry in failed:
        assert entry["values"] == {"train.epochs": 1, "train.locked_epochs": 1}
        assert "locked_epochs is 1 of 1 epochs" in entry["reason"]
    assert result["trials"][0]["state"] == "complete"
    table = Console(width=80, file=StringIO(), record=True)
    table.print(terminal_table(result))
    assert f"{len(failed)} of them failed" in " ".join(table.export_text().split())


def test_a_diverging_loss_fails_a_trial_and_is_reported_when_no_trial_is_left(
    few: Path, tmp_path: Path, cache: Path
) -> None:
    text = CONFIG.split("[sweep]")[0] + '[sweep]\n"train.learning_rate" = { low = 1e30, high = 1e36, log = true }\n'
    with pytest.raises(VitrineError, match=r"none of the 1 trials .* the loss is nan at step"):
        swept(written(tmp_path, text), few, tmp_path / "sweep", cache, 1)
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["best"] is None
    assert not (tmp_path / "sweep" / "best.toml").exists()


# ---------------------------------------------------------------------- what is refused


def test_a_sweep_that_judged_by_another_figure_is_refused(few: Path, finished: Path, cache: Path) -> None:
    """Its trials' values do not compare with those of new ones."""
    import optuna

    storage = f"sqlite:///{finished / 'sweep' / 'study.db'}"
    study = optuna.load_study(study_name="sweep", storage=storage)
    asked = dict(study.user_attrs["asked"])
    del asked["measure"]
    study.set_user_attr("asked", asked)
    with pytest.raises(ConfigError, match=r"judged trials by MRR@10, not by R@10 \+ MRR@10, hubs corrected"):
        swept(finished / "run.toml", few, finished / "sweep", cache, 2)


def test_the_folder_of_another_sweep_is_refused(few: Path, finished: Path, tmp_path: Path, cache: Path) -> None:
    out = finished / "sweep"
    written(tmp_path)
    other = written(tmp_path, CONFIG.replace("epochs = 2", "epochs = 3").replace("high = 0.5", "high = 0.6"), "o.toml")
    differs = r"differs in \[sweep\] model.projection.dropout, train.epochs"
    with pytest.raises(ConfigError, match=differs):
        swept(other, few, out, cache, 2)
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    (tmp_path / "few.csv").write_text("id,image,text\n1,a.png,Red Ball\n")
    with pytest.raises(ConfigError, match=r"a sweep over the data products .* not few"):
        swept(tmp_path / "run.toml", tmp_path / "few.csv", out, cache, 2)
    (out / "study.db").unlink()
    with pytest.raises(ConfigError, match=r"trials without their study.db"):
        swept(tmp_path / "run.toml", few, out, cache, 2)
    (out / "study.db").write_text("no database " * 100)
    with pytest.raises(ConfigError, match=r"study.db is no study that can be read"):
        swept(tmp_path / "run.toml", few, out, cache, 2)


def test_a_refused_command_leaves_the_folder_free_for_another(few: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "few.csv").write_text("id,image,text\n1,a.png,Red Ball\n")
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    with pytest.raises(DataError, match="pairs to learn from"):
        swept(written(tmp_path), tmp_path / "few.csv", tmp_path / "sweep", cache, 1)
    assert len(swept(tmp_path / "run.toml", few, tmp_path / "sweep", cache, 1)["trials"]) == 1


def test_two_sweeps_do_not_share_a_folder(shapes: Path, tmp_path: Path, cache: Path) -> None:
    from filelock import FileLock

    (tmp_path / "sweep").mkdir()
    with FileLock(tmp_path / "sweep" / ".lock"), pytest.raises(ConfigError, match="another sweep is at work"):
        swept(written(tmp_path), shapes, tmp_path / "sweep", cache, 1)


def test_without_optuna_the_error_says_what_to_install(
    shapes: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'vitrine\[sweep\]'"):
        swept(written(tmp_path), shapes, tmp_path / "sweep", cache, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"train.learning_rat" = { low = 1, high = 2 }', "train.learning_rat is no field; the fields there are epochs"),
        ('"train.learning_rate" = { low = 2, high = 1 }', "train.learning_rate: low is 2 and high is 1; low must be"),
        ('"train.learning_rate" = { low = 0, high = 1, log = true }', "train.learning_rate: low is 0; with log"),
        ('"train.learning_rate" = { low = 0, high = 1 }', "train.learning_rate: Input should be greater than 0; got 0"),
        ('"train.learning_rate" = { low = 1e-3 }', "train.learning_rate: a range needs low and high, or choices"),
        ('"train.warmup" = { low = 0, high = 0.1, steps = 3 }', "warmup.steps is no field of a range; those are low"),
        ('"train.warmup" = { low = "a", high = 0.1 }', "train.warmup.low: Input should be a valid"),
        ('"train.warmup" = 0.1', "train.warmup: needs { low = …, high = … } or { choices = […] }; got 0.1"),
        ('"train.batch_size" = { low = 16, high = 32.5 }', "train.batch_size: a whole number is needed"),
        ('"train.batch_size" = { choices = [16, 1] }', "train.batch_size: Input should be greater than or equal to 2"),
        ('"train.positives" = { choices = [] }', "train.positives: choices is empty"),
        ('"train.positives" = { choices = ["same-title"], low = 1 }', "train.positives: choices stand alone"),
        ('"train.epochs.x" = { low = 1, high = 2 }', "train.epochs.x is no field, since epochs is 2"),
        ('"split.seed" = { low = 1, high = 2 }', "split.seed: only fields of [train] and [model]"),
        ("", "[sweep] names no field"),
    ],
)
def test_an_impossible_range_is_refused_in_the_users_names(tmp_path: Path, line: str, said: str) -> None:
    config = written(tmp_path, CONFIG.split("[sweep]")[0] + f"[sweep]\n{line}\n")
    with pytest.raises(ConfigError) as refused:
        SweepPlan.read(config, None, None)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{config}: ")
    assert "\n" not in str(refused.value)


def test_trials_need_titles_for_validation(tmp_path: Path) -> None:
    config = written(tmp_path, CONFIG + "\n[split]\ntrain = 0.9\nvalidation = 0.0\ntest = 0.1\n")
    with pytest.raises(ConfigError, match=r"split\.validation is 0"):
        SweepPlan.read(config, None, None)


# ---------------------------------------------------------------------- the config


@pytest.mark.parametrize("name", ["tiny", "minilm-dinov2-locked", "minilm-dinov2"])
def test_a_config_without_a_space_is_searched_around_its_own_values(name: str, tmp_path: Path) -> None:
    search = SweepPlan.read(ROOT / "training" / "configs" / f"{name}.toml", None, None)
    assert {"train.learning_rate", "train.weight_decay", "train.warmup", "model.projection.dropout"} == set(
        search.space
    )
    for allowed, own in (
        (search.space["train.learning_rate"], search.run.train.learning_rate),
        (search.space["train.weight_decay"], search.run.train.weight_decay),
        (search.space["model.projection.dropout"], search.run.model.projection.dropout),
    ):
        assert allowed.holds(own)
    assert load_config(written(tmp_path, to_toml(search.written), "again.toml")) == search.run


def test_a_config_survives_being_written(tmp_path: Path) -> None:
    fields = {
        "preset": "tiny",
        "a b": 'quoted "text" with \\ and\ttab, é',
        "model": {"text": {"source": "x", "numbers": [1, 2.5, 1e-5], "on": True}, "empty": {"deep": {"y": []}}},
    }
    assert tomllib.loads(to_toml(fields)) == fields


def test_the_towers_of_the_command_line_stay_out_of_the_best_config(tmp_path: Path) -> None:
    search = SweepPlan.read(written(tmp_path), "text-folder", None)
    assert search.run.model.text.source == "text-folder"
    assert "text-folder" not in to_toml(search.written)


def test_the_command_shows_the_best_trials(few: Path, finished: Path, cache: Path) -> None:
    config, out = finished / "run.toml", finished / "sweep"
    words = ["sweep", config, "--data", few, "--trials", "1", "--cache", cache, "--out", out]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "learning_rate" in done.stdout
    assert f"vitrine train {out / 'best.toml'} --data {few}" in done.stdout
    plain = CliRunner().invoke(cli, [*map(str, words), "--json"])
    assert json.loads(plain.stdout)["best"] == 0
