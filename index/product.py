"""What a product is, when two titles are the same, and which split a title belongs to.

Knows no vectors and no storage.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
MAX_ID = 200
"""Most characters of an id."""
PRODUCT_ID = r"^([^\x00-\x1f\x7f.][^\x00-\x1f\x7f]*|\.([^\x00-\x1f\x7f.][^\x00-\x1f\x7f]*|\.[^\x00-\x1f\x7f]+))$"
"""The form of an id, as a regular expression: no control characters, and neither nothing nor `.` and `..`, which no
address can name: clients take them for steps in a path."""
_HALF = re.compile("[\ud800-\udfff]")
Value = str | int | float | bool | tuple[str, ...]
"""What an attribute may be: a text (a date is one, such as 2026-11-26), a number, a truth, or a list of texts."""


@dataclass(frozen=True, slots=True)
class Product:
    """One entry of the catalogue, without its picture and vectors."""

    id: str
    title: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    split: Split = "train"


def texts_of(value: Value) -> tuple[str, ...]:
    """Return the texts that a value is compared, counted and found as: one, or those of a list."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (f"{value:.15g}",) if isinstance(value, float) else (str(value),)


def is_sound(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which JSON can hold as an escape and no store can."""
    return text.isascii() or _HALF.search(text) is None


def is_id(text: str) -> bool:
    """Return whether a new product may have this id; one that a catalogue has already is served whatever it is."""
    return len(text) <= MAX_ID and re.fullmatch(PRODUCT_ID, text) is not None


def title_key(title: str) -> str:
    """Return the form under which titles are compared: Unicode-normalised, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How titles are dealt out to train, validation and test.

    The split is a function of the title and the seed alone: no title stands on both sides, and a product
    keeps its side when others are added, so a catalogue built later from more data is still an honest test.
    """

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse fractions that are negative or do not add up to 1."""
        fractions = (self.train, self.validation, self.test)
        if not (min(fractions) >= 0 and abs(sum(fractions) - 1) <= 1e-6):  # so put, NaN is refused too
            raise ValueError(
                f"the split fractions are {self.train}/{self.validation}/{self.test}; "
                "each must be at least 0 and together they must be 1"
            )

    def of(self, title: str) -> Split:
        """Return the split that `title` belongs to."""
        digest = hashlib.blake2b(f"{self.seed}\0{title_key(title)}".encode(), digest_size=8).digest()
        draw = int.from_bytes(digest, "big") / 2**64
        if draw < self.train:
            return "train"
        return "validation" if draw < self.train + self.validation else "test"
