"""A large picture is turned, converted and shrunk in parts, and comes out as if it had been done at once."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from common import ImageError, OutOfMemoryError
from models import decode_image, read_pixels, scaled, to_rgb

SIZES = ((1_501, 1_203), (1_700, 650), (400, 3_000))


def at_once(data: bytes, size: tuple[int, int]) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return scaled(to_rgb(ImageOps.exif_transpose(image)), size)


def picture(mode: str, width: int, height: int, turn: int) -> bytes:
    """Return a file of a picture of that mode, to be turned so."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 7 + 1, width // 7 + 1, 4), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = turn
    options: dict[str, Any] = {"exif": exif}
    if mode == "CMYK":
        kind, image = "TIFF", image.convert(mode)
    elif mode == "I;16":
        kind, image = "PNG", Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 256)
    else:
        kind, image = "PNG", image.convert(mode)
        if mode == "P":
            options["transparency"] = 3
        elif mode == "RGB":
            options["transparency"] = image.getpixel((5, 5))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("turn", range(1, 9))
def test_any_turn_comes_out_to_the_bit(turn: int) -> None:
    for width, height in SIZES:
        data = picture("RGBA", width, height, turn)
        np.testing.assert_array_equal(read_pixels(data, (64, 48)), at_once(data, (64, 48)))


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_any_mode_comes_out_to_the_bit(mode: str) -> None:
    for turn in (1, 6):
        data = picture(mode, *SIZES[0], turn)
        np.testing.assert_array_equal(read_pixels(data, (112, 112)), at_once(data, (112, 112)))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (1, 5_000), (5_000, 1), (120, 160)])
def test_small_pictures_come_out_as_before(size: tuple[int, int]) -> None:
    data = picture("RGBA", *size, 1)
    np.testing.assert_array_equal(read_pixels(data, (48, 36)), at_once(data, (48, 36)))


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
def test_no_memory_is_not_said_to_be_the_picture_s_fault(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The answer was 422 `the image is damaged ()`."""

    def load(image: Image.Image) -> None:
        raise error

    data = picture("RGB", 8, 8, 1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(OutOfMemoryError, match="no memory"):
        decode_image(data)


def test_a_webp_of_too_many_pixels_is_refused_before_it_has_a_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1_000_000)
    chunk = b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + (9_999).to_bytes(3, "little") * 2
    data = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
    with pytest.raises(ImageError, match="has 100000000 pixels; at most 1,000,000"):
        decode_image(data, 1_000_000)
