"""Bounds of numbers in a query: `under 50`, `between 20 and 30 euros`, `after 2011`. Knows no catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.language.vocabulary import Vocabulary
from index.words.units import Condition

PRICES = frozenset({"price", "sale_price", "saleprice", "cost", "amount", "preis", "prix", "precio", "prezzo"})
"""Names of attributes that are prices."""
YEARS = range(1950, 2101)
"""Numbers that are years, where the catalogue has an attribute of years."""
YEAR_NAMES = frozenset({"year", "jahr", "annee", "année", "ano", "año", "anno"})

Roles = Mapping[str, frozenset[str]]
Bound = tuple[int, Condition | None]
"""Words that a bound takes, and what it says; None where no attribute is of that kind, and the words say nothing."""

BOUNDS = frozenset({"less", "more", "between", "to", "before", "after", "years", "currency"})
"""Roles of words that mark a bound."""
LONGEST_MARK = 4


def bound_at(phrase: Sequence[str], roles: Roles, vocabulary: Vocabulary) -> Bound | None:
    """Return the bound that the words begin with; None where they begin with none.

    Args:
        phrase: folded words, from some place of a query on.
        roles: of the forms of the query's language.
        vocabulary: tells the attributes whose values are numbers.
    """
    age = _number(phrase)
    if age is not None and (years := _mark(phrase[1:], roles, ("years",))):
        return 1 + years, None
    mark = _mark(phrase, roles, ("between",))
    if mark:
        low = _number(phrase[mark:])
        joint = _mark(phrase[mark + 1 :], roles, ("to", "and"))
        high = _number(phrase[mark + 1 + joint :]) if joint else None
        if low is not None and high is not None:
            return _finished(
                phrase,
                mark + joint + 2,
                roles,
                vocabulary,
                low,
                Condition("", "", gte=min(low, high), lte=max(low, high)),
            )
    for role in ("less", "more", "before", "after"):
        mark = _mark(phrase, roles, (role,))
        number = _number(phrase[mark:]) if mark else None
        if number is None:
            continue
        if role == "less":
            return _finished(phrase, mark + 1, roles, vocabulary, number, Condition("", "", lte=number))
        if role == "more":
            return _finished(phrase, mark + 1, roles, vocabulary, number, Condition("", "", gte=number))
        if role == "before":
            return _finished(phrase, mark + 1, roles, vocabulary, number, Condition("", "", lt=number))
        return _finished(phrase, mark + 1, roles, vocabulary, number, Condition("", "", gt=number))
    return None


def _mark(phrase: Sequence[str], roles: Roles, wanted: Sequence[str]) -> int:
    """Return how many words the longest form with one of some roles takes; 0 where there is none."""
    for length in range(min(LONGEST_MARK, len(phrase)), 0, -1):
        if roles.get(" ".join(phrase[:length]), frozenset()) & set(wanted):
            return length
    return 0


def _number(phrase: Sequence[str]) -> float | None:
    try:
        return float(phrase[0]) if phrase and phrase[0][0].isdigit() else None
    except ValueError:
        return None


def _finished(
    phrase: Sequence[str], length: int, roles: Roles, vocabulary: Vocabulary, number: float, bounds: Condition
) -> Bound:
    """Return the bound with the words after its number, and on the attribute that it is about."""
    age = _mark(phrase[length:], roles, ("years",))
    length += age or _mark(phrase[length:], roles, ("currency",))
    attribute = None
    if not age:
        names = YEAR_NAMES if number in YEARS else PRICES
        attribute = next((name for name in vocabulary.numeric_attributes if name.casefold() in names), None)
    return length, None if attribute is None else replace(bounds, attribute=attribute)
