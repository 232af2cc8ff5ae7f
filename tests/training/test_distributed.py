"""One run over several processes against the same in one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools.root import ROOT
from tests.training.small import BERT, VIT, small
from training.resume import LOG_FILE, METRICS_FILE
from training.train import train


def test_a_run_over_two_processes_learns_what_one_learns(shapes: Path, tmp_path: Path) -> None:
    config = small(locked_epochs=1, ema=0.9)
    (tmp_path / "run.toml").write_text(
        f'preset = "tiny"\n[model.text]\narchitecture = {_toml(BERT)}\n[model.image]\narchitecture = {_toml(VIT)}\n'
        'pooling = "cls"\n'
        "preprocess = { size = [32, 32] }\n[train]\nepochs = 2\nbatch_size = 16\nlearning_rate = 3e-3\n"
        'precision = "float32"\nlocked_epochs = 1\nema = 0.9\n'
    )
    alone = train(config, shapes, tmp_path / "one", cache=tmp_path / "cache", device="cpu", report=False)
    given = [
        "--data",
        str(shapes),
        "--out",
        str(tmp_path / "two"),
        "--cache",
        str(tmp_path / "cache2"),
        "--device",
        "cpu",
    ]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "training.train", str(tmp_path / "run.toml"), *given]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (
        [json.loads(line)["loss"] for line in (tmp_path / run / LOG_FILE).read_text().splitlines()]
        for run in ("one", "two")
    )
    assert two == pytest.approx(one, rel=1e-3)
    metrics = json.loads((tmp_path / "two" / METRICS_FILE).read_text())
    assert metrics["processes"] == 2
    assert metrics["history"][-1]["mrr10"] == pytest.approx(alone["history"][-1]["mrr10"], abs=0.05)


def _toml(fields: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items()) + " }"
