"""A training batch without padding against Hugging Face's BERT with it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.dual_encoder import DualEncoder
from models.towers import build_architecture
from tests.training.small import small_encoder

LENGTHS = torch.tensor([5, 1, 7, 5, 0, 2, 7, 3, 5])
"""Of nine texts; one has no token at all."""
IDS = torch.randint(3, 300, (9, 8), generator=torch.Generator().manual_seed(1)) * (torch.arange(8) < LENGTHS[:, None])


def gradients(model: DualEncoder, pooled: Tensor) -> dict[str, Tensor]:
    """Return the gradients that follow from the features; every one counts differently."""
    model.zero_grad()
    (pooled * torch.linspace(-1, 1, pooled.numel()).view_as(pooled)).sum().backward()  # type: ignore[no-untyped-call]
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def test_features_and_gradients_are_those_of_the_padded_batch() -> None:
    model = small_encoder().train()
    packed = model.pool_text(IDS)
    padded = model.eval().pool_text(IDS)
    torch.testing.assert_close(packed, padded, rtol=1e-4, atol=1e-6)
    got, expected = gradients(model, packed), gradients(model, padded)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_bfloat16_is_as_near_as_the_padded_batch() -> None:
    model = small_encoder().eval()
    exact = model.pool_text(IDS)
    with torch.autocast("cpu", torch.bfloat16):
        padded, packed = model.pool_text(IDS).float(), model.train().pool_text(IDS).float()
    assert packed.dtype == torch.float32
    assert (packed - exact).abs().mean() < 1.5 * (padded - exact).abs().mean()


@pytest.mark.parametrize("dropout", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
def test_dropout_is_drawn_for_each_batch_and_follows_the_seed(dropout: str) -> None:
    plain = small_encoder().config
    text = plain.text.model_copy(update={"architecture": {**plain.text.architecture, dropout: 0.5}})
    model = DualEncoder(plain, build_architecture(text), build_architecture(plain.image), pad_id=0).train()
    torch.manual_seed(0)
    first, second = model.pool_text(IDS), model.pool_text(IDS)
    torch.manual_seed(0)
    assert torch.equal(model.pool_text(IDS), first)
    assert not torch.allclose(first, second)
