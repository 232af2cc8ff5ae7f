"""Everything that needs a GPU in one command: speed, encoders and families beside the run, rehearsed on the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models import DualEncoder, ModelConfig
from models.towers import build_architecture
from tests.benchmarks.gpu_day import main, run_parts
from tests.benchmarks.long_run import drawn
from tests.tools.root import ROOT
from tests.training.gpu.conftest import OTHERS
from training.gpu import Recipe, measure_speed, train_families
from training.gpu.packs import DATA_FILE, TOWERS_FILE, read_packs
from training.gpu.speed import kind_of, step_flops
from training.gpu.towers import Architecture


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_day_at_a_gpu_needs_only_what_it_may_have_there(
    packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All four parts end well where an import of any other package fails, and each leaves its results."""
    blocker = f"import sys\nsys.modules.update(dict.fromkeys({OTHERS}))\n"
    (tmp_path / "sitecustomize.py").write_text(blocker, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    out = tmp_path / "out"
    options = ["--steps", "1", "--limit", "40", "--batch", "8", "--device", "cpu", "--minutes", "30"]
    assert main(["--packs", str(packs), "--out", str(out), *options]) == 0
    found = _read(out / "parts.json")["parts"]
    assert list(found) == ["main", "speed", "encoders", "families"]
    assert {part["state"] for part in found.values()} == {"done"}
    assert _read(out / "main" / "best.json")["parts"]
    assert _read(out / "speed.json")["runs"]
    assert set(_read(out / "encoders.json")["towers"]) == {"text", "image"}
    families = _read(out / "families.json")
    assert {row["name"] for row in families["runs"]} == {
        "paper-small-bert-resnet",
        "paper-small-bert-vit",
        "paper-small-gpt2-vit",
    }
    assert not families["given_up"]


def test_a_part_that_fails_leaves_the_others_alone(packs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"epochs": 3}', encoding="utf-8")
    options: dict[str, Any] = {"parts": ("main", "encoders"), "recipe": recipe, "limit": 40, "device": "cpu"}
    found = run_parts(packs, tmp_path / "out", minutes=30, **options)["parts"]
    assert found["main"]["state"] == "failed with exit code 2"
    assert found["encoders"]["state"] == "done"


def test_a_part_ends_with_its_time(packs: Path, tmp_path: Path) -> None:
    found = run_parts(packs, tmp_path, minutes=0.05, device="cpu")["parts"]
    assert found["main"]["state"].startswith("ended by the limit")
    assert found["families"]["state"] == "no time was left"
    assert _read(tmp_path / "parts.json")["parts"] == found


def test_the_long_run_is_drawn_with_all_its_validations() -> None:
    history = _read(ROOT / "docs" / "training-gpu.json")["main"]["history"]
    lines = [[line.get_xydata() for line in axes.lines] for axes in drawn(history).axes]
    epochs = [entry["epoch"] for entry in history]
    assert np.array_equal(lines[0][0], list(zip(epochs, [entry["loss"] for entry in history], strict=True)))
    for panel, number in ((lines[1], 1), (lines[2], 2)):
        for line, ranking in zip(panel, ("cos", "hub", "own"), strict=True):
            assert np.array_equal(line, [(entry["epoch"], entry[ranking][number]) for entry in history])


def test_missing_packs_are_named_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--packs", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"holds no {DATA_FILE} and no {TOWERS_FILE}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_speed_is_measured_at_both_sizes_and_where_the_time_goes(packs: Path, tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    figures = measure_speed(packs, file, Recipe(batch_size=4), seconds=600, steps=1, device="cpu")
    assert _read(file) == figures
    runs = {(run["side"], run["patch_dropout"]): run for run in figures["runs"]}
    assert set(runs) == {(112, 0.5), (224, 0.5), (112, 0.0), (224, 0.0)}
    assert runs[224, 0.0]["flops_per_sample"] > 3 * runs[112, 0.0]["flops_per_sample"]
    for run in runs.values():
        assert run["tflops"] == pytest.approx(run["samples_per_second"] * run["flops_per_sample"] / 1e12)
        assert run["mfu"] is None  # a CPU has no data sheet
        for part in ("kinds", "phases"):
            assert sum(run["breakdown"][part].values()) == pytest.approx(1, abs=0.01)
        assert all(spent > 0 for spent in run["breakdown"]["phases"].values())


def test_no_measurement_begins_when_the_time_is_over(packs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    figures = measure_speed(packs, tmp_path / "speed.json", Recipe(), seconds=0, device="cpu", say=said.append)
    assert figures["runs"] == []
    assert said[0] == "112 px, 50% of patches left out: no time"


def test_the_arithmetic_of_a_step_is_that_of_the_same_model_of_hugging_face(packs: Path) -> None:
    content = read_packs(packs)
    config = ModelConfig.model_validate(content.checkpoint["model"])
    shape = Architecture.of(config)
    text, image = (build_architecture(tower) for tower in (config.text, config.image))
    model = DualEncoder(config, text, image, pad_id=0)
    for tower in (model.text_tower, model.image_tower):
        tower.set_attn_implementation("eager")  # type: ignore[operator]
    with FlopCounterMode(display=False) as counter:
        features = model(image=torch.zeros(1, 112, 112, 3, dtype=torch.uint8), text=torch.ones(1, 9, dtype=torch.long))
        (features["image_features"] * features["text_features"]).sum().backward()
    assert step_flops(content.weights, shape, 0.0, 9) == counter.get_total_flops()
    assert step_flops(content.weights, shape, 0.5, 9) < counter.get_total_flops()


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<64, cutlass::bfloat16_t>>", "attention"),
        ("fmha_cutlassB_bf16_aligned_64x64_k64_sm80(PyTorchMemEffAttention)", "attention"),
        ("nvjet_tst_256x128_64x4_1x2_h_bz_coopA_NNT", "matmul"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_cublas", "matmul"),
        ("aten::addmm", "matmul"),
        ("void at::native::multi_tensor_apply_kernel<FusedAdamMathFunctor<float, 4>>", "optimiser"),
        ("void at::native::grid_sampler_2d_kernel<float, int>", "data"),
        ("Memcpy HtoD (Pageable -> Device)", "copies"),
        ("triton_per_fused_add_native_layer_norm_3", "elementwise"),
        ("triton_poi_fused_gelu_1", "elementwise"),
    ],
)
def test_kernels_are_told_apart_by_their_names(kernel: str, kind: str) -> None:
    assert kind_of(kernel) == kind


def test_a_family_that_does_not_fit_into_the_time_is_given_up(packs: Path, tmp_path: Path) -> None:
    figures = train_families(
        packs, tmp_path / "families.json", seconds=0.5, families=["paper-small-bert-vit"], limit=40, device="cpu"
    )
    assert _read(tmp_path / "families.json") == figures
    assert figures["runs"] == []
    assert "give it a call of its own" in figures["given_up"]["paper-small-bert-vit"]
