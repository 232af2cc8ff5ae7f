"""Pictures as pages want them: small, in a form that browsers show, made once, and never an old one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.datastructures import Headers

from app.http.picture_forms import accepted, width_of
from app.live.shown_pictures import SMALL_BYTES
from tests.app.helpers import opened
from tests.tools.photos import jpeg, photo, write_photos
from tests.tools.shop import IMAGES, ask, data_uri, encoded, shop_open

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
OLD_SAFARI = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
ORIENTATION = 0x0112


def cut_out() -> bytes:
    """Return a blue square on a transparent ground."""
    image = Image.new("RGBA", (800, 800), (0, 0, 0, 0))
    grain = np.random.default_rng(1).integers(0, 40, (400, 400, 1), dtype=np.uint8)
    blue = np.concatenate([grain, grain, 200 + grain // 2, np.full_like(grain, 255)], axis=2)
    image.paste(Image.fromarray(blue, "RGBA"), (200, 200))
    return encoded(image)


def turned() -> bytes:
    """Return a photo that a phone held sideways: red on the left of the file, which is the top of the picture."""
    image = photo(0, 900, 600)
    image.paste((255, 0, 0), (0, 0, 200, 600))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(image, "JPEG", quality=90, exif=exif)


@cache
def pictures() -> dict[str, bytes]:
    return {
        "camera": jpeg(0),
        "tiff": encoded(photo(1, 450, 600), "TIFF"),
        "jp2": encoded(photo(2, 450, 600), "JPEG2000"),
        "cut": cut_out(),
        "turned": turned(),
        "thumbnail": jpeg(3, 60, 80),
        "narrow": jpeg(4, 200, 900),
        "broken": b"\xff\xd8\xff\xe0" + b"no JPEG at all" * 2000,
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("photos")
    with shop_open(write_photos(folder / "catalogue", pictures()), picture_cache=folder / "cache") as client:
        yield client


def picture(client: httpx.Client, name: str, accept: str = "*/*", **query: Any) -> httpx.Response:
    answer = client.get(f"/v1/products/{name}/image", params=query, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def image_of(answer: httpx.Response) -> Image.Image:
    image = Image.open(io.BytesIO(answer.content))
    assert Image.MIME[image.format or ""] == answer.headers["content-type"]
    image.load()
    return image


@pytest.mark.parametrize(("asked", "made"), [(1, 160), (160, 160), (161, 320), (600, 640), (641, 900), (5000, 900)])
def test_a_width_is_one_of_a_few_and_never_more_than_there_is(shop: httpx.Client, asked: int, made: int) -> None:
    answer = picture(shop, "camera", w=asked)
    image = image_of(answer)
    assert image.size == (made, round(made * 4 / 3))
    assert len(answer.content) < len(pictures()["camera"]) / (2 if made < 900 else 1)
    assert np.abs(np.asarray(image.convert("RGB"), float) - np.asarray(photo(0, *image.size), float)).mean() < 6


def test_a_narrow_picture_stays_as_it_is(shop: httpx.Client) -> None:
    assert image_of(picture(shop, "narrow", w=320)).size == (200, 900)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "webp"),
        ("", "webp"),
        ("image/*", "webp"),
        ("image/webp", "webp"),
        ("image/jpeg", "jpeg"),
        ("image/jpeg, */*;q=0.1", "jpeg"),
        ("image/webp;q=0, */*", "jpeg"),
        ("image/webp;q=0.5, image/jpeg;q=0.9", "jpeg"),
        ("image/webp; q=1.0 , image/jpeg;q=1", "webp"),
        ("IMAGE/WEBP", "webp"),
        (CHROME, "webp"),
        (OLD_SAFARI, "jpeg"),
        ("text/html", "jpeg"),
        ("nonsense;;q=x,,/", "webp"),
    ],
)
def test_the_form_is_what_is_accepted(shop: httpx.Client, accept: str, kind: str) -> None:
    answer = picture(shop, "camera", accept, w=160)
    assert Image.MIME[image_of(answer).format or ""] == f"image/{kind}"
    assert answer.headers["vary"] == "Accept"


def test_small_pictures_are_upright_and_say_nothing_of_their_origin(shop: httpx.Client) -> None:
    for accept in ("image/webp", "image/jpeg"):
        image = image_of(picture(shop, "turned", accept, w=160))
        assert image.size == (160, 240)
        assert image.convert("RGB").getpixel((80, 10))[0] > 200  # type: ignore[index]
        assert not image.getexif()
        assert "icc_profile" not in image.info


def test_what_is_transparent_stays_so_or_is_on_white(shop: httpx.Client) -> None:
    webp = image_of(picture(shop, "cut", "image/webp", w=160))
    assert webp.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]
    as_jpeg = image_of(picture(shop, "cut", "image/jpeg", w=160))
    assert min(as_jpeg.getpixel((5, 5))) > 250  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["tiff", "jp2"])
def test_browsers_get_what_they_can_show_and_programs_what_was_delivered(shop: httpx.Client, name: str) -> None:
    for accept in (CHROME, NAVIGATION, OLD_SAFARI):
        answer = picture(shop, name, accept)
        assert answer.headers["content-type"] in ("image/webp", "image/jpeg")
        assert image_of(answer).size == (450, 600)
    for accept in ("*/*", "image/*", ""):
        assert (
            Image.open(io.BytesIO(picture(shop, name, accept).content)).format
            == {"tiff": "TIFF", "jp2": "JPEG2000"}[name]
        )
    media_type = picture(shop, name).headers["content-type"]
    assert picture(shop, name, f"image/webp, {media_type}").headers["content-type"] == media_type
    assert picture(shop, "camera", CHROME).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("name", ["thumbnail", "broken"])
def test_what_is_small_or_cannot_be_read_is_given_out_as_it_is(shop: httpx.Client, name: str) -> None:
    assert (len(pictures()[name]) <= SMALL_BYTES) == (name == "thumbnail")
    assert picture(shop, name, w=320).content == picture(shop, name).content


def test_who_has_a_picture_is_told_so(shop: httpx.Client) -> None:
    queries: list[dict[str, Any]] = [{}, {"w": 320}]
    for query in queries:
        first = picture(shop, "camera", **query)
        tag = first.headers["etag"]
        assert not tag.startswith("W/")
        again = shop.get("/v1/products/camera/image", params=query, headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["vary"] == "Accept"
    tags = {
        picture(shop, "camera", accept, w=w).headers["etag"]
        for accept in ("image/webp", "image/jpeg")
        for w in (1, 200)
    }
    assert len(tags) == 4


@pytest.mark.parametrize(("query", "status"), [({"w": 0}, 422), ({"w": "x"}, 422), ({"n": -1}, 422), ({"n": 3}, 404)])
def test_what_cannot_be_a_picture_is_refused(shop: httpx.Client, query: dict[str, Any], status: int) -> None:
    assert shop.get("/v1/products/camera/image", params=query).status_code == status
    assert shop.get("/v1/products/nope/image", params={"w": 320}).status_code == 404


def digest_of(client: httpx.Client, name: str) -> str:
    return picture(client, name, w=320).headers["etag"].strip('"').split("-")[0]


def test_an_address_with_the_digest_is_kept_for_a_year_and_never_shows_another_picture(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "catalogue", {"one": jpeg(0), "two": jpeg(1)})
    with opened(folder, picture_cache=tmp_path / "cache") as client:
        digest = digest_of(client, "one")
        queries: list[dict[str, Any]] = [{}, {"w": 320}]
        for query in queries:
            kept = picture(client, "one", v=digest, **query)
            assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert picture(client, "one", **query).headers["cache-control"] == "public, max-age=60"
            assert picture(client, "one", v="0" * 32, **query).headers["cache-control"] == "public, max-age=60"
        assert client.put("/v1/products/one", json={"title": "other", "image": data_uri(jpeg(5))}).status_code == 200
        after = picture(client, "one", v=digest, w=320)
        assert after.headers["cache-control"] == "public, max-age=60"
        assert (
            np.abs(np.asarray(image_of(after).convert("RGB"), float) - np.asarray(photo(5, 320, 427), float)).mean() < 8
        )
        assert digest_of(client, "one") != digest


def test_pictures_that_need_a_key_stay_out_of_shared_caches(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "catalogue", {"one": jpeg(0)})
    with opened(folder, "read", reads="keyed", picture_cache=tmp_path / "cache") as client:
        answer = picture(client, "one", w=320, v=digest_of(client, "one"))
        assert answer.headers["cache-control"] == "private, no-cache"
        client.headers.clear()
        assert client.get("/v1/products/one/image", params={"w": 320}).status_code == 401


def decoded(client: httpx.Client) -> float:
    """Return how many pictures were decoded."""
    counts = re.findall(r'stage_seconds_count\{stage="decode"\} (\S+)', client.get("/metrics").text)
    return sum(map(float, counts))


def test_a_picture_is_made_once_for_many_and_found_again_after_a_restart(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "catalogue", {"one": jpeg(0)})
    with shop_open(folder, picture_cache=tmp_path / "cache") as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: picture(client, "one", w=640).content, range(8)))
        assert len(set(answers)) == 1
        assert decoded(client) == 1
    with shop_open(folder, picture_cache=tmp_path / "cache") as client:
        assert picture(client, "one", w=640).content == answers[0]
        assert decoded(client) == 0


def test_accept_is_read_within_bounds() -> None:
    assert accepted(Headers({"accept": "image/webp;q=" + "9" * 10_000})).form in ("webp", "jpeg")
    assert accepted(Headers({"accept": "," * 100_000})).form == "webp"
    assert [width_of(one) for one in (1, 320, 321, 9999)] == [160, 320, 640, 1280]


def test_an_answer_names_the_content_of_pictures_where_that_is_asked_for(shop: httpx.Client) -> None:
    query: dict[str, Any] = {"text": "red dress", "k": 8, "mode": "vector"}
    usual = ask(shop, IMAGES, **query)["results"]
    named = ask(shop, IMAGES, **query, image_versions=True)["results"]
    assert [one["id"] for one in named] == [one["id"] for one in usual]
    for one, other in zip(named, usual, strict=True):
        assert one["image_url"].startswith(f"{other['image_url']}?v=")
        answer = shop.get(one["image_url"], params=httpx.QueryParams(one["image_url"].partition("?")[2]).set("w", 160))
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    batch = ask(shop, f"{IMAGES}/batch", queries=[query, {**query, "image_versions": True}])["answers"]
    assert [one["results"] for one in batch] == [usual, named]
