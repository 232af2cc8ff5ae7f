"""What is like a product, at an address of its own: without itself, kept to its values, cacheable."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.app.helpers import body, ids, opened, put
from tests.tools.shop import ask, error_of, products

SHOP = {product.id: product for product in products()}
RED_DRESS = "1000"
TWIN = "twin/0?50%#"
"""A product with the title of the one before."""


def similar(client: httpx.Client, product_id: str, query: str = "") -> Any:
    answer = client.get(f"/v1/products/{quote(product_id, safe='')}/similar?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_neighbours_are_those_of_a_search_for_what_is_like_it(client: httpx.Client) -> None:
    found = similar(client, RED_DRESS, "k=7&offset=2")
    searched = ask(client, "/v1/search", like=[RED_DRESS], k=7, offset=2)
    assert ids(found) == ids(searched)
    assert found["total"] == searched["total"] == len(SHOP) - 1
    assert RED_DRESS not in ids(similar(client, RED_DRESS, "k=1000"))


def test_same_keeps_to_the_values_of_the_product(client: httpx.Client) -> None:
    found = similar(client, RED_DRESS, "k=1000&same=gender,articleType")
    own = SHOP[RED_DRESS].attributes
    expected = {
        one.id for one in SHOP.values() if all(one.attributes[name] == own[name] for name in ("gender", "articleType"))
    }
    assert {*ids(found)} == expected - {RED_DRESS}
    assert ids(found) == ids(similar(client, RED_DRESS, "k=1000&same=gender&same=articleType"))
    filtered = similar(client, RED_DRESS, "k=1000&same=articleType&f.baseColour=Blue&facets=gender")
    assert all(one["attributes"]["baseColour"] == "Blue" for one in filtered["results"])
    assert filtered["facets"]["gender"]


def test_an_attribute_that_the_product_does_not_have_asks_nothing(editor: httpx.Client) -> None:
    bare = body("red", "dress")
    del bare["attributes"]["gender"]
    assert put(editor, "bare", bare).status_code == 201
    assert len(similar(editor, "bare", "k=1000&same=gender")["results"]) == len(SHOP)


def test_products_of_the_same_title_can_be_left_out(client: httpx.Client) -> None:
    everything = ids(similar(client, RED_DRESS, "k=1000"))
    assert everything[0] == TWIN
    others = similar(client, RED_DRESS, "k=1000&not=title")
    assert ids(others) == [one for one in everything if one != TWIN]
    assert others["total"] == len(everything) - 1
    assert RED_DRESS not in ids(similar(client, TWIN, "not=title&k=1000"))


def test_a_title_that_was_changed_is_another_title(editor: httpx.Client) -> None:
    assert editor.patch(f"/v1/products/{quote(TWIN, safe='')}", json={"title": "Another one"}).status_code == 200
    assert TWIN in ids(similar(editor, RED_DRESS, "k=1000&not=title"))


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("same=colour", "same", "did you mean 'baseColour'?"),
        ("not=titel", "not", "did you mean 'title'?"),
        ("like=1001", "like", "unknown parameter 'like'"),
        ("q=red", "q", "unknown parameter 'q'"),
        ("colapse=title", "colapse", "did you mean 'collapse'?"),
        ("same=gender&f.gender=Men", "same", "send one of both"),
        ("k=0", "k", "greater"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: httpx.Client, query: str, field: str, said: str) -> None:
    error = error_of(client.get(f"/v1/products/{RED_DRESS}/similar?{query}"), 422, "invalid_request")
    assert said in error["message"]
    assert [one["field"] for one in error["details"]] == [field]


@pytest.mark.parametrize("product_id", ["nobody", "x" * 300, "", "%00"])
def test_a_product_that_cannot_be_is_not_found(client: httpx.Client, product_id: str) -> None:
    error_of(client.get(f"/v1/products/{product_id}/similar?k=0"), 404, "not_found")


def test_an_unchanged_catalogue_sends_an_answer_once(editor: httpx.Client) -> None:
    first = editor.get(f"/v1/products/{RED_DRESS}/similar?k=3")
    tag = first.headers["etag"]
    again = editor.get(f"/v1/products/{RED_DRESS}/similar?k=3", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    put(editor, "new", body("red", "dress"))
    changed = editor.get(f"/v1/products/{RED_DRESS}/similar?k=3", headers={"if-none-match": tag})
    assert "new" in ids(changed.json())


def test_a_product_that_is_not_there_or_is_damaged_is_told_apart(live_folder: Path) -> None:
    with opened(live_folder) as client:
        error_of(client.get("/v1/products/nobody/similar"), 404, "not_found")
        client.delete(f"/v1/products/{RED_DRESS}")
        error_of(client.get(f"/v1/products/{RED_DRESS}/similar"), 404, "not_found")
        with sqlite3.connect(live_folder / "catalogue.sqlite") as damaged:
            damaged.execute("UPDATE products SET title = 'Another' WHERE id = '1001'")
        error_of(client.get("/v1/products/1001/similar"), 410, "damaged")


def test_an_id_that_ends_like_the_path_is_reached_when_its_slash_is_encoded(editor: httpx.Client) -> None:
    assert put(editor, "a%2Fsimilar", body("red", "bag")).status_code == 201
    assert editor.get("/v1/products/a%2Fsimilar").json()["id"] == "a/similar"
    assert len(similar(editor, "a/similar")["results"]) == 10
    error_of(editor.get("/v1/products/a/similar"), 404, "not_found")
    refused = error_of(put(editor, "a/similar", body("red", "bag")), 405, "method_not_allowed")
    assert "PUT /v1/products/a" in refused["message"]
