"""Draws edits from a catalogue: products, what a person says that should be different, and what is right then.

The same seed draws the same lines. The halves share no product.

python -m tests.benchmarks.draw_edits --catalogue CATALOGUE --out tests/data/queries/edits.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from index import Product, open_catalogue
from index.metrics import Judged, JudgedQuery
from index.metrics.judged import query_of

SEED = 17
COUNTS = {"colour": 54, "print": 40, "sleeve": 20, "gender": 30, "type": 30, "two": 16, "without": 10}
"""Lines of each kind; 200 together."""
FOREIGN = 7
"""Every so manyth line is in another language than English, where its wish is known there."""
ENOUGH = {"sleeve": 4}
"""Right products that a line needs; ten where a kind is not named."""

COLOURS: Mapping[str, Sequence[str]] = {
    "red": ("Red", "Maroon", "Burgundy"),
    "blue": ("Blue", "Navy Blue", "Turquoise Blue"),
    "black": ("Black", "Charcoal"),
    "white": ("White", "Off White"),
    "green": ("Green", "Olive", "Sea Green", "Lime Green", "Fluorescent Green"),
    "grey": ("Grey", "Grey Melange", "Charcoal", "Steel"),
    "pink": ("Pink", "Magenta", "Rose"),
    "brown": ("Brown", "Coffee Brown", "Tan", "Mushroom Brown"),
    "purple": ("Purple", "Lavender", "Mauve"),
    "yellow": ("Yellow", "Mustard"),
}
"""A word and the values that are right for it, as in the other judged queries."""
IN_COLOUR = ("in {}", "{}", "the same in {}", "but in {}", "make it {}", "{} please", "same but {}", "{} instead")
PRINTS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "stripes": (("stripe", "stripes", "striped"), ("with stripes", "striped", "the same with stripes")),
    "checks": (("check", "checks", "checked"), ("with checks", "checked", "in a check pattern")),
    "print": (("print", "prints", "printed"), ("with a print", "printed", "but printed")),
    "plain": (("solid", "plain"), ("plain", "in a solid colour", "without a pattern, plain")),
    "graphic": (("graphic",), ("with a graphic print", "graphic")),
}
"""A pattern, the words of titles that say so, and ways to ask."""
SLEEVES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "none": (("sleeveless",), ("sleeveless", "without sleeves", "no sleeves", "but sleeveless")),
    "short": (
        ("half sleeve", "half sleeves", "short sleeve", "short sleeves"),
        ("with short sleeves", "half sleeves", "short sleeved"),
    ),
}
PEOPLE: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "women": (("Women", "Unisex"), ("for women", "womens", "for her", "the same for women")),
    "men": (("Men", "Unisex"), ("for men", "mens", "for him", "a mens version")),
    "boys": (("Boys", "Unisex"), ("for boys", "for a boy")),
    "girls": (("Girls", "Unisex"), ("for girls", "for a girl")),
}
TYPES: Sequence[tuple[str, str, Sequence[str]]] = (
    ("Dresses", "Skirts", ("as a skirt", "skirt")),
    ("Skirts", "Dresses", ("as a dress", "dress")),
    ("Shirts", "Tshirts", ("as a t-shirt", "t-shirt")),
    ("Tshirts", "Shirts", ("as a shirt", "shirt instead")),
    ("Tshirts", "Sweatshirts", ("as a sweatshirt", "sweatshirt")),
    ("Sweaters", "Jackets", ("as a jacket", "jacket")),
    ("Tops", "Dresses", ("as a dress", "dress")),
    ("Jeans", "Shorts", ("as shorts", "shorts")),
    ("Trousers", "Jeans", ("as jeans", "jeans instead")),
    ("Heels", "Flats", ("flats", "as flats")),
    ("Casual Shoes", "Sandals", ("sandals", "as sandals")),
    ("Handbags", "Clutches", ("as a clutch", "clutch")),
    ("Handbags", "Backpacks", ("as a backpack", "backpack")),
    ("Kurtas", "Tops", ("as a top", "top instead")),
    ("Sandals", "Flip Flops", ("flip flops", "as flip flops")),
)
"""What a product is, what it is wished to be, and ways to say so."""
FOREIGN_WORDS: Mapping[str, Sequence[tuple[str, str]]] = {
    "red": (("fr", "en rouge"), ("de", "in Rot"), ("es", "en rojo"), ("it", "in rosso")),
    "blue": (("fr", "le même en bleu"), ("de", "in Blau"), ("es", "pero en azul"), ("it", "in blu")),
    "black": (("fr", "en noir"), ("de", "schwarz"), ("es", "en negro"), ("it", "nero")),
    "white": (("fr", "en blanc"), ("de", "in Weiß"), ("es", "en blanco"), ("it", "in bianco")),
    "green": (("fr", "en vert"), ("de", "in Grün"), ("es", "en verde"), ("it", "in verde")),
    "grey": (("fr", "en gris"), ("de", "in Grau"), ("es", "en gris"), ("it", "in grigio")),
    "pink": (("fr", "en rose"), ("de", "in Rosa"), ("es", "en rosa"), ("it", "in rosa")),
    "brown": (("fr", "en marron"), ("de", "in Braun"), ("es", "en marrón"), ("it", "in marrone")),
    "stripes": (("fr", "à rayures"), ("de", "gestreift"), ("es", "de rayas"), ("it", "a righe")),
    "checks": (("fr", "à carreaux"), ("de", "kariert"), ("es", "de cuadros"), ("it", "a quadri")),
    "print": (("fr", "imprimé"), ("de", "bedruckt"), ("es", "estampado"), ("it", "stampato")),
    "none": (("fr", "sans manches"), ("de", "ärmellos"), ("es", "sin mangas"), ("it", "senza maniche")),
    "women": (("fr", "pour femme"), ("de", "für Damen"), ("es", "para mujer"), ("it", "da donna")),
    "men": (("fr", "pour homme"), ("de", "für Herren"), ("es", "para hombre"), ("it", "da uomo")),
    "Skirts": (("fr", "en jupe"), ("de", "als Rock"), ("es", "falda"), ("it", "gonna")),
    "Dresses": (("fr", "en robe"), ("de", "als Kleid"), ("es", "vestido"), ("it", "vestito")),
    "Jackets": (("fr", "en veste"), ("de", "als Jacke"), ("es", "chaqueta"), ("it", "giacca")),
    "Sandals": (("fr", "sandales"), ("de", "Sandalen"), ("es", "sandalias"), ("it", "sandali")),
    "Backpacks": (("fr", "sac à dos"), ("de", "als Rucksack"), ("es", "mochila"), ("it", "zaino")),
}
"""What is wished, and how it is said in other languages."""

Line = dict[str, Any]
Maker = Callable[[Judged, random.Random], tuple[str, str, Line] | None]
"""From a product to the wish, how it is said in English, and the condition that right products meet; or none."""


def lines(products: Sequence[Product]) -> list[Line]:
    """Return the lines, kind after kind; of each kind every other one is of the half that figures come from."""
    rng = random.Random(SEED)
    seen = [Judged.of(product) for product in products]
    order = list(range(len(seen)))
    rng.shuffle(order)
    places = iter(order)
    return [
        line
        for kind, count in COUNTS.items()
        for line in _of_kind(kind, count, MAKERS[kind], (seen[at] for at in places), seen, rng)
    ]


def _of_kind(
    kind: str, count: int, make: Maker, drawn: Iterator[Judged], seen: Sequence[Judged], rng: random.Random
) -> Iterator[Line]:
    wishes: dict[str, int] = {}
    number = 0
    while number < count:
        product = next(drawn)
        made = make(product, rng)
        if made is None:
            continue
        wish, text, where = made
        # No wish takes more than half.
        if wishes.get(wish, 0) >= count / 2:
            continue
        language = "en"
        if number % FOREIGN == FOREIGN - 1 and wish in FOREIGN_WORDS:
            language, text = rng.choice(FOREIGN_WORDS[wish])
        line: Line = {"text": text, "like": [product.id], "kind": f"edit: {kind}", "language": language}
        line |= {"half": ("tune", "report")[number % 2], "where": where}
        query = query_of(line)
        assert isinstance(query, JudgedQuery)
        if len(query.relevant(seen) - {product.id}) < ENOUGH.get(kind, 10):
            continue
        wishes[wish] = wishes.get(wish, 0) + 1
        number += 1
        yield line


def _type(product: Judged) -> str:
    return str(product.values["articleType"][0])


def _has(product: Judged, phrases: Sequence[str]) -> bool:
    return any(f" {phrase} " in product.title for phrase in phrases)


def _colour(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
    wish = rng.choice(list(COLOURS))
    if product.has("baseColour", [value.casefold() for value in COLOURS[wish]]):
        return None
    where = {"attributes": {"articleType": [_type(product)], "baseColour": list(COLOURS[wish])}}
    return wish, rng.choice(IN_COLOUR).format(wish), where


def _titled(wishes: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> Maker:
    def make(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
        wish = rng.choice(list(wishes))
        phrases, ways = wishes[wish]
        if _has(product, phrases):
            return None
        return wish, rng.choice(ways), {"attributes": {"articleType": [_type(product)]}, "title_any": list(phrases)}

    return make


def _gender(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
    wish = rng.choice(list(PEOPLE))
    values, ways = PEOPLE[wish]
    if product.has("gender", [value.casefold() for value in values]):
        return None
    return wish, rng.choice(ways), {"attributes": {"articleType": [_type(product)], "gender": list(values)}}


def _other_type(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
    fitting = [one for one in TYPES if one[0].casefold() == _type(product)]
    if not fitting:
        return None
    _, wish, ways = rng.choice(fitting)
    genders = list(dict.fromkeys([*product.values["gender"], "unisex"]))
    return wish, rng.choice(ways), {"attributes": {"articleType": [wish], "gender": genders}}


def _two(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
    colour, pattern = rng.choice(list(COLOURS)), rng.choice(["stripes", "checks", "print"])
    phrases, _ = PRINTS[pattern]
    if _has(product, phrases) or product.has("baseColour", [value.casefold() for value in COLOURS[colour]]):
        return None
    said = {"stripes": "with stripes", "checks": "with checks", "print": "printed"}[pattern]
    text = rng.choice([f"in {colour} {said}", f"{colour} and {said}", f"{said}, {colour}"])
    attributes = {"articleType": [_type(product)], "baseColour": list(COLOURS[colour])}
    return f"{colour} {pattern}", text, {"attributes": attributes, "title_any": list(phrases)}


def _without(product: Judged, rng: random.Random) -> tuple[str, str, Line] | None:
    for pattern, said in (("stripes", "without stripes"), ("checks", "no checks"), ("print", "not printed")):
        phrases, _ = PRINTS[pattern]
        if _has(product, phrases):
            return f"no {pattern}", said, {"attributes": {"articleType": [_type(product)]}, "not_title": list(phrases)}
    (colour,) = product.values["baseColour"]
    if colour not in COLOURS or rng.random() < 0.9:
        return None
    attributes = {"articleType": [_type(product)]}
    return f"not {colour}", f"not {colour}", {"attributes": attributes, "not_attributes": {"baseColour": [colour]}}


MAKERS: Mapping[str, Maker] = {
    "colour": _colour,
    "print": _titled(PRINTS),
    "sleeve": _titled(SLEEVES),
    "gender": _gender,
    "type": _other_type,
    "two": _two,
    "without": _without,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with open_catalogue(given.catalogue) as catalogue:
        drawn = lines(catalogue.snapshot().products)
    given.out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in drawn), encoding="utf-8")
