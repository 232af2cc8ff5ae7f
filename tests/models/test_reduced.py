"""A large picture is read at the size that is needed, and looks as if read whole; memory bounds the rest."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from common import ImageError
from models import decode_image, examine, read_pixels, scaled, to_rgb
from models.bounds import Bounds, LaterError
from models.decoder_process import DONE, JPEG, LARGE, REFUSED, WEBP, decode
from models.images import read_picture, read_reduced
from models.picture_kinds import HEIF, KINDS, kind_of, prepare_decoder
from tests.tools.shop import draw, encoded, png_chunk

SIZE = (48, 36)
PHOTO = draw("red", "dress")


def saved(image: Image.Image, kind: str, turn: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    return encoded(image, kind, exif=exif.tobytes() if kind == "HEIF" else exif, **options)


def photo(width: int, height: int) -> Image.Image:
    """Return the dress with a mark in one corner, so that a wrong turn is seen."""
    image = PHOTO.resize((width, height), Image.Resampling.BICUBIC)
    image.paste((20, 30, 200), (0, 0, width // 4, height // 8))
    return image


def whole(data: bytes, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return what decoding everything and scaling it then comes to."""
    with Image.open(io.BytesIO(data)) as image:
        return scaled(to_rgb(ImageOps.exif_transpose(image)), size).astype(int)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("shape", [(1_203, 1_601), (1_999, 701), (300, 2_999)])
def test_a_jpeg_is_read_smaller_and_looks_the_same(shape: tuple[int, int], turn: int) -> None:
    data = saved(photo(*shape), "JPEG", turn, quality=92)
    differing = np.abs(read_pixels(data, SIZE) - whole(data))
    assert differing.mean() < 0.8
    assert differing.max() < 25, "an edge is elsewhere"


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_jpeg_is_read_smaller(mode: str, options: dict[str, Any]) -> None:
    data = saved(photo(900, 1_200).convert(mode), "JPEG", quality=92, **options)
    assert np.abs(read_pixels(data, SIZE) - whole(data)).mean() < 0.8


def test_several_pictures_in_one_file_are_the_first() -> None:
    data = saved(photo(900, 1_200), "MPO", save_all=True, append_images=[draw("blue", "bag")])
    assert np.abs(read_pixels(data, SIZE) - whole(data)).mean() < 0.8


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_jpeg_2000_is_read_smaller_and_looks_the_same(mode: str) -> None:
    for size, options in (((1_203, 901), {}), ((1_216, 896), {}), ((1_216, 896), {"num_resolutions": 2})):
        file = io.BytesIO()
        photo(*size).convert(mode).save(file, "JPEG2000", **options)
        assert np.abs(read_pixels(file.getvalue(), SIZE) - whole(file.getvalue())).mean() < 2.5


def test_a_thumbnail_is_read_whole() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = saved(PHOTO.resize((60, 80)), kind)
        np.testing.assert_array_equal(read_pixels(data, (112, 84)), whole(data, (112, 84)))
        np.testing.assert_array_equal(read_pixels(data, SIZE), whole(data))


def test_a_photo_of_200_megapixels_takes_little_memory() -> None:
    """Phones take 16320 x 12240; it was refused at 50 million pixels."""
    data = grey_jpeg(16_320, 12_240)
    assert read_picture(data, SIZE, Bounds(max_bytes=32_000_000)).getpixel((9, 9)) == (128, 128, 128)
    with pytest.raises(ImageError, match=r"16320x12240 pixels; at most 100,000,000 are allowed"):
        read_picture(data, SIZE, Bounds(100_000_000))


def grey_jpeg(width: int, height: int) -> bytes:
    """Return a grey JPEG of that size, whose blocks all have the code of a small one."""
    small = saved(Image.new("L", (64, 64), 128), "JPEG")
    frame, scan = small.index(b"\xff\xc0"), small.index(b"\xff\xda")
    start = scan + 2 + int.from_bytes(small[scan + 2 : scan + 4], "big")
    header = small[: frame + 5] + struct.pack(">HH", height, width) + small[frame + 9 : start]
    # A block of zeros is six bits in the tables of libjpeg: 00 for the average, 1010 for the end.
    blocks = -(-width // 8) * -(-height // 8)
    return header + bytes([0b00101000, 0b10100010, 0b10001010]) * (blocks // 4 + 1) + b"\xff\xd9"


def png(width: int, height: int, lines: int) -> bytes:
    """Return a black PNG that claims that size, with so many lines in it."""
    stream = zlib.compressobj(1)
    body = b"".join(stream.compress(bytes(1 + 3 * width)) for _ in range(lines)) + stream.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def test_what_cannot_be_read_smaller_is_bounded_by_memory() -> None:
    """The error names the memory, and its advice is right: the same as JPEG is read."""
    wide = png(3_000, 2_000, 2_000)
    with pytest.raises(ImageError, match=r"takes 24 MB of memory.*; at most 20 MB are allowed: .*baseline JPEG"):
        read_picture(wide, SIZE, Bounds(max_bytes=20_000_000))
    assert read_picture(saved(decode_image(wide), "JPEG"), SIZE, Bounds(max_bytes=20_000_000)).size == SIZE[::-1]
    with pytest.raises(LaterError):
        read_picture(wide, SIZE, Bounds(max_bytes=30_000_000, bytes_now=20_000_000))


@pytest.mark.parametrize(
    "bomb",
    [
        png(50_000, 50_000, 9),
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\2\2\x44\1\0;",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 1, 1, 0, 0),
        b"\xff\x4f\xff\x51"
        + struct.pack(">HHIIIIIIIIH", 41, 0, 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0, 1)
        + b"\7\1\1",
    ],
    ids=["PNG", "GIF", "BMP", "JPEG 2000"],
)
def test_a_bomb_is_refused_by_its_header(bomb: bytes) -> None:
    with pytest.raises(ImageError, match=r"pixels"):
        read_pixels(bomb, SIZE)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_kind_is_turned_once(kind: str, turn: int) -> None:
    prepare_decoder(HEIF)
    image = photo(160, 120)
    upright = {1: image, 3: image.rotate(180), 6: image.rotate(-90, expand=True), 8: image.rotate(90, expand=True)}
    options = {} if kind in ("PNG", "TIFF") else {"quality": 95}
    seen = decode_image(saved(image, kind, turn, **options))
    assert seen.size == upright[turn].size
    assert np.abs(np.asarray(seen, int) - np.asarray(upright[turn])).mean() < 6
    small = read_reduced(saved(image, kind, turn, **options), (40, 40), Bounds(), transparent=False)
    assert small.size == ((40, 30) if turn in (1, 3) else (30, 40))
    if kind not in ("AVIF", "HEIF"):  # their decoders turn the picture themselves
        assert examine(saved(image, kind, turn, **options)).is_turned == (turn != 1)


def test_an_iphone_s_picture_is_read() -> None:
    prepare_decoder(HEIF)
    data = saved(PHOTO, "HEIF", quality=95)
    assert kind_of(data) is HEIF
    assert np.abs(read_pixels(data, SIZE) - scaled(PHOTO, SIZE).astype(int)).mean() < 3
    for length in (100, len(data) // 2):
        with pytest.raises(ImageError):
            decode_image(data[:length])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_is_its_first_frame(kind: str) -> None:
    data = saved(PHOTO, kind, save_all=True, append_images=[draw("blue", "bag")] * 2)
    assert np.abs(read_pixels(data, SIZE) - scaled(PHOTO, SIZE).astype(int)).mean() < 4


def test_the_bytes_alone_tell_the_kind() -> None:
    prepare_decoder(HEIF)
    for kind in KINDS:
        file = io.BytesIO()
        PHOTO.save(file, kind.decoder)
        assert kind_of(file.getvalue()) is kind
    assert kind_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") is KINDS[3]
    assert kind_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf") is HEIF
    assert kind_of(b"\0\0\0\x1cftypmp42\0\0\0\0mp42isom....") is None


def test_a_picture_for_a_browser_is_smaller_upright_and_says_nothing_else() -> None:
    cut_out = photo(800, 600).convert("RGBA")
    cut_out.paste((0, 0, 0, 0), (400, 0, 800, 600))
    data = saved(cut_out, "PNG", 6)
    for form, mode, clear in ((WEBP, "RGBA", 0), (JPEG, "RGB", 255)):
        status, body = decode(data, (10_000, 150), Bounds(), form)
        assert status == DONE
        with Image.open(io.BytesIO(body)) as image:
            assert (image.size, image.mode) == ((150, 200), mode)
            assert image.getpixel((75, 180))[-1] == clear  # type: ignore[index]
            assert not dict(image.getexif())
            assert "icc_profile" not in image.info
    status, body = decode(data, (10_000, 10_000), Bounds(), JPEG)
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (600, 800), "never larger than it is"
    assert decode(b"none", (9, 9), Bounds(), WEBP)[0] == REFUSED
    assert decode(data, (9, 9), Bounds(bytes_now=1_000), WEBP) == (LARGE, b"")
