"""Every kind of picture that a shop or a visitor sends has a defined answer."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common import ImageError
from models import NAMED, decode_image, scaled, to_rgb


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixel(data: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    value = decode_image(data).getpixel(at)
    assert isinstance(value, tuple)
    return value


def test_colour_modes_become_the_rgb_that_a_person_sees() -> None:
    red = Image.new("RGB", (4, 4), (200, 30, 30))
    for kind in ("PNG", "BMP", "GIF", "TIFF"):
        assert pixel(saved(red, kind)) == (200, 30, 30)
    assert np.allclose(pixel(saved(red, "JPEG", quality=95)), (200, 30, 30), atol=4)
    assert np.allclose(pixel(saved(red, "WEBP", lossless=True)), (200, 30, 30), atol=1)
    assert np.allclose(pixel(saved(red.convert("CMYK"), "JPEG", quality=95)), (200, 30, 30), atol=6)
    assert pixel(saved(Image.new("L", (4, 4), 90), "PNG")) == (90, 90, 90)
    assert pixel(saved(Image.new("1", (4, 4), 1), "PNG")) == (255, 255, 255)


def test_transparency_lies_on_white() -> None:
    assert pixel(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")) == (255, 255, 255)
    assert pixel(saved(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG")) == pytest.approx((255, 127, 127), abs=1)
    assert pixel(saved(Image.new("LA", (4, 4), (0, 0)), "PNG")) == (255, 255, 255)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30] * 256)
    assert pixel(saved(palette, "PNG", transparency=0)) == (255, 255, 255)
    assert pixel(saved(palette, "PNG")) == (10, 20, 30)


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    samples = np.full((4, 4), 32896, dtype=np.uint16)
    assert pixel(saved(Image.fromarray(samples), "PNG")) == (128, 128, 128)


def test_a_camera_picture_is_turned_upright() -> None:
    image = Image.new("RGB", (20, 10), "white")
    image.paste((0, 0, 0), (0, 0, 10, 10))  # left half black
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    upright = decode_image(saved(image, "JPEG", exif=exif, quality=95))
    assert upright.size == (10, 20)
    assert upright.getpixel((5, 2)) == pytest.approx((0, 0, 0), abs=12)
    assert upright.getpixel((5, 18)) == pytest.approx((255, 255, 255), abs=12)


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert pixel(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])) == (255, 0, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes_work(size: tuple[int, int]) -> None:
    assert scaled(decode_image(saved(Image.new("RGB", size, "green"), "PNG")), (112, 84)).shape == (112, 84, 3)


@pytest.mark.parametrize("side", [15_000, 50_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    rest = b"IDAT" + zlib.compress(b"\0" * 1000)
    png = b"\x89PNG\r\n\x1a\n"
    for part, size in ((chunk, 13), (rest, len(rest) - 4), (b"IEND", 0)):
        png += struct.pack(">I", size) + part + struct.pack(">I", zlib.crc32(part))
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"at most 200,000,000 (pixels )?are allowed"):
        decode_image(png)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0" + b"\0" * 9])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_image(data)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


def test_no_picture_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's EPS decoder runs `gs` (pillow issue 7391)."""
    started = tmp_path / "started"
    for name in ("gs", "gswin64c", "gswin32c"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {started}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # Pillow remembers whether there was one
    with pytest.raises(ImageError, match="no image we can read"):
        decode_image(EPS)
    assert not started.exists()


@pytest.mark.parametrize("kind", ["ICO", "ICNS", "PPM", "TGA", "PCX", "SGI", "DDS", "QOI"])
def test_only_the_named_formats_are_opened(kind: str) -> None:
    with pytest.raises(ImageError, match=f"no image we can read; send a {NAMED} file"):
        decode_image(saved(Image.new("RGB", (16, 16), "red"), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
def test_a_truncated_picture_is_refused_at_any_length(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    end = len(data) - 200 if kind in ("GIF", "TIFF", "AVIF") else len(data) // 2  # of those, little may be missing
    for length in range(0, end, max(1, len(data) // 40)):
        with pytest.raises(ImageError):
            decode_image(data[:length])


def test_scaling_a_large_picture_is_close_to_the_exact_filter() -> None:
    x = np.linspace(0, 255, 900, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(x, (1200, 1))] * 3, axis=-1))
    exact = np.asarray(to_rgb(image).resize((84, 112), Image.Resampling.BICUBIC), dtype=float)
    assert np.abs(scaled(image, (112, 84)) - exact).max() <= 2
