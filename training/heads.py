"""Linear heads over the image tower's features that predict attributes and title words beside the contrast.

They make the tower see what titles name, also where no negative of a batch asks for it (SuperCLIP, arXiv 2512.14480).
Knows no step. Shapes: N products, B batch, F a tower's features, A attributes, W words, L words of a title.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from index import texts_of, title_key
from training.attributes import check_attributes
from training.data import Item

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of N titles about which something can be learned."""

    numbers: Tensor
    """(N, L) int64, each word once, padded with W."""
    rarity: Tensor
    """(W,), the logarithm of how many titles there are for one with the word."""

    @classmethod
    def of(cls, titles: Sequence[str], least: int) -> Words:
        """Return the words that at least `least` different titles have."""
        keys = [title_key(title) for title in titles]
        found = {key: sorted(set(_WORD.findall(key))) for key in keys}
        counts = collections.Counter(word for words in found.values() for word in words)
        known = {word: number for number, word in enumerate(sorted(word for word in counts if counts[word] >= least))}
        numbers = {key: [known[word] for word in words if word in known] for key, words in found.items()}
        longest = max(map(len, numbers.values()), default=0)
        padded = {key: row + [len(known)] * (longest - len(row)) for key, row in numbers.items()}
        rarity = torch.tensor([float(counts[word]) for word in known]).reciprocal().mul(len(found)).log()
        return cls(torch.tensor([padded[key] for key in keys], dtype=torch.long).reshape(len(keys), longest), rarity)

    def rows(self, rows: Tensor) -> Tensor:
        """Return the words of some titles as unit rows (B, W), weighted by rarity; zeros for one without words."""
        table = torch.zeros(len(rows), len(self.rarity) + 1, device=self.rarity.device)
        table = table.scatter_(1, self.numbers[rows], 1.0)[:, :-1]
        return functional.normalize(table * self.rarity, dim=1)


@dataclass(frozen=True, slots=True)
class Targets:
    """What heads predict for N products."""

    classes: Tensor
    """(N, A) int64, -1 where a product lacks the attribute."""
    counts: tuple[int, ...]
    """Different values of each attribute."""
    words: Words

    @classmethod
    def of(cls, items: Sequence[Item], attributes: Sequence[str], least: int) -> Targets:
        """Return what is known of the items.

        Raises:
            ConfigError: no item has an attribute of that name.
        """
        check_attributes("heads", attributes, items)
        columns, counts = [], []
        for name in attributes:
            values = [" ".join(texts_of(item.attributes.get(name, ""))) for item in items]
            number = {value: place for place, value in enumerate(sorted(set(values) - {""}))}
            columns.append(torch.tensor([number.get(value, -1) for value in values]))
            counts.append(len(number))
        classes = torch.stack(columns, 1) if columns else torch.empty(len(items), 0, dtype=torch.long)
        return cls(classes, tuple(counts), Words.of([item.title for item in items], least))

    def to(self, device: torch.device) -> Targets:
        """Return the same on `device`."""
        words = Words(self.words.numbers.to(device), self.words.rarity.to(device))
        return Targets(self.classes.to(device), self.counts, words)


class Heads(nn.Module):
    """A linear head for each attribute, and one for the words of titles; in no checkpoint."""

    def __init__(self, width: int, targets: Targets, *, attribute_weight: float, word_weight: float) -> None:
        """Make random heads over features (B, `width`); each kind has a weight in the loss, and none without one."""
        super().__init__()
        self._targets, self._weights = targets, (attribute_weight, word_weight)
        self.attributes = nn.ModuleList(nn.Linear(width, count) for count in targets.counts if attribute_weight)
        self.words = nn.Linear(width, len(targets.words.rarity)) if word_weight else None

    def forward(self, pooled: Tensor, rows: Tensor, own: float = 1.0) -> Tensor:
        """Return the weighted cross-entropies, a scalar.

        Args:
            pooled: the image tower's features (B, F).
            rows: numbers of the products (B,).
            own: the share of each picture that is its own; the rest is of the picture in the reverse order's place.
        """
        loss = own * self._loss(pooled, rows)
        return loss if own == 1 else loss + (1 - own) * self._loss(pooled, rows.flip(0))

    def _loss(self, pooled: Tensor, rows: Tensor) -> Tensor:
        of_attributes, of_words = self._weights
        loss = pooled.new_zeros((), dtype=torch.float32)
        for head, known in zip(self.attributes, self._targets.classes[rows].T, strict=False):
            one = functional.cross_entropy(head(pooled).float(), known, ignore_index=-1, reduction="sum")
            one = one / (known >= 0).sum().clamp(min=1)  # a batch may have no product with the attribute
            loss = loss + of_attributes / len(self.attributes) * one
        if self.words is not None:
            words = self._targets.words.rows(rows)
            words = words / words.sum(1, keepdim=True).clamp(min=1e-6)
            loss = loss - of_words * (words * functional.log_softmax(self.words(pooled).float(), 1)).sum(1).mean()
        return loss
