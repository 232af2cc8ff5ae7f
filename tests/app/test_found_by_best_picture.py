"""A product with several pictures over HTTP: all are kept, shown and found, and the answer says which one was."""

from __future__ import annotations

import httpx

from index import MAX_PICTURES
from tests.app.helpers import body, lines, put, send, uri
from tests.tools.shop import IMAGES, ask, draw, encoded


def pictures(client: httpx.Client, product_id: str) -> list[bytes]:
    urls = client.get(f"/v1/products/{product_id}").json()["image_urls"]
    assert urls[0] == f"/v1/products/{product_id}/image"
    return [client.get(url).content for url in urls]


def of(*kinds: tuple[str, str]) -> list[bytes]:
    return [encoded(draw(*one)) for one in kinds]


RED, BLUE, PINK = ("red", "bag"), ("blue", "dress"), ("pink", "bag")


def several(*kinds: tuple[str, str]) -> dict[str, object]:
    sent = body(*kinds[0])
    del sent["image"]
    return {**sent, "images": [uri(*one) for one in kinds]}


def test_pictures_are_kept_replaced_shown_and_found(editor: httpx.Client) -> None:
    made = put(editor, "m", several(RED, BLUE))
    assert made.status_code == 201, made.text
    assert len(made.json()["image_urls"]) == 2
    assert pictures(editor, "m") == of(RED, BLUE)
    # A change that sends no picture keeps them all.
    assert editor.patch("/v1/products/m", json={"title": "Red bag and more"}).status_code == 200
    assert send(editor, lines({"id": "m", "attributes": {"price": 5}}))["failed"] == 0
    assert pictures(editor, "m") == of(RED, BLUE)
    missing = editor.get("/v1/products/m/image?n=2")
    assert missing.status_code == 404
    assert "2" in missing.json()["error"]["message"]
    # It is found once, by its best picture, and the answer names that one.
    for number, kind in enumerate((RED, BLUE)):
        hits = ask(editor, IMAGES, image=uri(*kind), k=100)["results"]
        (hit,) = [one for one in hits if one["id"] == "m"]
        assert hit["score"] > 0.999
        assert ("n=1" in hit["image_url"]) == (number == 1)
        assert editor.get(hit["image_url"]).content == encoded(draw(*kind))
    # Pictures that are sent take the place of all.
    assert put(editor, "m", {"images": [uri(*PINK)]}).status_code == 200
    assert pictures(editor, "m") == of(PINK)
    assert put(editor, "m", several(RED, BLUE, PINK)).status_code == 200
    listed = editor.get("/v1/products?fields=id,picture_digests,image_urls&limit=500").json()["products"]
    (found,) = [one for one in listed if one["id"] == "m"]
    assert len(found["picture_digests"]) == len(found["image_urls"]) == 3


def test_the_same_pictures_again_change_nothing_and_too_many_are_refused(editor: httpx.Client) -> None:
    first = put(editor, "m", several(RED, BLUE))
    again = put(editor, "m", several(RED, BLUE))
    assert again.status_code == 200
    assert first.headers["etag"] == again.headers["etag"]
    other = put(editor, "m", several(BLUE, RED))
    assert other.headers["etag"] != first.headers["etag"]
    many = put(editor, "m", several(*[RED] * (MAX_PICTURES + 1)))
    assert many.status_code == 422
    assert pictures(editor, "m") == of(BLUE, RED)
