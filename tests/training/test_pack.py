"""Packed checkpoints: weights in bytes within the bound, a folder that is whole or not there, and its cost."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor

from common import ArtefactError, ConfigError, DataError
from index import SplitRule
from models import load_encoder
from models.checkpoint import load_checkpoint, packed, save_checkpoint, unpacked
from models.checkpoint_folder import encoder_id
from models.packing import GROUP
from tests.conftest import draw_shape
from training.pack import pack
from training.reports import cost_table

FILES = {"model.safetensors", "config.json", "tokenizer.json", "README.md"}
TITLES = ["Acme Red Ball", "Moro Blue Box", "Kite Green Stripe", "something else entirely"]


@pytest.fixture(scope="module")
def small(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shapes' checkpoint, packed."""
    folder = tmp_path_factory.mktemp("packed") / "small"
    pack(checkpoint, folder)
    return folder


def rewritten(folder: Path, tmp_path: Path, change: dict[str, Tensor | None]) -> Path:
    """Copy a checkpoint with some of its stored tensors replaced, or left out."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    stored = load_file(copy / "model.safetensors") | change
    save_file({name: value for name, value in stored.items() if value is not None}, copy / "model.safetensors")
    return copy


def test_the_packed_form_is_what_it_was() -> None:
    """What is written here by hand is in folders out there."""
    matrix = torch.tensor([[127.0, -63.4, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0], [-0.254, 0.001, 0.002, 0.127]])
    state = {"m.weight": matrix, "m.bias": torch.tensor([0.1]), "cls": matrix[None], "count": torch.tensor(3)}
    stored = packed(state)
    assert stored.keys() == {"m.weight", "m.weight.scale", "m.bias", "cls", "count"}
    assert stored["m.weight"].dtype == torch.int8
    assert stored["m.weight"].tolist() == [[127, -63, 0, 1], [0, 0, 0, 0], [-127, 0, 1, 64]]
    assert stored["m.weight.scale"].dtype == torch.float32
    assert torch.allclose(stored["m.weight.scale"][[0, 2]], torch.tensor([[1.0], [0.002]]))
    assert stored["m.bias"].dtype == stored["cls"].dtype == torch.float16
    assert stored["count"].dtype == torch.int64
    back = unpacked(stored)
    assert back.keys() == state.keys()
    assert torch.allclose(back["m.weight"][2], torch.tensor([-0.254, 0.0, 0.002, 0.128]))


@pytest.mark.parametrize("shape", [(7, 64), (5, 96), (3, 13), (4, 3, 14, 14), (2, 1), (6, 1536)])
@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 1e4])
def test_a_value_comes_back_within_half_a_step(shape: tuple[int, ...], size: float) -> None:
    value = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * size
    value[0] *= 1000  # one loud row must not cost the others
    stored = packed({"w": value})
    back = unpacked(stored)["w"]
    assert back.shape == value.shape
    groups = value.reshape(len(value), stored["w.scale"].shape[1], -1)
    assert groups.shape[2] <= GROUP or stored["w.scale"].shape[1] == 1
    bound = groups.abs().amax(2, keepdim=True) / 254
    assert ((back.reshape(groups.shape) - groups).abs() <= bound * 1.001).all()


def test_packed_vectors_are_almost_the_originals(checkpoint: Path, small: Path) -> None:
    pictures = [draw_shape(colour, shape) for colour in ("Red", "Blue") for shape in ("Ball", "Box", "Stripe")]
    before, after = load_encoder(checkpoint, "cpu"), load_encoder(small, "cpu")
    assert (before.encode_text(TITLES) * after.encode_text(TITLES)).sum(1).min() > 0.999
    assert (before.encode_image(pictures) * after.encode_image(pictures)).sum(1).min() > 0.999
    assert before.encoder_id != after.encoder_id, "its vectors differ, so a catalogue must not mix the two"
    assert after.encoder_id == encoder_id(small)
    assert before.training == after.training


def test_a_packed_folder_takes_half_the_space(checkpoint: Path, small: Path) -> None:
    before, after = ((folder / "model.safetensors").stat().st_size for folder in (checkpoint, small))
    assert after < 0.62 * before  # a tiny model is largely names and norms
    assert {path.name for path in small.iterdir()} - {"report"} == FILES
    card = (small / "README.md").read_text(encoding="utf-8")
    assert encoder_id(small) in card
    assert f"Made from encoder `{encoder_id(checkpoint)}`" in card
    assert (small / "model.safetensors").stat().st_mode & 0o044 == 0o044, "another user could not serve it"


def test_folders_from_before_packing_are_read(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    config = json.loads((copy / "config.json").read_text())
    assert config.pop("weights") == "float16"
    (copy / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(copy).encoder_id == encoder_id(checkpoint)


NAME = "text_projection.weight"


@pytest.mark.parametrize(
    "scale",
    [None, torch.ones(3, 1), torch.ones(128), torch.full((128, 2), torch.nan), torch.zeros(128, 2), torch.ones(128, 7)],
    ids=["missing", "rows", "flat", "nan", "zero", "groups"],
)
def test_a_scale_that_is_none_is_named(small: Path, tmp_path: Path, scale: Tensor | None) -> None:
    copy = rewritten(small, tmp_path, {f"{NAME}.scale": scale})
    with pytest.raises(ArtefactError, match=f"model.safetensors does not hold.*{NAME}.*copy the checkpoint again"):
        load_checkpoint(copy)


def test_weights_and_config_that_disagree_are_refused(small: Path, tmp_path: Path) -> None:
    left_over = rewritten(small, tmp_path, {"nothing.scale": torch.ones(1)})
    with pytest.raises(ArtefactError, match="does not hold the weights"):
        load_checkpoint(left_over)
    config = json.loads((small / "config.json").read_text())
    for weights, message in (("float16", "it holds int8, not float16"), ("int3", "'int3'; this version reads float16")):
        (left_over / "config.json").write_text(json.dumps({**config, "weights": weights}))
        with pytest.raises(ArtefactError, match=message):
            load_checkpoint(left_over)


def test_only_the_same_model_is_written_over(checkpoint: Path, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "shipped"
    pack(checkpoint, out)
    pack(checkpoint, out)  # the same again
    assert encoder_id(out) == encoder_id(small)

    original = load_checkpoint(checkpoint)
    with torch.no_grad():
        original.model.logit_scale.add_(1)
    save_checkpoint(tmp_path / "other", original.model, original.text, original.training)
    with pytest.raises(ArtefactError, match=f"holds another model.*{encoder_id(small)}.*--replace"):
        pack(tmp_path / "other", out)
    assert encoder_id(out) == encoder_id(small)
    pack(tmp_path / "other", out, replace=True)
    assert encoder_id(out) != encoder_id(small)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["other", "shipped"]


def test_what_cannot_be_packed_is_said(checkpoint: Path, small: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"mine")
    for out, source, error, message in (
        (checkpoint, checkpoint, ConfigError, "take its own place"),
        (tmp_path / "again", small, ConfigError, "packed already"),
        (tmp_path / "none", tmp_path / "photos", ArtefactError, "holds no config.json"),
        (tmp_path / "photos", checkpoint, ArtefactError, "is no checkpoint"),
    ):
        with pytest.raises(error, match=message):
            pack(source, out, replace=True)
    assert (tmp_path / "photos" / "1.jpg").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_the_cost_is_measured_on_titles_for_validation(checkpoint: Path, shapes: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    figures = pack(checkpoint, tmp_path / "out", data=shapes, device="cpu")
    cost = figures["cost"]
    trained = json.loads((checkpoint / "metrics.json").read_text())
    assert cost["products"] == 120  # the gallery is the whole catalogue
    assert cost["queries"] < trained["pairs"]["validation"]
    assert min(cost["vectors"][kind]["min"] for kind in ("image", "text")) > 0.999
    best = json.loads((checkpoint / "report" / "report.json").read_text())["retrieval"]["titles"]
    for ranking in ("cosine", "hub_corrected"):
        for key in ("recall1", "recall10", "mrr10"):
            original, packed = (cost[name][ranking][key]["value"] for name in ("original", "packed"))
            assert original < best[key]["value"] + 0.1  # among more products, fewer are found
            assert cost["difference"][ranking][key]["value"] == pytest.approx(packed - original, abs=1e-3)
            assert abs(packed - original) < 0.1
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"| cosine | packed | {cost['packed']['cosine']['recall1']['value']:.3f} (" in card
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(cost_table(cost))
    assert f"{cost['packed']['hub_corrected']['mrr10']['value']:.3f} (" in console.export_text()
    assert figures["files"].keys() >= FILES
    assert figures["bytes"]["after"] < figures["bytes"]["before"]


def test_a_data_set_with_nothing_to_validate_on_leaves_no_folder(checkpoint: Path, tmp_path: Path) -> None:
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    rule = SplitRule(**load_checkpoint(checkpoint).training["split"])
    title = next(title for title in map(str, range(100)) if rule.of(title) == "train")
    (tmp_path / "p.csv").write_text(f"id,image,text\n1,a.png,{title}\n")
    with pytest.raises(DataError, match="for validation"):
        pack(checkpoint, tmp_path / "out", data=tmp_path / "p.csv", device="cpu")
    assert not (tmp_path / "out").exists()


def test_the_report_comes_along_without_the_products_pictures(checkpoint: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run)
    (run / "report").mkdir(exist_ok=True)
    for name in ("curves.png", "queries.jpg"):
        (run / "report" / name).write_bytes(b"a picture")
    (run / "README.md").write_text("# model\n\n![Curves](report/curves.png)\n\n![Queries](report/queries.jpg)\n")
    pack(run, tmp_path / "out")
    assert (tmp_path / "out" / "report" / "curves.png").is_file()
    assert not (tmp_path / "out" / "report" / "queries.jpg").exists()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "report/curves.png" in card
    assert "queries.jpg" not in card


def test_a_packed_checkpoint_packs_every_matrix(small: Path) -> None:
    stored = load_file(small / "model.safetensors")
    model = load_checkpoint(small).model
    matrices = {name for name, value in model.state_dict().items() if value.ndim >= 2 and len(value) > 1}
    assert {name for name, value in stored.items() if value.dtype == torch.int8} == matrices
