"""Mode sync: what a feed lacks goes at its end, within bounds, and never after a feed that broke off."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.live import Named
from tests.app.helpers import body, lines, uri
from tests.tools.shop import error_of

NDJSON = {"content-type": "application/x-ndjson"}


def ids(client: httpx.Client) -> list[str]:
    rows = client.get("/v1/products", params={"fields": "id"}, headers={"accept": "application/x-ndjson"}).text
    return [json.loads(row)["id"] for row in rows.splitlines()]


def sync(client: httpx.Client, feed: bytes, **asked: Any) -> httpx.Response:
    return client.post("/v1/products", params={"mode": "sync", **asked}, content=feed, headers=NDJSON)


def test_what_no_line_names_goes_at_the_end(editor: httpx.Client) -> None:
    before = ids(editor)
    gone = [before[0], before[-1]]
    kept = [{"id": one} for one in before if one not in gone]
    feed = lines(*kept[:-1], {"id": kept[-1]["id"], "title": "Changed"}, {"id": "new", **body("red", "bag")})
    foreseen = sync(editor, feed, dry_run=True).json()
    assert ids(editor) == before
    assert {name: foreseen[name] for name in ("created", "replaced", "unchanged", "failed", "missing")} == {
        "created": 1,
        "replaced": 1,
        "unchanged": len(kept) - 1,
        "failed": 0,
        "missing": 2,
    }
    assert (foreseen["dry_run"], foreseen["deleted"], foreseen["missing_examples"]) == (True, 0, gone)
    told = sync(editor, feed).json()
    assert {**told, "dry_run": True, "deleted": 0, "catalogue_version": 0} == {**foreseen, "catalogue_version": 0}
    assert told["deleted"] == 2
    assert ids(editor) == sorted([*(one for one in before if one not in gone), "new"])
    again = sync(editor, feed).json()
    assert (again["unchanged"], again["deleted"], again["missing"]) == (len(kept) + 1, 0, 0)


def test_more_than_may_go_does_not_go(editor: httpx.Client) -> None:
    before = ids(editor)
    feed = lines(*({"id": one} for one in before[: len(before) // 2]))
    missing = len(before) - len(before) // 2
    error = error_of(sync(editor, feed), 409, "count_differs")
    assert f"{missing} of {len(before)} products" in error["message"]
    assert "0.1" in error["message"]
    assert repr(before[len(before) // 2]) in error["message"]
    error_of(sync(editor, feed, dry_run=True), 409, "count_differs")
    error_of(sync(editor, feed, max_delete=0), 409, "count_differs")
    assert ids(editor) == before
    assert sync(editor, feed, max_delete=0.51).json()["deleted"] == missing
    assert ids(editor) == before[: len(before) // 2]
    for wrong in (-0.1, 1.1, "nan", "x"):
        error_of(sync(editor, feed, max_delete=wrong), 422, "invalid_request")


@pytest.mark.parametrize("feed", [b"", b"\n\n", lines({"title": "no id"}), b"not json\n", lines({"id": None})])
def test_a_feed_that_names_nothing_takes_nothing_out(editor: httpx.Client, feed: bytes) -> None:
    before = ids(editor)
    error_of(sync(editor, feed, max_delete=1), 422, "invalid_request")
    error_of(
        sync(editor, lines({"id": before[0]}) + feed * (len(feed) > 2), max_delete=0),
        409 if len(feed) < 3 else 422,
        "count_differs" if len(feed) < 3 else "invalid_request",
    )
    assert ids(editor) == before


def test_a_bad_line_keeps_its_product(editor: httpx.Client) -> None:
    before = ids(editor)
    bad = [{"id": before[0], "attributes": {"a": {}}}, {"id": before[1], "image": "data:image/png;base64,AAAA"}]
    told = sync(editor, lines(*bad, *({"id": one} for one in before[2:]))).json()
    assert (told["failed"], told["missing"], [one["id"] for one in told["errors"]]) == (2, 0, before[:2])
    assert ids(editor) == before


def test_a_feed_that_breaks_off_takes_nothing_out(editor: httpx.Client) -> None:
    before = ids(editor)
    feed = lines(*({"id": one} for one in before[:-3]))
    packed = gzip.compress(feed)
    headers = {**NDJSON, "content-encoding": "gzip"}
    asked: dict[str, Any] = {"mode": "sync", "max_delete": 1}
    answer = editor.post("/v1/products", params=asked, content=packed[:-5], headers=headers)
    error_of(answer, 400, "malformed_body")
    place = urlsplit(str(editor.base_url))
    key = editor.headers["authorization"]
    for head, body_ in (
        ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(feed), feed)),  # the last chunk does not come
        (f"Content-Length: {len(feed) + 10}", feed),
    ):
        with socket.create_connection((place.hostname or "", place.port or 0)) as raw:
            start = f"POST /v1/products?mode=sync&max_delete=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n"
            raw.sendall(f"{start}Content-Type: application/x-ndjson\r\n{head}\r\n\r\n".encode() + body_)
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(60)
            assert b" 200 " not in raw.recv(100)
    assert ids(editor) == before


def test_what_others_put_in_meanwhile_stays(editor: httpx.Client) -> None:
    before = ids(editor)

    def feed() -> Any:
        yield lines(*({"id": one} for one in before[1:20]))
        assert editor.put("/v1/products/meanwhile", json=body("red", "bag")).status_code == 201
        error_of(sync(editor, lines({"id": "x"})), 503, "overloaded")
        yield lines(*({"id": one} for one in before[20:]))

    answer = editor.post("/v1/products", params={"mode": "sync"}, content=feed(), headers=NDJSON)
    assert (answer.json()["deleted"], answer.json()["missing_examples"]) == (1, [before[0]])
    assert "meanwhile" in ids(editor)


def test_forms_and_json_synchronise_too(editor: httpx.Client) -> None:
    before = ids(editor)
    rest = [{"id": one} for one in before[1:]]
    answer = editor.post("/v1/products", params={"mode": "sync"}, json=rest)
    assert answer.json()["deleted"] == 1, answer.text
    files = [("products", ("p", lines(*rest[1:], {"id": "n", "title": "New", "image": uri("red", "bag")})))]
    answer = editor.post("/v1/products", params={"mode": "sync"}, files=files)
    assert (answer.json()["deleted"], answer.json()["created"]) == (1, 1), answer.text


def test_a_million_ids_take_little_room() -> None:
    named = Named(str(number) for number in range(20_000))
    assert (named.total, named._hashes.nbytes + named._named.nbytes) == (20_000, 180_000)
    assert named.lacks("7")
    assert not named.lacks("20000")
