"""From texts to words and terms: what customers and shops write differently is the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.words import fold, is_code, stem, terms, words
from index.words.index import LONG_WORD
from index.words.postings import BEGINNING
from index.words.spelling import english


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dresses", "dress"),
        ("T-Shirts", "tshirt"),
        ("T Shirt", "tshirt"),
        ("Été", "ete"),
        ("GRÖSSE", "größe"),
        ("Levi's", "levis"),
        ("Men's", "men"),
        ("watches", "watch"),
        ("Cafe\u0301", "Café"),
        ("ＣＨ２５８９", "ch2589"),
        ("t\u2011shirt", "t-shirt"),
        ("t\u2013shirt", "t-shirt"),
        ("women\u02bcs", "women's"),
        ("women\u2018s", "women's"),
        ("dr\u00adess", "dress"),
        ("dr\u200bess", "dress"),
        ("\ufeffdress", "dress"),
        ("t-\u2060shirt", "t-shirt"),
    ],
)
def test_what_is_written_differently_has_the_same_term(one: str, other: str) -> None:
    assert terms(one)[-1] == terms(other)[-1]


@pytest.mark.parametrize(("one", "other"), [("shorts", "short"), ("flats", "flat"), ("men", "women"), ("7.5", "75")])
def test_what_is_another_thing_has_another_term(one: str, other: str) -> None:
    assert terms(one) != terms(other)


def test_a_code_is_found_whole_and_in_parts() -> None:
    assert terms("LP201-C1") == ["lp201", "c1", "lp201c1"]
    assert is_code("lp201")
    assert is_code("15970")
    assert not is_code("dress")
    assert not is_code("5")


def test_words_keep_their_places_in_the_text() -> None:
    text = "  a Red T-Shirt, 100% cotton"
    found = words(text)
    assert [text[word.start : word.end] for word in found] == ["a", "Red", "T-Shirt", "100", "cotton"]
    assert found[2].parts == ("t", "shirt")
    assert found[2].whole == "tshirt"


def test_text_without_spaces_becomes_pairs() -> None:
    assert terms("赤いドレス") == ["赤い", "いド", "ドレ", "レス"]


@given(st.text())
def test_any_text_has_words_that_fold_to_themselves(text: str) -> None:
    for word in words(text):
        assert word.parts
        assert all(fold(part) == part for part in word.parts)
        assert 0 <= word.start < word.end
    assert all(stem(term) for term in terms(text))


@pytest.mark.parametrize("text", ["\u200b", "\ufeff", "\u00ad \u200d", "\ufe0f"])
def test_what_is_not_seen_is_no_word(text: str) -> None:
    assert words(text) == []


def test_a_long_word_and_its_term_begin_alike() -> None:
    known = [word for word in english().common | english().other if len(word) >= LONG_WORD]
    assert len(known) > 1000
    assert not [word for word in known if not word.startswith(stem(word)[:BEGINNING])]
