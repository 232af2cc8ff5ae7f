"""What is given out of a picture has its pixels and its orientation, and says nothing of places, times and people."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from app.http.metadata import without_metadata
from common import ImageError
from models.picture_kinds import HEIF, prepare_decoder
from tests.app.helpers import opened
from tests.tools.shop import draw, encoded

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BIGTIFF", "AVIF", "HEIF", "GIF", "BMP", "JPEG2000")
PLAIN = ("GIF", "BMP", "JPEG2000")
"""Kinds whose EXIF and profiles Pillow does not write."""
SECRET = b"Rue de la Paix"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>48,52.1N</exif:GPSLatitude>' + SECRET + b"</x:xmpmeta>"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(kind: str, orientation: int = 6, **more: Any) -> bytes:
    """Return a picture with a place, an author and an orientation, in all the ways that its kind has."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 52.0, 10.0), 3: "E", 4: (2.0, 19.0, 0.0), 27: SECRET})
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + SECRET
    options: dict[str, Any] = {"exif": exif, "icc_profile": PROFILE, "xmp": XMP, "comment": SECRET}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        info.add_text("Author", SECRET.decode())
        info.add_text("Comment", SECRET.decode() * 9, zip=True)
        options = {"exif": exif, "icc_profile": PROFILE, "pnginfo": info}
    if kind == "HEIF":
        options["exif"] = exif.tobytes()
        prepare_decoder(HEIF)
    if kind == "BIGTIFF":
        kind, options["big_tiff"] = "TIFF", True
    if kind in PLAIN:
        options = {"comment": SECRET} if kind != "BMP" else {}
    return encoded(draw("red", "shoes"), kind, **options, **more)


def seen(data: bytes) -> np.ndarray:
    """Return the upright pixels."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("kind", KINDS)
def test_places_and_names_are_taken_out_and_the_pixels_stay(kind: str) -> None:
    """Pictures were given out with their EXIF, place included."""
    data = photo(kind)
    if kind != "BMP":
        assert SECRET in data
    given_out = without_metadata(data)
    assert SECRET not in given_out
    assert b"GPSLatitude" not in given_out
    np.testing.assert_array_equal(seen(given_out), seen(data))
    with Image.open(io.BytesIO(given_out)) as image:
        assert not image.getexif().get_ifd(0x8825)
        if kind not in PLAIN:
            assert image.info["icc_profile"] == PROFILE
            assert dict(image.getexif()).get(0x013B) is None
    assert without_metadata(given_out) == given_out


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BIGTIFF", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 3, 8])
def test_it_is_still_shown_upright(kind: str, orientation: int) -> None:
    data = photo(kind, orientation)
    np.testing.assert_array_equal(seen(without_metadata(data)), seen(data))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_still_moves(kind: str) -> None:
    frames = [draw("blue", "bag"), draw("green", "bag")]
    data = photo(kind, 1, save_all=True, append_images=frames, duration=100, loop=0)
    given_out = without_metadata(data)
    assert SECRET not in given_out
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(given_out)) as after:
        assert after.n_frames == before.n_frames == 3  # type: ignore[attr-defined]
        for frame in range(3):
            before.seek(frame)
            after.seek(frame)
            assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_is_walked_in_its_byte_order_and_sizes(order: str, big: bool) -> None:
    """BigTIFF was given out as it was."""
    count, size = ("Q", "Q") if big else ("H", "I")
    width = struct.calcsize(size)

    def directory(*entries: tuple[int, int, int, bytes]) -> bytes:
        rows = [struct.pack(f"{order}HH{size}{width}s", *entry) for entry in entries]
        return struct.pack(order + count, len(rows)) + b"".join(rows) + bytes(width)

    def at(place: int) -> bytes:
        return struct.pack(order + size, place)

    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    head += (struct.pack(f"{order}HH", 8, 0) if big else b"") + at(16)
    head = head.ljust(16, b"\0")
    wide = (0x0100, 3, 1, struct.pack(f"{order}H", 7))
    places = 16 + len(directory(wide, wide, wide))
    texts = places + len(directory(wide))
    author = (0x013B, 2, len(SECRET), at(texts))
    position = (0x8825, 4, 1, struct.pack(f"{order}I", places))
    tagged = head + directory(wide, author, position) + directory((27, 7, len(SECRET), at(texts + len(SECRET))))
    data = tagged + 2 * SECRET
    assert without_metadata(data) == (head + directory(wide)).ljust(len(data), b"\0")


def test_progressive_pictures_and_other_colours_stay_as_they_are() -> None:
    for image, options in (
        (draw("red", "bag"), {"progressive": True}),
        (draw("red", "bag").convert("CMYK"), {}),
        (draw("red", "bag"), {"restart_marker_blocks": 2}),
    ):
        data = encoded(image, "JPEG", **options)
        with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(without_metadata(data))) as after:
            assert before.tobytes() == after.tobytes()


def test_what_comes_after_the_picture_goes() -> None:
    """Phones put further pictures and films there, each with a place."""
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        assert SECRET not in without_metadata(photo(kind) + SECRET)
    two = encoded(draw("red", "bag"), "MPO", save_all=True, append_images=[draw("blue", "bag")])
    assert without_metadata(two).count(b"\xff\xd8\xff") == 1


def test_a_broken_picture_says_nothing_more_than_a_whole_one() -> None:
    for kind in KINDS:
        data = photo(kind)
        for length in range(0, len(data), max(1, len(data) // 50)):
            with suppress(ImageError):
                assert SECRET not in without_metadata(data[:length])
        if kind in ("JPEG", "PNG", "WEBP", "GIF"):
            assert len(without_metadata(data[: len(data) // 2])) > len(data) // 5


@settings(max_examples=150)
@given(st.sampled_from(KINDS), st.data())
def test_any_bytes_are_walked_in_time(kind: str, data: st.DataObject) -> None:
    file = bytearray(photo(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        without_metadata(bytes(file))


def test_boxes_that_say_more_than_the_picture_go() -> None:
    data = photo("JPEG2000")
    box = struct.pack(">I4s", 8 + len(SECRET), b"xml ") + SECRET
    code = data[data.index(b"\xff\x4f\xff\x51") :]
    for mixed in (data[:12] + data[12:32] + box + data[32:], code):
        assert SECRET in mixed
        given_out = without_metadata(mixed)
        assert SECRET not in given_out
        np.testing.assert_array_equal(seen(given_out), seen(mixed))


def test_a_loop_of_directories_ends() -> None:
    assert without_metadata(b"II*\0" + struct.pack("<IHHHIII", 8, 1, 256, 3, 1, 1, 8))


def test_parts_over_parts_are_not_walked_for_ever() -> None:
    directories = b"".join(struct.pack("<HI", 60_000, 8 + 6 * number) for number in range(1, 200_000))
    with pytest.raises(ImageError, match=r"over each other|unpack"):
        without_metadata(b"II*\0" + struct.pack("<I", 8) + directories)


def test_a_text_in_an_unknown_chunk_goes() -> None:
    data = encoded(draw("red", "bag"))
    chunk = b"prIv" + SECRET
    mixed = data[:33] + struct.pack(">I", len(SECRET)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    assert without_metadata(mixed) == data


def test_a_picture_is_kept_as_it_was_sent_and_given_out_without_its_place(live_folder: Path) -> None:
    data = photo("JPEG")
    with opened(live_folder) as client:
        put = client.put("/v1/products/p", files={"image": ("x", data)}, data={"title": "Red Shoes"})
        assert put.status_code == 201
        given_out = client.get("/v1/products/p/image")
        assert given_out.content == without_metadata(data)
        assert given_out.headers["content-type"] == "image/jpeg"
        # The same change again is none: what is stored is what was sent.
        again = client.put("/v1/products/p", files={"image": ("x", data)}, data={"title": "Red Shoes"})
        assert (again.status_code, again.headers["etag"]) == (200, put.headers["etag"])
        assert given_out.headers["cache-control"] == "public, max-age=60"
    with opened(live_folder, picture_metadata="keep") as client:
        assert client.get("/v1/products/p/image").content == data


def test_what_needs_a_key_is_in_no_cache_that_others_share(live_folder: Path) -> None:
    """Pictures were `public, max-age=3600` with VITRINE_READS=keyed: a shared cache could give them to anybody."""
    with opened(live_folder, reads="keyed") as client:
        picture = client.get("/v1/products/1000/image")
        assert picture.headers["cache-control"] == "private, no-cache"
        known = client.get("/v1/products/1000/image", headers={"if-none-match": picture.headers["etag"]})
        assert (known.status_code, known.headers["cache-control"]) == (304, "private, no-cache")
        for path in ("/v1/products/1000", "/v1/facets", "/v1/models"):
            assert client.get(path).headers["cache-control"] == "private, no-cache"
