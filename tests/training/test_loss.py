"""The contrastive loss against the same written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from training.distributed import World
from training.loss import contrastive_loss


def unit(rows: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_plain_loss_is_clips() -> None:
    image, text, scale = unit(6, 0), unit(6, 1), torch.tensor(10.0)
    total = 0.0
    for a, b in ((image, text), (text, image)):
        for i in range(6):
            scores = [float(scale * a[i] @ b[j]) for j in range(6)]
            total -= scores[i] - float(torch.tensor(scores).logsumexp(0))
    assert float(contrastive_loss(image, text, scale)) == pytest.approx(total / 12, abs=1e-5)


def test_same_titles_share_the_target_and_are_no_negatives() -> None:
    image, text, scale = unit(6, 0), unit(6, 1), torch.tensor(10.0)
    groups = torch.tensor([0, 1, 0, 2, 1, 0])
    total = 0.0
    for a, b in ((image, text), (text, image)):
        for i in range(6):
            scores = torch.stack([scale * a[i] @ b[j] for j in range(6)])
            same = [j for j in range(6) if groups[j] == groups[i]]
            total -= float(torch.stack([scores.log_softmax(0)[j] for j in same]).mean())
    assert float(contrastive_loss(image, text, scale, groups)) == pytest.approx(total / 12, abs=1e-5)
    alone = contrastive_loss(image, text, scale, torch.arange(6))
    assert float(alone) == pytest.approx(float(contrastive_loss(image, text, scale)), abs=1e-6)


def test_a_picture_that_is_partly_another_has_both_texts_as_targets() -> None:
    image, text, scale = unit(6, 0), unit(6, 1), torch.tensor(10.0)
    plain = contrastive_loss(image, text, scale)
    torch.testing.assert_close(contrastive_loss(image, text, scale, own=1.0), plain)
    # A picture that is wholly its partner is a batch in which pictures have changed places.
    torch.testing.assert_close(
        contrastive_loss(image, text, scale, own=0.0), contrastive_loss(image.flip(0), text, scale)
    )
    partners = torch.tensor([2, 1, 0, 5, 4, 3])  # of two processes with three rows each
    assert World(0, 2).partners(3).tolist() == partners.tolist()
    torch.testing.assert_close(
        contrastive_loss(image, text, scale, own=0.0, partners=partners),
        contrastive_loss(image[partners], text, scale),
    )
    half = contrastive_loss(image, text, scale, own=0.5)
    other = contrastive_loss(image, text, scale, own=0.0)
    torch.testing.assert_close(half, (plain + other) / 2)


def test_pictures_outside_of_the_batch_are_negatives_of_its_texts() -> None:
    image, text, scale, outside = unit(6, 0), unit(6, 1), torch.tensor(10.0), unit(4, 2)
    others = scale * text @ outside.T
    others[3] = -1e4  # of this text, none of them
    expected = 0.0
    for row in range(6):
        there, back = scale * image[row] @ text.T, scale * text[row] @ image.T
        back = back if row == 3 else torch.cat([back, scale * text[row] @ outside.T])
        expected -= float(there.log_softmax(0)[row] + back.log_softmax(0)[row])
    assert float(contrastive_loss(image, text, scale, others=others)) == pytest.approx(expected / 12, abs=1e-5)
