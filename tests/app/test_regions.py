"""The things in a picture are found: where each is, what it is called, and with a vector that finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.query.regions import Neighbours, choose, overlap, speaking_attribute
from models import MAX_WINDOWS, Crop
from tests.tools.shop import IMAGES, DrawnEncoder, ask, data_uri, draw, encoded, error_of, shop_open

REGIONS = "/v1/regions"
THINGS = (("red", "dress"), ("blue", "watch"), ("green", "bag"))


def collage(width: int, height: int, places: list[tuple[int, int]], things: Any = THINGS) -> Image.Image:
    canvas = Image.new("RGB", (width, height), "white")
    for (colour, kind), place in zip(things, places, strict=True):
        canvas.paste(draw(colour, kind), place)
    return canvas


COLLAGES = {
    "in a row": collage(480, 200, [(10, 20), (170, 20), (340, 20)]),
    "in a column": collage(160, 560, [(20, 10), (20, 190), (20, 380)]),
    "in corners": collage(420, 420, [(10, 10), (290, 20), (150, 250)]),
}


def found_in(client: httpx.Client, image: Image.Image) -> list[dict[str, Any]]:
    answer = client.post(REGIONS, content=encoded(image), headers={"content-type": "image/png"})
    assert answer.status_code == 200, answer.text
    regions: list[dict[str, Any]] = answer.json()["regions"]
    return regions


@pytest.mark.parametrize("name", COLLAGES)
def test_every_thing_of_a_collage_is_found_and_named(client: httpx.Client, name: str) -> None:
    regions = found_in(client, COLLAGES[name])
    assert {one["label"] for one in regions} >= {kind.title() for _, kind in THINGS}
    assert {one["attribute"] for one in regions} == {"articleType"}
    assert len(regions) <= 6
    for colour, kind in THINGS:
        region = next(one for one in regions if one["label"] == kind.title())
        by_vector = ask(client, IMAGES, vector=region["vector"])["results"][0]["attributes"]
        by_crop = ask(client, IMAGES, image=data_uri(COLLAGES[name]), crop=region["box"])["results"][0]["attributes"]
        assert (by_vector["articleType"], by_vector["baseColour"]) == (kind.title(), colour.title())
        assert by_crop == by_vector


def test_a_photo_of_one_thing_is_one_region(client: httpx.Client) -> None:
    (region,) = found_in(client, draw("blue", "shoes"))
    assert region["label"] == "Shoes"
    assert region["score"] > 0.9


def test_nothing_on_white_is_the_whole_picture(client: httpx.Client) -> None:
    (region,) = found_in(client, Image.new("RGB", (300, 300), "white"))
    assert region["box"] == [0, 0, 1, 1]


def test_a_picture_may_come_in_any_way_and_a_wrong_one_is_told(client: httpx.Client) -> None:
    image = COLLAGES["in a row"]
    alone = found_in(client, image)
    assert client.post(REGIONS, files={"image": ("a.png", encoded(image))}).json()["regions"] == alone
    assert ask(client, REGIONS, image=data_uri(image))["regions"] == alone
    error_of(client.post(REGIONS, json={}), 422, "invalid_request")
    error_of(client.post(REGIONS, json={"image": data_uri(image), "k": 3}), 422, "invalid_request")
    error_of(client.post(REGIONS, files={"image": ("a", b"no picture")}), 422, "bad_image")
    error_of(client.post(REGIONS, content=b"x", headers={"content-type": "text/plain"}), 415, "unsupported_media_type")


def test_windows_go_through_the_encoder_in_batches(folder: Path) -> None:
    encoder = DrawnEncoder()
    with shop_open(folder, encoder, max_batch=8) as client:
        found_in(client, COLLAGES["in corners"])
    assert max(encoder.pixel_batches) <= 8
    assert sum(encoder.pixel_batches) <= MAX_WINDOWS


def test_names_come_from_the_attribute_that_says_most() -> None:
    def near(*kinds: str, **same: str) -> list[dict[str, str]]:
        return [{"Art": kind, **same} for kind in kinds]

    windows = [near("Hose", "Hose", "Hemd", shop="here"), near("Schuh", "Schuh", "Schuh", shop="here")]
    assert speaking_attribute(windows) == "Art"
    assert speaking_attribute([[{"shop": "here"}] * 3] * 2) is None
    assert speaking_attribute([[], []]) is None
    assert speaking_attribute([near("Hose", articleType="Jeans")]) == "articleType"


def test_regions_do_not_overlap_and_an_empty_catalogue_names_nothing() -> None:
    assert overlap(Crop(0, 0, 0.5, 0.5), Crop(0.1, 0.1, 0.5, 0.5))
    assert overlap(Crop(0, 0, 1, 1), Crop(0.4, 0.4, 0.2, 0.2)), "one inside the other"
    assert not overlap(Crop(0, 0, 0.5, 0.5), Crop(0.5, 0, 0.5, 0.5))
    assert not overlap(Crop(0, 0, 0.5, 1), Crop(0.4, 0, 0.5, 1))
    boxes = [Crop(), Crop(0, 0, 0.5, 0.5)]
    nobody = [Neighbours(np.empty(0, np.float32), np.empty((0, 4), np.float32), [])] * 2
    (region,) = choose(boxes, np.zeros((2, 4, 4, 3), np.uint8), np.eye(2, 4, dtype=np.float32), nobody)
    assert (region.box, region.label, region.score) == (Crop(), None, 0.0)


def test_a_picture_with_as_many_windows_as_there_may_be_is_read(folder: Path) -> None:
    """Its answer was a byte longer than what was taken of a process that decodes."""
    encoder = DrawnEncoder()
    noise = Image.effect_noise((640, 640), 90).convert("RGB")
    with shop_open(folder, encoder) as client:
        for size in ((640, 640), (640, 480), (560, 160), (480, 200), (300, 640)):
            found_in(client, noise.crop((0, 0, *size)))
        found_in(client, COLLAGES["in a row"])
