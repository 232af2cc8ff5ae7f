"""What a change leaves out stays; null takes out; `replace` is for the whole."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import httpx
import pytest

from index import MAX_ATTRIBUTES
from tests.app.helpers import body, lines, put, send, uri
from tests.tools.shop import IMAGES, ask, draw, encoded, error_of

START = {"baseColour": "Red", "articleType": "Bag", "gender": "Women"}


@pytest.fixture
def shop(editor: httpx.Client) -> httpx.Client:
    assert put(editor, "m", body("red", "bag", title="Red bag")).status_code == 201
    return editor


def change(shop: httpx.Client, way: str, sent: dict[str, Any]) -> Any:
    """Change the product `m`, and return it."""
    if way == "bulk":
        told = send(shop, lines({"id": "m", **sent}))
        assert told["failed"] == 0, told
    else:
        answer = shop.request(way, "/v1/products/m", json=sent)
        assert answer.status_code == 200, answer.text
        assert answer.json() == shop.get("/v1/products/m").json()
    return shop.get("/v1/products/m").json()


CHANGES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({}, "Red bag", START),
    ({"title": "Blue bag"}, "Blue bag", START),
    ({"attributes": {}}, "Red bag", START),
    ({"attributes": {"price": 9.5}}, "Red bag", {**START, "price": 9.5}),
    ({"attributes": {"gender": "Men"}}, "Red bag", {**START, "gender": "Men"}),
    ({"attributes": {"gender": None, "none": None}}, "Red bag", {"baseColour": "Red", "articleType": "Bag"}),
    ({"attributes": {"gender": ""}}, "Red bag", {"baseColour": "Red", "articleType": "Bag"}),
    ({"attributes": None}, "Red bag", {}),
    ({"image": None, "images": None}, "Red bag", START),
    ({"split": "test", "image_url": "/x", "image_urls": [], "etag": "x"}, "Red bag", START),
]
"""What is sent, and the title and attributes that the product has then."""


def test_what_is_left_out_stays(shop: httpx.Client) -> None:
    """{"id", "title"} erased all attributes without a word."""
    for way, (sent, title, attributes) in product(("PUT", "PATCH", "bulk"), CHANGES):
        put(shop, "m", {"title": "Red bag", "attributes": START, "replace": True})
        for _ in range(2):  # it may be sent again
            found = change(shop, way, sent)
            assert (found["title"], found["attributes"]) == (title, attributes), (way, sent)
        assert shop.get("/v1/products/m/image").content == encoded(draw("red", "bag"))


@pytest.mark.parametrize("way", ["PUT", "bulk"])
def test_replace_is_for_the_whole_but_for_the_picture(shop: httpx.Client, way: str) -> None:
    found = change(shop, way, {"title": "Blue bag", "attributes": {"price": 3}, "replace": True})
    assert (found["title"], found["attributes"]) == ("Blue bag", {"price": 3})
    assert shop.get("/v1/products/m/image").content == encoded(draw("red", "bag"))
    assert change(shop, way, {"title": "Blue bag", "replace": True})["attributes"] == {}
    error_of(put(shop, "m", {"attributes": {}, "replace": True}), 422, "invalid_request")
    error_of(shop.patch("/v1/products/m", json={"title": "x", "replace": True}), 422, "invalid_request")


def test_a_picture_alone_changes_nothing_else(shop: httpx.Client) -> None:
    before = shop.get("/v1/products/m").json()
    assert change(shop, "PATCH", {"image": uri("blue", "shoes")}) == before
    assert shop.get("/v1/products/m/image").content == encoded(draw("blue", "shoes"))
    files = {"image": ("a.png", encoded(draw("green", "shoes")))}
    assert shop.patch("/v1/products/m", files=files).status_code == 200
    assert shop.get("/v1/products/m/image").content == encoded(draw("green", "shoes"))
    assert ask(shop, IMAGES, image=uri("green", "shoes"), k=1000)["results"][0]["score"] > 0.99


def test_a_change_of_what_is_not_there_says_what_is_missing(shop: httpx.Client) -> None:
    error_of(shop.patch("/v1/products/none", json={"title": "x"}), 404, "not_found")
    files = {"image": ("a.png", encoded(draw("green", "shoes")))}
    error_of(shop.patch("/v1/products/none", data={"title": "x"}, files=files), 404, "not_found")
    error = error_of(put(shop, "none", {"attributes": {"a": "b"}}), 422, "invalid_request")
    assert "needs a title and a picture" in error["message"]
    assert [detail["field"] for detail in error["details"]] == ["title", "image"]
    assert "needs a picture" in error_of(put(shop, "none", {"title": "x"}), 422, "invalid_request")["message"]
    told = send(shop, lines({"id": "none", "attributes": {"a": "b"}}, {"id": "m"}))
    assert (told["failed"], told["unchanged"], told["errors"][0]["id"]) == (1, 1, "none")
    error_of(put(shop, "m", {"title": None}), 422, "invalid_request")


def test_conditions_hold_for_merged_changes(shop: httpx.Client) -> None:
    etag = shop.get("/v1/products/m").headers["etag"]
    for method in ("PUT", "PATCH"):
        change_ = {"attributes": {"price": 1}}
        wrong = shop.request(method, "/v1/products/m", json=change_, headers={"if-match": '"wrong"'})
        error_of(wrong, 412, "conflict")
    done = shop.patch("/v1/products/m", json=change_, headers={"if-match": etag})
    assert done.status_code == 200
    # What changes nothing succeeds, so that it can be sent again.
    assert (
        shop.patch("/v1/products/m", json=change_, headers={"if-match": etag}).headers["etag"] == done.headers["etag"]
    )
    error_of(shop.patch("/v1/products/m", json={"title": "y"}, headers={"if-match": etag}), 412, "conflict")


def test_changes_of_many_at_once_all_hold(shop: httpx.Client) -> None:
    gate = threading.Barrier(8)

    def one(number: int) -> int:
        gate.wait()
        way = "PATCH" if number % 2 else "PUT"
        return shop.request(way, "/v1/products/m", json={"attributes": {f"a{number}": number}}).status_code

    with ThreadPoolExecutor(8) as people:
        assert set(people.map(one, range(8))) == {200}
    assert shop.get("/v1/products/m").json()["attributes"] == {**START, **{f"a{n}": n for n in range(8)}}


def test_two_who_make_the_same_product_both_hold(shop: httpx.Client) -> None:
    gate = threading.Barrier(6)

    def one(number: int) -> int:
        gate.wait()
        sent = {"title": "New", "image": uri("red", "bag"), "attributes": {f"a{number}": number}}
        return put(shop, "both", sent).status_code

    with ThreadPoolExecutor(6) as people:
        assert sorted(people.map(one, range(6))) == [200] * 5 + [201]
    assert shop.get("/v1/products/both").json()["attributes"] == {f"a{n}": n for n in range(6)}


def test_lines_of_one_product_go_in_order(shop: httpx.Client) -> None:
    """Thirty-two lines of one call are written together."""
    many = [{"id": "m", "attributes": {f"a{n}": n, "last": n}} for n in range(40)]
    told = send(shop, lines(*many, {"id": "m", "delete": True}, {"id": "m", **body("blue", "bag")}, *many[:2]))
    assert (told["replaced"], told["deleted"], told["created"], told["failed"]) == (42, 1, 1, 0)
    attributes = shop.get("/v1/products/m").json()["attributes"]
    assert (attributes["baseColour"], attributes["last"], attributes.get("a39")) == ("Blue", 1, None)


def test_merging_keeps_to_the_limits(shop: httpx.Client) -> None:
    half = {f"x{n}": "y" for n in range(MAX_ATTRIBUTES // 2 + 1)}
    assert shop.patch("/v1/products/m", json={"attributes": half}).status_code == 200
    more = {f"z{n}": "y" for n in range(MAX_ATTRIBUTES // 2)}
    error = error_of(shop.patch("/v1/products/m", json={"attributes": more}), 422, "invalid_request")
    assert f"{MAX_ATTRIBUTES} others" in error["message"]
    assert shop.patch("/v1/products/m", json={"attributes": None}).json()["attributes"] == {}
