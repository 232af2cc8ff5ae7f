"""A photo is small when it is sent and looks as the service would see it; boxes of parts stay within it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from models import decode_image, read_pixels
from models.profiles import DISPLAY_P3, matrix_profile
from tests.tools.browser import needs_browser
from tests.tools.photos import photo
from tests.tools.shop import encoded

pytestmark = needs_browser
SEEN = (112, 112)
"""Height and width that an encoder takes."""
READ = """async ([text, type, box]) => {
    const { readPhoto, partOf, thumbnailCode, thumbnailFromCode } = await import("/photo.js");
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const read = await readPhoto(new File([bytes], "photo", { type }));
    const textOf = async (blob) => btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
    const part = box && (await partOf(read, box));
    const code = read.detail ? await thumbnailCode(read.blob) : "";
    return {
        sent: read.blob.size < 100000 ? await textOf(read.blob) : null,
        whole: read.blob.size === bytes.length,
        part: part && (await textOf(part)),
        code,
        thumbnail: code && (await textOf(thumbnailFromCode(code))),
    };
}"""


def read(page: Page, data: bytes, kind: str = "image/jpeg", box: list[float] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(READ, [base64.b64encode(data).decode(), kind, box])
    return {
        name: base64.b64decode(value) if name in ("sent", "part", "thumbnail") and value else value
        for name, value in found.items()
    }


def apart(one: bytes, other: bytes) -> float:
    """Return how far two pictures are apart as an encoder sees them, in levels of a colour."""
    return float(np.abs(read_pixels(one, SEEN).astype(int) - read_pixels(other, SEEN).astype(int)).mean())


def test_a_large_photo_becomes_a_small_file_that_looks_the_same(modules: Page) -> None:
    data = encoded(photo(3, 1_500, 2_000), "JPEG", quality=92)
    found = read(modules, data)
    assert len(found["sent"]) < 40_000
    assert decode_image(found["sent"]).size == (336, 448)
    assert apart(found["sent"], data) < 3


def test_a_photo_is_sent_upright(modules: Page) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo(4, 1_600, 1_200), "JPEG", exif=exif, quality=92)
    found = read(modules, data)
    assert decode_image(found["sent"]).size == (336, 448)
    assert apart(found["sent"], data) < 3


def test_what_is_transparent_is_white(modules: Page) -> None:
    image = Image.new("RGBA", (900, 900), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (300, 300, 600, 600))
    sent = decode_image(read(modules, encoded(image), "image/png")["sent"])
    assert sent.getpixel((20, 20)) == pytest.approx((255, 255, 255), abs=3)
    assert sent.getpixel((224, 224)) == pytest.approx((200, 30, 30), abs=8)


def test_colours_of_a_wider_profile_are_those_that_the_service_sees(modules: Page) -> None:
    image = Image.new("RGB", (900, 900), (200, 80, 60))
    image.paste((60, 160, 80), (0, 0, 450, 900))
    data = encoded(image, "PNG", icc_profile=matrix_profile(DISPLAY_P3))
    plain = encoded(image)
    assert apart(data, plain) > 5, "the profile changes nothing"
    assert apart(read(modules, data, "image/png")["sent"], data) < 3


def test_an_animation_is_its_first_frame(modules: Page) -> None:
    frames = [Image.new("RGB", (600, 600), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    sent = read(modules, data, "image/gif")
    pixel = decode_image(sent["sent"]).getpixel((50, 50))
    assert pixel == pytest.approx((255, 0, 0), abs=8)


def test_what_needs_no_scaling_or_cannot_be_read_goes_as_it_is(modules: Page) -> None:
    assert read(modules, encoded(photo(5, 120, 160), "JPEG"))["whole"]
    assert read(modules, b"no picture that a browser knows", "image/heic")["whole"]


def test_a_part_is_cut_from_the_photo_itself(modules: Page) -> None:
    image = Image.new("RGB", (2_000, 1_000), "white")
    for x in range(1_000, 2_000, 16):
        image.paste((0, 0, 0), (x, 0, x + 8, 1_000))
    found = read(modules, encoded(image, "JPEG", quality=92), box=[0.75, 0.25, 0.25, 0.5])
    assert decode_image(found["part"]).size == (336, 336)
    assert np.asarray(decode_image(found["part"])).std() > 60, "the stripes have become grey"


def test_a_thumbnail_fits_an_address_and_comes_back(modules: Page) -> None:
    found = read(modules, encoded(photo(6, 1_200, 1_600), "JPEG"))
    assert len(found["thumbnail"]) <= 1_500
    assert set(found["code"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert max(decode_image(found["thumbnail"]).size) == 64
    bad = """async (codes) => {
        const { thumbnailFromCode } = await import("/photo.js");
        return codes.map((code) => thumbnailFromCode(code) === null);
    }"""
    svg = base64.urlsafe_b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode().rstrip("=")
    assert all(modules.evaluate(bad, ["", "%%%", "AAAA", svg, "A" * 4_000]))


BOXES = """async () => {
    const boxesOf = await import("/crop_box.js");
    const { afterKey, boxFromText, isWhole, moved, resized, scaledBy, spanned, within, LEAST } = boxesOf;
    const boxes = [];
    let box = [0.4, 0.4, 0.3, 0.3];
    const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
    for (let step = 0; step < 400; step++) {
        box = afterKey(box, keys[(step * 7 + (step >> 4)) % 4], step % 3 === 0);
        boxes.push(box);
        const corner = ["start-start", "end-start", "start-end", "end-end"][step % 4];
        boxes.push(resized(box, corner, Math.sin(step) * 2, Math.cos(step) * 2), moved(box, Math.sin(step), 5));
        const [x, y] = [Math.abs(Math.sin(step)), Math.abs(Math.cos(step))];
        boxes.push(scaledBy(box, 0.01 + (step % 9)), spanned([x, 1], [0, y]));
    }
    return {
        boxes,
        least: LEAST,
        kept: resized([0.2, 0.2, 0.4, 0.4], "start-start", 0.1, -0.1),
        whole: [isWhole(null), isWhole([0, 0, 1, 1]), isWhole([0, 0, 1, 0.5])],
        other: afterKey([0.1, 0.1, 0.5, 0.5], "Enter", false),
        texts: ["0.1,0.2,0.5,0.5", "0,0,1,1", "", null, "a,b,c,d", "1,2,3", "0.9,0.9,0.5,0.5"].map(boxFromText),
        outside: within([-1, 2, 3, 0]),
    };
}"""


def test_boxes_stay_within_the_picture(modules: Page) -> None:
    found = modules.evaluate(BOXES)
    for left, top, width, height in found["boxes"]:
        assert left >= 0
        assert top >= 0
        assert left + width <= 1 + 1e-9
        assert top + height <= 1 + 1e-9
        assert min(width, height) >= found["least"]
    assert found["kept"] == [0.3, 0.1, 0.3, 0.5], "the opposite corner stays"
    assert found["whole"] == [True, True, False]
    assert found["other"] is None
    assert found["texts"] == [[0.1, 0.2, 0.5, 0.5], None, None, None, None, None, [0.5, 0.5, 0.5, 0.5]]
    assert found["outside"] == [0, 0.92, 1, 0.08]
