"""A training step against the same step written out plainly, whole, in chunks and over two processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from common import VitrineError
from tests.tools.root import ROOT
from tests.training.small import GROUPS, batch_of, small, small_encoder
from training.bank import NEVER, PictureBank
from training.distributed import World, joined
from training.gradient_cache import GradientCache
from training.loss import contrastive_loss
from training.setup import make_plan, prepare
from training.trainer import Trainer
from training.validate import encode_rows

ALONE = World()


def trainer(data: Path, world: World = ALONE, **recipe: object) -> Trainer:
    """Return what takes steps on the small model; every process has the weights of rank 0."""
    setup = prepare(small(**{"clip_norm": 1e9, "seed": world.rank, **recipe}), data, "cpu", processes=world.size)
    world.broadcast(setup.model)
    return Trainer(setup, total_steps=10, locked_steps=0, world=world)


ROWS = torch.arange(12)


def gradients(data: Path, chunk: int, world: World = ALONE, **recipe: object) -> tuple[float, dict[str, Tensor]]:
    """Return the loss of twelve pairs and the parameters' gradients, which stay in place after a step."""
    steps, share = trainer(data, world, chunk_size=chunk, **recipe), world.share(12)
    batch = {name: rows[share] for name, rows in batch_of(12).items()}
    loss = steps.step(batch, GROUPS[share], ROWS[share], 0)
    return loss, {name: value.grad for name, value in steps.model.named_parameters() if value.grad is not None}


ROUNDINGS = 16 * torch.finfo(torch.float32).eps
"""A gradient sums about 200 terms (twelve rows of 17 patches), and in another order that is off by some 14 roundings.
Over twelve batches, entries were off by 11 at the most."""


def assert_same(got: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compare gradients or weights; terms of an entry are as large as the largest entry of its tower or projection."""
    assert expected.keys() == got.keys()
    largest: dict[str, float] = {}
    for name, value in expected.items():
        part = name.split(".")[0]
        largest[part] = max(largest.get(part, 0.0), value.detach().abs().max().item())
    for name, value in expected.items():
        atol = ROUNDINGS * largest[name.split(".")[0]]
        torch.testing.assert_close(got[name], value, rtol=1e-3, atol=atol, msg=name)


@pytest.mark.parametrize("chunk", [0, 1, 5, 6, 12])
def test_gradient_caching_equals_the_whole_batch(shapes: Path, chunk: int) -> None:
    model = trainer(shapes).model.train()
    loss = contrastive_loss(**model(**batch_of(12)), groups=GROUPS)
    loss.backward()  # type: ignore[no-untyped-call]
    got_loss, got = gradients(shapes, chunk)
    assert got_loss == pytest.approx(loss.item(), rel=1e-5)
    assert_same(got, {name: value.grad for name, value in model.named_parameters() if value.grad is not None})


def test_heads_teach_the_image_tower_in_chunks_as_in_a_whole_batch(shapes: Path) -> None:
    heads: dict[str, Any] = {"heads": ["baseColour", "articleType"], "word_weight": 0.3, "word_count": 1}
    _, plain = gradients(shapes, 0)
    loss, whole = gradients(shapes, 0, **heads)
    _, chunked = gradients(shapes, 5, **heads)
    assert_same(chunked, whole)
    name = "image_tower.embeddings.patch_embeddings.projection.weight"
    assert not torch.allclose(whole[name], plain[name])
    torch.testing.assert_close(whole["text_projection.weight"], plain["text_projection.weight"])
    assert loss == pytest.approx(gradients(shapes, 0)[0]), "the log has the contrastive loss alone"


def test_a_chunk_drops_out_the_same_both_times() -> None:
    """Else the gradient would belong to other features than the loss."""
    model = small_encoder(hidden=8, dropout=0.5).train()
    seen: list[Tensor] = []
    model.image_projection.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    cache = GradientCache(model, batch_of(12), chunk=6, seed=1)
    features = cache.forward()
    loss = contrastive_loss(features["image_features"], features["text_features"], model.logit_scale.exp())
    loss.backward()  # type: ignore[no-untyped-call]
    cache.backward(features)
    assert len(seen) == 4
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    assert not torch.equal(seen[0], seen[1])


OTHER = """
import sys
from pathlib import Path
import torch
from tests.training.test_trainer import gradients
from training.distributed import joined

data, out, *chunks = sys.argv[1:]
print("ready", flush=True)
with joined("cpu") as (world, device):
    for chunk in chunks:
        torch.save(gradients(Path(data), int(chunk), world), f"{out}/{chunk}.pt")
"""


def test_two_processes_have_the_gradient_of_one(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the whole batch at once, and in chunks; this process is the first of the two."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    for name, value in {**place, "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", OTHER, str(shapes), str(tmp_path), "0", "4"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "RANK": "1"}, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"  # else this one would wait for it for minutes
        with joined("cpu") as (world, _):
            found = [gradients(shapes, chunk, world) for chunk in (0, 4)]
        assert other.wait(60) == 0
    loss, expected = gradients(shapes, 0)
    for got_loss, got in (*found, *(torch.load(tmp_path / f"{chunk}.pt", weights_only=True) for chunk in (0, 4))):
        assert got_loss == pytest.approx(loss, rel=1e-5)
        assert_same(got, expected)


def test_a_step_is_clipped_adamw_and_an_average(shapes: Path) -> None:
    steps = trainer(shapes, clip_norm=0.1, ema=0.9, weight_decay=0.0, warmup=0.0)
    model = trainer(shapes).model.train()
    plain = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)  # the first two rates are the peak
    average: dict[str, Tensor] = {}
    for number in range(2):
        steps.step(batch_of(12), GROUPS, ROWS, number)
        plain.zero_grad()
        contrastive_loss(**model(**batch_of(12)), groups=GROUPS).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        plain.step()
        for name, value in model.named_parameters():
            average[name] = 0.9 * average.get(name, value.detach()) + 0.1 * value.detach()
    assert_same(dict(steps.model.named_parameters()), dict(model.named_parameters()))
    assert_same(dict(steps.eval_model.named_parameters()), average)


def test_nothing_is_learned_from_a_loss_that_is_not_finite(shapes: Path) -> None:
    steps = trainer(shapes)
    before = {name: value.detach().clone() for name, value in steps.model.named_parameters()}
    batch = {name: torch.full((12, 16), torch.nan) for name in ("image_pooled", "text_pooled")}
    with pytest.raises(VitrineError, match="the loss is nan at step 4"):
        steps.step(batch, GROUPS, ROWS, 3)
    for name, value in steps.model.named_parameters():
        assert torch.equal(value, before[name]), name


def test_a_loss_of_heads_that_is_not_finite_is_told_as_such(shapes: Path) -> None:
    steps = trainer(shapes, heads=["baseColour"])
    assert steps.heads is not None
    next(steps.heads.parameters()).data.fill_(torch.nan)
    with pytest.raises(VitrineError, match="the loss is nan at step 1"):
        steps.step(batch_of(12), GROUPS, ROWS, 0)


def test_the_log_has_the_rate_of_the_projections_with_heads_too(shapes: Path) -> None:
    setup = prepare(small(heads=["baseColour"], warmup=0.0, learning_rate=2e-3), shapes, "cpu")
    steps = Trainer(setup, total_steps=10, locked_steps=5, world=ALONE)  # the towers' rates begin later
    steps.step(batch_of(12), GROUPS, ROWS, 6)
    projection = setup.model.get_parameter("image_projection.weight")
    (rate,) = (
        group["lr"] for group in steps.optimizer.param_groups if any(one is projection for one in group["params"])
    )
    assert steps.scalars()["learning_rate"] == rate
    assert len({group["lr"] for group in steps.optimizer.param_groups}) == 2


def test_the_temperature_stays_within_clips_bounds(shapes: Path) -> None:
    steps = trainer(shapes)
    steps.model.logit_scale.data.fill_(9.0)
    steps.step(batch_of(12), GROUPS, ROWS, 0)
    assert steps.scalars()["logit_scale"] == pytest.approx(100, rel=1e-4)


def test_all_pictures_that_are_learned_from_are_negatives_but_those_of_the_title(shapes: Path, tmp_path: Path) -> None:
    recipe = {"locked": ["image"], "gallery_negatives": 2, "captions": ["baseColour"], "caption_alone": 1.0}
    setup = prepare(small(**recipe), shapes, "cpu")
    inputs, usable = setup.inputs(("image",), tmp_path)
    plan = make_plan(setup, usable)
    bank = PictureBank.of(setup, inputs, plan)
    assert bank is not None
    rows = torch.from_numpy(plan.learning[:4])
    titles = torch.from_numpy(inputs.groups[:, 0])
    groups = titles[rows].clone()
    groups[3] = torch.from_numpy(inputs.groups[:, 1]).max()  # a colour alone
    texts = torch.eye(4, setup.model.config.projection.dim)
    logits = bank.logits(setup.model, texts, groups, rows, 0)
    images, _ = encode_rows(setup.model, inputs, plan.learning, setup)
    expected = setup.model.logit_scale.exp() * texts @ torch.from_numpy(images).T
    same = titles[rows][:, None] == titles[plan.learning][None, :]
    same[3] = True
    torch.testing.assert_close(logits[~same], expected[~same], rtol=1e-3, atol=1e-4)
    assert bool((logits[same] == NEVER).all())
    assert 0 < int(same[:3].sum()) < same[:3].numel()

    before = bank.vectors
    with torch.no_grad():
        setup.model.get_parameter("image_projection.weight").add_(1.0)
    assert torch.equal(bank.logits(setup.model, texts, groups, rows, 1), logits), "they are projected every two steps"
    assert not torch.equal(bank.logits(setup.model, texts, groups, rows, 2), logits)
    assert bank.vectors is not before
