"""Words beside a picture, such as "in blue": what they change of it, told from its nearest products.

What words say of an attribute filters. The rest is arithmetic: the picture, plus the text that is wanted, less the text
that the picture has. Knows no encoder, no scan and no storage.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from index.filters import Filter, Filters
from index.language.bounds import PRICES
from index.language.meaning import CATEGORIES, tells_kind
from index.product import texts_of, title_key
from index.results import Hit
from index.values import number_of
from index.words.units import Condition, ParsedText, Unit

NEIGHBOURS = 20
"""Products that say what a picture shows."""
SHARE = 0.2
"""Part of the neighbours' votes from which on a value is one that the picture may have."""
SHARPNESS = 8
"""Exponent of the cosine that is a neighbour's vote: the nearest ones decide."""
MODIFY_WEIGHT = 1.5
"""How much the words count beside the picture, unless told otherwise."""
EVERYBODY = "unisex"
"""The value of an attribute that tells for whom a product is, when it is for all."""

PRICE = "price"
"""The attribute that is compared where a product has several prices."""

_PERSON = re.compile(r"(.*[\W\d_])?(gender|geschlecht|sexe?|g[eé]nero|genere|sesso|genre)", re.IGNORECASE)

Kept = Mapping[str, tuple[str, ...]]
"""Attribute -> values, as the catalogue writes them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What words change of a picture."""

    parsed: ParsedText
    """The words, with what they say of the price of what is in the picture."""
    wanted: str
    """What the encoder reads, in English; empty where nothing is wanted that a text could say."""
    had: str
    """What the picture has in the place of it; empty where that is not known."""
    asked: Filters
    """What the words say of attributes."""
    kept: Kept
    """What stays as it is in the picture: its kind of product, or where another is wanted, for whom it is."""

    def keeping(self, given: Filters) -> Kept:
        """Return what is kept beside the filters of a request."""
        about_kind = any(tells_kind(name) for name in given)
        return {
            name: values
            for name, values in self.kept.items()
            if name not in given and not (about_kind and tells_kind(name))
        }

    def filters(self, given: Filters) -> Filters:
        """Return what must hold together with the filters of a request, which go first."""
        kept = {name: _for_all(name, Filter(any=values)) for name, values in self.keeping(given).items()}
        return {**kept, **self.asked, **given}


def change_of(parsed: ParsedText, alike: Sequence[Hit], named: Collection[str] = (), *, keep: bool = True) -> Change:
    """Return what a text changes of a picture.

    Args:
        parsed: the text, as the catalogue understands it.
        alike: the products that are nearest to the picture.
        named: ids of the products that a query is like, where it has no picture beside: what these have is known.
        keep: whether anything stays as it is in the picture.
    """
    alike = [hit for hit in alike if hit.product.id in named] or alike
    if parsed.cheaper and (bound := _below(parsed.cheaper, alike)):
        parsed = replace(parsed, units=(*parsed.units, Unit(parsed.cheaper, "number", "", condition=bound)))
    asked = {name: _for_all(name, condition) for name, condition in as_filters(parsed.conditions).items()}
    wanted = [unit.english.strip() for unit in parsed.units if not unit.negated]
    changed = dict.fromkeys(one.attribute for one in parsed.conditions if one.values and not one.negated)
    had = [next(iter(values)) for name in changed if (values := _votes(alike, name))]
    other_kind = any(unit.product for unit in parsed.units)
    kept: dict[str, tuple[str, ...]] = {}
    names = dict.fromkeys(name for hit in alike for name in hit.product.attributes)
    about = [name for name in names if (tells_person if other_kind else tells_kind)(name)]
    if keep and about:
        # What kind of product it is, one attribute tells closer than others, and what it tells implies the rest.
        name = max(about, key=lambda name: (len(_votes(alike, name)), *_closeness(name)))
        votes = _votes(alike, name)
        shown = tuple(value for value, part in votes.items() if part >= SHARE) or tuple(votes)[:1]
        if shown and name not in asked:
            kept[name] = shown
    said = " ".join(word for word in dict.fromkeys(wanted) if word)
    return Change(parsed, said, " ".join(dict.fromkeys(had)), asked, kept)


def words_share(weight: float) -> float:
    """Return the part of a score that the words have, where they count so much beside a picture of weight 1."""
    return weight / (1 + weight)


def tells_person(attribute: str) -> bool:
    """Return whether the name of an attribute says that it tells for whom a product is."""
    return _PERSON.fullmatch(attribute) is not None


def as_filters(conditions: Iterable[Condition]) -> Mapping[str, Filter]:
    """Return a filter for each attribute of which a text says something.

    "red or blue", and also "red blue", are either: a product has one value of an attribute.
    """
    filters: dict[str, Filter] = {}
    for condition in conditions:
        known = filters.get(condition.attribute, Filter())
        if condition.values and condition.negated:
            known = replace(known, none=(*known.none, *condition.values))
        elif condition.values:
            known = replace(known, any=(*(known.any or ()), *condition.values))
        bounds = {name: bound for name in ("gte", "gt", "lte", "lt") if (bound := getattr(condition, name)) is not None}
        filters[condition.attribute] = replace(known, **bounds)
    return filters


def _below(text: str, alike: Sequence[Hit]) -> Condition | None:
    """Return that a product must cost less than the nearest one that has a price; None: none has."""
    for hit in alike:
        given = hit.product.attributes
        for name in sorted(given, key=lambda name: name.casefold() != PRICE):
            if name.casefold() in PRICES:
                price = number_of(title_key(next(iter(texts_of(given[name])), "")))
                if not math.isnan(price):
                    return Condition(text, name, lt=price)
    return None


def _closeness(name: str) -> tuple[bool, bool]:
    """Return how closely the name of an attribute says what kind of product it tells: types before categories."""
    folded = name.casefold()
    return not any(part in folded for part in CATEGORIES), "sub" in folded


def _for_all(name: str, condition: Filter) -> Filter:
    """Return a condition that products for everybody meet as well: what is asked for girls may be unisex."""
    if condition.any is None or not tells_person(name) or EVERYBODY in map(title_key, condition.any):
        return condition
    return replace(condition, any=(*condition.any, EVERYBODY))


def _votes(alike: Sequence[Hit], attribute: str) -> dict[str, float]:
    """Return value -> part of the votes that it has, the most first; of a list, each text has the whole vote."""
    votes: dict[str, float] = defaultdict(float)
    for hit in alike:
        given = hit.product.attributes.get(attribute)
        for value in () if given is None else texts_of(given):
            votes[value] += max(hit.score, 0.0) ** SHARPNESS
    total = sum(votes.values())
    best = sorted(votes, key=lambda value: -votes[value])
    return {value: votes[value] / total if total else 0.0 for value in best}
