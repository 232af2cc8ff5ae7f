"""The page about feeds: its names are those of the code, and its example files are there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.training.feeds import FEEDS
from training.data import column_names as names

PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"
ROLES = {
    "id": names.ID,
    "title": names.TITLE,
    "description": names.DESCRIPTION,
    "picture": names.IMAGE,
    "picture, by its cells": names.MAYBE_IMAGE,
    "further pictures": tuple(sorted(names.FURTHER)),
    "what variants share": names.GROUP,
    "what variants share, by its cells": names.PARENT,
    "availability": tuple(sorted(names.AVAILABILITY)),
    "yes or no": tuple(sorted(names.YES_NO)),
    "list": tuple(sorted(names.LISTS)),
    "price, as a word of the name": tuple(sorted(names.PRICE_WORDS)),
    "no price in spite of it": tuple(sorted(names.NO_PRICE)),
}


def names_table() -> str:
    """Return the table of names for the page."""
    rows = [f"| {role} | {', '.join(known)} |" for role, known in ROLES.items()]
    return "\n".join(["| role | names |", "|---|---|", *rows])


def test_the_page_has_the_names_that_the_code_knows() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition("<!-- names -->\n")[2].partition("\n<!-- /names -->")[0]
    assert shown.strip() == names_table(), "put names_table() of this file between the marks"


def test_every_example_file_is_on_the_page_and_read_by_a_test() -> None:
    text = PAGE.read_text(encoding="utf-8")
    tested = (Path(__file__).parent / "test_feeds.py").read_text(encoding="utf-8")
    for path in FEEDS.iterdir():
        assert f"`{path.name}`" in text
        assert f'"{path.name}"' in tested
    for name in re.findall(r"`([a-z-]+\.(?:csv|tsv|xml|json|jsonl))`", text):
        assert (FEEDS / name).is_file() or name == "products.json"
