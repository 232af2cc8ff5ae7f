"""A part of a picture is what one sees there, however the file is stored; it is read as large as the part needs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from models.bounds import Bounds, LaterError
from models.crop import WHOLE, Crop
from models.images import read_picture
from models.upright import scaled
from models.windows import MAX_WINDOWS, WINDOWED, windowed, windows
from tests.models.test_reduced import photo, saved
from tests.tools.shop import draw, encoded

SIZE = (48, 36)
PART = Crop(0.25, 0.1, 0.5, 0.3)


def cut(data: bytes, crop: Crop) -> np.ndarray:
    """Return what decoding everything, cutting and scaling it then comes to."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    width, height = upright.size
    box = crop.within((0.0, 0.0, float(width), float(height)))
    left, top, right, bottom = (round(side) for side in box)
    return scaled(upright.crop((left, top, right, bottom)), SIZE).astype(int)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize(("shape", "kind"), [((1_203, 1_601), "JPEG"), ((1_999, 701), "JPEG"), ((300, 400), "PNG")])
def test_a_part_is_what_one_sees_there(shape: tuple[int, int], kind: str, turn: int) -> None:
    data = saved(photo(*shape), kind, turn)
    seen = np.asarray(read_picture(data, SIZE, crop=PART)).astype(int)
    differing = np.abs(seen - cut(data, PART))
    assert differing.mean() < 1.5
    assert differing.mean() < np.abs(seen - cut(data, WHOLE)).mean() / 4, "another part"


def test_all_of_it_is_no_part() -> None:
    data = saved(photo(1_203, 1_601), "JPEG", 6)
    assert read_picture(data, SIZE, crop=Crop(0, 0, 1, 1)).tobytes() == read_picture(data, SIZE).tobytes()


def test_a_small_part_of_a_large_photo_is_sharp() -> None:
    """Reduced for the whole, a JPEG of this size has one grey where the part has stripes."""
    image = Image.new("RGB", (1_600, 1_600), "white")
    for x in range(0, 1_600, 16):
        ImageDraw.Draw(image).rectangle((x, 0, x + 7, 1_600), fill="black")
    data = encoded(image, "JPEG", quality=92)
    seen = np.asarray(read_picture(data, (64, 64), crop=Crop(0.45, 0.45, 0.1, 0.1)))
    assert seen.std() > 100
    assert np.asarray(read_picture(data, (64, 64))).std() < 60


def test_a_part_takes_no_more_memory_than_it_may() -> None:
    """Read at the size that so small a part would need, this photo is beyond the limit."""
    data = saved(photo(3_000, 4_000), "JPEG", quality=80)
    bounds = Bounds(max_bytes=20_000_000)
    assert read_picture(data, SIZE, bounds, crop=Crop(0.4, 0.4, 0.02, 0.02)).size == SIZE[::-1]
    assert read_picture(data, SIZE, Bounds(bytes_now=20_000_000), crop=Crop(0.4, 0.4, 0.02, 0.02)).size == SIZE[::-1]
    with pytest.raises(LaterError):
        read_picture(encoded(photo(3_000, 4_000)), SIZE, Bounds(bytes_now=20_000_000), crop=PART)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (12, 12), (640, 640), (480, 640), (640, 213), (90, 640)])
def test_windows_are_few_within_the_picture_and_cover_it(size: tuple[int, int]) -> None:
    spots = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)  # a ground that is not plain
    found = windows(Image.fromarray(spots).resize(size, Image.Resampling.BICUBIC))
    assert found[0] == WHOLE
    assert 2 < len(found) <= MAX_WINDOWS
    covered = np.zeros((50, 50), dtype=bool)
    for left, top, width, height in found[1:]:
        assert left >= 0
        assert top >= 0
        assert left + width <= 1 + 1e-9
        assert top + height <= 1 + 1e-9
        covered[int(50 * top + 0.5) : int(50 * (top + height)), int(50 * left + 0.5) : int(50 * (left + width))] = True
    assert covered.mean() > 0.9


def test_things_on_a_plain_ground_have_windows_of_their_own() -> None:
    canvas = Image.new("RGB", (600, 400), (236, 232, 226))
    places = {"dress": (20, 30), "shoes": (240, 200), "watch": (450, 60)}
    for kind, place in places.items():
        thing = draw("blue", kind)
        canvas.paste(thing, place, thing.convert("L").point(lambda level: 255 * (level < 250)))
    found = windows(canvas)[1:4]
    for (left, top), kind in zip(places.values(), places, strict=True):
        middle = ((left + 60) / 600, (top + 90) / 400)
        assert any(
            box.left < middle[0] < box.left + box.width
            and box.top < middle[1] < box.top + box.height
            and box.width < 0.25
            for box in found
        ), kind


def test_the_pixels_of_a_window_are_those_of_that_part() -> None:
    picture = photo(480, 640)
    data = encoded(picture)
    for window, pixels in [*windowed(picture, SIZE)][::7]:
        seen = np.frombuffer(pixels, dtype=np.uint8).reshape(*SIZE, 3).astype(int)
        assert np.abs(seen - np.asarray(read_picture(data, SIZE, crop=window)).astype(int)).mean() < 4
    assert max(picture.size) <= max(WINDOWED)
