"""Queries drawn from a catalogue: titles that ask for themselves; brand, colour and type, also with a typo.

The same seed draws the same queries from the same products. Knows no store and no search.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from string import ascii_lowercase

from common import InputError
from index.metrics.judged import HALVES, Drawn, JudgedQuery
from index.product import Product, title_key
from index.values import first_text, keys_of

COLOUR, TYPE = "baseColour", "articleType"
MIN_GROUP = 3
"""Products of a brand, a colour and a type, from which on they are asked for."""
MIN_WORD = 4
"""Letters of a word, from which on it may have a typo."""
JOINING = ("and", "&", "of", "by", "for", "the")
"""Words with which no brand ends."""
LONGEST = 4
"""Words of a brand at most."""
GOES_ON = 0.8
"""Part of the titles with the same first words that has the same next word, from which on it is of the brand."""


def draw(drawn: Drawn, products: Sequence[Product]) -> list[JudgedQuery]:
    """Return the queries that a line of a file stands for.

    Raises:
        InputError: there are fewer to draw from.
    """
    rng = random.Random(drawn.seed)  # noqa: S311 - a sample, no secret
    found = _titles(products) if drawn.what == "titles" else _groups(products)
    if len(found) < drawn.count:
        raise InputError(
            f"{drawn.count} {drawn.what} are to be drawn for {drawn.kind!r}, but the catalogue has {len(found)}; "
            'lower "count"'
        )
    queries = []
    for number, text in enumerate(rng.sample(sorted(found), drawn.count)):
        typed = edited(text, rng) if drawn.edited else text
        queries.append(
            JudgedQuery(
                typed,
                drawn.kind,
                half=HALVES[number % len(HALVES)],
                ids=tuple(found[text]),
                plain=text if drawn.edited else None,
            )
        )
    return queries


def edited(text: str, rng: random.Random) -> str:
    """Return a text with one letter dropped, swapped with the next, inserted or replaced, in a word of letters."""
    typed = text.split(" ")
    places = [at for at, word in enumerate(typed) if len(word) >= MIN_WORD and word.isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    word = typed[place]
    while typed[place] == word:
        at = rng.randrange(len(word) - 1)
        typed[place] = {
            "drop": word[:at] + word[at + 1 :],
            "swap": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            "insert": word[:at] + rng.choice(ascii_lowercase) + word[at:],
            "replace": word[:at] + rng.choice(ascii_lowercase) + word[at + 1 :],
        }[rng.choice(("drop", "swap", "insert", "replace"))]
    return " ".join(typed)


def _titles(products: Iterable[Product]) -> Mapping[str, list[str]]:
    """Return title -> ids of the products that have it, as titles compare."""
    of_key: dict[str, list[Product]] = defaultdict(list)
    for product in products:
        of_key[title_key(product.title)].append(product)
    return {same[0].title: [product.id for product in same] for same in of_key.values()}


def _groups(products: Sequence[Product]) -> Mapping[str, list[str]]:
    """Return "brand colour type" -> ids of the products of which that is true, for groups that are large enough."""
    values = {key for product in products for value in product.attributes.values() for key in keys_of(value)}
    begins = Counter(start for product in products for start in _starts(product))
    # What is a colour as well as the beginning of a brand says nothing clear.
    brands = {_brand(product, begins, values) for product in products} - values
    brands = {brand for brand in brands if brand.rpartition(" ")[2] not in JOINING}
    groups: dict[str, list[str]] = defaultdict(list)
    for product in products:
        colour, kind = (first_text(product.attributes.get(name)) for name in (COLOUR, TYPE))
        for brand in _starts(product):
            if colour and kind and brand in brands:
                groups[title_key(f"{brand} {colour} {kind}")].append(product.id)
    return {text: ids for text, ids in groups.items() if len(ids) >= MIN_GROUP}


def _starts(product: Product) -> list[str]:
    """Return the first word of a title, its first two, and so on."""
    words = title_key(product.title).split()
    return [" ".join(words[:count]) for count in range(1, min(LONGEST, len(words)) + 1)]


def _brand(product: Product, begins: Mapping[str, int], values: Collection[str]) -> str:
    """Return the first word of a title, and the next ones where nearly all titles that begin so go on so.

    A word that is a value of an attribute, such as a gender, is none of them.
    """
    brand = ""
    for start in _starts(product):
        last = start.rpartition(" ")[2].removesuffix("'s")
        if brand and (begins[start] < GOES_ON * begins[brand] or last in values):
            break
        brand = start
    return brand
