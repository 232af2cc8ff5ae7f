"""docs/embed.md and the elements: the same attributes, variables, parts and events."""

from __future__ import annotations

import re

from app.front import PAGE
from tests.tools.root import ROOT

DOCS = (ROOT / "docs" / "embed.md").read_text(encoding="utf-8")


def attributes_of(script: str) -> set[str]:
    (listed,) = re.findall(r"observedAttributes = \[([^\]]*)\]", (PAGE / script).read_text(encoding="utf-8"))
    return {*re.findall(r'"(\w+)"', listed), "theme"}  # the theme is the style sheet's


def test_the_table_of_attributes_is_what_the_elements_take() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (both|search|similar) \|", DOCS, re.MULTILINE)
    for element in ("search", "similar"):
        told = {name for name, whose in rows if whose in ("both", element)}
        assert told == attributes_of(f"{element}_element.js"), element


def test_the_variables_are_those_of_the_style_sheet() -> None:
    used = set(re.findall(r"var\((--vitrine-[\w-]+)", (PAGE / "base.css").read_text(encoding="utf-8")))
    assert used == {
        name for row in re.findall(r"^\| (`--.*?) \|", DOCS, re.MULTILINE) for name in row.strip("`").split("`, `")
    }


def test_the_parts_are_those_that_the_scripts_name() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))
    (listed,) = re.findall(r"Parts for `::part\(\)`: (.*?)\.\n\n", DOCS, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(re.findall(r'\bpart: "(\w+)"', scripts))


def test_the_events_are_those_that_are_sent() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))
    told = set(re.findall(r"^\| `(vitrine-\w+)` \|", DOCS, re.MULTILINE))
    assert told == set(re.findall(r'emit\("([\w-]+)"', scripts))
