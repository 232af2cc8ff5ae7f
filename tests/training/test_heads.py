"""What heads predict, and their loss against the same written out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from common import ConfigError
from training.data import open_dataset
from training.heads import Heads, Targets, Words

TITLES = ["Red Ball", "red ball", "Red Box", "Red Stripe", "Blue Ball", "Odd"]


def test_rare_words_weigh_more_and_a_title_of_several_products_counts_once() -> None:
    words = Words.of(TITLES, 2)
    rows = words.rows(torch.arange(6))  # ball, red: of 2 and 3 of 5 titles
    assert rows.shape == (6, 2)
    assert torch.equal(rows[0], rows[1])
    assert rows[0, 0] > rows[0, 1] > 0
    assert rows[5].abs().sum() == 0
    torch.testing.assert_close(rows[:5].norm(dim=1), torch.ones(5))


def test_attributes_are_classes(shapes: Path) -> None:
    items = open_dataset(shapes).items
    targets = Targets.of(items, ["baseColour", "articleType"], 2)
    assert targets.counts == (4, 3)
    assert targets.classes.shape == (len(items), 2)
    same = [item.attributes["baseColour"] == items[0].attributes["baseColour"] for item in items]
    assert (targets.classes[:, 0] == targets.classes[0, 0]).tolist() == same
    with pytest.raises(ConfigError, match="no attribute 'style'; its attributes are articleType, baseColour"):
        Targets.of(items, ["style"], 2)


def test_the_loss_is_the_mean_of_what_is_known_and_the_words() -> None:
    torch.manual_seed(0)
    targets = Targets(torch.tensor([[0, 1], [2, -1], [1, -1]]), (3, 2), Words.of(TITLES[:3], 1))
    heads = Heads(5, targets, attribute_weight=0.2, word_weight=0.7)
    pooled, rows = torch.randn(2, 5), torch.tensor([2, 0])
    first, second = (head(pooled).log_softmax(1) for head in heads.attributes)
    attributes = -(first[0, 1] + first[1, 0]) / 2 - second[1, 1]
    assert heads.words is not None
    words = targets.words.rows(rows)
    likely = (words / words.sum(1, keepdim=True) * heads.words(pooled).log_softmax(1)).sum(1)
    expected = 0.2 / 2 * attributes - 0.7 * likely.mean()
    torch.testing.assert_close(heads(pooled, rows), expected)
    mixed = 0.25 * heads(pooled, rows) + 0.75 * heads(pooled, rows.flip(0))
    torch.testing.assert_close(heads(pooled, rows, own=0.25), mixed)
    assert len(list(Heads(5, targets, attribute_weight=0.2, word_weight=0).parameters())) == 4
