"""The rule for an edit and the replay of changes, without a store."""

from __future__ import annotations

import numpy as np
import pytest

from common import ConflictError
from index import ANY, Delete, Entry, ExistsError, Product, Put, Written, check_condition, entry_digest
from index.records import log_reaches, outcome_of

VECTOR = np.ones(1, np.float32)
ENTRY = Entry(Product("a", "title", {"colour": "red"}), b"picture", VECTOR, VECTOR)
NOW = entry_digest(ENTRY.product, ENTRY.image)


@pytest.mark.parametrize(
    ("before", "expected", "absent", "refused"),
    [
        (None, None, False, None),
        ("x", None, False, None),
        ("x", {"y", "x"}, False, None),
        ("x", {"y"}, False, "is now x"),
        ("x", {ANY}, False, None),
        (None, {ANY}, False, "there is none now"),
        (None, {"x"}, False, "there is none now"),
        (None, None, True, None),
        ("x", None, True, "exists already"),
    ],
)
def test_a_condition_holds_or_says_what_is_there(
    before: str | None, expected: set[str] | None, absent: bool, refused: str | None
) -> None:
    condition = None if expected is None else frozenset(expected)
    if refused is None:
        check_condition("a", before, condition, absent)
        return
    with pytest.raises(ConflictError, match=f"product 'a' .*{refused}") as raised:
        check_condition("a", before, condition, absent)
    assert isinstance(raised.value, ExistsError) == absent


def test_an_edit_that_changes_nothing_succeeds_whatever_its_condition() -> None:
    assert outcome_of(Put(ENTRY, frozenset({"other"}), absent=True), NOW) == Written(NOW, 0, changed=False)
    assert outcome_of(Delete("a", frozenset({"other"})), None) == Written(None, 0, changed=False)
    assert outcome_of(Put(ENTRY), None) == Written(NOW, 0, created=True)
    assert outcome_of(Put(ENTRY), "other") == Written(NOW, 0)
    assert outcome_of(Delete("a"), NOW) == Written(None, 0)
    assert isinstance(outcome_of(Put(ENTRY, absent=True), "other"), ExistsError)
    assert isinstance(outcome_of(Delete("a", frozenset({"other"})), NOW), ConflictError)


def test_the_digest_is_that_of_what_a_client_sees() -> None:
    same = Product("another id", "title", {"colour": "red"}, "test")
    assert entry_digest(same, b"picture") == NOW
    others = [Product("a", "Title"), Product("a", "title", {"colour": "blue"}), Product("a", "title", {})]
    assert len({NOW, entry_digest(ENTRY.product, b"other"), *(entry_digest(one, b"picture") for one in others)}) == 5


@pytest.mark.parametrize(
    ("since", "version", "first", "reaches"),
    [(0, 0, 1, True), (3, 3, 9, True), (4, 3, 1, False), (0, 3, 1, True), (0, 3, 2, False), (1, 3, 2, True)],
)
def test_a_log_tells_all_changes_since_a_version_or_says_that_it_cannot(
    since: int, version: int, first: int, reaches: bool
) -> None:
    assert log_reaches(since, version, first) == reaches


def test_digests_of_texts_are_those_of_earlier_versions_and_types_count() -> None:
    """Catalogues stay as they are: what callers hold as ETags goes on."""
    assert NOW == "15d2d55e1830cbfea1a6671be6a7bb9e"
    found = {
        entry_digest(Product("a", "title", {"price": value}), b"picture")
        for value in ("5", 5, 5.0, True, ("5",), ("5", "6"), ("6", "5"))
    }
    assert len(found) == 7
