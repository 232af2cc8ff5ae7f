"""Which of the known names an unknown one was meant to be, for the messages of errors. Knows no catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from rapidfuzz import process
from rapidfuzz.distance import OSA

ALIKE = 0.6
"""Part of the letters that two names share, from which one may be a typo of the other."""
SHORTEST = 3
"""Letters of the shortest name that is looked for within others, such as `colour` in `baseColour`."""
MOST_LETTERS, MOST_NAMES = 100, 2_000
"""Longer names are no typos, and further names are not compared: what is sent must not cost more than it does."""


def typo_of(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `name` is a typo of, by its letters; None where none is near.

    Case, dashes and underscores do not matter.
    """
    given = _plain(name)
    if not given or len(name) > MOST_LETTERS:
        return None
    found = process.extractOne(
        given,
        islice(known, MOST_NAMES),
        scorer=OSA.normalized_similarity,
        processor=_plain,
        score_cutoff=ALIKE if len(given) > 1 else 1,
    )
    return None if found is None else found[0]


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `name` was probably meant to be; None where none is near.

    As `typo_of`; where no typo explains it, a name within another one counts.
    """
    names = list(islice(known, MOST_NAMES))
    if (found := typo_of(name, names)) is not None:
        return found
    given = _plain(name)
    if not SHORTEST <= len(given) <= len(name) <= MOST_LETTERS:
        return None
    within = [one for one in names if given in _plain(one) or (len(_plain(one)) >= SHORTEST and _plain(one) in given)]
    return min(within, key=lambda one: abs(len(one) - len(given)), default=None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'text'?" for the message of an error; nothing where no known name is near."""
    near = nearest_name(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")
