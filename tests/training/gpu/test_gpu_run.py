"""Pack, a rehearsal of a run on the CPU, unpack; and what is said about packs that cannot be used."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from common import ArtefactError, ConfigError, VitrineError
from models import load_checkpoint, load_encoder
from tests.tools.root import ROOT
from tests.training.gpu.conftest import OTHERS
from training.data import open_dataset
from training.gpu import Recipe, clock, join_parts, results, step, train_packs, write_packs
from training.gpu import packs as format_
from training.gpu.__main__ import main
from training.gpu.data import load_data
from training.gpu.packs import DATA_FILE, TOWERS_FILE, read_packs

RECIPE = Recipe(batch_size=16)


def test_packs_hold_the_products_as_they_are(packs: Path, shapes: Path) -> None:
    content = read_packs(packs)
    for packed, item in zip(content.items, open_dataset(shapes).items, strict=True):
        assert (packed.id, packed.title, packed.attributes) == (item.id, item.title, item.attributes)
        assert packed.read() == item.read()
    assert set(content.splits) == {"train", "validation", "test"}
    assert len(read_packs(packs, limit=7).items) == 7
    data = load_data(content, RECIPE, torch.device("cpu"))
    assert data.pixels.shape == (120, 112, 112, 3)
    assert data.ids.shape[:2] == data.groups.shape == (120, 8)
    assert sorted(data.targets.counts) == [3, 4], "colours and types"


def test_a_rehearsal_becomes_a_checkpoint_that_a_run_goes_on_from(
    packs: Path, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "PART_BYTES", 50_000)
    said: list[str] = []
    log = train_packs(packs, tmp_path / "run", RECIPE, seconds=60, steps=3, device="cpu", say=said.append)
    assert json.loads((tmp_path / "run" / "log.json").read_text()) == log
    (entry,) = log["history"]
    assert entry["step"] == 3
    assert set(entry["cosine"]) == set(entry["hub_corrected"]) == {"recall1", "recall10", "mrr10"}
    assert "hub_corrected R@10" in said[-1]
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    sizes = [(tmp_path / "run" / name).stat().st_size for name in best["parts"]]
    assert len(sizes) > 1
    assert max(sizes) <= 50_000

    join_parts(tmp_path / "run", tmp_path / "checkpoint")
    checkpoint = load_checkpoint(tmp_path / "checkpoint")
    assert checkpoint.weights == "int8"
    assert checkpoint.training["split"] == {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 0}
    assert Recipe.model_validate(checkpoint.training["gpu"]) == RECIPE
    start = read_packs(packs).weights["text_projection.1.weight"]
    assert not torch.allclose(checkpoint.model.get_parameter("text_projection.1.weight"), start, atol=1e-5)
    vectors = load_encoder(tmp_path / "checkpoint", device="cpu").encode_text(["Acme Red Ball", "Kite Blue Box"])
    torch.testing.assert_close(torch.from_numpy(vectors).norm(dim=1), torch.ones(2))

    write_packs(shapes, tmp_path / "packs", init=tmp_path / "checkpoint")
    further = read_packs(tmp_path / "packs")
    for name, value in checkpoint.model.state_dict().items():
        torch.testing.assert_close(further.weights[name], value.float(), msg=name)
    assert further.splits == read_packs(packs).splits
    assert further.checkpoint["training"]["init"] == checkpoint.encoder_id
    with pytest.raises(ConfigError, match="has both towers; leave out --text-tower"):
        write_packs(shapes, tmp_path / "other", init=tmp_path / "checkpoint", text_tower="minilm")

    with pytest.raises(ArtefactError, match="exists already"):
        join_parts(tmp_path / "run", tmp_path / "checkpoint")
    part = tmp_path / "run" / best["parts"][0]
    part.write_bytes(part.read_bytes()[::-1])
    with pytest.raises(ArtefactError, match="damaged; copy the whole folder"):
        join_parts(tmp_path / "run", tmp_path / "again")
    part.unlink()
    with pytest.raises(ArtefactError, match=f"holds no {part.name}; copy the whole folder"):
        join_parts(tmp_path / "run", tmp_path / "again")


def test_a_run_learns_and_ends_when_its_time_is_over(
    packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The better checkpoint replaces the one before, and its parts go. A look at the clock takes a tenth of a second:
    so many steps are in the run on every machine."""
    looks = itertools.count()
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: next(looks) / 10))
    recipe = Recipe(batch_size=32, validate_epochs=4, tower_learning_rate=1e-3, path_dropout=0, patch_dropout=0, mix=0)
    log = train_packs(packs, tmp_path, recipe, seconds=5, device="cpu")
    losses = [entry["loss"] for entry in log["history"]]
    assert len(losses) > 2
    assert 5 <= log["history"][-1]["seconds"] < 6
    assert log["samples_per_second"] > 0
    assert losses[-1] < losses[0]
    assert log["soup"]["epochs"] == [entry["epoch"] for entry in log["history"]][-3:]
    hits = [entry["hub_corrected"] for entry in (*log["history"], log["soup"])]
    scores = [entry["recall10"] + entry["mrr10"] for entry in hits]
    assert log["soup"]["kept"] == (scores[-1] > max(scores[:-1]))
    assert json.loads((tmp_path / "log.json").read_text()) == log
    parts = json.loads((tmp_path / "best.json").read_text())["parts"]
    assert sorted(path.name for path in tmp_path.iterdir() if ".part" in path.name) == sorted(parts)


def test_a_loss_that_is_not_finite_ends_the_run(packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(images: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        return images.sum() * float("nan")

    monkeypatch.setattr(step, "contrastive_loss", failing)
    with pytest.raises(VitrineError, match=r"the loss is nan at step 2; .* keeps the best checkpoint"):
        train_packs(packs, tmp_path, RECIPE, seconds=60, steps=2, device="cpu")
    assert not (tmp_path / "best.json").exists()


def test_a_missing_or_too_large_pack_is_named_before_anything_starts(
    packs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "packs").mkdir()
    run = ["run", "--packs", str(tmp_path / "packs"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(run) == 2
    assert f"holds no {DATA_FILE} and no {TOWERS_FILE}; write both with" in capsys.readouterr().err
    shutil.copy(packs / DATA_FILE, tmp_path / "packs")
    assert main(run) == 2
    assert f"holds no {TOWERS_FILE}; write both with" in capsys.readouterr().err
    shutil.copy(packs / TOWERS_FILE, tmp_path / "packs")
    os.truncate(tmp_path / "packs" / DATA_FILE, 55_000_001)
    assert main(run) == 2
    assert f"{DATA_FILE} has 55,000,001 bytes; at most 55,000,000 are allowed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_pack_that_would_be_too_large_is_not_written(
    shapes: Path, towers: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(format_, "MAX_BYTES", 1000)
    with pytest.raises(ConfigError, match=rf"{DATA_FILE} has [\d,]+ bytes, {TOWERS_FILE} has [\d,]+ bytes; at most"):
        write_packs(shapes, tmp_path / "packs", text_tower=towers[0], image_tower=towers[1])
    assert not (tmp_path / "packs").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--seconds", "0"], "--seconds is 0.0; give a number above 0"),
        (["--steps", "0"], "--steps is 0; give a number above 0"),
        (["--limit", "-1"], "--limit is -1; give a number above 0"),
        (["--device", "cuda:9"], "the device 'cuda:9' cannot be used"),
        (["--device", "gpu"], "there is no device 'gpu'"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    packs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], problem: str
) -> None:
    for command in ("run", "speed"):
        assert main([command, "--packs", str(packs), "--out", str(tmp_path / "out"), *options]) == 2
        assert problem in capsys.readouterr().err


def test_damaged_packs_and_packs_of_two_runs_are_refused(packs: Path, tmp_path: Path) -> None:
    shutil.copytree(packs, tmp_path / "a")
    (tmp_path / "a" / TOWERS_FILE).write_bytes(b"other")
    with pytest.raises(ArtefactError, match=f"{TOWERS_FILE} is not the one that"):
        read_packs(tmp_path / "a")
    (tmp_path / "a" / DATA_FILE).write_bytes(b"no xz")
    with pytest.raises(ArtefactError, match=r"are damaged .*; copy both packs again"):
        read_packs(tmp_path / "a")


def test_the_commands_pack_rehearse_and_unpack(
    shapes: Path, towers: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs, run, checkpoint = (str(tmp_path / name) for name in ("packs", "run", "checkpoint"))
    data = ["--data", str(shapes), "--text-tower", towers[0], "--image-tower", towers[1]]
    assert main(["pack", *data, "--out", packs]) == 0
    assert f"{DATA_FILE}: " in capsys.readouterr().out
    assert main(["run", "--packs", packs, "--out", run, "--steps", "1", "--limit", "40", "--device", "cpu"]) == 0
    assert "40 products" in capsys.readouterr().out
    assert main(["unpack", "--parts", run, "--out", checkpoint]) == 0
    assert "encoder " in capsys.readouterr().out
    assert load_checkpoint(Path(checkpoint)).model.logit_scale.isfinite()


def test_a_run_needs_only_what_a_machine_with_torch_has(packs: Path, tmp_path: Path) -> None:
    """An import of any of the others fails in the process that runs."""
    others = [*OTHERS, "transformers", "rich"]
    run = ["run", "--packs", str(packs), "--out", str(tmp_path), "--steps", "1", "--limit", "40", "--device", "cpu"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({others})); "
        f"from training.gpu.__main__ import main; sys.exit(main({run}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "best.json").exists()
