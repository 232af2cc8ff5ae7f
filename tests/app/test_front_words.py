"""The texts of the pages: merged from their parts, complete in five languages, chosen by what a visitor reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.front import LANGUAGES, PAGE, Words, language_of, open_front
from app.front.words import PARTS


def forms(text: Any) -> dict[str, str]:
    return text if isinstance(text, dict) else {"": text}


def places(text: Any) -> set[str]:
    """Return the names in the braces of a text, over all its forms."""
    return {name for form in forms(text).values() for name in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("part", PARTS)
def test_every_language_has_every_text_with_the_same_values(language: str, part: str) -> None:
    words = open_front().words
    english, other = words.keys("en", part), words.keys(language, part)
    assert other.keys() == english.keys()
    for key, text in other.items():
        assert places(text) == places(english[key]), key
        assert isinstance(text, dict) == isinstance(english[key], dict), key
        assert all(form.strip() == form and form for form in forms(text).values()), key
        if isinstance(text, dict):
            assert "other" in text, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_key_begins_with_the_name_of_its_file(language: str) -> None:
    for file in (PAGE / "words" / language).rglob("*.json"):
        for key in json.loads(file.read_text(encoding="utf-8")):
            assert key.startswith(f"{file.stem}."), f"{file}: {key}"


def test_parts_are_merged_and_what_the_server_writes_is_not_sent(tmp_path: Path) -> None:
    for path, texts in {
        "en/search.json": {"search.go": "Search"},
        "en/filters.json": {"filters.show": {"one": "Show {count} product", "other": "Show {count} products"}},
        "fr/search.json": {"search.go": "Chercher"},
        "en/lab/map.json": {"map.title": "Map"},
        "en/server/page.json": {
            "page.title": "Vitrine",
            "page.found": {"one": "{count} product", "other": "{count} products"},
        },
        "fr/server/page.json": {"page.found": {"one": "{count} produit", "other": "{count} produits"}},
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(json.dumps(texts), encoding="utf-8")
    words = Words(tmp_path)
    files = words.files()
    assert json.loads(files["words/en.json"]).keys() == {"search.go", "filters.show"}
    assert json.loads(files["words/fr.json"]) == {"search.go": "Chercher"}
    assert json.loads(files["words/en-lab.json"]) == {"map.title": "Map"}
    assert json.loads(files["words/de.json"]) == {}
    assert not [name for name in files if "server" in name]
    assert [words.say("fr", "page.found", count=count) for count in (0, 1, 2)] == [
        "0 produit",
        "1 produit",
        "2 produits",
    ]
    assert words.say("en", "page.found", count=0) == "0 products"
    assert words.say("fr", "page.title") == "Vitrine"  # what is missing comes in English
    (tmp_path / "en" / "more.json").write_text('{"search.go": "Go"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"more\.json|search\.json"):
        Words(tmp_path)


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "fr", "fr"),
        (None, "fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        (None, "DE-at", "de"),
        (None, "pt-BR, es;q=0.5, it;q=0.7", "it"),
        (None, "nl, *;q=0.5", "en"),
        (None, "fr;q=0, de;q=0.1", "de"),
        (None, "fr;q=x, de", "de"),
        (None, "fr;q=7, de", "de"),
        (None, "en;q=0.5, de;q=0.5", "en"),
        (None, ",,;q=,", "en"),
        ("es", "fr", "es"),
        ("xx", "fr", "fr"),
        ("../fr", "it", "it"),
        (None, "x," * 100_000 + "fr", "en"),
    ],
)
def test_the_language_is_asked_for_else_accepted_else_english(asked: str | None, accepted: str, expected: str) -> None:
    assert language_of(asked, accepted) == expected
