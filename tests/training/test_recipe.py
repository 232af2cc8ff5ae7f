"""What a recipe can add to plain CLIP: each part against the slow obvious computation, or against its being off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from common import ConfigError, VitrineError
from models.checkpoint import load_checkpoint
from models.dual_encoder import LENGTH_GROUPS, DualEncoder
from models.towers import build_architecture
from tests.conftest import SMALL_ARCHITECTURES
from tests.tools.root import ROOT
from training import train as train_module
from training.augment import augment, drop_patches
from training.benchmark import benchmark
from training.config import Augmentation, RunConfig, parse_config
from training.data import open_dataset
from training.inputs import captions, prefetch
from training.loss import SigmoidCriterion, SoftmaxCriterion, sigmoid_loss
from training.optim import averaged, parameter_groups, set_learning
from training.resume import LOG_FILE, STATE_FILE
from training.step import backward
from training.train import train

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
VIT = {
    "model_type": "vit",
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    **STILL,
}
BERT = {**SMALL_ARCHITECTURES["bert"], "num_hidden_layers": 2, **STILL}


def small(**recipe: object) -> RunConfig:
    """Return a run of two small transformers without dropout, exact in float32."""
    model = {
        "text": {"architecture": BERT},
        "image": {"architecture": VIT, "pooling": "cls", "preprocess": {"size": [32, 32]}},
    }
    base = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3, "precision": "float32"}
    return parse_config({"preset": "tiny", "model": model, "train": {**base, **recipe}})


def small_encoder(seed: int = 0) -> DualEncoder:
    config = small().model
    torch.manual_seed(seed)
    return DualEncoder(config, build_architecture(config.text), build_architecture(config.image), pad_id=0)


def batch_of(rows: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    ids = torch.randint(3, 300, (rows, 7), generator=generator)
    ids[: rows // 2, 4:] = 0
    return {"image": torch.randint(0, 256, (rows, 32, 32, 3), generator=generator, dtype=torch.uint8), "text": ids}


GROUPS = torch.tensor([0, 1, 2, 0, 3, 4, 5, 1, 6, 7, 8, 9])


def gradients(criterion: torch.nn.Module, chunk: int) -> tuple[float, dict[str, Tensor]]:
    model = small_encoder().train()
    loss = backward(model, criterion, batch_of(12), GROUPS, seed=3, chunk=chunk)
    named = [*model.named_parameters(), *criterion.named_parameters()]
    return float(loss), {name: value.grad.clone() for name, value in named if value.grad is not None}


# ---------------------------------------------------------------------- gradient caching


@pytest.mark.parametrize("make", [SoftmaxCriterion, SigmoidCriterion])
@pytest.mark.parametrize("chunk", [1, 5, 6, 12])
def test_gradient_caching_equals_the_whole_batch(make: type[torch.nn.Module], chunk: int) -> None:
    model, criterion = small_encoder().train(), make()
    features = model(**batch_of(12))
    loss = criterion(**features, groups=GROUPS)
    loss.backward()
    got_loss, got = gradients(make(), chunk)
    assert got_loss == pytest.approx(loss.item(), rel=1e-5)
    expected = {n: p.grad for n, p in [*model.named_parameters(), *criterion.named_parameters()] if p.grad is not None}
    assert expected.keys() == got.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


def test_a_chunk_drops_out_the_same_both_times() -> None:
    """Else the gradient would belong to other features than the loss."""
    config = small().model.model_copy(
        update={"projection": small().model.projection.model_copy(update={"hidden": 8, "dropout": 0.5})}
    )
    torch.manual_seed(0)
    model = DualEncoder(config, build_architecture(config.text), build_architecture(config.image), pad_id=0).train()
    seen: list[Tensor] = []
    model.image_projection.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    backward(model, SoftmaxCriterion(), batch_of(12), None, seed=1, chunk=6)
    assert len(seen) == 4
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    assert not torch.equal(seen[0], seen[1])


# ---------------------------------------------------------------------- several processes

WORKER = """
import sys
import torch
from tests.training.test_recipe import GROUPS, batch_of, small_encoder
from training.loss import SigmoidCriterion
from training.distributed import joined
from training.step import backward

with joined("cpu") as (world, device):
    model, criterion = small_encoder(seed=world.rank).train(), SigmoidCriterion()
    world.copied(model)
    share = world.share(12)
    batch = {name: rows[share] for name, rows in batch_of(12).items()}
    loss = backward(model, criterion, batch, GROUPS[share], seed=3, chunk=int(sys.argv[2]), world=world)
    named = [*model.named_parameters(), *criterion.named_parameters()]
    torch.save((float(loss), {n: p.grad for n, p in named if p.grad is not None}), f"{sys.argv[1]}/{world.rank}.pt")
"""


def torchrun(*arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("chunk", ["0", "4"])
def test_two_processes_have_the_gradient_of_one(tmp_path: Path, chunk: str) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    torchrun(str(tmp_path / "worker.py"), str(tmp_path), chunk)
    loss, expected = gradients(SigmoidCriterion(), 0)
    for rank in range(2):
        got_loss, got = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert got_loss == pytest.approx(loss, rel=1e-5)
        assert expected.keys() == got.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(got[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


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
    torchrun("-m", "training.train", str(tmp_path / "run.toml"), *given)
    one, two = (
        [json.loads(line)["loss"] for line in (tmp_path / run / LOG_FILE).read_text().splitlines()]
        for run in ("one", "two")
    )
    assert two == pytest.approx(one, rel=1e-3)
    metrics = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert metrics["processes"] == 2
    assert metrics["history"][-1]["mrr10"] == pytest.approx(alone["history"][-1]["mrr10"], abs=0.05)


def _toml(fields: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items()) + " }"


# ---------------------------------------------------------------------- losses


def test_the_sigmoid_loss_judges_each_pair_by_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    image, text = (functional.normalize(torch.randn(5, 8, generator=generator), dim=-1) for _ in range(2))
    groups, scale, bias = torch.tensor([0, 1, 0, 2, 3]), torch.tensor(10.0), torch.tensor(-3.0)
    total = 0.0
    for i in range(5):
        for j in range(5):
            sign = 1 if groups[i] == groups[j] else -1
            total -= float(functional.logsigmoid(sign * (scale * image[i] @ text[j] + bias)))
    assert float(sigmoid_loss(image, text, scale, bias, groups)) == pytest.approx(total / 5, rel=1e-5)


def test_a_run_with_the_sigmoid_loss_learns(shapes: Path, tmp_path: Path) -> None:
    config = small(loss="sigmoid", epochs=8)
    metrics = train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", report=False)
    losses = [entry["loss"] for entry in metrics["history"]]
    assert losses[-1] < 0.8 * losses[0]
    assert "logit_bias" not in load_checkpoint(tmp_path / "out").model.state_dict()


# ---------------------------------------------------------------------- rates, averages, what learns


def test_lower_layers_learn_slower() -> None:
    config = small(layer_decay=0.5, tower_learning_rate=1e-3, learning_rate=1e-2).model_copy()
    model = small_encoder()
    sourced = {
        side: getattr(model.config, side).model_copy(update={"source": "somewhere"}) for side in ("text", "image")
    }
    model.config = model.config.model_copy(update=sourced)
    groups = parameter_groups(model, SoftmaxCriterion(), config.train)
    rate = {id(parameter): group["peak"] for group in groups for parameter in group["params"]}
    rates = {name: rate[id(parameter)] for name, parameter in model.named_parameters()}
    assert rates["logit_scale"] == rates["image_projection.weight"] == 1e-2
    image = [next(v for n, v in rates.items() if n.startswith("image_tower") and f".{k}." in n) for k in range(3)]
    assert image == pytest.approx([2.5e-4, 5e-4, 1e-3])
    assert rates["image_tower.embeddings.cls_token"] == pytest.approx(1.25e-4)
    assert rates["image_tower.layernorm.weight"] == 1e-3
    assert rates["text_tower.embeddings.word_embeddings.weight"] == pytest.approx(2.5e-4)
    assert {group["weight_decay"] for group in groups} == {0.0, config.train.weight_decay}


def test_frozen_layers_and_locked_towers_do_not_learn() -> None:
    model = small_encoder()
    set_learning(model, small(frozen_layers=2).train, ("text",))
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith("text_tower") for name in learning)
    towers = {name for name in learning if name.startswith("image_tower")}
    assert towers
    assert all(".2." in name or "layernorm" in name for name in towers)
    with pytest.raises(ConfigError, match="frozen_layers is 9, but the image tower has 3 layers"):
        set_learning(model, small(frozen_layers=9).train, ())


def test_the_average_follows_the_weights() -> None:
    model = small_encoder()
    average = averaged(model, 0.9)
    average.update_parameters(model)
    weight = model.get_parameter("image_projection.weight")
    expected = weight.detach().clone()
    for step in range(3):
        with torch.no_grad():
            weight.add_(step + 1)
        average.update_parameters(model)
        expected = 0.9 * expected + 0.1 * weight.detach()
    torch.testing.assert_close(average.module.get_parameter("image_projection.weight").detach(), expected)


def test_towers_stand_still_while_they_are_locked_and_learn_afterwards(shapes: Path, tmp_path: Path) -> None:
    kept: list[tuple[int, Tensor]] = []
    name = "image_tower.embeddings.patch_embeddings.projection.weight"

    def keep(entry: dict[str, Any]) -> None:
        state = torch.load(tmp_path / "out" / STATE_FILE, weights_only=True)  # of the step before
        kept.append((entry["epoch"], state["model"][name]))

    config = small(epochs=3, locked_epochs=2, save_minutes=0)
    train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", on_epoch=keep, report=False)
    began = train_module.prepare(config, shapes, "cpu").model.get_parameter(name).detach()
    assert [epoch for epoch, _ in kept] == [0, 1, 2]
    assert torch.equal(kept[0][1], began)
    assert torch.equal(kept[1][1], began)
    assert not torch.equal(kept[2][1], began)


def test_a_staged_run_with_everything_on_resumes_to_the_same_weights(shapes: Path, tmp_path: Path) -> None:
    config = small(
        epochs=4, locked_epochs=2, ema=0.8, patch_dropout=0.5, layer_decay=0.8, frozen_layers=1, chunk_size=6,
        captions=["articleType"], augment={"flip": 0.5, "zoom": 0.1, "shift": 0.1, "light": 0.1}, save_minutes=0,
    )  # fmt: skip
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


def test_a_run_stops_when_validation_gets_no_better(shapes: Path, tmp_path: Path) -> None:
    config = small(epochs=40, patience=2, learning_rate=1e-12, warmup=0.0)
    metrics = train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", report=False)
    assert len(metrics["history"]) == metrics["best_epoch"] + 3 < 40
    assert not (tmp_path / "out" / STATE_FILE).exists()


def test_validation_can_be_rarer(shapes: Path, tmp_path: Path) -> None:
    config = small(epochs=5, validate_epochs=3)
    metrics = train(config, shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu", report=False)
    assert ["mrr10" in entry for entry in metrics["history"]] == [False, False, True, False, True]


def test_a_loss_that_is_not_finite_keeps_the_best_checkpoint(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(*arguments: Any, **options: Any) -> Tensor:
        calls.append(1)
        loss = backward(*arguments, **options)
        return loss * float("nan") if len(calls) > 10 else loss

    monkeypatch.setattr(train_module, "backward", failing)
    with pytest.raises(VitrineError, match=r"the loss is nan at step 11; .* keeps the best checkpoint"):
        train(small(epochs=9), shapes, tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert all(torch.isfinite(p).all() for p in load_checkpoint(tmp_path / "out").model.parameters())


# ---------------------------------------------------------------------- pictures


def picture(colour: tuple[int, int, int], rows: int = 64) -> Tensor:
    """Return pictures (B, 24, 16, 3) of a coloured bar at the left, on white."""
    pixels = torch.full((rows, 24, 16, 3), 255, dtype=torch.uint8)
    pixels[:, 4:20, 3:6] = torch.tensor(colour, dtype=torch.uint8)
    return pixels


def test_nothing_changes_when_all_is_off() -> None:
    pixels = picture((200, 10, 10))
    assert augment(pixels, Augmentation()) is pixels


def test_half_of_the_pictures_are_mirrored() -> None:
    torch.manual_seed(0)
    pixels = picture((200, 10, 10), rows=400)
    changed = augment(pixels, Augmentation(flip=0.5))
    same = (changed == pixels).flatten(1).all(1)
    mirrored = (changed == pixels.flip(2)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250


def test_a_changed_picture_keeps_ground_size_and_the_name_of_its_colour() -> None:
    torch.manual_seed(0)
    how = Augmentation(flip=0.5, zoom=0.1, shift=0.1, light=0.15)
    for colour in ((200, 30, 40), (30, 160, 60), (30, 60, 200)):
        pixels = picture(colour)
        changed = augment(pixels, how)
        assert changed.shape == pixels.shape
        assert changed.dtype == torch.uint8
        assert changed.is_contiguous()
        assert len({row.numpy().tobytes() for row in changed}) == len(pixels), "each picture changes in its own way"
        corners = changed[:, [0, 0, -1, -1], [0, -1, 0, -1]].int()
        assert int(corners.amin()) > 160, "what is uncovered continues the white ground"
        assert int((corners.amax(-1) - corners.amin(-1)).max()) <= 1, "white turns grey, not coloured"
        darkest = changed.int().sum(-1).flatten(1).argmin(1)
        found = changed.flatten(1, 2)[torch.arange(len(changed)), darkest].int()
        assert bool((found.argmax(-1) == int(np.argmax(colour))).all())


def test_patches_are_left_out_in_training_only() -> None:
    model = small_encoder()
    drop_patches(model.image_tower, 0.5)
    pixels = batch_of(4)["image"]
    seen: list[int] = []
    model.image_tower.get_submodule("layernorm").register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape[1])
    )
    model.train()(image=pixels)
    one, two = (model.train()(image=pixels)["image_features"] for _ in range(2))
    assert not torch.allclose(one, two)
    model.eval()(image=pixels)
    assert seen == [9, 9, 9, 17]  # the class token and 8, or all 16, of the patches
    plain = small_encoder().eval()(image=pixels)["image_features"]
    torch.testing.assert_close(model.eval()(image=pixels)["image_features"], plain)
    with pytest.raises(ConfigError, match="patch_dropout needs"):
        drop_patches(torch.nn.Linear(2, 2), 0.5)


# ---------------------------------------------------------------------- captions and inputs


def test_captions_put_attributes_behind_the_title(shapes: Path) -> None:
    items = open_dataset(shapes).items
    plain, groups = captions(items, small().train)
    assert plain == [[item.title] for item in items]
    titles = [item.title for item in items]
    assert all((groups[i, 0] == groups[j, 0]) == (titles[i] == titles[j]) for i in range(9) for j in range(9))
    recipe = small(captions=["articleType", "baseColour"], caption_keep=1.0).train
    wordings, groups = captions(items, recipe)
    assert all(wording == [item.title] * 4 for item, wording in zip(items, wordings, strict=True)), "named already"
    assert (groups == groups[:, :1]).all()
    renamed = [type(item)(item.id, "Acme thing", item.attributes, item.read) for item in items]
    assert captions(renamed, recipe)[0][0] == ["Acme thing"] + ["Acme thing Ball Red"] * 3
    some, _ = captions(renamed, small(captions=["articleType"], caption_keep=0.5).train)
    share = np.mean([wording != "Acme thing" for wordings in some for wording in wordings[1:]])
    assert 0.35 < share < 0.65
    with pytest.raises(ConfigError, match=r"no attribute 'style'; its attributes are articleType, baseColour"):
        captions(items, small(captions=["style"]).train)


def test_attributes_alone_are_positives_of_all_that_have_them(shapes: Path) -> None:
    items = open_dataset(shapes).items
    wordings, groups = captions(items, small(captions=["articleType", "baseColour"], caption_alone=1.0).train)
    allowed = [
        {" ".join(part) for part in ((k,), (c,), (k, c))}
        for k, c in (tuple(i.attributes.values())[::-1] for i in items)
    ]
    assert all(set(texts[1:]) <= may for texts, may in zip(wordings, allowed, strict=True))
    flat = [
        (text, group)
        for texts, row in zip(wordings, groups, strict=True)
        for text, group in zip(texts, row, strict=True)
    ]
    assert len({text for text, _ in flat}) == len({group for _, group in flat}) == len(set(flat))
    assert len({len(text.split()) for texts in wordings for text in texts[1:]}) == 2


def test_batches_made_ahead_are_the_same_batches() -> None:
    assert list(prefetch(iter(range(20)))) == list(range(20))

    def broken() -> Any:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(prefetch(broken()))


def test_texts_by_groups_of_like_length_are_the_same_texts() -> None:
    model = small_encoder()
    ids = torch.zeros(3 * LENGTH_GROUPS, 9, dtype=torch.long)
    for row in range(len(ids)):
        ids[row, : row % 9] = torch.arange(3, 3 + row % 9)
    torch.testing.assert_close(model.train().pool_text(ids), model.eval().pool_text(ids), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------- config and benchmark


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"locked_epochs": 2}, r"train: locked_epochs is 2 of 2 epochs"),
        ({"locked": ["image", "text"], "locked_epochs": 1}, "locked_epochs has no meaning"),
        ({"locked": ["image"], "patch_dropout": 0.5}, "patch_dropout has no meaning when the image tower is locked"),
        ({"locked": ["image"], "augment": {"flip": 0.5}}, "augment has no meaning"),
        ({"augment": {"hue": 0.1}}, r"train.augment.hue is no field; the fields there are flip, zoom, shift, light"),
        ({"loss": "triplet"}, r"train.loss: .*'softmax' or 'sigmoid'; got 'triplet'"),
    ],
)
def test_contradictory_fields_are_said(recipe: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**recipe)


def test_the_benchmark_times_the_real_loop(shapes: Path, tmp_path: Path) -> None:
    figures = benchmark(small(augment={"flip": 0.5}), shapes, cache=tmp_path / "cache", device="cpu", steps=3)
    assert figures["samples_per_second"] > 0
    assert figures["ratio"] == pytest.approx(
        figures["samples_per_second"] / figures["synthetic_samples_per_second"], rel=0.01
    )
    assert figures["flops_per_sample"] > 1e6
    assert "mfu" not in figures, "a CPU's peak is not known"
