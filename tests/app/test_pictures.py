"""Media types of pictures are told by their content."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from app.http import media_type
from tests.tools.shop import draw, encoded


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
    ],
)
def test_every_format_that_is_taken_has_its_media_type(kind: str, expected: str) -> None:
    assert media_type(encoded(draw("red", "bag"), kind)) == expected


def test_several_frames_do_not_change_the_media_type() -> None:
    frames = {"save_all": True, "append_images": [draw("blue", "bag")]}
    assert media_type(encoded(draw("red", "bag"), "PNG", **frames)) == "image/png"
    assert media_type(encoded(draw("red", "bag"), "MPO", **frames)) == "image/jpeg"


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8", b"RIFF0000WAVE", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_picture_that_is_taken_is_just_bytes(data: bytes) -> None:
    assert media_type(data) == "application/octet-stream"


def test_a_format_that_is_not_taken_is_just_bytes() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PPM")
    assert media_type(buffer.getvalue()) == "application/octet-stream"
