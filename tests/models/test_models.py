"""Dual encoder, checkpoint folder and encoder: what users and every other part rely on."""

from __future__ import annotations

import errno
import json
import shutil
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from common import ArtefactError, ConfigError, UnreachableError
from models import (
    PRESETS,
    DeviceLostError,
    DualEncoder,
    Encoder,
    TextPreprocessor,
    TowerName,
    build_tower,
    load_checkpoint,
    load_encoder,
    preset,
    save_checkpoint,
    torch_backend,
    train_text_preprocessor,
)
from models.dual_encoder import pool
from models.tokenizer import BLOCK
from models.towers import pretrained_folder
from tests.conftest import COLOURS, draw_shape, small_model
from training.config import parse_config
from training.loss import contrastive_loss

TITLES = ["Acme Men Red Shirt", "Moro Women Blue Dress", "Kite Green Ball", "Lume Black Watch with a Leather Strap"]
SPLIT = {"split": {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 0}}


def small(name: str) -> tuple[DualEncoder, TextPreprocessor]:
    torch.manual_seed(0)
    config = parse_config({"preset": name, "model": small_model(name)}).model
    text = train_text_preprocessor(TITLES * 5, config.text)
    return DualEncoder(config, build_tower(config.text), build_tower(config.image), text.pad_id), text


def pictures() -> list[Image.Image]:
    return [draw_shape(colour, "Ball", number) for number, colour in enumerate(COLOURS)]


def batch(model: DualEncoder, text: TextPreprocessor) -> dict[str, Tensor]:
    height, width = model.config.image.preprocess.size
    pixels = np.stack([np.asarray(image.resize((width, height))) for image in pictures()])
    return {"image": torch.from_numpy(pixels), "text": torch.from_numpy(text(TITLES))}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_takes_a_training_step_and_encodes(name: str, tmp_path: Path) -> None:
    model, text = small(name)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    features = model(**batch(model, text))
    assert features["image_features"].shape == features["text_features"].shape == (4, 128)
    loss = contrastive_loss(**features)
    loss.backward()  # type: ignore[no-untyped-call]
    idle = [name for name, p in model.named_parameters() if p.grad is None and "mask_token" not in name]
    assert not idle, f"these learn nothing: {idle}"
    optimizer.step()

    save_checkpoint(tmp_path, model, text, SPLIT)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o044 == 0o044, "another user could not serve it"
    encoder = load_encoder(tmp_path, device="cpu")
    rows = {"text": encoder.encode_text(TITLES), "image": encoder.encode_image(pictures())}
    model.eval()
    with torch.inference_mode():
        expected = model(**batch(model, text))
    for kind, vectors in rows.items():
        assert vectors.shape == (4, 128)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        if kind == "text":  # the pictures above were scaled by another filter
            cosines = (vectors * expected["text_features"].numpy()).sum(1)
            assert cosines.min() > 0.995, "half precision and the fast type change a vector by more than they should"


@pytest.mark.parametrize("name", PRESETS)
def test_a_vector_does_not_depend_on_its_neighbours(name: str, tmp_path: Path) -> None:
    model, text = small(name)
    save_checkpoint(tmp_path, model, text, SPLIT)
    encoder = load_encoder(tmp_path, device="cpu")
    together = encoder.encode_text([*TITLES, "a much longer text that makes the others of its batch need padding " * 3])
    alone = np.concatenate([encoder.encode_text([title]) for title in TITLES])
    assert (together[:4] * alone).sum(1).min() > 0.999
    images = encoder.encode_image(pictures())
    assert (images * np.concatenate([encoder.encode_image([image]) for image in pictures()])).sum(1).min() > 0.999


def test_many_texts_are_tokenised_as_a_few_are() -> None:
    """In blocks, each padded to its own longest text."""
    _, text = small("tiny")
    titles = [*TITLES * (BLOCK // 2), "Acme Men Red Shirt with a Black Leather Strap, Blue Ball and Green Watch"]
    ids = text(titles)
    few = text([*TITLES, titles[-1]])
    assert ids.shape == (len(titles), few.shape[1])
    assert (ids[:4] == few[:4]).all()
    assert (ids[-1] == few[4]).all()
    assert (ids[:4] == ids[-5:-1]).all()
    assert text([]).shape == (0, 1)


def test_pooling_agrees_with_a_loop_over_tokens() -> None:
    states = torch.randn(3, 5, 4)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)

    class Output:
        last_hidden_state = states

    real = [states[row][mask[row]] for row in range(3)]
    expected = {
        "cls": [tokens[0] for tokens in real],
        "last": [tokens[-1] for tokens in real],
        "mean": [tokens.mean(0) for tokens in real],
        "cls+mean": [
            torch.cat([tokens[0], tokens[1:].mean(0) if len(tokens) > 1 else torch.zeros(4)]) for tokens in real
        ],
    }
    for pooling, vectors in expected.items():
        assert torch.allclose(pool(Output, mask, pooling), torch.stack(vectors), atol=1e-6), pooling  # type: ignore[arg-type]


def test_the_encoder_id_names_what_is_computed(checkpoint: Path, tmp_path: Path) -> None:
    original = load_checkpoint(checkpoint)
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    assert load_checkpoint(copy).encoder_id == original.encoder_id
    config = json.loads((copy / "config.json").read_text())
    config["model"]["text"]["source"] = "somewhere/else"  # provenance computes nothing
    (copy / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(copy).encoder_id == original.encoder_id
    config["model"]["image"]["preprocess"]["mean"] = [0.4, 0.5, 0.5]
    (copy / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(copy).encoder_id != original.encoder_id
    with torch.no_grad():
        original.model.logit_scale.add_(1)
    save_checkpoint(tmp_path / "other", original.model, original.text, original.training)
    assert load_checkpoint(tmp_path / "other").encoder_id != original.encoder_id


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_named(checkpoint: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    with pytest.raises(ArtefactError, match=name):
        load_encoder(copy)
    (copy / name).unlink()
    with pytest.raises(ArtefactError, match=name):
        load_encoder(copy)


def test_weights_of_another_model_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    config = json.loads((copy / "config.json").read_text())
    config["model"]["projection"]["dim"] = 64
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtefactError, match="does not hold the weights"):
        load_encoder(copy)
    config["format"] = 99
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtefactError, match="format 99; this version reads 1"):
        load_encoder(copy)


@pytest.fixture(scope="module")
def encoder(checkpoint: Path) -> Encoder:
    return load_encoder(checkpoint, device="cpu")


def test_the_fast_type_agrees_with_float32(encoder: Encoder, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "fast_dtype", lambda device: torch.float32)
    slow = load_encoder(checkpoint, device="cpu")
    assert (encoder.encode_text(TITLES) * slow.encode_text(TITLES)).sum(1).min() > 0.995
    assert (encoder.encode_image(pictures()) * slow.encode_image(pictures())).sum(1).min() > 0.995


def test_prepared_pixels_give_what_the_picture_gives(encoder: Encoder) -> None:
    pixels = [encoder.prepare_image(image) for image in pictures()]
    assert {p.shape for p in pixels} == {(64, 48, 3)}
    assert np.array_equal(encoder.encode_pixels(pixels), encoder.encode_image(pictures()))
    assert np.array_equal(encoder.encode_pixels(np.stack(pixels)), encoder.encode_image(pictures()))


def test_odd_inputs_have_a_vector(encoder: Encoder) -> None:
    texts = ["", "   ", "🧦" * 500, "a\0b", "\ud800 lone surrogate", "word " * 5000]
    rows = encoder.encode_text(texts)
    assert np.isfinite(rows).all()
    assert rows.shape == (len(texts), 128)
    images: list[Image.Image] = [Image.new(mode, (1, 1)) for mode in ("L", "RGBA", "P", "CMYK", "I;16", "1")]
    images.append(Image.new("RGB", (1, 5000)))
    assert np.isfinite(encoder.encode_image(images)).all()
    assert encoder.encode_text([]).shape == encoder.encode_image([]).shape == (0, 128)


def test_many_inputs_keep_their_order(encoder: Encoder) -> None:
    texts = [f"{'word ' * (n % 7)}{n}" for n in range(300)]
    rows = encoder.encode_text(texts)
    some = [0, 7, 150, 299]
    assert (rows[some] * encoder.encode_text([texts[n] for n in some])).sum(1).min() > 0.999


def test_unknown_names_are_answered_with_the_known() -> None:
    with pytest.raises(ConfigError, match="no preset 'bert-vitt'; the presets are bert-vit, bert-resnet"):
        preset("bert-vitt")
    with pytest.raises(ConfigError, match="device 'tpu9'"):
        torch_backend.pick_device("tpu9")


def test_a_tower_that_cannot_be_had_is_said_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="no-such-owner-9/no-such-model"):
        pretrained_folder("no-such-owner-9/no-such-model")
    assert time.monotonic() - started < 20, "retrying keeps the user waiting"
    with pytest.raises(ArtefactError, match="there is no folder"):
        pretrained_folder("../no/such/folder")
    with pytest.raises(ArtefactError, match=r"holds no config.json"):
        pretrained_folder(str(tmp_path))


def test_a_download_of_a_tower_that_stops_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", Mock())
    monkeypatch.setattr("huggingface_hub.snapshot_download", Mock(side_effect=RuntimeError("peer closed connection")))
    with pytest.raises(UnreachableError, match=r"half' stopped \(RuntimeError: peer closed .* start it again"):
        pretrained_folder("some-owner/half")
    monkeypatch.setattr("huggingface_hub.snapshot_download", Mock(side_effect=OSError(errno.ENOSPC, "no space")))
    with pytest.raises(OSError, match="no space"):
        pretrained_folder("some-owner/half")


class Short(torch_backend.TorchBackend):
    """A device with memory for three inputs."""

    fits = 3
    tried: list[int]

    def _call(self, tower: TowerName, inputs: np.ndarray) -> np.ndarray:
        self.tried.append(len(inputs))
        if len(inputs) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")
        return super()._call(tower, inputs)


def test_what_the_device_has_no_memory_for_is_cut_smaller(
    encoder: Encoder, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch_backend, "TorchBackend", Short)
    short = load_encoder(checkpoint, "cpu")
    assert isinstance(short.backend, Short)
    short.backend.tried = []
    texts = [f"{'word ' * n}{n}" for n in range(8)]
    assert (short.encode_text(texts) * encoder.encode_text(texts)).sum(1).min() > 0.999
    assert short.backend.tried == [8, 4, 2, 2, 2, 2]
    short.encode_text(texts)
    assert short.backend.tried[6:] == [2, 2, 2, 2], "it starts again with what did not fit"
    assert "no memory for 8 inputs of the text tower at once; from now on 4" in caplog.text


@pytest.mark.parametrize("failure", ["out of memory", "lost"])
def test_the_cpu_takes_over_when_the_device_is_lost(
    encoder: Encoder, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    class Broken(torch_backend.TorchBackend):
        def _call(self, tower: TowerName, inputs: np.ndarray) -> np.ndarray:
            if failure == "lost":
                raise torch.AcceleratorError("CUDA error: unspecified launch failure\nlong advice")
            raise torch.OutOfMemoryError("CUDA out of memory")

    loaded = load_checkpoint(checkpoint)
    backend = Broken(loaded, torch.device("cpu"))
    backend.device = "cuda:0"
    parts = (loaded.encoder_id, loaded.model.config, loaded.training, loaded.text, backend)
    broken = Encoder(*parts, fallback=lambda: encoder.backend)
    assert broken.device == "cuda:0"
    assert np.array_equal(broken.encode_text(TITLES), encoder.encode_text(TITLES))
    assert broken.device == "cpu"
    assert np.array_equal(broken.encode_image(pictures()), encoder.encode_image(pictures()))
    assert caplog.text.count("from here on the CPU encodes") == 1
    with pytest.raises(DeviceLostError, match="cuda:0"):
        Encoder(*parts).encode_text(TITLES)
