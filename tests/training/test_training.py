"""The training run: config, loss, locked towers, interruption, and that it learns."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from common import ConfigError, DataError, VitrineError
from models.checkpoint import load_checkpoint
from models.encoder import load_encoder
from tests.conftest import SMALL_ARCHITECTURES, draw_shape, small_model
from tests.tools.root import ROOT
from training import cache as cache_module
from training.config import RunConfig, load_config, parse_config
from training.data import open_dataset
from training.loss import contrastive_loss
from training.optim import schedule
from training.reports import evaluate_catalogue
from training.resume import LOG_FILE, STATE_FILE
from training.train import train

CONFIGS = sorted((ROOT / "training" / "configs").glob("*.toml"))


# ---------------------------------------------------------------------- loss


def unit(rows: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_plain_loss_is_clips() -> None:
    image, text, scale = unit(6, 0), unit(6, 1), torch.tensor(10.0)
    total = 0.0
    for a, b in ((image, text), (text, image)):
        for i in range(6):
            scores = [float(scale * a[i] @ b[j]) for j in range(6)]
            total -= scores[i] - float(torch.tensor(scores).logsumexp(0))
    assert float(contrastive_loss(image, text, scale)) == pytest.approx(total / 12, abs=1e-5)


def test_same_titles_share_the_target_and_are_no_negatives() -> None:
    image, text, scale = unit(6, 0), unit(6, 1), torch.tensor(10.0)
    groups = torch.tensor([0, 1, 0, 2, 1, 0])
    total = 0.0
    for a, b in ((image, text), (text, image)):
        for i in range(6):
            scores = torch.stack([scale * a[i] @ b[j] for j in range(6)])
            same = [j for j in range(6) if groups[j] == groups[i]]
            total -= float(torch.stack([scores.log_softmax(0)[j] for j in same]).mean())
    assert float(contrastive_loss(image, text, scale, groups)) == pytest.approx(total / 12, abs=1e-5)
    alone = contrastive_loss(image, text, scale, torch.arange(6))
    assert float(alone) == pytest.approx(float(contrastive_loss(image, text, scale)), abs=1e-6)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[-1] < 0.001


# ---------------------------------------------------------------------- config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs a preset"),
        ({"preset": "bert-vitt"}, "the presets are bert-vit"),
        ({"preset": "tiny", "train": {"epochz": 3}}, r"train.epochz is no field; .* epochs, batch_size"),
        ({"preset": "tiny", "train": {"epochs": 0}}, r"train.epochs: .* greater than or equal to 1; got 0"),
        ({"preset": "tiny", "train": {"locked": ["audio"]}}, r"train.locked.* 'image'.*; got 'audio'"),
        ({"preset": "tiny", "split": {"train": 0.5}}, r"split: .* together they must be 1"),
        ({"preset": "tiny", "split": {"dev": 0.5}}, r"split.dev is no field; .* train, validation, test, seed"),
        (
            {"preset": "tiny", "model": {"image": {"preprocess": {"sizes": 3}}}},
            r"model.image.preprocess.sizes is no field",
        ),
        ({"preset": "tiny", "model": {"text": {"architecture": {}}}}, "needs a model_type"),
    ],
)
def test_a_wrong_field_is_named_as_it_was_typed(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(fields)


def test_a_config_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no config"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("preset = ")
    with pytest.raises(ConfigError, match="is no TOML file"):
        load_config(tmp_path / "bad.toml")


def test_local_towers_replace_the_presets_sources() -> None:
    config = load_config(ROOT / "training/configs/minilm-dinov2-locked.toml", text_tower="here", image_tower="there")
    assert (config.model.text.source, config.model.image.source) == ("here", "there")
    assert config.model.text.pooling == "mean"


def test_every_config_is_named_after_what_a_test_runs() -> None:
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_committed_config_trains_a_step(path: Path, shapes: Path, tmp_path: Path) -> None:
    config = load_config(path)
    fields = json.loads(config.model_dump_json())
    if config.model.text.source is not None:
        fields["model"] = small_model(config.preset)
    staged = bool(fields["train"]["locked_epochs"])
    fields["train"] |= {"epochs": 1 + staged, "locked_epochs": int(staged), "batch_size": 64}
    fields["train"]["frozen_layers"] = min(1, fields["train"]["frozen_layers"])
    if fields["train"]["captions"]:
        fields["train"]["captions"] = ["articleType", "baseColour"]
    metrics = train(parse_config(fields), shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert np.isfinite(metrics["history"][0]["loss"])
    assert load_encoder(tmp_path / "out", "cpu").encode_text(["red"]).shape == (1, 128)


# ---------------------------------------------------------------------- what a run does


def test_it_learns_to_find_titles_it_never_saw(catalogue: Path) -> None:
    """Held-out titles name known makers, colours and shapes in new company; chance is one in ten or less."""
    figures = evaluate_catalogue(catalogue, "test")
    assert figures["text_to_image"]["same_title"]["top10"]["value"] > 0.6
    everything = evaluate_catalogue(catalogue, "all")
    assert everything["image_to_text"]["same_title"]["top10"]["value"] > 0.6


def test_a_checkpoint_says_how_it_came_about(checkpoint: Path) -> None:
    metrics = json.loads((checkpoint / "metrics.json").read_text())
    log = [json.loads(line) for line in (checkpoint / LOG_FILE).read_text().splitlines()]
    assert metrics["encoder_id"] == load_checkpoint(checkpoint).encoder_id
    assert metrics["encoder_id"] in (checkpoint / "README.md").read_text()
    assert len(metrics["history"]) == 30
    best = max(metrics["history"], key=lambda entry: entry["mrr10"])
    assert metrics["best_epoch"] == best["epoch"]
    assert [line["step"] for line in log] == list(range(1, len(log) + 1))
    assert log[-1]["loss"] < log[0]["loss"]
    assert not (checkpoint / STATE_FILE).exists()


def small_run(**recipe: object) -> RunConfig:
    model = {"text": {"architecture": {**SMALL_ARCHITECTURES["bert"], "hidden_dropout_prob": 0.1}}}
    base = {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3, "precision": "float32"}
    return parse_config({"preset": "tiny", "model": model, "train": {**base, **recipe}})


def test_a_locked_tower_gives_its_own_features_and_never_moves(shapes: Path, tmp_path: Path) -> None:
    config = small_run(locked=["image", "text"], epochs=2)
    train(config, shapes, tmp_path / "a", cache=tmp_path / "cache", device="cpu")
    entries = sorted((tmp_path / "cache").iterdir())
    assert [entry.name.split("-")[0] for entry in entries] == ["image", "text"]
    written = [entry.stat().st_mtime_ns for entry in entries]
    trained = load_checkpoint(tmp_path / "a").model
    dataset = open_dataset(shapes)
    rows, usable = cache_module.image_features(trained, dataset, tmp_path / "again", torch.device("cpu"))
    cached = np.load(entries[0] / "rows.npy")
    assert usable.all()
    # The checkpoint is in half precision, so the tower is the same to that precision.
    assert np.allclose(rows, cached, atol=2e-2)
    train(config, shapes, tmp_path / "b", cache=tmp_path / "cache", device="cpu")
    assert [entry.stat().st_mtime_ns for entry in entries] == written, "the features were computed again"


def test_a_picture_that_cannot_be_used_is_left_out(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    shutil.copytree(shapes.parent, folder)
    (folder / "0.png").write_bytes(b"no picture")
    config = small_run(epochs=1)
    whole = train(config, shapes, tmp_path / "a", cache=tmp_path / "cache", device="cpu")
    dirty = train(config, folder / shapes.name, tmp_path / "b", cache=tmp_path / "cache", device="cpu")
    assert sum(dirty["pairs"].values()) in (sum(whole["pairs"].values()) - 1, sum(whole["pairs"].values()))


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    (tmp_path / "one.csv").write_text("id,image,text\n1,a.png,Red Ball\n")
    with pytest.raises(DataError, match="needs at least 2"):
        train(small_run(), tmp_path / "one.csv", tmp_path / "out", cache=tmp_path / "cache", device="cpu")


def test_a_loss_that_is_not_finite_stops_the_run(shapes: Path, tmp_path: Path) -> None:
    config = small_run(learning_rate=1e30, clip_norm=1e30, warmup=0.0)
    with pytest.raises(VitrineError, match=r"the loss is .* at step"):
        train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")


# ---------------------------------------------------------------------- interruption

CHILD = """
import sys
from pathlib import Path
from tests.training.test_training import small_run
from training.train import train
train(small_run(save_minutes=0, epochs=60), Path(sys.argv[1]), Path(sys.argv[2]), cache=Path(sys.argv[3]), device="cpu",
      resume=True)
"""


def test_a_killed_run_resumes_to_the_same_weights(shapes: Path, tmp_path: Path) -> None:
    config = small_run(save_minutes=0, epochs=60)
    train(config, shapes, tmp_path / "whole", cache=tmp_path / "cache", device="cpu")
    command = [sys.executable, "-c", CHILD, str(shapes), str(tmp_path / "killed"), str(tmp_path / "cache")]
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    log, state = tmp_path / "killed" / LOG_FILE, tmp_path / "killed" / STATE_FILE
    deadline = time.monotonic() + 120
    while not (
        log.exists() and (tmp_path / "killed" / STATE_FILE).exists() and len(log.read_bytes().splitlines()) >= 40
    ):
        assert child.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert state.exists(), "the run had finished before it was killed"

    with pytest.raises(ConfigError, match=r"holds a training run already; go on with --resume"):
        train(config, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu")
    other = small_run(save_minutes=0, epochs=60, learning_rate=1e-4)
    with pytest.raises(ConfigError, match=r"it differs in train.learning_rate"):
        train(other, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu", resume=True)

    resumed = train(config, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu", resume=True)
    whole = json.loads((tmp_path / "whole" / "metrics.json").read_text())
    assert resumed["encoder_id"] == whole["encoder_id"]
    assert resumed["history"] == whole["history"]
    assert (tmp_path / "killed" / LOG_FILE).read_text() == (tmp_path / "whole" / LOG_FILE).read_text()
    again = train(config, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu", resume=True)
    assert again == resumed, "a finished run is left as it is"
