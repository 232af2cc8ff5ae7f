"""A product has several pictures: sent in any way, found by its best one, kept and replaced together."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from tests.app.helpers import lines, put, send, uri
from tests.tools.shop import IMAGES, ask, draw, encoded, error_of

SHOWN = [("red", "dress"), ("blue", "watch"), ("green", "bag")]
DATA = [encoded(draw(*one)) for one in SHOWN]
TITLE = {"title": "Set of three"}


def digests(client: httpx.Client) -> list[str]:
    page = client.get("/v1/products", params={"fields": "picture_digests", "after": "s0", "limit": 1}).json()
    (found,) = page["products"]
    assert found["id"] == "s1"
    return list(found["picture_digests"])


def digests_of(data: list[bytes]) -> list[str]:
    return [hashlib.blake2b(one, digest_size=16).hexdigest() for one in data]


def sent_by(editor: httpx.Client, way: str) -> Any:
    uris = [uri(*one) for one in SHOWN]
    match way:
        case "json":
            return put(editor, "s1", {**TITLE, "image": uris[0], "images": uris[1:]})
        case "images alone":
            return put(editor, "s1", {**TITLE, "images": uris})
        case "form":
            return editor.put("/v1/products/s1", data=TITLE, files=[("image", ("a.png", one)) for one in DATA])
        case "bulk":
            return editor.post("/v1/products", json=[{"id": "s1", **TITLE, "images": uris}])
    files = [("products", ("p", lines({"id": "s1", **TITLE, "image": "0", "images": ["1", "2"]})))]
    return editor.post("/v1/products", files=files + [("images", (str(n), one)) for n, one in enumerate(DATA)])


@pytest.mark.parametrize("way", ["json", "images alone", "form", "bulk", "bulk form"])
def test_pictures_are_sent_in_any_way(editor: httpx.Client, way: str) -> None:
    answer = sent_by(editor, way)
    assert answer.status_code in (200, 201), answer.text
    assert digests(editor) == digests_of(DATA)
    product = editor.get("/v1/products/s1").json()
    assert [editor.get(one).content for one in product["image_urls"]] == DATA
    assert product["image_url"] == product["image_urls"][0]
    if way == "json":
        assert answer.json() == product


def test_a_product_is_found_once_by_its_best_picture(editor: httpx.Client) -> None:
    sent_by(editor, "json")
    for number, shown in enumerate(SHOWN):
        results = ask(editor, IMAGES, image=uri(*shown), k=1000)["results"]
        (found,) = [one for one in results if one["id"] == "s1"]
        assert found["score"] > 0.99
        assert editor.get(found["image_url"]).content == DATA[number]


def test_pictures_stay_until_others_come(editor: httpx.Client) -> None:
    sent_by(editor, "json")
    etag = editor.get("/v1/products/s1").headers["etag"]
    changes: list[dict[str, Any]] = [{"title": "Words"}, {"attributes": {"a": 1}}, {"title": "Words", "replace": True}]
    for change in (*changes, {"images": []}):
        assert put(editor, "s1", change).status_code == 200
        assert digests(editor) == digests_of(DATA)
    assert editor.get("/v1/products/s1").headers["etag"] != etag
    again = send(editor, lines({"id": "s1", "images": [uri(*one) for one in SHOWN]}))
    assert again["unchanged"] == 1
    turned = editor.post(
        "/v1/products", params={"dry_run": True}, json=[{"id": "s1", "images": [uri(*one) for one in SHOWN[::-1]]}]
    )
    assert turned.json()["replaced"] == 1
    assert put(editor, "s1", {"image": uri(*SHOWN[2])}).json()["image_urls"] == ["/v1/products/s1/image"]
    assert digests(editor) == digests_of(DATA[2:])


def test_too_many_pictures_and_bad_ones_are_told(editor: httpx.Client) -> None:
    many = [uri("red", "bag")] * 21
    error_of(put(editor, "s1", {**TITLE, "images": many}), 422, "invalid_request")
    error_of(put(editor, "s1", {**TITLE, "image": many[0], "images": many[:20]}), 422, "invalid_request")
    files = [("image", ("a.png", DATA[0]))] * 21
    error_of(editor.put("/v1/products/s1", data=TITLE, files=files), 422, "invalid_request")
    told = send(editor, lines({"id": "s1", **TITLE, "images": many}))
    assert told["errors"][0]["id"] == "s1"
    error = error_of(put(editor, "s1", {**TITLE, "images": [many[0], "data:image/png;base64,AAAA"]}), 422, "bad_image")
    assert "picture 2 of 2" in error["message"]
    assert put(editor, "s1", {**TITLE, "images": many[:20]}).status_code == 201
    two = [("image", ("a.png", DATA[0])), ("image", ("b.png", DATA[1]))]
    error_of(editor.post(IMAGES, files=two), 422, "invalid_request")
