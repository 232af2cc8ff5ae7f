"""Titles that are the same, and splits that no title straddles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import SPLITS, SplitRule, title_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Red Dress", "red dress"),
        ("  Red\t dress\n", "Red Dress"),
        ("STRASSE", "straße"),
        ("Cafe\u0301", "CAFÉ"),  # the accent as a character of its own, and not
        ("Size 4２", "size 42"),  # a full-width digit
    ],
)
def test_titles_that_look_the_same_are_the_same(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)
    assert SplitRule().of(one) == SplitRule().of(other)


@pytest.mark.parametrize(("one", "other"), [("red dress", "reddress"), ("red dress", "dress red"), ("cafe", "café")])
def test_titles_that_differ_are_different(one: str, other: str) -> None:
    assert title_key(one) != title_key(other)


@given(st.text(), st.integers())
def test_every_title_has_one_split(title: str, seed: int) -> None:
    assert SplitRule(seed=seed).of(title) in SPLITS
    assert SplitRule(1, 0, 0, seed).of(title) == "train"
    assert SplitRule(0, 1, 0, seed).of(title) == "validation"
    assert SplitRule(0, 0, 1, seed).of(title) == "test"


def test_splits_have_the_sizes_asked_for_and_depend_on_the_seed() -> None:
    titles = [f"title {number}" for number in range(5000)]
    dealt = [SplitRule(0.7, 0.1, 0.2).of(title) for title in titles]
    for split, fraction in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert dealt.count(split) / len(titles) == pytest.approx(fraction, abs=0.02)
    assert dealt != [SplitRule(0.7, 0.1, 0.2, seed=1).of(title) for title in titles]


def test_splits_stay_what_they_were() -> None:
    """A catalogue built by an earlier version must still be an honest test: the rule is part of the format."""
    titles = [f"title {number}" for number in range(12)]
    assert "".join(SplitRule(0.4, 0.3, 0.3).of(title)[:2] for title in titles) == "vatetetrvatetrtrtevatrtr"


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (0, 0, 0), (float("nan"), 0.5, 0.5)])
def test_fractions_that_are_none_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="together they must be 1"):
        SplitRule(*fractions)
