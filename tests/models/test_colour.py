"""Whatever samples, profiles and transparency a file has, the colours are those that a person sees in a browser."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageCms

from models import decode_image, examine, read_pixels
from models.bounds import Bounds
from models.colour import to_rgb
from models.images import read_picture
from models.profiles import BT2020, D65, DISPLAY_P3, SRGB, Primaries, matrix_profile
from tests.tools.shop import draw, encoded, png_chunk

ADOBE: Primaries = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO: Primaries = ((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
PROFILES = {
    "Display P3": matrix_profile(DISPLAY_P3),
    "Adobe RGB": matrix_profile(ADOBE, 2.2),
    "ProPhoto": matrix_profile(PROPHOTO, 1.8),
    "BT.2020": matrix_profile(BT2020),
}
SIZE = (48, 36)
PHOTO = draw("red", "dress").resize((180, 240))
"""Its red is in all those spaces."""


def converted(image: Image.Image, profile: bytes, mode: str = "RGB") -> Image.Image:
    """Return a picture in sRGB with its colours as a profile writes them."""
    to = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    result = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), to, intent, mode, flags=flags)
    assert result is not None
    result.info.clear()  # Pillow would save that profile
    return result


def differ(data: bytes, image: Image.Image = PHOTO) -> float:
    """Return by how much, of 255, what is read of a file differs from a picture in the mean."""
    expected = np.asarray(image.resize(SIZE[::-1], Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=float)
    return float(np.abs(read_pixels(data, SIZE) - expected).mean())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("name", PROFILES)
def test_colours_of_a_profile_become_srgb(name: str, kind: str) -> None:
    """A phone's Display P3 and a studio's ProPhoto found other products: scores from 0.94 and 0.87."""
    image = converted(PHOTO, PROFILES[name])
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    data = encoded(image, kind, icc_profile=PROFILES[name], **options)
    assert differ(data) < 1.5
    assert differ(encoded(image, kind, **options)) > 2.5, "the test would see nothing"
    assert examine(data).has_colours
    np.testing.assert_allclose(np.asarray(decode_image(data), float).mean(), np.asarray(PHOTO, float).mean(), atol=1.5)


def test_a_profile_that_is_srgb_changes_no_bit() -> None:
    plain = encoded(PHOTO, "PNG")
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), matrix_profile(SRGB)):
        data = encoded(PHOTO, "PNG", icc_profile=profile)
        np.testing.assert_array_equal(read_pixels(data, SIZE), read_pixels(plain, SIZE))
        assert not examine(data).has_colours


@pytest.mark.parametrize("profile", [b"x", b"x" * 5_000, PROFILES["Adobe RGB"][:300], bytes(128)])
def test_a_broken_profile_is_taken_for_srgb(profile: bytes) -> None:
    for kind in ("PNG", "JPEG"):
        plain, data = encoded(PHOTO, kind), encoded(PHOTO, kind, icc_profile=profile)
        np.testing.assert_array_equal(read_pixels(data, SIZE), read_pixels(plain, SIZE))


def test_a_profile_of_other_pictures_is_left_out() -> None:
    grey = PHOTO.convert("L")
    data = encoded(grey, "PNG", icc_profile=PROFILES["Adobe RGB"])
    np.testing.assert_array_equal(read_pixels(data, SIZE), read_pixels(encoded(grey, "PNG"), SIZE))


def grey_profile(gamma: float) -> bytes:
    """Return a profile of grey pictures with that gamma."""
    curve = struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63_190, 65_536, 54_061)
    table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, 16)
    size = 128 + len(table) + len(white) + len(curve)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"lcms", 0x04300000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return (head.ljust(68, b"\0") + white[8:]).ljust(128, b"\0") + table + white + curve


def test_grey_has_profiles_too() -> None:
    data = encoded(Image.new("L", (9, 9), 128), "PNG", icc_profile=grey_profile(1.0))  # linear light
    assert decode_image(data).getpixel((4, 4)) == pytest.approx((188, 188, 188), abs=2)


def test_palettes_and_transparency_go_with_profiles() -> None:
    profile = PROFILES["Adobe RGB"]
    image = converted(Image.new("RGB", (9, 9), (200, 40, 60)), profile)
    for mode in ("P", "RGBA"):
        data = encoded(image.quantize(4) if mode == "P" else image.convert("RGBA"), "PNG", icc_profile=profile)
        assert decode_image(data).getpixel((4, 4)) == pytest.approx((200, 40, 60), abs=2)
    clear = image.convert("RGBA")
    clear.putalpha(0)
    assert decode_image(encoded(clear, "PNG", icc_profile=profile)).getpixel((4, 4)) == (255, 255, 255)
    kept = read_picture(encoded(clear, "PNG", icc_profile=profile), (3, 3), Bounds(), transparent=True)
    assert (kept.mode, kept.getpixel((1, 1))[3]) == ("RGBA", 0)  # type: ignore[index]


def test_lab_pictures_are_read() -> None:
    """The answer was `conversion from LAB to RGB not supported`."""
    lab = ImageCms.profileToProfile(
        PHOTO, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert differ(encoded(lab, "TIFF")) < 3


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    return data[:33] + b"".join(chunks) + data[33:]


def chromaticities(primaries: Primaries) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(part * 100_000) for point in primaries for part in point)))


@pytest.mark.parametrize(
    ("name", "chunks"),
    [
        ("Display P3", [png_chunk(b"cICP", bytes((12, 13, 0, 1)))]),
        ("BT.2020", [png_chunk(b"cICP", bytes((9, 13, 0, 1)))]),
        ("Adobe RGB", [png_chunk(b"gAMA", struct.pack(">I", 45_455)), chromaticities(ADOBE)]),
        ("Display P3", [chromaticities(DISPLAY_P3)]),
    ],
)
def test_colours_that_a_png_declares_become_srgb(name: str, chunks: Sequence[bytes]) -> None:
    data = encoded(converted(PHOTO, PROFILES[name]), "PNG")
    assert differ(with_chunks(data, *chunks)) < 1.5
    assert differ(with_chunks(data, png_chunk(b"sRGB", b"\0"), *chunks)) < 1.5 or chunks[0][4:8] != b"cICP"


@pytest.mark.parametrize(
    "chunks",
    [
        [png_chunk(b"gAMA", struct.pack(">I", 45_455))],
        [png_chunk(b"sRGB", b"\0"), chromaticities(ADOBE)],
        [chromaticities(SRGB)],
        [chromaticities(((0.3, 0.3), (0.2, 0.2), (0.2, 0.2), (0.2, 0.2)))],
        [png_chunk(b"cHRM", bytes(32))],
        [png_chunk(b"cICP", bytes((1, 13, 0, 1)))],
        [png_chunk(b"cICP", bytes((12, 16, 0, 1)))],
    ],
)
def test_declarations_of_srgb_and_odd_ones_change_no_bit(chunks: Sequence[bytes]) -> None:
    data = encoded(PHOTO, "PNG")
    np.testing.assert_array_equal(read_pixels(with_chunks(data, *chunks), SIZE), read_pixels(data, SIZE))


def test_colours_that_an_avif_declares_become_srgb() -> None:
    data = bytearray(encoded(converted(PHOTO, PROFILES["Display P3"]), "AVIF", quality=95))
    place = data.index(b"colrnclx") + 8
    assert differ(bytes(data)) > 2
    data[place : place + 4] = struct.pack(">HH", 12, 13)
    assert differ(bytes(data)) < 2


def test_transparent_colours_of_sixteen_bits_are_transparent() -> None:
    """A transparent white of a grey PNG with 16 bits a sample was black or left out."""
    grey = Image.fromarray(np.full((4, 4), 3_000, dtype=np.uint16))
    data = encoded(grey, "PNG")
    clear = data[:33] + png_chunk(b"tRNS", struct.pack(">H", 3_000)) + data[33:]
    assert decode_image(clear).getpixel((1, 1)) == (255, 255, 255)
    other = data[:33] + png_chunk(b"tRNS", struct.pack(">H", 3_001)) + data[33:]
    assert decode_image(other).getpixel((1, 1)) == (11, 11, 11)


def test_a_transparent_colour_of_an_rgb_png_with_sixteen_bits_is_transparent() -> None:
    lines = b"".join(b"\0" + struct.pack(">3H", 0xFF00, 0x1234, 0x0001) * 4 for _ in range(4))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    clear = png_chunk(b"tRNS", struct.pack(">3H", 0xFF00, 0x1234, 0x0001))
    data = b"\x89PNG\r\n\x1a\n" + head + clear + png_chunk(b"IDAT", zlib.compress(lines)) + png_chunk(b"IEND", b"")
    assert decode_image(data).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), (0, 128, 255)),
        (np.array([[0.0, 128.0, 255.0]], np.float32), (0, 128, 255)),
        (np.array([[0.0, 32_896.0, 65_535.0]], np.float32), (0, 128, 255)),
        (np.array([[-2.0, 0.0, 2.0]], np.float32), (0, 128, 255)),
        (np.array([[0, 128, 255]], np.int32), (0, 128, 255)),
        (np.array([[0, 32_896, 65_535]], np.int32), (0, 128, 255)),
        (np.array([[0, 2**30, 2**31 - 1]], np.int32), (0, 128, 255)),
        (np.array([[0, 32_896, 65_535]], np.uint16), (0, 128, 255)),
    ],
)
def test_samples_of_more_than_eight_bits_keep_their_shades(samples: np.ndarray, expected: tuple[int, ...]) -> None:
    """32 bits a sample and parts of one became black."""
    image = decode_image(encoded(Image.fromarray(samples), "TIFF"))
    assert [image.getpixel((x, 0))[0] for x in range(3)] == pytest.approx(expected, abs=1)  # type: ignore[index]


def test_samples_without_a_number_are_black() -> None:
    samples = np.array([[np.nan, 0.5, 1.0]], np.float32)
    assert to_rgb(Image.fromarray(samples)).size == (3, 1)


def test_every_mode_lies_on_white_alike() -> None:
    cut_out = PHOTO.convert("RGBA")
    cut_out.putalpha(Image.radial_gradient("L").resize(PHOTO.size))
    expected = read_pixels(encoded(cut_out, "PNG"), SIZE).astype(int)
    for data in (encoded(cut_out, "WEBP", lossless=True, exact=True), encoded(cut_out, "TIFF")):
        assert np.abs(read_pixels(data, SIZE) - expected).max() <= 1
    assert np.abs(read_pixels(encoded(cut_out, "AVIF", quality=95), SIZE) - expected).mean() < 2
    premultiplied, grey = cut_out.convert("RGBa"), cut_out.convert("LA")
    for image, alike in ((premultiplied, cut_out), (grey.convert("La"), grey)):
        np.testing.assert_allclose(np.asarray(to_rgb(image), int), np.asarray(to_rgb(alike), int), atol=3)
