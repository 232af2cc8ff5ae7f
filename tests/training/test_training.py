"""The training run: that it learns, what it leaves, locked and staged towers, early stops, errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from common import ConfigError, DataError, VitrineError
from models.checkpoint import load_checkpoint
from tests.conftest import draw_shape
from tests.tools.root import ROOT
from tests.training.small import small, small_dropout
from training import trainer as trainer_module
from training.cache import image_features
from training.config import parse_config
from training.data import open_dataset
from training.loss import contrastive_loss
from training.reports import evaluate_catalogue
from training.resume import LOG_FILE, METRICS_FILE, STATE_FILE
from training.setup import prepare
from training.train import train


def test_it_learns_to_find_titles_it_never_saw(catalogue: Path) -> None:
    """Held-out titles name known makers, colours and shapes in new company; chance is one in ten or less."""
    figures = evaluate_catalogue(catalogue, "test")
    assert figures["text_to_image"]["same_title"]["top10"]["value"] > 0.6
    everything = evaluate_catalogue(catalogue, "all")
    assert everything["image_to_text"]["same_title"]["top10"]["value"] > 0.6


def test_a_checkpoint_says_how_it_came_about(checkpoint: Path) -> None:
    metrics = json.loads((checkpoint / METRICS_FILE).read_text())
    log = [json.loads(line) for line in (checkpoint / LOG_FILE).read_text().splitlines()]
    assert metrics["encoder_id"] == load_checkpoint(checkpoint).encoder_id
    assert metrics["encoder_id"] in (checkpoint / "README.md").read_text()
    assert len(metrics["history"]) == 30
    best = max(metrics["history"], key=lambda entry: entry["hub_recall10"] + entry["hub_mrr10"])
    assert metrics["best_epoch"] == best["epoch"]
    assert [line["step"] for line in log] == list(range(1, len(log) + 1))
    assert log[-1]["loss"] < log[0]["loss"]
    assert not (checkpoint / STATE_FILE).exists()


def test_a_locked_tower_gives_its_own_features_and_never_moves(shapes: Path, tmp_path: Path) -> None:
    config = small_dropout(locked=["image", "text"], epochs=2)
    train(config, shapes, tmp_path / "a", cache=tmp_path / "cache", device="cpu")
    entries = sorted((tmp_path / "cache").iterdir())
    assert [entry.name.split("-")[0] for entry in entries] == ["image", "text"]
    written = [entry.stat().st_mtime_ns for entry in entries]
    trained = load_checkpoint(tmp_path / "a").model
    dataset = open_dataset(shapes)
    rows, usable = image_features(trained, dataset, tmp_path / "again", torch.device("cpu"))
    cached = np.load(entries[0] / "rows.npy")
    assert usable.all()
    # The checkpoint is in half precision, so the tower is the same to that precision.
    assert np.allclose(rows, cached, atol=2e-2)
    train(config, shapes, tmp_path / "b", cache=tmp_path / "cache", device="cpu", report=False)
    assert [entry.stat().st_mtime_ns for entry in entries] == written, "the features were computed again"


def test_towers_stand_still_while_they_are_locked_and_learn_afterwards(shapes: Path, tmp_path: Path) -> None:
    kept: list[tuple[int, Tensor]] = []
    name = "image_tower.embeddings.patch_embeddings.projection.weight"

    def keep(entry: dict[str, Any]) -> None:
        state = torch.load(tmp_path / "out" / STATE_FILE, weights_only=True)  # of the step before
        kept.append((entry["epoch"], state["model"][name]))

    config = small(epochs=3, locked_epochs=2, save_minutes=0)
    train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", on_epoch=keep, report=False)
    began = prepare(config, shapes, "cpu").model.get_parameter(name).detach()
    assert [epoch for epoch, _ in kept] == [0, 1, 2]
    assert torch.equal(kept[0][1], began)
    assert torch.equal(kept[1][1], began)
    assert not torch.equal(kept[2][1], began)


def test_a_run_can_begin_with_a_checkpoint(shapes: Path, tmp_path: Path) -> None:
    first = train(small(), shapes, tmp_path / "first", cache=tmp_path / "cache", device="cpu", report=False)
    config = small(locked=["image", "text"], epochs=2, learning_rate=1e-9)
    options: dict[str, Any] = {"cache": tmp_path / "cache", "device": "cpu", "report": False}
    metrics = train(config, shapes, tmp_path / "second", init=tmp_path / "first", **options)
    assert metrics["init"] == first["encoder_id"]
    one, two = (load_checkpoint(tmp_path / run) for run in ("first", "second"))
    assert two.training["init"] == first["encoder_id"]
    assert two.text.to_json() == one.text.to_json()
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[name], value, atol=1e-3, rtol=0, msg=name)
    fields = config.model_dump(mode="json")
    fields["model"]["image"]["pooling"] = "cls+mean"
    with pytest.raises(ConfigError, match=r"differ in model.image.pooling: 'cls' there, 'cls\+mean' here"):
        train(parse_config(fields), shapes, tmp_path / "third", init=tmp_path / "first", **options)


def test_a_picture_that_cannot_be_used_is_left_out(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    shutil.copytree(shapes.parent, folder)
    (folder / "0.png").write_bytes(b"no picture")
    config = small_dropout(epochs=1)
    options: dict[str, Any] = {"cache": tmp_path / "cache", "device": "cpu", "report": False}
    whole = train(config, shapes, tmp_path / "a", **options)
    dirty = train(config, folder / shapes.name, tmp_path / "b", **options)
    assert sum(dirty["pairs"].values()) in (sum(whole["pairs"].values()) - 1, sum(whole["pairs"].values()))


def test_a_run_stops_when_validation_gets_no_better(shapes: Path, tmp_path: Path) -> None:
    config = small(epochs=40, patience=2, learning_rate=1e-12, warmup=0.0)
    metrics = train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", report=False)
    assert len(metrics["history"]) == metrics["best_epoch"] + 3 < 40
    assert not (tmp_path / "out" / STATE_FILE).exists()


def test_validation_can_be_rarer(shapes: Path, tmp_path: Path) -> None:
    config = small(epochs=5, validate_epochs=3)
    metrics = train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", report=False)
    assert ["mrr10" in entry for entry in metrics["history"]] == [False, False, True, False, True]


def test_a_data_set_with_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    (tmp_path / "one.csv").write_text("id,image,text\n1,a.png,Red Ball\n")
    with pytest.raises(DataError, match="needs at least 2"):
        train(small_dropout(), tmp_path / "one.csv", tmp_path / "out", cache=tmp_path / "cache", device="cpu")


def test_a_loss_that_is_not_finite_stops_the_run(shapes: Path, tmp_path: Path) -> None:
    config = small_dropout(learning_rate=1e30, clip_norm=1e30, warmup=0.0)
    with pytest.raises(VitrineError, match=r"the loss is .* at step"):
        train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")


def test_a_loss_that_is_not_finite_keeps_the_best_checkpoint(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(**features: Any) -> Tensor:
        calls.append(1)
        loss = contrastive_loss(**features)
        return loss * float("nan") if len(calls) > 10 else loss

    monkeypatch.setattr(trainer_module, "contrastive_loss", failing)
    with pytest.raises(VitrineError, match=r"the loss is nan at step 11; .* keeps the best checkpoint"):
        train(small(epochs=9), shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert all(torch.isfinite(p).all() for p in load_checkpoint(tmp_path / "out").model.parameters())


def test_training_loads_neither_search_nor_service() -> None:
    unwanted = {"faiss", "sqlite3", "onnxruntime", "fastapi", "matplotlib", "ray", "optuna"}
    code = f"import sys, training.train; print(sorted(set({sorted(unwanted)}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
