"""Photos as people send them to a service: of phones and studios, with odd parts, by form and by line."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageCms

from models.picture_kinds import HEIF, prepare_decoder
from models.profiles import matrix_profile
from tests.tools.shop import IMAGES, draw, encoded, error_of, shop_open

PROPHOTO = matrix_profile(((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), 1.8)
BAG = draw("red", "bag").resize((600, 800))


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with shop_open(folder) as client:
        yield client


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def of_studio() -> bytes:
    """Return the bag with the colours of ProPhoto."""
    to = ImageCms.ImageCmsProfile(io.BytesIO(PROPHOTO))
    image = ImageCms.profileToProfile(BAG, ImageCms.createProfile("sRGB"), to)
    assert image is not None
    return encoded(image, "TIFF", icc_profile=PROPHOTO)


def of_phone() -> bytes:
    prepare_decoder(HEIF)
    return encoded(BAG, "HEIF", quality=90)


def with_long_text() -> bytes:
    data = encoded(BAG)
    return data[:33] + chunk(b"zTXt", b"T\0\0" + zlib.compress(bytes(20_000_000))) + data[33:]


PHOTOS: dict[str, Any] = {
    "a studio's TIFF in ProPhoto": of_studio,
    "an iPhone's HEIC": of_phone,
    "an archive's JPEG 2000": lambda: encoded(BAG, "JPEG2000"),
    "a PNG with a long text": with_long_text,
    "a JPEG without its end": lambda: encoded(BAG, "JPEG", quality=95)[:-2],
    "a JPEG of 51 megapixels": lambda: encoded(BAG.resize((6_200, 8_267)), "JPEG", quality=80),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_finds_what_it_shows(client: httpx.Client, name: str) -> None:
    answer = client.post(IMAGES, files={"image": ("photo", PHOTOS[name]())})
    assert answer.status_code == 200, answer.text
    best, plain = answer.json()["results"][0], client.post(IMAGES, files={"image": ("x", encoded(BAG))}).json()
    assert best["title"].startswith("Red Bag")
    assert best["score"] == pytest.approx(plain["results"][0]["score"], abs=0.01)


def test_a_phone_s_png_of_50_megapixels_is_answered(client: httpx.Client) -> None:
    """8160 x 6144 pixels were more than 50 million."""
    data = encoded(Image.new("L", (8_160, 6_144), 60))
    assert client.post(IMAGES, files={"image": ("photo", data)}).status_code == 200


def test_what_takes_too_much_memory_is_refused_with_the_true_reason(client: httpx.Client) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 12_000, 9_000, 8, 6, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1_000))) + chunk(b"IEND", b"")
    error = error_of(client.post(IMAGES, files={"image": ("photo", data)}), 422, "bad_image")
    assert "takes 432 MB of memory to decode; at most 256 MB are allowed" in error["message"]
