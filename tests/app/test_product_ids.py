"""Ids of products: bulk and single calls take the same ones, and reach the same products."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index import MAX_ID, is_id
from tests.app.helpers import body, lines, put, send, uri
from training.data.dataset import Problem, Report
from training.data.pictures import Picture
from training.data.rows import Row, collect

ODD = ["x/image", "x/image/image", "image", "/image", "x/", "/x", "a//b", "100%", "%2F", "%2Fimage", "?x#y", "ü/ß", " "]


def test_ids_that_end_as_a_picture_does_are_reached(editor: httpx.Client) -> None:
    """`x/image` was created by a bulk call; GET answered 404, PUT and DELETE 405."""
    products = [{"id": one, **body("red", "bag", title=f"Bag {n}")} for n, one in enumerate(["x", *ODD])]
    assert send(editor, lines(*products))["created"] == len(products)
    for product in products:
        path = f"/v1/products/{quote(product['id'], safe='')}"
        found = editor.get(path)
        assert found.status_code == 200, path
        assert (found.json()["id"], found.json()["title"]) == (product["id"], product["title"])
        shown = editor.get(found.json()["image_url"])
        assert shown.headers["content-type"] == "image/png"
        changed = put(editor, quote(product["id"], safe=""), body("blue", "bag", title="Changed"))
        assert (changed.status_code, changed.json()["id"]) == (200, product["id"])
        assert editor.get(path).json()["title"] == "Changed"
    for product in products:
        path = f"/v1/products/{quote(product['id'], safe='')}"
        assert editor.delete(path).status_code == 204
        assert editor.get(path).status_code == 404
        assert editor.get(f"{path}/image").status_code == 404


def test_a_picture_is_not_changed_apart_from_its_product(editor: httpx.Client) -> None:
    assert put(editor, "x", body("red", "bag")).status_code == 201
    for path in ("/v1/products/x/image", "/v1/products/x/%69mage"):
        assert editor.get(path).headers["content-type"] == "image/png"
        for method in ("PUT", "PATCH"):
            assert editor.request(method, path, json=body("red", "bag")).status_code == 405
        assert editor.delete(path).status_code == 405
    assert editor.get("/v1/products/x%2Fimage").status_code == 404


@example(text="x\n")
@example(text="x\n/image")
@given(text=st.text(max_size=12) | st.sampled_from([*ODD, "x\0", "x\n", "x\x7f", "y" * MAX_ID, "y" * (MAX_ID + 1), ""]))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_in_takes_the_same_ids(editor: httpx.Client, text: str) -> None:
    """A put of `x%0A` replaced the product `x`."""
    single = put(editor, quote(text, safe=""), body("red", "bag")).status_code if text not in ("", ".", "..") else 0
    bulk = send(editor, lines({"id": text, "title": "Bag", "image": uri("red", "bag")}))["failed"]
    assert bulk == (not is_id(text))
    if single:
        assert (single in (404, 405, 422)) == (not is_id(text))
    report = Report()
    items, _ = collect([(Row("line 1", text, "Bag", (), {}), [Picture(lambda: b"", "x")])], report)
    assert bool(items) == is_id(text)
    assert text == "" or bool(report.counts[Problem.BAD_ID]) == (not is_id(text))


@pytest.mark.parametrize("raw", ["/v1/products/x/image?y=/z", "/v1/products/x/image#/z"])
def test_a_query_is_no_part_of_the_path(editor: httpx.Client, raw: str) -> None:
    put(editor, "x", body("red", "bag"))
    assert editor.get(raw).headers["content-type"] == "image/png"
