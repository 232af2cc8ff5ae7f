"""How typing is helped on a catalogue: what becomes of slips, what is changed that should not be, and completions.

    python -m tests.benchmarks.typing --catalogue CATALOGUE --out docs/search-typing.json

A slip is one edit, drawn with a seed: two letters swapped, one left out, one too many, one replaced; once any letter,
once one whose key is beside. Words are drawn as often as they come in titles. "of those" leaves out slips that are
words themselves: "back" for "black". Completions are asked for letter by letter, as titles and brands are typed.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import Location, Product, open_catalogue, parse_location
from index.language import shipped
from index.language.understand import Languages, Understanding
from index.words.analyse import is_code, stem, words
from index.words.index import WordIndex
from index.words.spelling import KEYS_BESIDE, Speller, english

SEED = 7
DRAWS = 10_000
TYPED = 300
"""Titles that are typed letter by letter."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ASKED = (2, 3, 4)
"""Letters after which a completion is looked for."""
LARGE = 200_000
"""Words of a shop with a million products."""


def slip(word: str, rng: random.Random, beside: bool) -> str:
    """Return a word with one edit; with `beside`, a wrong letter is one whose key is beside the right one."""
    while True:
        kind, at = rng.choice(("swap", "drop", "insert", "replace")), rng.randrange(len(word))
        keys = [key for key in LETTERS if word[at] + key in KEYS_BESIDE] if beside else list(LETTERS)
        letter = rng.choice(keys or list(LETTERS))
        if kind == "swap":
            made = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        elif kind == "drop":
            made = word[:at] + word[at + 1 :]
        else:
            made = word[:at] + letter + word[at + (kind == "replace") :]
        if made != word:
            return made


def corrected(speller: Speller, drawn: Sequence[str], beside: bool) -> dict[str, float]:
    """Return what becomes of one slip in each of some words."""
    rng = random.Random(SEED)
    right = known = right_of_unknown = 0
    times = []
    for word in drawn:
        typed = slip(word, rng, beside)
        start = time.perf_counter()
        found = speller.correct(typed)
        times.append(time.perf_counter() - start)
        is_right = stem(found or typed) == stem(word)
        right += is_right
        if speller.knows(typed):
            known += 1
        else:
            right_of_unknown += is_right
    return {
        "corrected": round(right / len(drawn), 4),
        "words themselves": round(known / len(drawn), 4),
        "corrected of those that are none": round(right_of_unknown / max(1, len(drawn) - known), 4),
        **_milliseconds(times),
    }


def spelling(products: Sequence[Product], surface: dict[str, int], count: int, large: int) -> dict[str, Any]:
    """Return the figures of spelling."""
    speller = Speller(surface, shipped("en").words())
    counts = Counter(part for product in products for word in words(product.title) for part in word.parts)
    pool = [word for word in counts if len(word) >= 4 and word.isalpha()]
    rng = random.Random(SEED)
    drawn = rng.choices(pool, [counts[word] for word in pool], k=count)
    brands = [word for word in WordIndex.of(products).brands() if word.isascii() and word.isalpha() and len(word) >= 4]
    named = [rng.choice(brands).lower() for _ in range(max(1, count // 5))] if brands else []
    unchanged = {
        "words of the catalogue": list(surface),
        "words of the English lexicon": list(shipped("en").words()),
        "common words of English": sorted(english().common),
        "rarer words of English": sorted(english().other),
    }
    letters = np.array(list(LETTERS))
    draws = np.random.default_rng(SEED)
    many = {"".join(draws.choice(letters, size)): 1 for size in draws.integers(6, 13, large).tolist()}
    beside_many = corrected(Speller({**many, **surface}), drawn[: max(1, count // 10)], True)
    return {
        "any letter": corrected(speller, drawn, False),
        "keys beside": corrected(speller, drawn, True),
        "brands": corrected(speller, named, True) if named else {},
        "changed": {
            what: round(sum(speller.correct(word) is not None for word in given) / max(1, len(given)), 4)
            for what, given in unchanged.items()
        },
        "beside drawn words": {"words": large, **{name: beside_many[name] for name in ("ms p50", "ms p99")}},
    }


def completions(products: Sequence[Product], known: WordIndex) -> dict[str, Any]:
    """Return the figures of completions."""
    completer = Understanding(known, Languages()).completer(lambda row: products[row].title)
    start = time.perf_counter()
    completer.suggest("")
    made = time.perf_counter() - start
    rng = random.Random(SEED)
    times = []
    nothing = 0
    for product in rng.sample(list(products), min(TYPED, len(products))):
        for end in range(1, min(len(product.title), 25)):
            start = time.perf_counter()
            found = completer.suggest(product.title[:end])
            times.append(time.perf_counter() - start)
            nothing += sum(one.count == 0 for one in found)
    goals = [(text, count) for text, count in known.brands().items() if count >= 20]
    goals += [(value, count) for (_, value), count in known.values().items() if count >= 20 and not is_code(value)]
    reached = {
        _after(letters): round(
            sum(_is_there(completer.suggest(text[:letters]), text) for text, _ in goals) / max(1, len(goals)), 4
        )
        for letters in ASKED
    }
    return {**_milliseconds(times), "s to make": round(made, 2), "lead to nothing": nothing, **reached}


def _after(letters: int) -> str:
    return f"among eight after {letters} letters"


def _is_there(found: Sequence[Any], text: str) -> bool:
    return text.casefold() in {one.text.casefold() for one in found}


def _milliseconds(times: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(np.array(times) * 1e3, [50, 99])
    return {"ms p50": round(float(p50), 3), "ms p99": round(float(p99), 3)}


def measured(place: Location, draws: int = DRAWS, large: int = LARGE) -> dict[str, Any]:
    """Return all figures of a catalogue, of so many draws, and beside so many further words."""
    with open_catalogue(place) as store:
        products = store.snapshot().products
    known = WordIndex.of(products)
    surface = dict(known.surface())
    return {
        "products": len(products),
        "words": sum(not is_code(word) for word in surface),
        "spelling": spelling(products, surface, draws, large),
        "completions": completions(products, known),
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures as tables."""
    spelt, completed = found["spelling"], found["completions"]

    def part(value: float) -> str:
        return f"{100 * value:.1f}"

    lines = [
        f"{found['products']:,} products, {found['words']:,} words; one edit in a word of four letters and more.",
        "",
        "| one slip in | corrected, % | is a word itself, % | corrected of the others, % | ms p50 | ms p99 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    names = {
        "any letter": "words of titles, any letter",
        "keys beside": "words of titles, a key beside",
        "brands": "brands",
    }
    for key, name in names.items():
        one = spelt[key]
        shares = [part(one[what]) for what in ("corrected", "words themselves", "corrected of those that are none")]
        lines.append(f"| {name} | {' | '.join(shares)} | {one['ms p50']:.2f} | {one['ms p99']:.2f} |")
    large = spelt["beside drawn words"]
    changed = ", ".join(f"{part(share)} % of the {what}" for what, share in spelt["changed"].items())
    reached = ", ".join(f"{letters} letters {part(completed[_after(letters)])} %" for letters in ASKED)
    lines += [
        "",
        f"Changed without a slip: {changed}. Beside {large['words']:,} drawn words a word takes"
        f" {large['ms p50']:.2f} ms (p99 {large['ms p99']:.2f}).",
        "",
        f"Completions take {completed['ms p50']:.2f} ms (p99 {completed['ms p99']:.2f}) a letter;"
        f" {completed['lead to nothing']} lead to nothing. A brand or value of 20 products and more is among the eight"
        f" after {reached}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure a catalogue and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", required=True, help="folder or URL")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    given = parser.parse_args()
    write_json(given.out, measured(parse_location(given.catalogue)))


if __name__ == "__main__":
    main()
