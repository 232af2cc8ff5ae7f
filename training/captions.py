"""Wordings of a product's title for training, and which of them are positives of each other. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from index import texts_of, title_key
from training.attributes import check_attributes
from training.data import Item
from training.languages import Parts, TitleReader, read_values, written

CAPTION_DRAWS = 4
"""Wordings of a title that are made and tokenised once; each epoch takes one of them. Twice as many with languages."""


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

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that wordings are written in beside English."""

    @property
    def language_share(self) -> float:
        """Probability of any of them."""


class Wording(NamedTuple):
    """A text of a product."""

    text: str
    english: str
    """What it says in English; the text itself where that is English."""
    group: str
    """Texts of one group are positives of each other."""


def captions(
    items: Sequence[Item], recipe: CaptionRecipe, draws: int | None = None
) -> tuple[list[list[str]], np.ndarray]:
    """Return V = `draws` wordings of each of N items, and their groups (N, V): equal numbers are positives.

    See `wordings`; where the recipe has neither attributes nor languages, V is 1.
    """
    made = wordings(items, recipe, draws)
    numbers: dict[str, int] = {}
    groups = [[numbers.setdefault(one.group, len(numbers)) for one in of_one] for of_one in made]
    return [[one.text for one in of_one] for of_one in made], np.array(groups, dtype=np.int64)


def wordings(items: Sequence[Item], recipe: CaptionRecipe, draws: int | None = None) -> list[list[Wording]]:
    """Return some wordings of each of N items.

    Wording 0 is the title. Another wording is the title with attributes behind it that the title does not name, and is
    in the title's group. Or it is attributes alone; then its group is all wordings of the same words. Either is written
    in one of the recipe's languages at the probability of `language_share`, and stays in its group.

    Args:
        items: the products.
        recipe: what wordings are made of.
        draws: of each item; `CAPTION_DRAWS` unless given.

    Raises:
        ConfigError: no item has an attribute of that name.
    """
    if not recipe.captions and not recipe.languages:
        return [[Wording(item.title, item.title, title_key(item.title))] for item in items]
    check_attributes("captions", recipe.captions, items)
    # Not the run's seed: the cached text features of these wordings serve runs of every seed.
    rng = np.random.default_rng([0, len(items)])
    draws = draws or CAPTION_DRAWS * (2 if recipe.languages else 1)
    shape = (len(items), draws - 1)
    kept = rng.random((*shape, len(recipe.captions))) < recipe.caption_keep
    alone = rng.random(shape) < recipe.caption_alone
    count = rng.integers(1, 3, size=shape)
    place = rng.random((*shape, len(recipe.captions))).argsort(-1)  # the first one or two of a random order
    translate = _Translator(items, recipe, shape)
    made = []
    for row, item in enumerate(items):
        there = [" ".join(texts_of(item.attributes.get(name, ""))) for name in recipe.captions]
        of_one = [Wording(item.title, item.title, title_key(item.title))]
        for draw in range(draws - 1):
            chosen = place[row, draw] < count[row, draw] if alone[row, draw] else kept[row, draw]
            words = [word for word, use in zip(there, chosen, strict=True) if use and word]
            if alone[row, draw] and words:
                english, title = " ".join(words), ""
                group = f"\0{english}"  # a title of the same words is another group
            else:
                words = [word for word in words if word.casefold() not in item.title.casefold()]
                english, title, group = " ".join([item.title, *words]), item.title, of_one[0].group
            of_one.append(Wording(translate(row, draw, title, words) or english, english, group))
        made.append(of_one)
    return made


class _Translator:
    """Writes wordings in the recipe's languages; which ones follows from row and draw."""

    def __init__(self, items: Sequence[Item], recipe: CaptionRecipe, shape: tuple[int, int]) -> None:
        rng = np.random.default_rng([1, len(items)])
        self._languages = recipe.languages
        self._chosen = rng.random(shape) < (recipe.language_share if recipe.languages else 0)
        self._language = rng.integers(max(1, len(recipe.languages)), size=shape)
        self._number = rng.integers(2**31, size=shape)
        self._items = items
        self._read = -1, Parts()  # of the last row: its draws follow each other
        self._reader = TitleReader(item.title for item in items) if recipe.languages else None

    def __call__(self, row: int, draw: int, title: str, values: Sequence[str]) -> str:
        """Return the wording of a title, or without one of values alone; empty where it stays English."""
        if self._reader is None or not self._chosen[row, draw]:
            return ""
        parts = read_values(values)
        if title:
            if self._read[0] != row:
                said = [text for value in self._items[row].attributes.values() for text in texts_of(value)]
                self._read = row, self._reader.read(title, said)
            parts = self._read[1].beside(parts)
        return written(parts, self._languages[self._language[row, draw]], int(self._number[row, draw]))
