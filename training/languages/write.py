"""Writes the parts of a title in the order and with the agreement of a language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from training.languages.title import Colour, Parts
from training.languages.words import ENDINGS, Word, inflected, noun, stem, words

Pick = Callable[[Sequence[str]], str]
ROMANCE = (
    "noun adjectives colours part brand names pack for",
    "noun colours adjectives part brand names for pack",
    "noun brand names adjectives colours part for pack",
    "brand names noun adjectives colours part for pack",
    "brand noun names person colours adjectives part pack",
    "noun person brand names colours adjectives part pack",
    "noun adjectives colours for part pack brand names",
    "noun adjectives colours part brand names person pack",
)
"""Orders of a caption in French, Spanish and Italian; what the title says behind the kind always comes last."""
GERMAN = (
    "brand person noun names colours adjectives part pack",
    "brand names noun colours adjectives part for pack",
    "before brand names noun behind part for pack",
    "brand before noun names behind part for pack",
    "noun brand names colours adjectives part person pack",
    "person noun brand names adjectives colours part pack",
    "brand names person noun in adjectives part pack",
    "brand names compound colours adjectives part pack",
    "before compound brand names behind part pack",
)
"""The same of German: `before` are adjectives with endings, `behind` those that have none, `compound` a Herrenhemd."""

NO_NOUNS = ("silver", "gold", "metallic", "grey melange", "multi", "steel")
"""Colours that German does not put behind `in`: in Rot, but silbern."""


def written(parts: Parts, language: str, number: int) -> str:
    """Return a caption.

    Args:
        parts: of an English title.
        language: one of `training.languages.WRITTEN`.
        number: chooses order and synonyms; the same number gives the same caption.
    """
    orders = GERMAN if language == "de" else ROMANCE
    number, order = divmod(number, len(orders))

    def pick(texts: Sequence[str]) -> str:
        nonlocal number
        number, chosen = divmod(number, len(texts))
        return texts[chosen]

    slots = _german(parts, pick) if language == "de" else _romance(parts, language, pick)
    text = " ".join(slots[name] for name in (*orders[order].split(), "tail") if slots[name])
    return text[:1].upper() + text[1:] if text[: text.find(" ") + 1 or None].islower() else text


def _common(parts: Parts, language: str, pick: Pick) -> tuple[dict[str, str], str]:
    """Return the slots that all languages share, and the gender of the noun."""
    name, gender = noun(pick(parts.noun.texts[language])) if parts.noun is not None else ("", "m")
    alone = [word.texts[language][0] for word in parts.persons]
    whom = pick(parts.persons[0].texts[language][1:]) if len(parts.persons) == 1 else " ".join(alone)
    pack = parts.pack[0].texts[language][0].replace("#", parts.pack[1]) if parts.pack is not None else ""
    slots = {"brand": parts.brand, "names": parts.names, "tail": parts.tail, "noun": name, "pack": pack}
    return {**slots, "person": " ".join(alone), "for": whom}, gender


def _romance(parts: Parts, language: str, pick: Pick) -> dict[str, str]:
    slots, gender = _common(parts, language, pick)
    part = ""
    if parts.part is not None:
        word, colours = parts.part
        template = word.texts[language][0]
        part = template.replace("{m}", _agreeing(colours, language, "m", pick))
        part = part.replace("{f}", _agreeing(colours, language, "f", pick))
    adjectives = [inflected(pick(word.texts[language]), gender, language) for word in _adjectives(parts)]
    return {
        **slots,
        "colours": _agreeing(parts.colours, language, gender, pick),
        "adjectives": " ".join(adjectives),
        "part": part,
    }


def _agreeing(colours: Sequence[Colour], language: str, gender: str, pick: Pick) -> str:
    """Return colours of French, Spanish or Italian: one agrees, one with a shade and several do not."""
    if len(colours) == 1 and colours[0].shade is None:
        return inflected(pick(colours[0].word.texts[language]), gender, language)
    written = []
    for colour in colours:
        text = inflected(pick(colour.word.texts[language]), "m", language)
        written.append(f"{text} {colour.shade.texts[language][0]}" if colour.shade is not None else text)
    return _joined(written, _and(language))


def _german(parts: Parts, pick: Pick) -> dict[str, str]:
    slots, gender = _common(parts, "de", pick)
    name = slots["noun"]
    colours = [_shaded(colour, pick(colour.word.texts["de"])) for colour in parts.colours]
    bases = [text.removesuffix("-") for text in colours]
    behind = "-".join(bases) if len(bases) == 2 and pick(("-", "")) else _joined(bases, _and("de"))
    adjectives = [pick(word.texts["de"]) for word in _adjectives(parts)]
    for at, text in enumerate(adjectives):
        if text.endswith("+"):
            compound = _compound(text[:-1], slots["noun"])
            adjectives[at] = "" if compound else _adjectives(parts)[at].texts["de"][0]
            slots["noun"] = compound or slots["noun"]
    adjectives = [text for text in adjectives if text]
    person = _compound(slots["person"], slots["noun"]) if slots["noun"] == name else ""  # no word of three
    there = parts.noun is not None  # an adjective without a noun has no ending
    before = [text + ENDINGS[gender] for text in map(stem, adjectives) if text and there]
    rest = [text.removesuffix("-") for text in adjectives if stem(text) is None or not there]
    attribute = "-".join(bases) + ENDINGS[gender] if colours and stem(colours[-1]) and there else ""
    part = ""
    if parts.part is not None:
        word, of_part = parts.part
        texts = [_shaded(colour, pick(colour.word.texts["de"])) for colour in of_part]
        plain = "-".join(text.removesuffix("-") for text in texts)
        template = word.texts["de"][0]
        part = (
            template.replace("{n}", plain + ENDINGS["dative"])
            if stem(texts[-1])
            else f"{template.replace('{n} ', '')} in {plain[:1].upper()}{plain[1:]}"
        )
    simple = len(bases) == 1 and parts.colours[0].word.english not in NO_NOUNS and not bases[0].endswith("farben")
    return {
        **slots,
        "compound": person or f"{slots['person']} {slots['noun']}".strip(),
        "colours": behind,
        "in": f"in {behind[:1].upper()}{behind[1:]}" if simple else behind,
        "adjectives": " ".join(text.removesuffix("-") for text in adjectives),
        "before": " ".join([*before, attribute] if attribute else before),
        "behind": " ".join([*([] if attribute else [behind] if behind else []), *rest]),
        "part": part,
    }


def _adjectives(parts: Parts) -> list[Word]:
    """Return the adjectives that the noun does not say itself: casual shoes are casual."""
    said = parts.noun.english.split() if parts.noun is not None else ()
    return [word for word in parts.adjectives if word.english not in said]


def _compound(first: str, name: str) -> str:
    """Return one German word of two; none where a part is no single word."""
    if not first or not name or " " in f"{first}{name}" or first == "Unisex" or name.startswith(first):
        return ""
    plain = name[:1].isupper() and name[1:].islower() and "-" not in name
    return f"{first}{name.lower()}" if plain else f"{first}-{name}"


def _shaded(colour: Colour, text: str) -> str:
    return text if colour.shade is None else f"{colour.shade.texts['de'][0]}{text}"


def _joined(texts: Sequence[str], joint: str) -> str:
    return " ".join(filter(None, (", ".join(texts[:-1]), joint if len(texts) > 1 else "", *texts[-1:])))


def _and(language: str) -> str:
    joint: Word = words()["and"]
    return joint.texts[language][0]
