"""Answers compressed on their way: small for browsers, large ones for any caller who takes gzip, and never twice."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from app.http.packing import Packing
from tests.tools.shop import IMAGES

BROWSER = {"sec-fetch-mode": "cors", "accept-encoding": "gzip, deflate, br"}
PROGRAM = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}


def test_a_browser_gets_results_compressed_and_a_program_gets_small_ones_as_they_are(client: httpx.Client) -> None:
    asked = {"text": "red dress", "k": 30}
    plain = client.post(IMAGES, json=asked, headers=PROGRAM)
    assert "content-encoding" not in plain.headers
    packed = client.post(IMAGES, json=asked, headers=BROWSER)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.json()["results"] == plain.json()["results"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    for other in ({"accept-encoding": "identity"}, {"accept-encoding": "gzip;q=0"}):
        assert "content-encoding" not in client.post(IMAGES, json=asked, headers={**BROWSER, **other}).headers
    batch = client.post(f"{IMAGES}/batch", json={"queries": [asked]}, headers=BROWSER)
    assert batch.headers["content-encoding"] == "gzip"
    assert batch.json()["answers"][0]["results"] == plain.json()["results"]


def test_a_program_gets_large_answers_compressed_whatever_the_call(client: httpx.Client) -> None:
    queries = {"queries": [{"text": "red dress", "k": 40}] * 4}
    calls = {
        "batch": ("POST", f"{IMAGES}/batch", queries),
        "document": ("GET", "/openapi.json", None),
    }
    for name, (method, path, sent) in calls.items():
        packed = client.request(method, path, json=sent, headers=PROGRAM)
        plain = client.request(method, path, json=sent, headers=PLAIN)
        assert packed.headers["content-encoding"] == "gzip", name
        assert plain.headers["vary"] == "Accept-Encoding", name
        assert "content-encoding" not in plain.headers
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        if name != "batch":
            assert packed.json() == plain.json()


def test_a_head_has_the_length_of_what_get_would_send(client: httpx.Client) -> None:
    get = client.get("/openapi.json", headers=PROGRAM)
    head = client.head("/openapi.json", headers=PROGRAM)
    assert head.headers["content-encoding"] == "gzip"
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.content == b""


def test_lines_are_compressed_as_they_come(client: httpx.Client) -> None:
    lines = {"accept": "application/x-ndjson"}
    packed = client.get("/v1/products", headers={**PROGRAM, **lines})
    plain = client.get("/v1/products", headers={**PLAIN, **lines})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert len(packed.text.splitlines()) == 48
    with client.stream("GET", "/v1/products", headers={**PROGRAM, **lines}) as stream:
        assert sum(map(len, stream.iter_raw())) < len(plain.content) / 2


def test_the_tag_of_a_product_is_the_same_however_it_comes(client: httpx.Client) -> None:
    plain = client.get("/v1/products/1000", headers=PLAIN)
    browser = client.get("/v1/products/1000", headers=BROWSER)
    assert browser.headers["etag"] == plain.headers["etag"]
    assert not plain.headers["etag"].startswith("W/")
    picture = client.get("/v1/products/1000/image", headers=BROWSER)
    assert "content-encoding" not in picture.headers


@pytest.mark.parametrize(
    ("path", "tag", "sent"),
    [
        ("/v1/map", '"a"', 'W/"a"'),
        ("/v1/map", 'W/"a"', 'W/"a"'),
        ("/v1/products/1", '"a"', '"a"'),
    ],
)
def test_a_tag_is_weak_where_the_bytes_differ_but_for_products(path: str, tag: str, sent: str) -> None:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    async def run() -> None:
        packing = Packing(keep, Headers(PROGRAM), path)
        headers = [(b"content-type", b"application/json"), (b"etag", tag.encode())]
        await packing({"type": "http.response.start", "status": 200, "headers": headers})
        await packing({"type": "http.response.body", "body": b"[1,2,3]" * 10_000})

    asyncio.run(run())
    headers = dict(messages[0]["headers"])
    assert headers[b"etag"].decode() == sent
    assert (b"content-encoding" in headers) == (path == "/v1/map")
