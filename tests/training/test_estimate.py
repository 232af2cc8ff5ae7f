"""What a run is told to take, against the same model measured with real tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.training.small import small
from training import estimate as module
from training.estimate import CONTEXT, TAKEN_ON_CPU, TOKENS, estimate, told
from training.setup import Setup, prepare


@pytest.fixture(scope="module")
def prepared(shapes: Path) -> Callable[..., Setup]:
    """Return what prepares a run of two small transformers with fields of the recipe."""

    def run(**recipe: object) -> Setup:
        return prepare(small(**recipe), shapes, "cpu")

    return run


def _measured(setup: Setup, pairs: int) -> tuple[int, int]:
    """Return the bytes that autograd keeps for a batch of real tensors, and its FLOPs forward and backward."""
    own = {value.untyped_storage().data_ptr() for value in setup.model.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(value: Tensor) -> Tensor:
        if value.untyped_storage().data_ptr() not in own:
            kept[value.untyped_storage().data_ptr()] = value
        return value

    pixels, ids = torch.zeros(pairs, 32, 32, 3, dtype=torch.uint8), torch.ones(pairs, TOKENS, dtype=torch.long)
    setup.model.train().training = False  # all texts of the batch at once
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            features = setup.model(image=pixels, text=ids)
            loss = (features["image_features"] @ features["text_features"].T).sum()
        size = sum(value.untyped_storage().nbytes() for value in kept.values())
        loss.backward()
    return size, counter.get_total_flops()


def test_arithmetic_and_memory_are_those_of_real_tensors(prepared: Callable[..., Setup]) -> None:
    setup = prepared(batch_size=6, epochs=3)
    size, flops = _measured(setup, 6)
    found = estimate(setup, pairs=100)
    assert found.parameters == sum(value.numel() for value in setup.model.parameters())
    assert found.flops == pytest.approx(flops / 6, rel=0.01)
    assert found.activations == pytest.approx(TAKEN_ON_CPU * size + 6 * 3 * 32 * 32, rel=0.05)
    assert found.weights == 4 * 4 * found.parameters
    assert found.memory == CONTEXT + found.weights + found.activations
    assert found.total_flops == 3 * 100 * found.flops


def test_a_chunk_takes_less_memory_and_more_arithmetic(prepared: Callable[..., Setup]) -> None:
    whole, parts = (estimate(prepared(batch_size=64, chunk_size=chunk), pairs=100) for chunk in (0, 8))
    assert parts.activations < whole.activations / 4
    assert whole.flops < parts.flops < 1.5 * whole.flops


def test_dropped_patches_locked_layers_and_averages_count(prepared: Callable[..., Setup]) -> None:
    plain, fewer, locked, averaged = (
        estimate(prepared(**recipe), pairs=100)
        for recipe in ({}, {"patch_dropout": 0.5}, {"locked": ["text"]}, {"ema": 0.9})
    )
    assert fewer.flops < 0.8 * plain.flops
    assert fewer.activations < plain.activations
    assert locked.weights < plain.weights
    assert locked.flops < plain.flops
    assert averaged.weights == plain.weights + 4 * plain.parameters


def test_validations_and_the_features_of_locked_towers_take_time(prepared: Callable[..., Setup]) -> None:
    setup = prepared(epochs=4, locked_epochs=2, validate_epochs=2)
    alone, searched = estimate(setup, pairs=100), estimate(setup, pairs=100, others=100)
    # Two epochs of steps and one pass for the features; each of two validations encodes all others.
    assert 2 * 100 * alone.flops < alone.total_flops < 3 * 100 * alone.flops
    assert searched.total_flops > 1.2 * alone.total_flops


def test_a_locked_tower_computes_once(prepared: Callable[..., Setup]) -> None:
    plain, one, two = (
        estimate(prepared(epochs=epochs, locked=locked), pairs=100, others=100)
        for epochs, locked in ((1, []), (1, ["image"]), (2, ["image"]))
    )
    text = two.total_flops - one.total_flops  # an epoch and a validation of texts alone
    assert 0 < text < 0.5 * plain.total_flops
    assert one.flops < 0.5 * plain.flops, "not even forward"
    assert one.total_flops > 1.2 * text, "the features of all pictures"
    assert one.activations < 0.6 * plain.activations


def test_what_is_told(prepared: Callable[..., Setup], monkeypatch: pytest.MonkeyPatch) -> None:
    setup = prepared()
    assert told(setup) is None  # a small model
    monkeypatch.setattr(module, "SMALL", 0)
    line = told(setup) or ""
    for part in ("M parameters", "GFLOP a pair", "GiB of memory", "on this CPU", "on an H100"):
        assert part in line
    assert "no GPU" not in line
    monkeypatch.setattr(module, "ADVISED_HOURS", 0.0)
    assert "no GPU can be used here: run this on a machine with one" in (told(setup) or "")
    locked = setup.recipe.model_copy(update={"locked": ("text", "image")})
    assert told(replace(setup, recipe=locked)) is None
