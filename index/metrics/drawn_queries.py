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

COLOUR, TYPE = "baseColour", "articleType"
MIN_GROUP = 3
"""Products of a brand, a colour and a type, from which on they are asked for."""
MIN_WORD = 4
"""Letters of a word, from which on it may have a typo."""
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
    values = {title_key(value) for product in products for value in product.attributes.values()}
    brands = _brands([product.title for product in products], values)
    groups: dict[str, list[str]] = defaultdict(list)
    for product, brand in zip(products, brands, strict=True):
        colour, kind = (product.attributes.get(name, "") for name in (COLOUR, TYPE))
        # What is a colour as well as the beginning of a brand says nothing clear.
        if colour and kind and brand and brand not in values:
            groups[title_key(f"{brand} {colour} {kind}")].append(product.id)
    return {text: ids for text, ids in groups.items() if len(ids) >= MIN_GROUP}


def _brands(titles: Sequence[str], values: Collection[str]) -> list[str]:
    """Return the brand of each title: its first word, and the next ones where nearly all such titles go on so.

    A word that is a value of an attribute, such as that of a gender, is no next one.
    """
    split = [title_key(title).split() for title in titles]
    begins = Counter(tuple(words[:count]) for words in split for count in range(1, min(LONGEST, len(words)) + 1))

    def brand(words: Sequence[str]) -> str:
        count = 1
        while count < min(LONGEST, len(words)):
            before, after = begins[tuple(words[:count])], begins[tuple(words[: count + 1])]
            if after < GOES_ON * before or words[count].removesuffix("'s") in values:
                break
            count += 1
        return " ".join(words[:count])

    return [brand(words) for words in split]
