"""Products are listed in the order of their ids, whatever is edited meanwhile, and taken out by filter."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx

from tests.app.helpers import body, lines, put, send
from tests.tools.shop import draw, encoded, error_of

PATH = "/v1/products"
NDJSON = {"accept": "application/x-ndjson"}


def listed(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    """Return all products, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        answer = client.get(PATH, params={**asked, **({"after": after} if after is not None else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["products"]) <= asked.get("limit", 100)
        found += page["products"]
        after = page["next"]
        if after is None:
            return found


def test_all_products_are_listed_once_in_order(client: httpx.Client) -> None:
    everything = listed(client, limit=7)
    ids = [one["id"] for one in everything]
    assert ids == sorted(set(ids))
    assert len(ids) == client.get("/readyz").json()["products"]
    assert listed(client) == everything
    first = client.get(f"{PATH}/{ids[0]}")
    assert everything[0] == {
        **{name: first.json()[name] for name in ("id", "title", "split", "attributes", "image_url")},
        "etag": first.headers["etag"],
    }
    assert client.get(PATH, params={"after": ids[-1]}).json()["products"] == []


def test_lines_hold_all_of_them(client: httpx.Client) -> None:
    answer = client.get(PATH, headers=NDJSON)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in answer.text.splitlines()] == listed(client)
    some = client.get(PATH, params={"limit": 3, "fields": "id", "after": "1001"}, headers=NDJSON).text.splitlines()
    assert [json.loads(line) for line in some] == [{"id": "1002"}, {"id": "1003"}, {"id": "1004"}]
    assert client.get(PATH, params={"after": "~"}, headers=NDJSON).content == b""


def test_lines_come_where_accept_names_them_and_wants_them(client: httpx.Client) -> None:
    for accept, kind in {
        "application/json, application/jsonl; charset=utf-8": "application/x-ndjson",
        "text/html, APPLICATION/X-NDJSON;q=0.5": "application/x-ndjson",
        "application/x-ndjson;q=0, */*": "application/json",
        "*/*": "application/json",
    }.items():
        answer = client.get(PATH, params={"limit": 1}, headers={"accept": accept})
        assert answer.headers["content-type"].split(";")[0] == kind, accept


def test_only_what_is_asked_for_is_said(editor: httpx.Client) -> None:
    put(editor, "0", body("red", "bag"))
    (first, *_) = editor.get(PATH, params={"fields": "etag, picture_digests,image_urls", "limit": 1}).json()["products"]
    picture = hashlib.blake2b(encoded(draw("red", "bag")), digest_size=16).hexdigest()
    etag = editor.get(f"{PATH}/0").headers["etag"]
    assert first == {"id": "0", "etag": etag, "picture_digests": [picture], "image_urls": ["/v1/products/0/image"]}
    assert editor.get(first["image_urls"][0]).status_code == 200
    assert put(editor, "0", {"title": "New"}, **{"if-match": etag}).status_code == 200
    error = error_of(editor.get(PATH, params={"fields": "id,price"}), 422, "invalid_request")
    assert "picture_digests" in error["message"]


def test_filters_narrow_a_list_down(client: httpx.Client) -> None:
    filters = {"gender": "Women", "baseColour": {"not": "Red"}}
    found = listed(client, filters=json.dumps(filters), limit=4)
    assert {one["id"] for one in found} == {
        one["id"]
        for one in listed(client)
        if one["attributes"]["gender"] == "Women" and one["attributes"]["baseColour"] != "Red"
    }
    error_of(client.get(PATH, params={"filters": '{"nothing": "x"}'}), 422, "bad_input")
    error_of(client.get(PATH, params={"filters": "nothing"}), 422, "invalid_request")
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after": "x" * 201}):
        error_of(client.get(PATH, params=wrong), 422, "invalid_request")


def test_edits_meanwhile_neither_repeat_nor_skip(editor: httpx.Client) -> None:
    before = [one["id"] for one in listed(editor)]
    first = editor.get(PATH, params={"limit": 10}).json()
    send(
        editor,
        lines({"id": "0", **body("red", "bag")}, {"id": before[3], "delete": True}, {"id": before[20], "title": "x"}),
    )
    rest, after = [], first["next"]
    while after is not None:
        page = editor.get(PATH, params={"limit": 10, "after": after}).json()
        rest += [one["id"] for one in page["products"]]
        after = page["next"]
    assert [one["id"] for one in first["products"]] + rest == before


def test_products_are_taken_out_by_filter_once_their_count_is_confirmed(editor: httpx.Client) -> None:
    asked = {"filters": '{"baseColour": "Red"}'}
    count = len(listed(editor, **asked))
    told = editor.delete(PATH, params={**asked, "dry_run": "true"}).json()
    assert (told["count"], told["deleted"], len(told["examples"])) == (count, 0, min(10, count))
    error_of(editor.delete(PATH, params=asked), 422, "invalid_request")
    error = error_of(editor.delete(PATH, params={**asked, "confirm": count + 1}), 409, "count_differs")
    assert f"{count:,} products pass" in error["message"]
    assert len(listed(editor, **asked)) == count
    others = len(listed(editor)) - count
    told = editor.delete(PATH, params={**asked, "confirm": count}).json()
    assert (told["count"], told["deleted"], told["changed"]) == (count, count, 0)
    assert len(listed(editor)) == others
    assert (
        editor.post("/v1/search/images", json={"text": "dress", "filters": {"baseColour": "Red"}}).json()["total"] == 0
    )
    assert editor.delete(PATH, params={**asked, "confirm": 0}).json()["deleted"] == 0


def test_a_deletion_of_everything_is_no_filter(editor: httpx.Client) -> None:
    before = len(listed(editor))
    for filters in ("{}", ""):
        answer = editor.delete(PATH, params={"filters": filters, "confirm": before})
        error_of(answer, 422, "invalid_request")
    error_of(editor.delete(PATH, params={"confirm": before}), 422, "invalid_request")
    error_of(editor.delete(PATH, params={"filters": '{"nothing": "x"}', "confirm": 0}), 422, "bad_input")
    assert len(listed(editor)) == before
