"""JSON whose values are counted before any is made: nothing that is allowed is refused, and the rest costs little."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.bounded_json
from app.bounded_json import parse_json
from app.errors import InvalidError
from app.schemas import BatchRequest, SearchRequest, checked, filters_of

TEXTS = st.text('\\",[{:]} aé\U0001f642', max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(-5, 5) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def size_of(value: Any) -> int:
    """Return how many values there are in `value`, itself included."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(size_of, inside))


@given(value=VALUES, ascii_only=st.booleans(), piece=st.integers(1, 9))
def test_what_is_within_the_bound_is_read_as_it_is(value: Any, ascii_only: bool, piece: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.bounded_json, "PIECE", piece)
        # An empty list counts as much as a list of one.
        for data in (text, text.encode(), bytearray(text.encode())):
            assert parse_json(data, 2 * size_of(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "[" + ",".join(["0"] * 101) + "]",
        '["\\\\",' + ",".join(['"\\""'] * 101) + "]",
        "{" + ",".join(f'"{n}":0' for n in range(101)) + "}",
        "[" + ",".join(["{}"] * 60) + "]",
        "[" * 101,
    ],
)
def test_one_value_too_many_is_refused_before_it_is_made(text: str) -> None:
    for data in (text, text.encode(), text.encode("utf-16")):
        with pytest.raises(InvalidError, match="more than 100 values"):
            parse_json(data, 100)


def test_commas_within_strings_are_no_values() -> None:
    value = {"image": 'a, b: [{"\\' * 5000}
    assert parse_json(json.dumps(value).encode(), 10) == value


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff\xfe\xfa", "truncated data"),
        (b"[" * 5000, "nested too deeply"),
        (b"[" + b"9" * 401 + b"]", "401 digits"),
        (b'"\\', "Unterminated string"),
    ],
)
def test_what_is_no_json_is_a_value_error(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(data, 100_000)


def test_the_largest_search_there_can_be_is_within_its_bound() -> None:
    values = [f"value {n}" for n in range(200)]
    search = {
        "text": "x",
        "vector": [0.5] * 4096,
        "like": [str(n) for n in range(100)],
        "unlike": [str(n) for n in range(100)],
        "filters": {f"name {n}": {"any": values, "not": values, "gte": 0, "lt": 9} for n in range(32)},
        "facets": ["x"] * 32,
    }
    value = parse_json(json.dumps(search).encode(), SearchRequest.max_values)
    assert checked(SearchRequest, value, strict=True).k == 10


@pytest.mark.parametrize(
    "search",
    [
        {str(n): 0 for n in range(15_000)},
        {"filters": {str(n): {} for n in range(15_000)}},
        {"filters": {"a": {str(n): 0 for n in range(15_000)}}},
        {"weights": {str(n): 0 for n in range(15_000)}},
        {"like": [0] * 15_000},
    ],
)
def test_few_errors_are_made_of_many_mistakes(search: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One body of 1.25 million unknown fields stopped the service for 9 s: each field became an error of its own."""
    made = []

    def invalid(error: Any, *_: Any) -> InvalidError:
        made.append(error.error_count())
        return InvalidError("no")

    monkeypatch.setattr("app.schemas.checking.invalid", invalid)
    with pytest.raises(InvalidError):
        checked(SearchRequest, search, strict=True)
    assert made[0] <= 25


def test_a_batch_asks_for_a_bounded_number_of_results() -> None:
    fits = BatchRequest(queries=[{"text": "x", "k": 1000}] * 10)
    assert len(fits.searches()) == 10
    with pytest.raises(InvalidError, match="11,000 results"):
        BatchRequest(queries=[{"text": "x", "k": 1000}] * 11).searches()


def test_filters_of_a_query_parameter_are_bounded_too() -> None:
    assert list(filters_of('{"gender": "Women"}')) == ["gender"]
    with pytest.raises(InvalidError, match="values"):
        filters_of("{" + ",".join(f'"{n}":0' for n in range(20_000)) + "}")
