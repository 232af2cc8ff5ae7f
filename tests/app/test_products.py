"""Products over HTTP, one at a time: read, put in, replaced, taken out, with conditions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from index import Catalogue
from tests.app.helpers import body, opened, put, same_as_on_disk
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    ask,
    draw,
    encoded,
    error_of,
    products,
    show,
)


def test_a_product_and_its_picture(client: httpx.Client, folder: Path) -> None:
    detail = client.get("/v1/products/1001").json()
    assert detail["title"] == "Red Shirt for Men"
    assert detail["attributes"] == {"gender": "Men", "articleType": "Shirt", "baseColour": "Red"}
    assert detail["split"] in ("train", "validation", "test")
    with Catalogue.open(folder) as catalogue:
        assert client.get(detail["image_url"]).content == catalogue.image("1001")


def test_an_id_with_any_characters_can_be_followed(client: httpx.Client) -> None:
    detail = client.get(f"/v1/products/{quote('twin/0?50%#', safe='')}").json()
    assert detail["id"] == "twin/0?50%#"
    assert client.get(detail["image_url"]).headers["content-type"] == "image/jpeg"


def test_the_picture_is_cacheable_and_of_the_type_its_bytes_are(client: httpx.Client) -> None:
    first = client.get("/v1/products/1000/image")
    assert first.headers["content-type"] == "image/png"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in first.headers["cache-control"]
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = client.get("/v1/products/1000/image", headers={"if-none-match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/products/1000/image", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/products/nope", "/v1/products/nope/image", "/v1/products/%00", "/v1/products/"])
def test_a_product_that_is_not_there(client: httpx.Client, path: str) -> None:
    error_of(client.get(path), 404, "not_found")


def test_a_product_is_found_as_soon_as_it_is_acknowledged(editor: httpx.Client, live_folder: Path) -> None:
    before = ask(editor, IMAGES, text="purple dress", k=1)["results"][0]["id"]
    answer = put(editor, "new/1 ü", body("purple", "dress"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == "new/1 ü"
    found = show(editor, IMAGES, draw("purple", "dress"), k="3", filters='{"gender": "Women"}')["results"]
    assert "new/1 ü" in [result["id"] for result in found]
    assert before in [result["id"] for result in ask(editor, IMAGES, text="purple dress", k=3)["results"]]
    described = ask(editor, DESCRIPTIONS, text="purple dress new", k=50)["results"]
    (new,) = [one for one in described if one["description"] == "purple dress new"]
    assert new["product_ids"] == ["new/1 ü"]
    detail = editor.get("/v1/products/new%2F1%20%C3%BC")
    assert detail.json() == answer.json()
    assert detail.headers["etag"] == answer.headers["etag"]
    assert editor.get(detail.json()["image_url"]).content == encoded(draw("purple", "dress"))
    same_as_on_disk(editor, live_folder)

    changed = put(editor, "new/1 ü", body("green", "dress"))
    assert changed.status_code == 200
    assert changed.headers["etag"] != answer.headers["etag"]
    best = show(editor, IMAGES, draw("green", "dress"), k="4")["results"]
    assert "new/1 ü" in [result["id"] for result in best]
    assert editor.delete("/v1/products/new%2F1%20%C3%BC").status_code == 204
    assert editor.delete("/v1/products/new%2F1%20%C3%BC").status_code == 204  # sent again
    error_of(editor.get("/v1/products/new%2F1%20%C3%BC"), 404, "not_found")
    assert "new/1 ü" not in [result["id"] for result in ask(editor, IMAGES, text="green dress", k=100)["results"]]
    same_as_on_disk(editor, live_folder)


def test_a_form_does_as_well_as_json(editor: httpx.Client) -> None:
    picture = encoded(draw("yellow", "watch"), "JPEG")
    answer = editor.put(
        "/v1/products/w1",
        files={"image": ("watch.jpg", picture)},
        data={"title": "Yellow Watch", "attributes": '{"baseColour": "Yellow", "year": 2012}'},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["attributes"] == {"baseColour": "Yellow", "year": 2012}
    assert editor.get("/v1/products/w1/image").content == picture
    found = ask(editor, IMAGES, text="watch", filters={"year": {"gte": 2011, "lt": 2013}})
    assert [result["id"] for result in found["results"]] == ["w1"]


def test_title_and_attributes_change_without_sending_the_picture_again(editor: httpx.Client, live_folder: Path) -> None:
    before = editor.get("/v1/products/1000/image").content
    answer = put(editor, "1000", {"title": "Something else", "attributes": {"gender": "Men"}})
    assert answer.status_code == 200, answer.text
    assert editor.get("/v1/products/1000/image").content == before
    assert ask(editor, DESCRIPTIONS, text="Something else", k=1)["results"][0]["product_ids"] == ["1000"]
    error = error_of(put(editor, "nobody", {"title": "New"}), 422, "invalid_request")
    assert "needs a picture" in error["message"]
    same_as_on_disk(editor, live_folder)


def test_two_editors_do_not_overwrite_one_another(editor: httpx.Client) -> None:
    etag = editor.get("/v1/products/1000").headers["etag"]
    assert editor.get("/v1/products/1000", headers={"if-none-match": etag}).status_code == 304
    one, other = body("red", "bag", title="One"), body("red", "bag", title="Other")
    first = put(editor, "1000", one, **{"if-match": etag})
    assert first.status_code == 200
    error = error_of(put(editor, "1000", other, **{"if-match": etag}), 412, "conflict")
    assert first.headers["etag"].strip('"') in error["message"]
    # A caller who did not hear the answer sends the same again, and learns the state.
    again = put(editor, "1000", one, **{"if-match": etag})
    assert (again.status_code, again.headers["etag"]) == (200, first.headers["etag"])
    error = error_of(put(editor, "1000", other, **{"if-none-match": "*"}), 412, "conflict")
    assert "exists already; send the change without If-None-Match" in error["message"]
    error_of(put(editor, "none", other, **{"if-match": "*"}), 412, "conflict")
    error_of(put(editor, "1000", {"title": "Third"}, **{"if-match": etag}), 412, "conflict")
    assert put(editor, "fresh", other, **{"if-none-match": "*"}).status_code == 201
    headers = {"if-match": f'W/{first.headers["etag"]}, "x"'}
    error_of(editor.delete("/v1/products/1000", headers=headers), 412, "conflict")
    assert editor.delete("/v1/products/1000", headers={"if-match": first.headers["etag"]}).status_code == 204
    error_of(put(editor, "1000", one, **{"if-match": "nonsense"}), 412, "conflict")
    error_of(put(editor, "1000", one, **{"if-none-match": '"x"'}), 400, "malformed_body")


def test_of_many_editors_with_one_tag_one_wins(editor: httpx.Client) -> None:
    etag = editor.get("/v1/products/1001").headers["etag"]
    with ThreadPoolExecutor(8) as people:
        answers = list(
            people.map(
                lambda n: put(editor, "1001", {"title": f"Editor {n}"}, **{"if-match": etag}).status_code, range(12)
            )
        )
    assert sorted(answers) == [200] + 11 * [412]


def test_edits_without_a_tag_all_come_through_whatever_the_others_do(editor: httpx.Client, live_folder: Path) -> None:
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda n: put(editor, "1002", {"title": f"Editor {n}"}).status_code, range(16)))
    assert answers == 16 * [200]
    same_as_on_disk(editor, live_folder)


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ({"title": " "}, 422, "invalid_request"),
        ({"title": "x", "image": "http://127.0.0.1/x.png"}, 422, "invalid_request"),
        ({"title": "x", "image": "data:image/png;base64,AAAA"}, 422, "bad_image"),
        ({"title": "x", "attributes": {"a": {}}}, 422, "invalid_request"),
        ({"title": "x", "price": 3}, 422, "invalid_request"),
    ],
)
def test_a_product_that_cannot_be_used_changes_nothing(
    editor: httpx.Client, value: Any, status: int, code: str
) -> None:
    before = editor.get("/v1/products/1000").json()
    error_of(put(editor, "1000", value), status, code)
    assert editor.get("/v1/products/1000").json() == before
    assert ask(editor, IMAGES, text="x")["catalogue_version"] == 0


def test_changes_need_a_key_that_may_change(live_folder: Path) -> None:
    with opened(live_folder, "read") as client:
        error_of(put(client, "1000", {"title": "x"}), 403, "forbidden")
        error_of(client.post("/v1/admin/reload"), 403, "forbidden")
        del client.headers["authorization"]
        for answer in (
            put(client, "1000", {"title": "x"}),
            client.delete("/v1/products/1000"),
            client.post("/v1/products", content=b"{}", headers={"content-type": "application/x-ndjson"}),
            client.post("/v1/admin/reload"),
        ):
            error_of(answer, 401, "unauthorized")
        assert client.get("/v1/products/1000").json()["title"] == products()[0].title


def test_a_catalogue_that_cannot_be_written_is_served_all_the_same(
    live_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # as on a read-only file system; the tests may run as root
    with opened(live_folder) as client:
        assert client.get("/readyz").status_code == 200
        error_of(put(client, "1000", {"title": "x"}), 403, "read_only")
