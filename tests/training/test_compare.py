"""The paper's table beside ours: its configs, scoring all pairs, and runs that are collected, reused or missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from huggingface_hub import HfApi
from typer.testing import CliRunner

from common import ConfigError, InputError
from models.dual_encoder import DualEncoder
from models.encoder import load_encoder
from models.towers import build_tower
from tests.conftest import small_model
from tests.tools.root import ROOT
from training.config import load_config, parse_config
from training.data import open_dataset
from training.reports import (
    compare_runs,
    comparison_markdown,
    complaint,
    encode_pairs,
    evaluate_catalogue,
    read_comparison,
)
from training.reports.compare import SCORES_FILE
from training.reports.paper_table import PAPER, headline
from training.train import train
from vitrine.cli import cli

CONFIGS = ROOT / "training" / "configs"
FAMILIES = ("bert-resnet", "bert-vit", "gpt2-vit")
NO_SPLIT = "[split]\ntrain = 1.0\nvalidation = 0.0\ntest = 0.0\n"
QUICK = '[train]\nepochs = 1\nbatch_size = 32\npositives = "same-product"\nprecision = "float32"\n'


def written(path: Path, preset: str, sections: str = NO_SPLIT + QUICK) -> Path:
    """Write a config of a small random model of that preset's families."""
    lines = [f'preset = "{preset}"']
    for tower, fields in small_model(preset).items():
        lines.append(f"[model.{tower}.architecture]")
        architecture: Any = fields["architecture"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in architecture.items()]
    lines.append("[model.image.preprocess]\nsize = [32, 32]")
    path.write_text("\n".join(lines) + "\n" + sections)
    return path


def compared(shapes: Path, folder: Path, *given: Path) -> tuple[dict[str, Any], dict[str, str]]:
    return compare_runs(given, shapes, runs=folder / "runs", cache=folder / "cache", device="cpu")


# ---------------------------------------------------------------------- the configs


@pytest.mark.parametrize("name", [*FAMILIES, *(f"small-{family}" for family in FAMILIES)])
def test_the_papers_configs_say_what_the_paper_says(name: str) -> None:
    config = load_config(CONFIGS / f"paper-{name}.toml")
    assert name.endswith(config.preset)
    assert (config.train.epochs, config.train.batch_size, config.train.positives) == (5, 64, "same-product")
    assert (config.split.train, config.split.validation, config.split.test) == (1, 0, 0)
    assert config.model.projection.model_dump() == {"dim": 128, "hidden": 0, "dropout": 0.0}
    preprocess = config.model.image.preprocess
    assert preprocess.mean == preprocess.std == (0.5, 0.5, 0.5)
    assert preprocess.size == ((64, 64) if "small" in name else (224, 224))
    assert (config.model.text.source is None) == (config.model.image.source is None) == ("small" in name)
    # Every addition to the plain recipe is off.
    stated = {"learning_rate", "tower_learning_rate", "weight_decay", "positives"}
    plain = parse_config({"preset": config.preset}).train
    assert config.train.model_dump(exclude=stated) == plain.model_dump(exclude=stated)


def test_the_small_families_are_a_fair_comparison() -> None:
    configs = [load_config(CONFIGS / f"paper-small-{family}.toml") for family in FAMILIES]
    assert len({config.train.model_dump_json() for config in configs}) == 1
    assert len({config.model.image.preprocess.model_dump_json() for config in configs}) == 1
    sizes = []
    for config in configs:
        towers = build_tower(config.model.text), build_tower(config.model.image)
        sizes += [[sum(p.numel() for p in tower.parameters()) for tower in towers]]
        assert DualEncoder(config.model, *towers, 0).text_width == 192
    for counts in zip(*sizes, strict=True):
        assert max(counts) < 1.05 * min(counts)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_small_configs_take_a_step_with_every_pair(family: str, shapes: Path, tmp_path: Path) -> None:
    fields = load_config(CONFIGS / f"paper-small-{family}.toml").model_dump(mode="json")
    fields["train"]["epochs"] = 1
    metrics = train(parse_config(fields), shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert metrics["pairs"] == {"train": 120, "validation": 0}
    assert np.isfinite(metrics["history"][0]["loss"])
    assert metrics["best_epoch"] == 0


# ---------------------------------------------------------------------- running, collecting, reusing


def test_configs_are_trained_once_and_shown_beside_the_papers_rows(shapes: Path, tmp_path: Path) -> None:
    given = [written(tmp_path / "mine.toml", "gpt2-vit"), written(tmp_path / "yours.toml", "bert-resnet")]
    result, failed = compared(shapes, tmp_path, *given)
    assert not failed
    mine, yours = result["runs"]
    assert (mine["name"], mine["text"]["model_type"], mine["image"]["model_type"]) == ("mine", "gpt2", "vit")
    assert mine["text"] == {"model_type": "gpt2", "source": None, "size": "1 layers × 16"}
    assert yours["image"] == {"model_type": "resnet", "source": None, "size": "2 blocks × 8–16"}
    assert mine["pairs"] == {"trained": 120, "scored": 120}
    assert mine["titles"] == {"scored": 60, "trained": 60}
    assert (mine["size"], mine["epochs"], mine["batch"], mine["device"]) == ([32, 32], 1, 32, "cpu")
    assert "trained and scored on the same pairs" in headline(result)
    _, figures, runs = comparison_markdown(result).split("\n\n")
    names, again = (
        [line.split(" | ")[0].removeprefix("| ") for line in part.splitlines()[2:]] for part in (figures, runs)
    )
    assert (
        names
        == again
        == [
            "the paper: BERT + ResNet",
            "yours",
            "the paper: BERT + ViT",
            "the paper: GPT-2 + ViT",
            "mine",
        ]
    )
    assert all(f"{100 * row['top100']:.2f}" in comparison_markdown(result) for row in PAPER)

    # Again: nothing is trained, decoded or measured a second time.
    shutil.rmtree(tmp_path / "cache")
    before = [(tmp_path / "runs" / name / SCORES_FILE).stat().st_mtime_ns for name in ("mine", "yours")]
    assert compared(shapes, tmp_path, *given) == (result, {})
    assert compared(shapes, tmp_path, *(tmp_path / "runs" / name for name in ("mine", "yours"))) == (result, {})
    assert [(tmp_path / "runs" / name / SCORES_FILE).stat().st_mtime_ns for name in ("mine", "yours")] == before
    assert not (tmp_path / "cache").exists()


def test_a_finished_run_is_scored_as_its_catalogue_is(
    checkpoint: Path, catalogue: Path, shapes: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    (row,) = compared(shapes, tmp_path, run)[0]["runs"]
    figures = evaluate_catalogue(catalogue, "all")
    for part, expected in (*figures["image_to_text"].items(), ("titles", figures["titles"])):
        for name, figure in row["scores"][part].items():
            assert figure["value"] == pytest.approx(expected[name]["value"], abs=0.02), (part, name)
    assert row["titles"]["trained"] < row["titles"]["scored"] == 60
    text = comparison_markdown({"source": "shapes", "paper": PAPER, "runs": [row]})
    assert f"{row['titles']['trained'] / 60:.1%} of the titles" in text
    assert "the same pairs" not in text.splitlines()[0]


def test_scores_of_another_encoder_or_other_data_are_measured_again(
    checkpoint: Path, shapes: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    result, _ = compared(shapes, tmp_path, run)
    stored = json.loads((run / SCORES_FILE).read_text())
    for other in ({"encoder_id": "another"}, {"data": "other"}):
        (run / SCORES_FILE).write_text(json.dumps({**stored, **other, "pairs": 7}))
        assert compared(shapes, tmp_path, run)[0] == result

    shutil.copytree(shapes.parent, tmp_path / "shop")
    fewer = tmp_path / "shop" / "fewer.csv"
    fewer.write_text("".join(shapes.read_text().splitlines(keepends=True)[:21]))
    (row,) = compared(fewer, tmp_path, run)[0]["runs"]
    assert (row["pairs"]["scored"], row["titles"]["trained"]) == (20, None)
    assert "other data" in comparison_markdown({"source": "fewer", "paper": PAPER, "runs": [row]})


def test_a_title_is_encoded_once_and_a_broken_picture_left_out(checkpoint: Path, shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    shutil.copytree(shapes.parent, folder)
    (folder / "3.png").write_bytes(b"no picture")
    dataset = open_dataset(folder / shapes.name)
    images, texts, rows = encode_pairs(checkpoint, dataset, tmp_path / "cache", "cpu")
    assert rows.tolist() == [row for row in range(120) if row != 3]
    assert images.shape == texts.shape == (119, 128)
    encoder = load_encoder(checkpoint, "cpu")
    slow = encoder.encode_text([dataset.items[row].title for row in rows])
    assert np.abs((slow * texts).sum(1) - 1).max() < 1e-2
    assert (texts[0] == texts[1]).all(), "products 0 and 1 share their title"


# ---------------------------------------------------------------------- what goes wrong


def test_a_config_that_fails_is_named_and_the_others_are_kept(checkpoint: Path, shapes: Path, tmp_path: Path) -> None:
    config = tmp_path / "far.toml"
    config.write_text('preset = "bert-vit"\n[model.text]\nsource = "./no-such-tower"\n' + NO_SPLIT + QUICK)
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    result, failed = compared(shapes, tmp_path, config, run)
    assert [row["name"] for row in result["runs"]] == ["run"]
    assert list(failed) == ["far"]
    assert "far: there is no folder ./no-such-tower" in complaint(failed)
    assert "the config paper-small-bert-vit is of the same family" in complaint(failed)

    out = tmp_path / "paper.json"
    words = ["compare", str(config), str(run), "--data", str(shapes), "--out", str(out), "--device", "cpu"]
    done = CliRunner().invoke(cli, [*words, "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")])
    assert isinstance(done.exception, InputError)
    assert "far: there is no folder" in str(done.exception)
    assert read_comparison(out) == json.loads(json.dumps(result))


def test_without_a_hub_the_small_config_of_the_family_is_named(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HfApi, "model_info", Mock(side_effect=ConnectionError("no route to host")))
    config = tmp_path / "far.toml"
    config.write_text('preset = "bert-vit"\n[model.text]\nsource = "nobody/unreached"\n' + NO_SPLIT + QUICK)
    message = complaint(compared(shapes, tmp_path, config)[1])
    assert "far: the pretrained tower 'nobody/unreached' is not in the local cache" in message
    assert "the config paper-small-bert-vit is of the same family and needs no hub" in message


def test_a_finished_run_of_another_config_is_not_taken_for_this_one(shapes: Path, tmp_path: Path) -> None:
    config = written(tmp_path / "mine.toml", "bert-vit")
    assert not compared(shapes, tmp_path, config)[1]
    written(config, "bert-vit", NO_SPLIT + QUICK.replace("batch_size = 32", "batch_size = 16"))
    assert "finished run that differs in train;" in compared(shapes, tmp_path, config)[1]["mine"]
    written(config, "bert-resnet")
    assert "differs in preset, model;" in compared(shapes, tmp_path, config)[1]["mine"]
    written(config, "bert-vit")
    text = config.read_text()
    config.write_text(text.replace('model_type = "bert"', 'model_type = "bert"\nlayer_norm_eps = 1e-5'))
    assert "differs in model;" in compared(shapes, tmp_path, config)[1]["mine"]


def test_what_is_neither_config_nor_run_is_refused_before_anything_runs(
    checkpoint: Path, shapes: Path, tmp_path: Path
) -> None:
    config = written(tmp_path / "mine.toml", "bert-vit")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty is neither a config .* nor the folder of a finished run"):
        compared(shapes, tmp_path, config, tmp_path / "empty")
    with pytest.raises(ConfigError, match="there is no config"):
        compared(shapes, tmp_path, config, tmp_path / "none.toml")
    with pytest.raises(InputError, match="more than one run is called mine"):
        compared(shapes, tmp_path, config, config)
    assert not (tmp_path / "runs").exists()
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    (run / "metrics.json").write_text("{")
    assert "metrics.json is damaged" in compared(shapes, tmp_path, run)[1]["run"]


def test_the_command_shows_a_stored_comparison(checkpoint: Path, shapes: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    result, _ = compared(shapes, tmp_path, run)
    stored, table = tmp_path / "paper.json", tmp_path / "paper.md"
    stored.write_text(json.dumps(result))
    done = CliRunner().invoke(cli, ["compare", "--from", str(stored), "--out", str(table)])
    assert done.exit_code == 0
    assert "0.74" in done.output
    assert table.read_text() == comparison_markdown(result)
    (tmp_path / "bad.json").write_text('{"runs": []}')
    for path in (tmp_path / "none.json", tmp_path / "bad.json"):
        with pytest.raises(InputError, match="holds no comparison"):
            read_comparison(path)
    for words in ([], ["--from", str(stored), "--data", str(shapes)], [str(run)]):
        assert isinstance(CliRunner().invoke(cli, ["compare", *words]).exception, InputError)
