"""Texts that look the same are the same to an encoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import PRESETS, plain, train_text_preprocessor

PLAIN = "red t-shirt for women's day"
SAME = {
    "two spaces": "red  t-shirt for women's day",
    "tab": "red\tt-shirt for women's day",
    "line break": "red\r\nt-shirt for women's day",
    "no-break space": "red\u00a0t-shirt for women's day",
    "narrow no-break space": "red\u202ft-shirt for women's day",
    "ideographic space": "red\u3000t-shirt for women's day",
    "line separator": "red\u2028t-shirt for women's day",
    "NUL": "red\0t-shirt for women's day",
    "next line": "red\x85t-shirt for women's day",
    "around": " \u00a0red t-shirt for women's day\n",
    "zero-width space": "re\u200bd t-shirt for women's day",
    "byte-order mark": "\ufeffred t-shirt for women's day",
    "soft hyphen": "red t-shirt for wo\u00admen's day",
    "direction mark": "red t-shirt\u200e for women's day",
    "word joiner": "red t-\u2060shirt for women's day",
    "full width": "ｒｅｄ ｔ－ｓｈｉｒｔ for women＇s day",
    "curly apostrophe": "red t-shirt for women\u2019s day",
    "letter apostrophe": "red t-shirt for women\u02bcs day",
    "no-break hyphen": "red t\u2011shirt for women's day",
    "hyphen of its own": "red t\u2010shirt for women's day",
    "en dash": "red t\u2013shirt for women's day",
    "minus": "red t\u2212shirt for women's day",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME.keys())
def test_texts_that_look_the_same_have_the_same_tokens(text: str) -> None:
    tokenizer = train_text_preprocessor([PLAIN, "blue jeans"], PRESETS["tiny"].text)
    assert tokenizer([text]).tolist() == tokenizer([PLAIN]).tolist()
    assert plain(text) == PLAIN


def test_accents_are_the_same_composed_or_not() -> None:
    assert plain("cafe\u0301") == plain("café")


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u200b", "\ufeff \u00ad", "\t\n", "\u3000\u2060", "\0", "\u202e"])
def test_nothing_that_can_be_seen_is_no_text(text: str) -> None:
    assert plain(text) == ""


def test_signs_with_a_look_of_their_own_stay() -> None:
    assert plain("Nike\u2122 ½ m² №5 “x” — y…") == "Nike\u2122 ½ m² №5 “x” — y…"


@given(st.text())
def test_plain_text_is_plain_already(text: str) -> None:
    assert plain(plain(text)) == plain(text)
