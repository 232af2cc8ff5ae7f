"""An interrupted run goes on to the same weights as an uninterrupted one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from common import ConfigError
from tests.tools.root import ROOT
from tests.training.small import small, small_dropout
from training.config import RunConfig
from training.resume import LOG_FILE, METRICS_FILE, STATE_FILE
from training.train import train

EPOCHS = 4
CHILD = f"""
import os, signal, sys, threading, time
from pathlib import Path
from tests.training.small import small_dropout
from training.resume import LOG_FILE, STATE_FILE
from training.train import train

data, out, cache = map(Path, sys.argv[1:])

def kill():
    while not (out / STATE_FILE).exists() or len((out / LOG_FILE).read_bytes().splitlines()) < 4:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=kill, daemon=True).start()
train(small_dropout(save_minutes=0, epochs={EPOCHS}), data, out, cache=cache, device="cpu", resume=True)
"""
"""Kills itself: a process beside it may see the fourth step too late on a busy machine."""


def test_a_killed_run_resumes_to_the_same_weights(shapes: Path, tmp_path: Path) -> None:
    config = small_dropout(save_minutes=0, epochs=EPOCHS)
    # It is never stopped, so it need not save its state: at every step that takes most of the time.
    uninterrupted = small_dropout(epochs=EPOCHS)
    train(uninterrupted, shapes, tmp_path / "whole", cache=tmp_path / "cache", device="cpu", report=False)
    command = [sys.executable, "-c", CHILD, str(shapes), str(tmp_path / "killed"), str(tmp_path / "cache")]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert child.returncode == -signal.SIGKILL, f"the run ended before it could be killed: {child.stderr}"
    assert (tmp_path / "killed" / STATE_FILE).exists(), "the run had finished before it was killed"

    with pytest.raises(ConfigError, match=r"holds a training run already; go on with --resume"):
        train(config, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu")
    other = small_dropout(save_minutes=0, epochs=EPOCHS, learning_rate=1e-4)
    with pytest.raises(ConfigError, match=r"it differs in train.learning_rate"):
        train(other, shapes, tmp_path / "killed", cache=tmp_path / "cache", device="cpu", resume=True)

    options: dict[str, Any] = {"cache": tmp_path / "cache", "device": "cpu", "resume": True, "report": False}
    resumed = train(config, shapes, tmp_path / "killed", **options)
    whole = json.loads((tmp_path / "whole" / METRICS_FILE).read_text())
    assert resumed["encoder_id"] == whole["encoder_id"]
    assert resumed["history"] == whole["history"]
    assert (tmp_path / "killed" / LOG_FILE).read_text() == (tmp_path / "whole" / LOG_FILE).read_text()
    assert train(config, shapes, tmp_path / "killed", **options) == resumed, "a finished run is left as it is"


EVERYTHING = {
    "staged": small(
        epochs=4, locked_epochs=2, ema=0.8, patch_dropout=0.5, layer_decay=0.8, frozen_layers=1, chunk_size=6,
        captions=["articleType"], save_minutes=0,
        path_dropout=0.2, word_dropout=0.2, heads=["baseColour"], word_weight=0.1,
        augment={"flip": 0.5, "crop": 0.6, "ratio": 0.2, "light": 0.1, "erase": 0.3, "mix": 0.5},
    ),
    "locked": small(epochs=4, locked=["image"], gallery_negatives=4, save_minutes=0),
}  # fmt: skip


@pytest.mark.parametrize("config", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_a_run_with_everything_on_resumes_to_the_same_weights(shapes: Path, tmp_path: Path, config: RunConfig) -> None:
    whole = train(config, shapes, tmp_path / "whole", cache=tmp_path / "cache", device="cpu", report=False)
    for epoch in (1, 2):  # in the first stage, at its end, and in the second one

        def fail(entry: dict[str, Any], at: int = epoch) -> None:
            if entry["epoch"] == at:
                raise OSError("the disk is full")

        with pytest.raises(OSError, match="full"):
            train(config, shapes, tmp_path / "cut", cache=tmp_path / "cache", device="cpu", resume=True, on_epoch=fail)
        assert (tmp_path / "cut" / STATE_FILE).exists()
    resumed = train(config, shapes, tmp_path / "cut", cache=tmp_path / "cache", device="cpu", resume=True, report=False)
    assert resumed["encoder_id"] == whole["encoder_id"]
    assert resumed["history"] == whole["history"]


def test_the_state_of_an_earlier_version_resumes(shapes: Path, tmp_path: Path) -> None:
    """It has a field for the loss, of which there is one now, and an empty state of it, and lacks newer fields."""
    config, out = small(epochs=3, save_minutes=0), tmp_path / "out"
    options: dict[str, Any] = {"cache": tmp_path / "cache", "device": "cpu", "resume": True, "report": False}

    def fail(entry: dict[str, Any]) -> None:
        if entry["epoch"] == 1:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        train(config, shapes, out, on_epoch=fail, **options)
    state = torch.load(out / STATE_FILE, weights_only=True)
    progress = state["progress"]
    progress["best"] = 3.0  # in a smaller gallery than today's
    progress["history"] = [
        {name: value for name, value in entry.items() if "hub" not in name} for entry in progress["history"]
    ]
    fields = json.loads(state["config"])
    for loss in ("sigmoid", "softmax"):
        fields["train"]["loss"] = loss
        fields["train"].pop("gallery", None)
        torch.save({**state, "config": json.dumps(fields), "criterion": {}}, out / STATE_FILE)
        if loss == "sigmoid":
            with pytest.raises(ConfigError, match=r"it differs in train.loss"):
                train(config, shapes, out, **options)
    resumed = train(config, shapes, out, **options)
    assert len(resumed["history"]) == 3
    assert "hub_mrr10" in resumed["history"][resumed["best_epoch"]]
