"""Uploads: any picture within bounds is answered, anything else is refused, and nothing of it harms other callers."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.app.helpers import LIMIT
from tests.tools.darkroom import HELD, Darkroom
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    ask,
    draw,
    encoded,
    error_of,
    shop_open,
    show,
    until,
)


@pytest.fixture
def darkroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Darkroom:
    return Darkroom(tmp_path / "darkroom", monkeypatch)


def post(client: httpx.Client, data: bytes, path: str = IMAGES) -> httpx.Response:
    return client.post(path, files={"image": ("picture.txt", data, "text/plain")})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_is_known_by_its_content_not_by_its_name(client: httpx.Client, kind: str) -> None:
    answer = post(client, encoded(draw("green", "bag"), kind))
    assert answer.status_code == 200
    assert answer.json()["results"][0]["title"].startswith("Green Bag")


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2000, 2000)])
def test_pictures_of_odd_sizes_are_answered_and_do_no_harm(client: httpx.Client, size: tuple[int, int]) -> None:
    for path in (IMAGES, DESCRIPTIONS):
        show(client, path, Image.new("RGB", size, (200, 30, 45)))
    assert client.get("/readyz").status_code == 200
    assert ask(client, IMAGES, text="red dress")["results"]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_pictures_of_all_modes_are_answered(client: httpx.Client, mode: str) -> None:
    source = draw("red", "dress")
    image = Image.new("I;16", (20, 30), 40_000) if mode == "I;16" else source.convert(mode)
    assert len(show(client, IMAGES, encoded(image, "TIFF" if mode == "CMYK" else "PNG"))["results"]) == 10


def test_a_rotated_photo_is_seen_upright(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    data = encoded(draw("blue", "shoes").transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    assert post(client, data).json()["results"][0]["title"].startswith("Blue Shoes")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n",
        encoded(draw("red", "bag"))[:300],
        encoded(draw("red", "bag"), "JPEG")[:-400],
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"%PDF-1.7",
    ],
)
def test_what_is_no_whole_picture_is_refused(client: httpx.Client, data: bytes) -> None:
    error_of(post(client, data), 422, "bad_image")


def test_a_decompression_bomb_is_refused_by_its_header(client: httpx.Client) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 2_500, 2_500, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )
    start = time.perf_counter()
    error = error_of(post(client, bomb), 422, "bad_image")
    assert "2500x2500" in error["message"]
    assert time.perf_counter() - start < 20


def test_a_picture_at_the_limit_passes_and_one_beyond_it_does_not(client: httpx.Client) -> None:
    picture = encoded(draw("red", "bag"))
    assert post(client, picture + bytes(LIMIT - len(picture))).status_code == 200
    error = error_of(post(client, picture + bytes(LIMIT + 1 - len(picture))), 413, "too_large")
    assert f"{LIMIT:,}" in error["message"]


def test_bytes_are_counted_whatever_the_request_claims(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(30):
            yield bytes(50_000)

    # Chunked: there is no Content-Length at all.
    answer = client.post(IMAGES, content=endless(), headers={"content-type": "multipart/form-data; boundary=x"})
    error_of(answer, 413, "too_large")
    error_of(client.post(IMAGES, json={"text": "x", "filters": {"a": ["y" * 100] * 3000}}), 413, "too_large")


@pytest.mark.parametrize("count", [2, 3, 12])
def test_one_picture_is_enough(client: httpx.Client, count: int) -> None:
    several = [("image", (f"{number}.png", encoded(draw("red", "bag")))) for number in range(count)]
    error = error_of(client.post(IMAGES, files=several), 422, "invalid_request")
    assert "comes twice; send it once" in error["message"]


def test_inputs_that_were_left_empty_are_no_pictures(client: httpx.Client) -> None:
    empty = [(name, ("", b"")) for name in ("image", "image2", "image3", "image4")]
    answer = client.post(IMAGES, files=[*empty, ("image", ("a.png", encoded(draw("red", "bag"))))])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([("photo", ("a.png", b"x"))], "invalid_request"),
        ([("image", (None, "not a file"))], "invalid_request"),
        ([("text", (None, "a")), ("text", (None, "b"))], "invalid_request"),
        ([("text", (None, "a")), ("filters", (None, "{"))], "invalid_request"),
        ([("text", (None, "a")), ("filters", (None, "[" * 50_000))], "invalid_request"),
        ([("text", (None, "a")), ("filters", (None, '"x"'))], "invalid_request"),
        ([("text", (None, "a")), ("k", (None, "ten"))], "invalid_request"),
        ([("text", (None, "a")), ("sise", (None, "10"))], "invalid_request"),
        ([("text", (None, "   "))], "invalid_request"),
        ([("text", (None, b"\xff\xfe\x00"))], None),
        ([("text", (None, "dress")), ("k", (None, "")), ("filters", (None, ""))], None),
    ],
)
def test_forms_are_checked_like_json(
    client: httpx.Client, files: list[tuple[str, tuple[str | None, str | bytes]]], code: str | None
) -> None:
    answer = client.post(IMAGES, files=files)
    if code:
        error_of(answer, 422, code)
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_is_told_so(client: httpx.Client, kind: str) -> None:
    error_of(client.post(IMAGES, content=b"--y\r\nnonsense", headers={"content-type": kind}), 400, "malformed_body")


@settings(max_examples=40)
@given(
    body=st.binary(max_size=400),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\x80"]),
)
def test_no_body_is_an_internal_error(client: httpx.Client, body: bytes, kind: str) -> None:
    for content in (
        body,
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + body + b"\r\n--x--",
    ):
        answer = client.post(IMAGES, content=content, headers={b"content-type": kind.encode("latin-1")})
        assert answer.status_code < 500, answer.text


def test_decoding_never_holds_up_texts(folder: Path, darkroom: Darkroom) -> None:
    held = encoded(HELD)
    with shop_open(folder, decode_threads=2, deadline_s=60) as client, ThreadPoolExecutor(4) as people:
        pictures = [people.submit(post, client, held) for _ in range(4)]
        until(lambda: darkroom.held == 2, 60)
        for _ in range(20):
            assert ask(client, IMAGES, text="red dress")["results"]
        assert darkroom.held == 2
        darkroom.open()
        assert [picture.result().status_code for picture in pictures] == [200] * 4


def test_more_uploads_than_slots_are_refused_at_once(folder: Path, darkroom: Darkroom) -> None:
    held = encoded(HELD)
    with shop_open(folder, upload_slots=2, deadline_s=60) as client, ThreadPoolExecutor(2) as people:
        pictures = [people.submit(post, client, held) for _ in range(2)]
        until(lambda: darkroom.held == 2, 60)
        refused = post(client, held)
        error_of(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert ask(client, IMAGES, text="red dress")["results"]  # texts need no slot
        darkroom.open()
        assert [picture.result().status_code for picture in pictures] == [200, 200]
        assert post(client, held).status_code == 200  # the slots are free again


def test_a_body_that_does_not_arrive_is_given_up(folder: Path) -> None:
    with shop_open(folder, upload_timeout_s=0.2) as client:
        address = (client.base_url.host, client.base_url.port or 80)
        with socket.create_connection(address, timeout=60) as raw:
            raw.sendall(
                b"POST /v1/search/images HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n"
                b"content-type: application/json\r\n\r\n{"
            )
            assert b" 408 " in raw.recv(4096).split(b"\r\n")[0]


def test_a_caller_who_hangs_up_while_sending_does_no_harm(folder: Path) -> None:
    with shop_open(folder, upload_slots=1) as client:
        for _ in range(3):
            with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
                raw.sendall(
                    b"POST /v1/search/images HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000\r\n"
                    b"content-type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
                )
        until(lambda: post(client, encoded(draw("red", "bag"))).status_code == 200)
        assert json.loads(client.get("/healthz").content) == {"status": "ok"}


def test_a_large_upload_is_kept_off_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A read-only file system has no room for temporary files.
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    picture = encoded(Image.effect_noise((1600, 1600), 90))
    assert len(picture) > 2_000_000
    with shop_open(folder) as client:
        assert post(client, picture).status_code == 200
