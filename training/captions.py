"""Wordings of a product's title for training, and which of them are positives of each other. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from common import ConfigError
from index import texts_of, title_key
from training.data import Item

CAPTION_DRAWS = 4
"""Wordings of a title that are made and tokenised once; each epoch takes one of them."""


class CaptionRecipe(Protocol):
    """What both kinds of recipe say about wordings; each documents its own."""

    @property
    def captions(self) -> tuple[str, ...]:
        """Attributes that wordings are made of."""

    @property
    def caption_keep(self) -> float:
        """Probability of each of them behind the title."""

    @property
    def caption_alone(self) -> float:
        """Probability that a wording is one or two of them alone."""


def captions(
    items: Sequence[Item], recipe: CaptionRecipe, draws: int = CAPTION_DRAWS
) -> tuple[list[list[str]], np.ndarray]:
    """Return V = `draws` wordings of each of N items, and their groups (N, V): equal numbers are positives.

    Wording 0 is the title. Another wording is the title with attributes behind it that the title does not name, and is
    in the title's group. Or it is attributes alone; then its group is all wordings of the same words.

    Raises:
        ConfigError: no item has an attribute of that name.
    """
    if not recipe.captions:
        wordings = [[item.title] for item in items]
        return wordings, _numbered([[title_key(title)] for (title,) in wordings])
    known = {name for item in items for name in item.attributes}
    if unknown := [name for name in recipe.captions if name not in known]:
        raise ConfigError(
            f"captions: the data set has no attribute {unknown[0]!r}; its attributes are {', '.join(sorted(known))}"
        )
    # Not the run's seed: the cached text features of these wordings serve runs of every seed.
    rng = np.random.default_rng([0, len(items)])
    shape = (len(items), draws - 1)
    kept = rng.random((*shape, len(recipe.captions))) < recipe.caption_keep
    alone = rng.random(shape) < recipe.caption_alone
    count = rng.integers(1, 3, size=shape)
    place = rng.random((*shape, len(recipe.captions))).argsort(-1)  # the first one or two of a random order
    wordings, keys = [], []
    for row, item in enumerate(items):
        there = [" ".join(texts_of(item.attributes.get(name, ""))) for name in recipe.captions]
        texts, groups = [item.title], [title_key(item.title)]
        for draw in range(draws - 1):
            chosen = place[row, draw] < count[row, draw] if alone[row, draw] else kept[row, draw]
            words = [word for word, use in zip(there, chosen, strict=True) if use and word]
            if alone[row, draw] and words:
                texts.append(" ".join(words))
                groups.append(f"\0{texts[-1]}")  # a title of the same words is another group
            else:
                new = (word for word in words if word.casefold() not in item.title.casefold())
                texts.append(" ".join([item.title, *new]))
                groups.append(groups[0])
        wordings.append(texts)
        keys.append(groups)
    return wordings, _numbered(keys)


def _numbered(keys: list[list[str]]) -> np.ndarray:
    """Return a number for each key (N, V), in the order of first appearance."""
    numbers: dict[str, int] = {}
    return np.array([[numbers.setdefault(key, len(numbers)) for key in row] for row in keys], dtype=np.int64)
