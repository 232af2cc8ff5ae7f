"""Forms, JSON and pictures as clients write them: what a person would read is read."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import httpx
import pytest

from app.http.data_uri import from_uri
from common import ImageError
from tests.app.helpers import lines, put, send, uri
from tests.tools.shop import DESCRIPTIONS, IMAGES, draw, encoded, error_of

PICTURE = encoded(draw("red", "dress"))
PLAIN = base64.b64encode(PICTURE).decode()
IN_LINES = "\r\n".join(PLAIN[start : start + 76] for start in range(0, len(PLAIN), 76))
URIS = {
    "in lines": f"data:image/png;base64,{base64.encodebytes(PICTURE).decode()}",
    "in lines of MIME": f"data:image/png;base64,{IN_LINES}",
    "with blanks": f"  data:image/png;base64, {IN_LINES.replace(chr(13), ' ')} ",
    "for addresses": f"data:image/png;base64,{base64.urlsafe_b64encode(PICTURE).decode()}",
    "without its padding": f"data:image/png;base64,{base64.urlsafe_b64encode(PICTURE + b'12').decode().rstrip('=')}",
    "percent-encoded base64": f"data:image/png;base64,{quote(PLAIN, safe='')}",
    "percent-encoded bytes": f"data:image/png,{quote(PICTURE, safe='')}",
    "in upper case": f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
    "with a parameter": f"data:image/png;charset=utf-8;base64,{PLAIN}",
    "with a name": f"data:image/png;name=r%C3%B6d.png; base64,{PLAIN}",
    "of no type": f"data:;base64,{PLAIN}",
    "of some bytes": f"data:application/octet-stream;base64,{PLAIN}",
}


def form(head: str, body: bytes, extra: bytes = b"") -> tuple[bytes, dict[str, str]]:
    content = (
        b"--X\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n" + extra + b"--X--\r\n"
    )
    return content, {"content-type": "multipart/form-data; boundary=X"}


def text_part(name: str, value: str) -> bytes:
    return f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


@pytest.mark.parametrize("how", URIS)
def test_data_uris_are_read_however_they_are_written(client: httpx.Client, how: str) -> None:
    answer = client.post(IMAGES, json={"image": URIS[how]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["title"].startswith("Red Dress")
    if how != "without its padding":
        assert from_uri(URIS[how], len(PICTURE)) == PICTURE


def test_a_line_takes_them_too(editor: httpx.Client) -> None:
    told = send(editor, lines(*({"id": f"u{n}", "title": "Red", "image": one} for n, one in enumerate(URIS.values()))))
    assert (told["created"], told["failed"]) == (len(URIS), 0), told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("data:image/png;base64,AAA*AAAA", "'*' at character 4"),
        ("data:image/png;base64,AAAAA", "a part of it is missing"),
        ("data:image/png;base64,AA==AA==", "behind its end"),
        ("data:image/png;base64", "no data URI"),
    ],
)
def test_what_is_no_base64_is_told_where(wrong: str, said: str) -> None:
    with pytest.raises(ImageError, match="picture") as refused:
        from_uri(wrong, 1000)
    assert said in str(refused.value)


def test_a_file_input_where_nothing_was_chosen_is_no_picture(client: httpx.Client, editor: httpx.Client) -> None:
    empty = b'--X\r\nContent-Disposition: form-data; name="image"; filename=""\r\n'
    empty += b"Content-Type: application/octet-stream\r\n\r\n\r\n"
    for path in (IMAGES, DESCRIPTIONS):
        content, headers = form('name="text"', b"red dress", empty)
        answer = client.post(path, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
    content, headers = form('name="title"', b"Only words", empty)
    assert editor.put("/v1/products/1000", content=content, headers=headers).json()["title"] == "Only words"
    content, headers = form(
        'name="products"; filename="p.ndjson"', lines({"id": "1000", "title": "Bulk"}), empty + empty
    )
    assert editor.post("/v1/products", content=content, headers=headers).json()["replaced"] == 1
    content, headers = form('name="image"; filename=""', b"")
    assert "nothing to search for" in client.post(IMAGES, content=content, headers=headers).text
    content, headers = form('name="image"; filename="chosen.jpg"', b"")
    error_of(client.post(IMAGES, content=content, headers=headers), 422, "bad_image")


@pytest.mark.parametrize(
    "head",
    [
        "name=\"image\"; filename*=UTF-8''r%C3%B6d.png",
        'name="image"; filename*="utf-8\'de\'r%C3%B6d.png"',
        "name=\"image\"; FileName*=iso-8859-1''r%F6d.png",
        'name="image"; filename*0="r"; filename*1="ed.png"',
        "name=\"image\"; filename*=no-such-charset''x.png",
        'name="image"\r\nContent-Type: image/png',
        'name="image"\r\nContent-Type: application/octet-stream',
        'name="images[]"; filename="a.png"',
        'name="images"; filename="a.png"',
    ],
)
def test_a_picture_is_a_file_however_it_is_named(client: httpx.Client, head: str) -> None:
    content, headers = form(head, PICTURE)
    answer = client.post(IMAGES, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["title"].startswith("Red Dress")


def test_a_part_may_be_in_base64_as_in_a_mail(client: httpx.Client) -> None:
    head = 'name="image"; filename="a.png"\r\nContent-Transfer-Encoding: base64'
    content, headers = form(head, base64.encodebytes(PICTURE))
    answer = client.post(IMAGES, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["title"].startswith("Red Dress")


def test_other_calls_read_the_same_data_uris(client: httpx.Client) -> None:
    plain = client.post("/v1/embeddings", json={"input": URIS["in lines"]}).json()["data"][0]["embedding"]
    for how in ("with blanks", "in upper case", "for addresses"):
        other = client.post("/v1/embeddings", json={"input": [URIS[how]]})
        assert other.json()["data"][0]["embedding"] == plain, how
    answer = client.post("/v1/classify", json={"image": URIS["in lines of MIME"], "labels": ["red dress", "blue bag"]})
    assert answer.json()["results"][0]["label"] == "red dress"
    error = client.post(IMAGES, json={"image": PLAIN}).json()["error"]
    assert "send data:image/png;base64,..." in error["message"]


def test_a_line_finds_a_file_of_an_extended_name(editor: httpx.Client) -> None:
    file = (
        b"--X\r\nContent-Disposition: form-data; name=\"images\"; filename*=UTF-8''r%C3%B6d.png\r\n\r\n"
        + PICTURE
        + b"\r\n"
    )
    line = lines({"id": "named", "title": "Named", "image": "röd.png"})
    content, headers = form('name="products"', line, file)
    told = editor.post("/v1/products", content=content, headers=headers).json()
    assert told["created"] == 1, told


def test_a_form_may_hold_a_data_uri_and_lists_field_by_field(client: httpx.Client) -> None:
    content, headers = form('name="image"', URIS["in lines"].encode())
    assert client.post(IMAGES, content=content, headers=headers).status_code == 200
    more = text_part("facets", "gender") + text_part("facets", "baseColour")
    content, headers = form('name="text"', b"red", more)
    assert set(client.post(IMAGES, content=content, headers=headers).json()["facets"]) == {"gender", "baseColour"}
    content, headers = form('name="k"', b"3", text_part("k", "4") + text_part("text", "red"))
    assert (
        "comes twice"
        in error_of(client.post(IMAGES, content=content, headers=headers), 422, "invalid_request")["message"]
    )


def test_packed_bodies_are_unpacked(editor: httpx.Client) -> None:
    query = json.dumps({"text": "red dress"}).encode()
    kind = {"content-type": "application/json"}
    for encoding, data in {
        "gzip": gzip.compress(query),
        "x-gzip": gzip.compress(query[:5]) + gzip.compress(query[5:]),
        "deflate": zlib.compress(query),
        "identity": query,
        "GZIP": gzip.compress(query),
    }.items():
        answer = editor.post(IMAGES, content=data, headers={**kind, "content-encoding": encoding})
        assert answer.status_code == 200, (encoding, answer.text)
    feed = lines(*({"id": f"z{n}", "title": f"Packed {n}", "image": uri("red", "bag")} for n in range(50)))
    headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    assert editor.post("/v1/products", content=gzip.compress(feed), headers=headers).json()["created"] == 50
    content, headers = form('name="text"', b"red dress")
    packed = {**headers, "content-encoding": "gzip"}
    assert editor.post(IMAGES, content=gzip.compress(content), headers=packed).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "data", "status", "said"),
    [
        ("br", b"x", 415, "Content-Encoding is br"),
        ("gzip, gzip", b"x", 415, "plain, or in gzip"),
        ("gzip", b'{"text": "red"}', 400, "not gzip"),
        ("gzip", gzip.compress(b'{"text": "red"}')[:-9], 400, "ends early"),
        ("gzip", gzip.compress(bytes(30_000_000)), 413, "more than"),
    ],
    # Named: pytest makes an identifier of the bytes, and gzip writes the time into them, which differs by worker.
    ids=["another coding", "two codings", "not gzip", "cut", "too much"],
)
def test_what_cannot_be_unpacked_is_told_why(
    client: httpx.Client, encoding: str, data: bytes, status: int, said: str
) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    answer = client.post(IMAGES, content=data, headers=headers)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["APPLICATION/JSON; Charset=UTF-8", "application/vnd.api+json", "Application/Json ;charset=utf8"]
)
def test_json_is_known_by_any_of_its_names(client: httpx.Client, kind: str) -> None:
    for body in (b'{"text": "red"}', b'\xef\xbb\xbf{"text": "red"}', '{"text": "red"}'.encode("utf-16")):
        assert client.post(IMAGES, content=body, headers={"content-type": kind}).status_code == 200


def test_lines_may_end_as_any_system_ends_them(editor: httpx.Client) -> None:
    feed = b"\xef\xbb\xbf" + b'{"id": "1000", "title": "One"}\r\n\r\n  \r\n{"id": "1001", "title": "Two"}'
    told = send(editor, feed)
    assert (told["replaced"], told["failed"]) == (2, 0), told
    told = send(editor, '{"id": "1000", "title": "One"}\n{"id": "1001", "title": "Two"}\n'.encode("utf-16"))
    assert told["failed"] == 3
    assert all("UTF-8" in error["message"] for error in told["errors"])


def test_a_json_list_is_a_bulk_call(editor: httpx.Client) -> None:
    answer = editor.post(
        "/v1/products", json=[{"id": 1000, "title": "One"}, {"id": "new"}, {"id": "1001", "delete": True}, 5]
    )
    told = answer.json()
    assert (told["replaced"], told["deleted"], told["failed"]) == (1, 1, 2), told
    assert [(error["line"], error["id"]) for error in told["errors"]] == [(2, "new"), (4, None)]
    error = error_of(editor.post("/v1/products", json={"id": "x", "title": "y"}), 422, "invalid_request")
    assert "PUT /v1/products/{id}" in error["message"]


def test_ids_are_the_same_in_every_call(editor: httpx.Client) -> None:
    picture = uri("red", "bag")
    told = send(
        editor, lines(*({"id": one, "title": "Bag", "image": picture} for one in (7, 15970.0, " a ", "a/image")))
    )
    assert told["created"] == 4, told
    for path in ("7", "15970", "%20a%20", "a%2Fimage"):
        assert editor.get(f"/v1/products/{path}").status_code == 200
        assert put(editor, path, {"title": "Changed"}).status_code == 200
    told = send(
        editor, lines(*({"id": one, "title": "Bag", "image": picture} for one in (".", "..", True, None, "\n")))
    )
    assert told["failed"] == 5
    assert "no address can name" in told["errors"][0]["message"]
    assert send(editor, lines({"id": "..", "delete": True}))["unchanged"] == 1
