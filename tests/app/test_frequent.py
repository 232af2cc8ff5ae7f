"""The calls that are answered before the framework looks for a route, compared with the framework's own way to them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import server
from app.http import create_key
from app.routes import DIRECT
from tests.app.helpers import bearer
from tests.tools.shop import data_uri, draw, encoded, shop_open

JSON = {"content-type": "application/json"}
PICTURE = encoded(draw("red", "dress"))
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no object": b"[1]",
    "a text": b'{"text": "red dress", "k": 3}',
    "a field twice": b'{"text": "red", "text": "blue", "k": 1}',
    "no number": b'{"text": "red", "k": NaN}',
    "a huge number": b'{"text": "red", "k": %s}' % (b"9" * 5000),
    "deep": b"[" * 100_000,
    "half a character": b'{"text": "\\ud800"}',
    "another charset": '{"text": "red", "k": 1}'.encode("utf-16"),
    "a typo": b'{"txt": "red"}',
    "an unknown filter": b'{"text": "red", "filters": {"nope": "x"}}',
    "a picture": json.dumps({"image": data_uri(PICTURE), "k": 2}).encode(),
    "an input": b'{"input": ["red", "blue"]}',
    "queries": b'{"queries": [{"text": "red"}, {"txt": 1}]}',
    "too much": b'{"text": "%s"}' % (b"x" * 300_000),
}
HEADERS: dict[str, dict[str, str]] = {
    "no type": {},
    "another type": {"content-type": "text/plain"},
    "a picture's type": {"content-type": "image/png"},
    "a form without a boundary": {"content-type": "multipart/form-data"},
    "an unknown encoding": {**JSON, "content-encoding": "br"},
    "another host": {**JSON, "host": "evil.example"},
    "a page": {**JSON, "origin": "https://shop.example", "sec-fetch-mode": "cors", "accept-encoding": "gzip"},
    "a page of another site": {**JSON, "origin": "https://evil.example"},
    "a websocket": {**JSON, "connection": "upgrade", "upgrade": "websocket"},
    "an unknown key": {**JSON, "authorization": "Bearer vtr_nobody"},
    "an id": {**JSON, "x-request-id": "from-the-caller"},
}
PATHS = sorted({str(getattr(route, "path", "")) for router in DIRECT for route in router.routes})
Services = tuple[httpx.Client, httpx.Client, dict[str, str]]


@pytest.fixture(scope="module", params=["open", "keyed"])
def services(request: pytest.FixtureRequest, folder: Path) -> Iterator[Services]:
    """Yield clients of two services, one without the shorter way, and the header of a key for both."""
    keys = folder.parent / f"keys-{request.param}.json"
    _, secret = create_key(keys, "reader", "read")
    settings: dict[str, Any] = {"origins": "https://shop.example", "reads": request.param, "keys": keys}
    settings["max_upload_mb"] = 0.3
    with shop_open(folder, **settings) as quick, pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "frequent_calls", lambda _: {})
        with shop_open(folder, **settings) as plain:
            yield quick, plain, bearer(secret)


def answered(client: httpx.Client, method: str, path: str, **sent: Any) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer, without what differs from one request to the next."""
    answer = client.request(method, path, **sent)
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    if "x-request-id" not in sent.get("headers", {}):
        headers["x-request-id"] = ""
    headers["traceparent"] = ""
    text = re.sub(r'"request_id": ?"[^"]*"', "", re.sub(r'"timing_ms":\{[^}]*\}', "", answer.text))
    return answer.status_code, headers, text


def counted(client: httpx.Client) -> list[str]:
    """Return what a service has counted of its requests."""
    lines = client.get("/metrics").text.splitlines()
    return sorted(line for line in lines if line.startswith(("vitrine_requests_total", "vitrine_refused")))


@pytest.mark.parametrize("path", PATHS)
def test_both_ways_answer_alike(services: Services, path: str) -> None:
    quick, plain, key = services

    def same(method: str, address: str, **sent: Any) -> int:
        found, expected = (answered(client, method, address, **sent) for client in (quick, plain))
        assert found == expected, (method, address, sent)
        return found[0]

    statuses = {same("POST", path, content=body, headers={**JSON, **key}) for body in BODIES.values()}
    for headers in HEADERS.values():
        statuses.add(same("POST", path, content=BODIES["a text"], headers={**key, **headers}))
    statuses.add(same("POST", path, content=BODIES["a text"], headers=JSON))
    packed = gzip.compress(b'{"text": "%s"}' % bytes(5_000_000))
    statuses.add(same("POST", path, content=packed, headers={**JSON, **key, "content-encoding": "gzip"}))
    statuses.add(same("POST", path, files={"image": ("a.png", PICTURE)}, headers=key))
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        statuses.add(same(method, path, headers=key))
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    statuses.add(same("OPTIONS", path, headers=asked))
    for ending in ("/", "%0a", "?filter=1", "/..", ";x"):
        statuses.add(same("POST", path + ending, content=BODIES["a text"], headers={**JSON, **key}))
    for address in (f"/{path}", path.replace("/v1/s", "/v1/%73")):
        statuses.add(same("POST", address, content=BODIES["a text"], headers={**JSON, **key}))
    assert {204, 400, 404, 405, 413, 415, 421, 422} <= statuses
    assert counted(quick) == counted(plain)


@pytest.mark.parametrize("query", ["", "q=red&k=2", "q=red&q=blue", "q=%FF", "q=red&f.nope=1", "q=red&k=nan", "qq=red"])
def test_both_ways_answer_a_search_in_an_address_alike(services: Services, query: str) -> None:
    quick, plain, key = services
    for method in ("GET", "HEAD"):
        for headers in ({}, {"if-none-match": "*"}, {"sec-fetch-mode": "cors", "accept-encoding": "gzip"}):
            sent = {"headers": {**key, **headers}}
            path = f"/v1/search?{query}"
            assert answered(quick, method, path, **sent) == answered(plain, method, path, **sent)
