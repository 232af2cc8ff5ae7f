"""One score from three signals: words, title vector, picture vector, each brought to a scale from 0 to 1.

A convex combination with fixed weights. Fusion of ranks would cap an exact hit, and a scale per query would make noise
of 1 where nothing fits (Bruch et al., arXiv 2210.11934).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from index.query import Mode, Side
from index.records import Vectors
from index.words.units import ParsedText

Kind = Literal["known", "partly", "apart", "look", "doubtful", "lexical", "text", "image"]
"""What a score is of.

known: a hybrid query of which some product has all words. partly: the catalogue does not have all words, apart: no
product has all, but the words tell what kind of product or which brand is meant. look: only words that lexicons know.
doubtful: any other. lexical: words alone. text, image: vectors alone, of a text or of anything else.
"""

HALF = 0.5
"""Part of the words that a product has at least, where a brand is what tells that the shop is meant; part of a query
from which on it is that of a text."""
COMPLETE = 0.9
"""Part of the words from which on a product has all of them."""
POWER = 2.0
"""Exponent of the words signal: a product with half of the words is worth less than half of one with all."""
EXACT = 0.99
"""The least score of a product whose title or id is the whole text."""


@dataclass(frozen=True, slots=True)
class Scales:
    """The cosines that are a signal of 0 and of 1; they depend on the encoder."""

    title: tuple[float, float] = (0.0, 1.0)
    image: tuple[float, float] = (0.0, 0.8)


@dataclass(frozen=True, slots=True)
class Weights:
    """What each signal counts; together 1."""

    words: float
    title: float
    image: float

    @property
    def vectors(self) -> float:
        """What title and picture count together."""
        return self.title + self.image


HYBRID = Weights(words=0.6, title=0.15, image=0.25)
VECTOR = Weights(words=0.0, title=0.0, image=1.0)
DESCRIPTION = Weights(words=0.0, title=1.0, image=0.0)
LEXICAL = Weights(words=1.0, title=0.0, image=0.0)


def weights_of(mode: Mode, side: Side, parsed: ParsedText | None, text_share: float) -> Weights:
    """Return the weights of a query; the words of a text beside other parts count as much as the text does.

    Descriptions are compared by words and title alone.
    """
    if mode == "vector" or parsed is None:
        return VECTOR if side == "images" else DESCRIPTION
    if mode == "lexical":
        return LEXICAL
    words, title = HYBRID.words * text_share, HYBRID.title * text_share
    return Weights(words, title, 1 - words - title) if side == "images" else Weights(words, 1 - words, 0.0)


def kind_of(mode: Mode, parsed: ParsedText | None, text_share: float, words: float = 1.0) -> Kind:
    """Return which scores a query's are comparable with.

    Args:
        mode: what ranks.
        parsed: the text, where words are looked at.
        text_share: part of the query's weight that its text has.
        words: the part of the words, of those that any product has, that the best product has.
    """
    if mode == "vector" or parsed is None:
        return "text" if text_share >= HALF else "image"
    if mode == "lexical":
        return "lexical"
    wanted = [unit for unit in parsed.units if not unit.negated]
    complete = all(unit.keys for unit in wanted)
    if complete and words >= COMPLETE:
        return "known"
    if any(unit.product for unit in wanted) or (words >= HALF and any(unit.kind == "brand" for unit in wanted)):
        return "apart" if complete else "partly"
    looks = any(unit.kind == "word" and not unit.keys for unit in wanted)
    return "look" if looks and all(unit.kind != "unknown" for unit in wanted) else "doubtful"


def scaled(cosines: Vectors, scale: tuple[float, float]) -> Vectors:
    """Return cosines (K,) as a signal from 0 to 1."""
    low, high = scale
    found: Vectors = np.clip((cosines - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return found


def fused(weights: Weights, words: Vectors, title: Vectors, image: Vectors) -> Vectors:
    """Return the score (K,) of products from their signals (K,); summed in one order, so that it is always the same."""
    score: Vectors = (
        np.float32(weights.words) * words + np.float32(weights.title) * title + np.float32(weights.image) * image
    )
    return score


def lifted(scores: Vectors) -> Vectors:
    """Return the scores (K,) of products whose title or id is the whole text: above all others, in the same order."""
    return np.float32(EXACT) + np.float32(1 - EXACT) * scores
