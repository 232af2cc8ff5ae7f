"""A search in an address: it is the search that a body would ask, and an unchanged answer is not sent again."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.schemas import search_of_address
from index import Filter
from tests.app.helpers import body, ids, put
from tests.tools.shop import IMAGES, ask, error_of

SEARCH = "/v1/search"


def found(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if name != "timing_ms"}


def posted(client: httpx.Client, path: str = SEARCH, **fields: Any) -> Any:
    return {name: value for name, value in ask(client, path, **fields).items() if name != "timing_ms"}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("q=red+dress&k=3&offset=2", {"text": "red dress", "k": 3, "offset": 2}),
        ("q=red&f.gender=Women", {"text": "red", "filters": {"gender": "Women"}}),
        ("q=red&f.gender=Women&f.gender=Men", {"text": "red", "filters": {"gender": ["Women", "Men"]}}),
        (
            'q=red&f.gender=Men&filters={"baseColour":{"not":"Red"}}',
            {"text": "red", "filters": {"gender": "Men", "baseColour": {"not": "Red"}}},
        ),
        ("like=1000,1004&unlike=1003", {"like": ["1000", "1004"], "unlike": ["1003"]}),
        ("like=1000&like=1004", {"like": ["1000", "1004"]}),
        ('like=["1000","1004"]', {"like": ["1000", "1004"]}),
        ("facets=gender,baseColour&k=1", {"facets": ["gender", "baseColour"], "k": 1}),
        ("q=bag&sort=baseColour:desc&cutoff=auto", {"text": "bag", "sort": "baseColour:desc", "cutoff": "auto"}),
        ("q=bag&collapse=title&mode=vector", {"text": "bag", "collapse": "title", "mode": "vector"}),
        (
            "q=bag&correct=false&strict=true&language=fr",
            {"text": "bag", "correct": False, "strict": True, "language": "fr"},
        ),
        (
            "q=red+bag+for+women+in+summer&mode=vector&hub_correction=false",
            {"text": "red bag for women in summer", "mode": "vector", "hub_correction": False},
        ),
        ('q=bag&like=1000&weights={"text":0.3}', {"text": "bag", "like": ["1000"], "weights": {"text": 0.3}}),
        ("like=1000&modify=in+blue&q=", {"like": ["1000"], "modify": "in blue"}),
        ("q=bag&group_by=gender&image_versions=true", {"text": "bag", "group_by": "gender", "image_versions": True}),
    ],
)
def test_an_address_asks_what_a_body_asks(client: httpx.Client, query: str, fields: dict[str, Any]) -> None:
    assert found(client.get(f"{SEARCH}?{query}")) == posted(client, **fields)


def test_both_addresses_of_the_search_are_the_same(client: httpx.Client) -> None:
    fields = {"text": "red dress", "facets": ["gender"], "k": 3}
    assert posted(client, SEARCH, **fields) == posted(client, IMAGES, **fields)


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("", "q", "nothing to search for; send q, like or unlike"),
        ("k=3", "q", "nothing to search for"),
        (f"q={'x' * 2001}", "q", "q: String should have at most 2000 characters"),
        ("text=red", "text", "did you mean 'q'?"),
        ("q=red&filter={}", "filter", "did you mean 'filters'?"),
        ("q=red&ofset=3", "ofset", "did you mean 'offset'?"),
        ("q=red&something=3", "something", "unknown parameter 'something'; GET /openapi.json"),
        ("image=x.jpg", "image", "POST /v1/search"),
        ("vector=1", "vector", "POST /v1/search"),
        ("q=red&q=blue", "q", "comes twice"),
        ("q=red&filters=gender", "filters", "not JSON"),
        ('q=red&filters=["gender"]', "filters", "no object"),
        ('q=red&filters={"gender":"Men"}&f.gender=Women', "f.gender", "filtered twice"),
        ("q=red&like=[1", "like", "not JSON"),
        ("q=red&k=many", "k", "integer"),
        ("q=red&f.=x", "f.", "f. names no attribute"),
        ("q=red&f.gender=1..5&f.gender=Men", "f.gender", "with bounds"),
    ],
)
def test_what_an_address_cannot_say_is_refused_in_clear_words(
    client: httpx.Client, query: str, field: str, said: str
) -> None:
    error = error_of(client.get(f"{SEARCH}?{query}"), 422, "invalid_request")
    assert error["details"][0]["field"].startswith(field)
    assert said in error["message"]


def test_an_answer_that_the_caller_has_is_not_sent_again(editor: httpx.Client) -> None:
    query = f"{SEARCH}?q=red+bag&k=3&filters={json.dumps({'gender': 'Women'})}"
    first = editor.get(query)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    again = editor.get(query, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = editor.get(f"{SEARCH}?q=blue+bag", headers={"if-none-match": tag})
    assert other.status_code == 200, "another question has another answer"

    assert put(editor, "new", body("red", "bag")).status_code == 201
    changed = editor.get(query, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert "new" in ids(changed.json())
    assert changed.headers["etag"] != tag


def test_an_answer_that_there_is_not_is_not_said_to_be_known(client: httpx.Client) -> None:
    for path in (f"{SEARCH}?q=red&f.none=1", "/v1/products/1000/similar?f.none=1"):
        error_of(client.get(path, headers={"if-none-match": "*"}), 422, "bad_input")


def test_bounds_stand_in_an_address_as_in_that_of_the_page() -> None:
    search = search_of_address([("q", "x"), ("f.price", "10..50"), ("f.since", "2026-01-01.."), ("f.code", "1..x")])
    assert search.filters["price"].as_filter() == Filter(gte=10, lte=50)
    assert search.filters["since"].as_filter() == Filter(gte="2026-01-01")
    assert search.filters["code"].as_filter() == Filter(("1..x",))
