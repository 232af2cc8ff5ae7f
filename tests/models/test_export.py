"""The towers on onnxruntime: they compute what torch does, are chosen on a CPU, never stand in for other weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from typer.testing import CliRunner

from common import ArtefactError, ConfigError
from models import DualEncoder, export, load_checkpoint, load_encoder, save_checkpoint, train_text_preprocessor
from models.onnx_graph import ATTENTION, attend
from models.onnx_parts import Part, filled
from models.packing import WeightsFile
from models.towers import build_architecture
from tests.conftest import draw_shape, small_model
from tests.tools.root import ROOT
from training.config import parse_config
from vitrine.cli import cli

TITLES = [
    "Acme Red Ball",
    "Moro Blue Box",
    "Kite Green Stripe",
    "something else entirely, and much longer than those",
    "",
]
PICTURES = [draw_shape(colour, shape) for colour in ("Red", "Blue") for shape in ("Ball", "Box", "Stripe")]


def test_the_exported_towers_compute_what_torch_does(exported: Path) -> None:
    record = json.loads((exported / "onnx" / "export.json").read_text(encoding="utf-8"))
    assert {tower: found["precision"] for tower, found in record["towers"].items()} == {"text": "int8", "image": "int8"}
    slow, quick = load_encoder(exported, "cpu", "torch"), load_encoder(exported, "cpu")
    assert (slow.runtime, quick.runtime) == ("torch", "onnx")
    assert quick.encoder_id == slow.encoder_id
    assert quick.logit_scale == pytest.approx(slow.logit_scale)
    assert (slow.encode_text(TITLES) * quick.encode_text(TITLES)).sum(1).min() > 0.995
    assert (slow.encode_image(PICTURES) * quick.encode_image(PICTURES)).sum(1).min() > 0.995
    assert quick.encode_text([]).shape == (0, quick.dim)
    assert quick.encode_counted(TITLES)[1].tolist() == slow.encode_counted(TITLES)[1].tolist()


def test_a_vector_does_not_depend_on_what_is_encoded_beside_it(exported: Path) -> None:
    encoder = load_encoder(exported, "cpu", "onnx")
    together = encoder.encode_text(TITLES * 20)
    for number, title in enumerate(TITLES):
        assert np.array_equal(encoder.encode_text([title])[0], together[number])
    together = encoder.encode_image(PICTURES * 3)
    for number, picture in enumerate(PICTURES):
        assert np.array_equal(encoder.encode_image([picture])[0], together[number])


def test_encoding_on_a_cpu_needs_no_torch(exported: Path) -> None:
    code = (
        "import sys; from models import load_encoder; encoder = load_encoder(sys.argv[1], 'cpu');"
        "print(encoder.encode_text(['red ball']).shape, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["(1,", "128)", "False"]


def test_an_export_of_other_weights_is_not_used(
    exported: Path, checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    loaded = load_checkpoint(checkpoint)
    with torch.no_grad():
        loaded.model.logit_scale.add_(0.5)
    save_checkpoint(copy, loaded.model, loaded.text, loaded.training)
    assert load_encoder(copy, "cpu").runtime == "torch"
    assert "was exported from encoder" in caplog.text
    with pytest.raises(ArtefactError, match=r"exported from encoder .*vitrine export"):
        load_encoder(copy, "cpu", "onnx")


DAMAGES = [
    "text.graph cut",
    "image.graph gone",
    "no such weight",
    "no part",
    "no scale",
    "record no JSON",
    "record of the future",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_export_is_refused_and_torch_takes_over(exported: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    record = copy / "onnx" / "export.json"
    content = json.loads(record.read_text())
    if damage == "text.graph cut":
        path = copy / "onnx" / "text.graph"
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "image.graph gone":
        (copy / "onnx" / "image.graph").unlink()
    elif damage == "no such weight":
        content["towers"]["text"]["parts"][0] += ".of.another"
    elif damage == "no part":
        content["towers"]["text"]["parts"][0] = 7
    elif damage == "no scale":
        content["logit_scale"] = None
    elif damage == "record of the future":
        content["format"] = 99
    record.write_text("{" if damage == "record no JSON" else json.dumps(content))
    assert load_encoder(copy, "cpu").runtime == "torch"
    with pytest.raises(ArtefactError, match=r"copy the whole checkpoint again, or `vitrine export"):
        load_encoder(copy, "cpu", "onnx")


def test_the_weights_are_stored_once_and_the_graph_names_no_path(exported: Path) -> None:
    weights = (exported / "model.safetensors").stat().st_size
    for tower in ("text", "image"):
        graph = (exported / "onnx" / f"{tower}.graph").read_bytes()
        assert len(graph) < weights / 10
        assert b"/" + b"models" not in graph
        assert str(ROOT).encode() not in graph


def test_an_export_of_the_format_before_is_served_as_it_is(exported: Path, tmp_path: Path) -> None:
    """Format 2 had the whole of a tower in its file."""
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    path = copy / "onnx" / "export.json"
    record = json.loads(path.read_text())
    weights = WeightsFile(copy / "model.safetensors")
    for tower, found in record["towers"].items():
        graph = copy / "onnx" / f"{tower}.graph"
        parts = [Part.parse(text) for text in found.pop("parts")]
        graph.with_suffix(".onnx").write_bytes(filled(graph.read_bytes(), parts, weights))
        graph.unlink()
    path.write_text(json.dumps({**record, "format": 2}))
    before, after = load_encoder(copy, "cpu", "onnx"), load_encoder(exported, "cpu", "onnx")
    assert np.array_equal(before.encode_text(TITLES), after.encode_text(TITLES))


def test_what_cannot_be_is_said(checkpoint: Path) -> None:
    assert load_encoder(checkpoint, "cpu").runtime == "torch"
    with pytest.raises(ArtefactError, match="vitrine export"):
        load_encoder(checkpoint, "cpu", "onnx")
    with pytest.raises(ConfigError, match="cuda"):
        load_encoder(checkpoint, "cuda", "onnx")


def random_checkpoint(folder: Path, preset: str) -> Path:
    """Write a checkpoint of small random towers of that preset's families, which is exported in a second."""
    run = parse_config({"preset": preset, "model": small_model(preset)})
    config = run.model.model_copy(
        update={name: getattr(run.model, name).model_copy(update={"source": None}) for name in ("text", "image")}
    )
    torch.manual_seed(0)
    text = train_text_preprocessor(TITLES[:4], config.text)
    model = DualEncoder(config, build_architecture(config.text), build_architecture(config.image), text.pad_id)
    save_checkpoint(folder, model.eval(), text, run.model_dump(mode="json", include={"split"}))
    return folder


def test_a_tower_that_comes_out_wrong_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = random_checkpoint(tmp_path, "bert-vit")
    monkeypatch.setattr("models.onnx_export.CLOSE", 1.1)
    with pytest.raises(ArtefactError, match="text tower"):
        export(folder)
    assert not (folder / "onnx").exists()


def test_attention_of_another_kind_is_exported_as_it_is_spelled_out(tmp_path: Path) -> None:
    """The text tower's cannot be exported as one node; the image tower's is more than that node computes."""
    folder = random_checkpoint(tmp_path, "bert-vit")

    def other(module: nn.Module, query: Tensor, *_: object, **__: object) -> tuple[Tensor, None]:
        if "Bert" in type(module).__name__:
            raise RuntimeError("no such node")
        return query.transpose(1, 2), None

    AttentionInterface.register(ATTENTION, other)
    try:
        record = export(folder)
    finally:
        AttentionInterface.register(ATTENTION, attend)
    assert {found["precision"] for found in record["towers"].values()} == {"int8"}
    slow, quick = load_encoder(folder, "cpu", "torch"), load_encoder(folder, "cpu", "onnx")
    assert (slow.encode_text(TITLES[:4]) * quick.encode_text(TITLES[:4])).sum(1).min() > 0.99
    assert (slow.encode_image(PICTURES) * quick.encode_image(PICTURES)).sum(1).min() > 0.99


def test_the_shipped_export_computes_what_torch_does() -> None:
    shipped = ROOT / "checkpoints" / "minilm-dinov2"
    slow, quick = load_encoder(shipped, "cpu", "torch"), load_encoder(shipped, "cpu")
    assert (quick.runtime, quick.encoder_id) == ("onnx", slow.encoder_id)
    assert (slow.encode_text(TITLES[:4]) * quick.encode_text(TITLES[:4])).sum(1).min() > 0.99
    # One colour on white, as products are photographed: int8 in every matrix left a cosine of .5 (issue 19).
    assert (slow.encode_image(PICTURES) * quick.encode_image(PICTURES)).sum(1).min() > 0.99
    pixels = np.random.default_rng(0).normal(128, 40, (4, *quick.image_size, 3)).clip(0, 255).astype(np.uint8)
    assert (slow.encode_pixels(pixels) * quick.encode_pixels(pixels)).sum(1).min() > 0.99
    assert sum(path.stat().st_size for path in shipped.rglob("*") if path.suffix != ".onnx") < 60e6


def test_the_command_exports_other_families_and_says_what_it_made_and_what_it_costs(
    shapes: Path, tmp_path: Path
) -> None:
    """With the checkpoints of the tests above, all five families of towers."""
    folder = random_checkpoint(tmp_path, "gpt2-vit")
    shown = CliRunner().invoke(cli, ["export", str(folder), "--data", str(shapes)], env={"COLUMNS": "100"})
    assert shown.exit_code == 0, shown.output
    assert "text in int8 (" in shown.output
    assert "(0 " not in shown.output
    assert "exported" in shown.output
    assert "R@10" in shown.output
    slow, quick = load_encoder(folder, "cpu", "torch"), load_encoder(folder, "cpu", "onnx")
    some = [title for title in TITLES if title]
    assert (slow.encode_text(some) * quick.encode_text(some)).sum(1).min() > 0.99
    assert np.isfinite(quick.encode_text([""])).all()
    assert (slow.encode_image(PICTURES) * quick.encode_image(PICTURES)).sum(1).min() > 0.99


def test_onnxruntime_reports_to_nobody(tmp_path: Path) -> None:
    """Its telemetry keeps a device id and a queue of events under the home folder from the moment it is imported."""
    code = "import models.onnx_backend as backend, time; time.sleep(1); print(backend.onnxruntime.__version__)"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache"), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert not list(tmp_path.rglob("*"))
