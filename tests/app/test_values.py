"""Values of attributes as people send them, and that what is read can be put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from index import MAX_ATTRIBUTES, MAX_LISTED, MAX_TOTAL, MAX_VALUE, CatalogueWriter, Entry, Product, SplitRule
from tests.app.helpers import lines, opened, put, send, uri
from tests.tools.shop import DrawnEncoder, draw, encoded, error_of, write_catalogue

SENT: dict[str, tuple[Any, Any]] = {
    "null": (None, ...),
    "empty": ("", ...),
    "blank": (" \t", ...),
    "no list": ([], ...),
    "a list of nothing": ([None, "", " "], ...),
    "true": (True, True),
    "false": (False, False),
    "whole": (2012, 2012),
    "zero": (0, 0),
    "fraction": (19.99, 19.99),
    "negative": (-1.5, -1.5),
    "beyond what is exact": (2**60, str(2**60)),
    "text": ("Red", "Red"),
    "text of a number": ("0012", "0012"),
    "date": ("2026-11-26", "2026-11-26"),
    "list": (["S", "M"], ["S", "M"]),
    "list of one": (["S"], ["S"]),
    "list of numbers": ([38, 39.5, True, "S", "S", None, ""], ["38", "39.5", "true", "S"]),
    "long": ("x" * MAX_VALUE, "x" * MAX_VALUE),
}
"""What is sent, and what the product has then; `...`: no attribute."""


def test_values_are_what_they_were_sent_as(editor: httpx.Client) -> None:
    """{"colour": null}, {"colour": ""} and {"in_stock": true} were refused."""
    for way in ("json", "form", "bulk", "patch"):
        check_values(editor, way)
        assert editor.delete("/v1/products/v").status_code == 204


def check_values(editor: httpx.Client, way: str) -> None:
    attributes = {name: sent for name, (sent, _) in SENT.items()}
    body = {"title": "Bag", "attributes": attributes, "image": uri("red", "bag")}
    if way == "bulk":
        assert send(editor, lines({"id": "v", **body}))["created"] == 1
    elif way == "form":
        files = {"image": ("a.png", encoded(draw("red", "bag")))}
        answer = editor.put("/v1/products/v", data={"title": "Bag", "attributes": json.dumps(attributes)}, files=files)
        assert answer.status_code == 201, answer.text
    elif way == "json":
        assert put(editor, "v", body).status_code == 201
    else:
        put(editor, "v", {**body, "attributes": {}})
        headers = {"content-type": "application/merge-patch+json"}
        answer = editor.patch("/v1/products/v", content=json.dumps({"attributes": attributes}), headers=headers)
        assert answer.status_code == 200, answer.text
    needed = {name: value for name, (_, value) in SENT.items() if value is not ...}
    found = editor.get("/v1/products/v").json()["attributes"]
    assert found == needed
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in needed.items()}


REFUSED: list[tuple[Any, str]] = [
    ({"width": 3}, "an object, with 'width' in it"),
    ([["S"]], "item 0 is a list"),
    (["S", {}], "item 1 is an object"),
    ("x" * (MAX_VALUE + 1), f"at most {MAX_VALUE:,}"),
    ([f"x{n}" for n in range(MAX_LISTED + 1)], f"at most {MAX_LISTED}"),
    (float("nan"), "no number"),
    (float("-inf"), "no number"),
    ([1, float("inf")], "item 1"),
    ("half \ud83d", "half of a surrogate pair"),  # 500 before: no store can hold it
    (["S", "\ude00"], "half of a surrogate pair"),
]


def test_what_no_attribute_may_be_is_named(editor: httpx.Client) -> None:
    for value, said in REFUSED:
        check_refused(editor, value, said)


def check_refused(editor: httpx.Client, value: Any, said: str) -> None:
    content = json.dumps({"title": "Bag", "attributes": {"size": value}})
    answer = editor.put("/v1/products/1000", content=content, headers={"content-type": "application/json"})
    error = error_of(answer, 422, "invalid_request")
    assert said in error["message"]
    assert "size" in error["message"]
    told = send(editor, lines({"id": "1000", "attributes": {"size": value}}))
    assert (told["errors"][0]["line"], told["errors"][0]["id"]) == (1, "1000")
    assert said in told["errors"][0]["message"]


def test_a_product_within_the_limits_can_be_read_and_put_back(tmp_path: Path) -> None:
    """A build took 70 attributes, and values of 340 characters, that a PUT refused."""
    encoder = DrawnEncoder()
    folder = write_catalogue(tmp_path / "catalogue", encoder)
    full: dict[str, Any] = {"long": "ü" * MAX_VALUE, "price": 19.99, "in_stock": True, "sizes": ("S", "M")}
    full |= {f"n{n}": "\U0001f45f" * ((MAX_TOTAL - MAX_VALUE) // MAX_ATTRIBUTES - 4) for n in range(MAX_ATTRIBUTES - 4)}
    picture = encoded(draw("red", "bag"))
    vectors = encoder.encode_counted(["Bag"])[0]
    products = {
        "many": Product("many", "Bag", {f"a{n}": "x" for n in range(70)}),
        "description": Product("description", ("Bag " * 600).strip(), {"body": "word " * 68}),
        "full": Product("full", ("Bag " * 2000).strip(), full),
        "beyond": Product("beyond", "Bag" * 4000, {"body": "x" * 140_000, **{f"b{n}": "y" for n in range(600)}}),
        "a/image": Product("a/image", "Bag", {"number": "0012.50"}),
    }
    with CatalogueWriter(folder, _info(encoder)) as writer:
        writer.add(Entry(product, picture, vectors[0], vectors[0]) for product in products.values())
    with opened(folder) as client:
        for name in products:
            path = f"/v1/products/{name.replace('/', '%2F')}"
            before = client.get(path)
            back = client.put(path, json=before.json())
            assert back.status_code == 200, back.text[:500]
            assert (back.json(), back.headers["etag"]) == (before.json(), before.headers["etag"])
            whole = client.put(path, json={**before.json(), "replace": True})
            assert whole.headers["etag"] == before.headers["etag"]
            line = send(client, lines(before.json()))
            assert (line["unchanged"], line["failed"]) == (1, 0), line
            found = client.post("/v1/search/images", json={"text": "bag", "k": 1}).json()["results"]
            for result in found:  # a result, too
                assert put(client, result["id"].replace("/", "%2F"), result).status_code == 200
            value = next(iter(before.json()["attributes"].items()))
            if name != "beyond":
                found = client.post("/v1/search/images", json={"text": "bag", "filters": dict([value])})
                assert found.json()["total"] == 1


def _info(encoder: DrawnEncoder) -> Any:
    from index import CatalogueInfo

    return CatalogueInfo(encoder.encoder_id, encoder.dim, "drawn", SplitRule(), "2026-01-01T00:00:00Z")


def test_an_id_in_the_body_is_that_of_the_address(editor: httpx.Client) -> None:
    read = editor.get("/v1/products/1000").json()
    assert put(editor, "1001", {**read, "id": "1001"}).status_code == 200
    error = error_of(put(editor, "1001", read), 422, "invalid_request")
    assert all(name in error["message"] for name in ("'1000'", "'1001'"))
