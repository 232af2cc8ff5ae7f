"""Files that browsers show and Pillow refuses are read: odd parts beside the picture, and an end that is missing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from common import ImageError
from models import decode_image, examine, read_pixels
from tests.tools.shop import draw, encoded, png_chunk

SIZE = (48, 36)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PHOTO = draw("red", "dress").resize((400, 300))


def with_chunk(data: bytes, name: bytes, body: bytes, check: int = 0) -> bytes:
    return data[:33] + png_chunk(name, body, check) + data[33:]


PNG = encoded(PHOTO, "PNG")
JPEG = encoded(PHOTO, "JPEG", quality=95)
LONG = zlib.compress(bytes(100_000_000), 1)
ODD_PNG = {
    "a text of 2 MB": with_chunk(PNG, b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000))),
    "a text of 100 MB": with_chunk(PNG, b"zTXt", b"Comment\0\0" + LONG),
    "a text in UTF-8 of 100 MB": with_chunk(PNG, b"iTXt", b"Comment\0\1\0\0\0" + LONG),
    "many long texts": with_chunk(PNG, b"tIME", bytes(7)).replace(b"IDAT", b"IDAT", 1)[:33]
    + 12 * png_chunk(b"zTXt", b"C\0\0" + zlib.compress(bytes(7_900_000)))
    + PNG[33:],
    "a text with a wrong check sum": with_chunk(PNG, b"tEXt", b"Comment\0hello", 1),
    "a profile of 100 MB": with_chunk(PNG, b"iCCP", b"icc\0\0" + LONG),
    "a profile that is no profile": with_chunk(PNG, b"iCCP", b"icc\0\0" + zlib.compress(b"x" * 5_000)),
    "a profile that does not inflate": with_chunk(PNG, b"iCCP", b"icc\0\0garbage"),
    "a profile coded in another way": with_chunk(PNG, b"iCCP", b"icc\0\7garbage"),
    "a gamma that is cut": with_chunk(PNG, b"gAMA", b"\0"),
    "primaries that are cut": with_chunk(PNG, b"cHRM", b"\0"),
    "a transparent colour that is cut": with_chunk(PNG, b"tRNS", b"\0"),
    "a density that is cut": with_chunk(PNG, b"pHYs", b"\0"),
    "EXIF that is none": with_chunk(PNG, b"eXIf", b"garbage"),
    "frames that are cut": with_chunk(PNG, b"acTL", b"\0"),
    "a private chunk with a wrong check sum": with_chunk(PNG, b"prVt", b"x", 1),
    "no end chunk": PNG[:-12],
    "an end chunk that is cut": PNG[:-7],
    "the last check sum missing": PNG[:-16],
    "garbage behind the end": PNG + b"garbage" * 1_000,
}


@pytest.mark.parametrize("what", ODD_PNG)
def test_a_png_with_odd_parts_is_the_picture_without_them(what: str) -> None:
    np.testing.assert_array_equal(read_pixels(ODD_PNG[what], SIZE), read_pixels(PNG, SIZE))


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segment(marker: int, body: bytes) -> bytes:
    return JPEG[:20] + segment(marker, body) + JPEG[20:]


ODD_JPEG = {
    "EXIF that is none": with_segment(0xE1, b"Exif\0\0garbage that is no TIFF at all"),
    "EXIF that is cut": with_segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x40"),
    "EXIF whose values lie beyond the end": with_segment(
        0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x1a\x01\5\0\1\0\0\0\xff\xff\xff\x7f\0\0\0\0"
    ),
    "EXIF with a density of 1/0": with_segment(
        0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x1a\x01\5\0\1\0\0\0\x1a\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
    ),
    "Photoshop's blocks, cut": with_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\xff\xff"),
    "a list of pictures that names none": with_segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "a list of pictures that is no list": with_segment(0xE2, b"MPF\0garbage"),
    "a profile of which a part is missing": with_segment(0xE2, b"ICC_PROFILE\0\1\2" + PROFILE[:300]),
    "a profile that is none": with_segment(0xE2, b"ICC_PROFILE\0\1\1garbage"),
    "JFIF that is cut": with_segment(0xE0, b"JFIF\0"),
    "Adobe's segment, cut": with_segment(0xEE, b"Adobe"),
    "bytes between the segments": JPEG[:20] + bytes(3) + b"junk" + JPEG[20:],
    "filling bytes": JPEG[:20] + b"\xff" * 9 + JPEG[20:],
    "no end marker": JPEG[:-2],
    "half an end marker": JPEG[:-1],
    "garbage behind the end": JPEG + b"garbage" * 1_000,
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("what", ODD_JPEG)
def test_a_jpeg_with_odd_parts_is_the_picture_without_them(what: str) -> None:
    np.testing.assert_array_equal(read_pixels(ODD_JPEG[what], SIZE), read_pixels(JPEG, SIZE))


WEBP = encoded(PHOTO, "WEBP")
EXIF = Image.Exif()
EXIF[0x010F] = "A maker of cameras"
ODD_OTHERS = {
    "a size that is too large": (WEBP[:4] + struct.pack("<I", len(WEBP) + 500) + WEBP[8:], WEBP),
    "a size that is too small": (WEBP[:4] + struct.pack("<I", len(WEBP) - 10) + WEBP[8:], WEBP),
    "EXIF that is cut": (encoded(PHOTO, "WEBP", exif=EXIF)[:-4], WEBP),
    "garbage behind the end": (WEBP + b"garbage", WEBP),
    "a GIF without its last byte": (encoded(PHOTO, "GIF")[:-1], encoded(PHOTO, "GIF")),
    "a BMP that claims no size": (b"BM" + bytes(4) + encoded(PHOTO, "BMP")[6:], PNG),
    "a BMP without its last bytes": (encoded(PHOTO, "BMP")[:-5], PNG),
}


@pytest.mark.parametrize("what", ODD_OTHERS)
def test_other_files_with_odd_parts_are_the_picture_without_them(what: str) -> None:
    odd, whole = ODD_OTHERS[what]
    differing = np.abs(read_pixels(odd, SIZE).astype(int) - read_pixels(whole, SIZE))
    assert differing.max() <= 2


@pytest.mark.parametrize("kind", ["WEBP", "BMP"])
def test_others_of_which_too_much_is_missing_are_refused(kind: str) -> None:
    data = noise(kind)
    assert decode_image(data[: int(0.97 * len(data))]).size == (400, 300)
    with pytest.raises(ImageError, match="damaged"):
        decode_image(data[: int(0.8 * len(data))])


def noise(kind: str, size: tuple[int, int] = (300, 400), **options: Any) -> bytes:
    grain = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    return encoded(Image.fromarray(grain), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_of_which_most_lines_came_is_read_and_one_of_which_less_came_is_not(kind: str) -> None:
    whole = noise(kind)
    cut = whole[: int(0.97 * len(whole))]
    seen, expected = decode_image(cut), decode_image(whole)
    assert seen.size == expected.size
    np.testing.assert_array_equal(np.asarray(seen)[:270], np.asarray(expected)[:270])
    assert examine(cut).is_repaired
    assert not examine(whole).is_repaired
    for share in (0.1, 0.5, 0.8):
        with pytest.raises(ImageError, match="damaged"):
            decode_image(whole[: int(share * len(whole))])


def test_a_progressive_picture_without_its_last_scan_is_read() -> None:
    whole = noise("JPEG", progressive=True)
    last = whole.rfind(b"\xff\xda")
    assert np.abs(np.asarray(decode_image(whole[: last + 50]), int) - np.asarray(decode_image(whole))).mean() < 25
    with pytest.raises(ImageError, match="damaged"):
        decode_image(whole[: whole.find(b"\xff\xda") + 500])


def test_a_picture_in_passes_is_not_read_in_part() -> None:
    image = decode_image(noise("PNG"))
    whole = encoded(image, "PNG")  # Pillow writes no interlaced PNG: the header alone says so here
    interlaced = whole[:28] + b"\1" + struct.pack(">I", zlib.crc32(whole[12:28] + b"\1")) + whole[33:]
    with pytest.raises(ImageError, match="damaged"):
        decode_image(interlaced[: int(0.97 * len(whole))])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_lines_of_less_than_a_byte_a_pixel_are_counted_right(bits: int) -> None:
    palette = Image.fromarray(np.random.default_rng(1).integers(0, 2**bits, (200, 203), dtype=np.uint8)).convert("P")
    data = encoded(palette, "PNG", bits=bits)
    assert decode_image(data[: int(0.95 * len(data))]).size == (203, 200)
    with pytest.raises(ImageError):
        decode_image(data[: int(0.8 * len(data))])


def test_no_repair_asks_for_more_than_the_picture() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"zTXt", b"C\0\0" + LONG) + PNG[33:]
    with pytest.raises(ImageError):
        decode_image(png)
    huge = JPEG[:20] + segment(0xE2, b"MPF\0garbage") + JPEG[20:]
    start = huge.index(b"\xff\xc0") + 5
    with pytest.raises(ImageError):
        decode_image(huge[:start] + b"\xff\xdc\xff\xdc" + huge[start + 4 :])


def test_pillow_s_own_limit_of_a_profile_is_that_of_printers() -> None:
    assert PngImagePlugin.MAX_TEXT_CHUNK == 8_000_000


def test_the_case_that_was_seen(tmp_path: Path) -> None:
    """A text of 2 MB in a PNG of 8 x 8 pixels: `Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK`."""
    data = with_chunk(
        encoded(Image.new("RGB", (8, 8), "red"), "PNG"), b"zTXt", b"T\0\0" + zlib.compress(bytes(2_000_000))
    )
    assert decode_image(data).getpixel((0, 0)) == (255, 0, 0)
