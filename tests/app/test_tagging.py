"""Attributes by the vote of the products that look most alike: right, calibrated, and never copied from itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.http import create_key
from index import Product
from tests.app.helpers import bearer, body, opened, put
from tests.tools.shop import (
    COLOURS,
    KINDS,
    DrawnEncoder,
    data_uri,
    draw,
    encoded,
    error_of,
    shop_open,
    write_catalogue,
)

TAG = "/v1/tag"


def crowd() -> list[Product]:
    """Return 240 things: six of each colour and kind, with a price and an article number of their own."""
    return [
        Product(
            f"{colour}-{kind}-{copy}",
            f"{colour} {kind} number {copy}",
            {
                "baseColour": colour.title(),
                "articleType": kind.title(),
                "gender": ["Women", "Men"][copy % 2],
                "price": 10 + copy,
                "sku": f"{colour}{kind}{copy}",
                "care": ("wash", "iron") if kind == "dress" else ("wipe",),
            },
        )
        for colour in COLOURS
        for kind in KINDS
        for copy in range(6)
    ]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("crowd") / "catalogue", DrawnEncoder(), crowd())


@pytest.fixture(scope="module")
def tagger(crowded: Path) -> Iterator[httpx.Client]:
    with shop_open(crowded) as client:
        yield client


def tagged(client: httpx.Client, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post(TAG, json=fields)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def values(result: dict[str, Any]) -> dict[str, Any]:
    return {name: tag["value"] for name, tag in result["tags"].items()}


def test_products_get_the_values_of_those_that_look_like_them(tagger: httpx.Client) -> None:
    found = tagged(tagger, ids=["red-dress-0", "blue-bag-3"])
    assert [one["id"] for one in found] == ["red-dress-0", "blue-bag-3"]
    assert values(found[0])["baseColour"] == "Red"
    assert values(found[0])["articleType"] == "Dress"
    assert values(found[0])["care"] in ("wash", "iron"), "of a list, one item"
    assert values(found[1])["articleType"] == "Bag"
    sure = found[0]["tags"]["articleType"]["confidence"]
    assert 0.9 < sure <= 1
    assert found[0]["tags"]["gender"]["confidence"] < 0.8, "the picture does not tell whom it is for"


def test_what_pictures_do_not_tell_is_left_out(tagger: httpx.Client) -> None:
    names = {name for result in tagged(tagger, ids=["red-dress-0", "blue-bag-3"]) for name in result["tags"]}
    assert names <= {"baseColour", "articleType", "gender", "care"}


def test_pictures_come_as_data_uris_as_files_or_as_the_body(tagger: httpx.Client) -> None:
    red, blue = draw("red", "dress"), draw("blue", "bag")
    uris = tagged(tagger, images=[data_uri(red), data_uri(blue)])
    assert [one["index"] for one in uris] == [0, 1]
    assert [values(one)["articleType"] for one in uris] == ["Dress", "Bag"]
    files = [("image", ("a.png", encoded(red))), ("image", ("b.png", encoded(blue)))]
    formed = tagger.post(TAG, files=files, data={"min_confidence": "0.5"}).json()["results"]
    assert [values(one)["baseColour"] for one in formed] == ["Red", "Blue"]
    alone: dict[str, Any] = {"content": encoded(red), "headers": {"content-type": "image/png"}}
    raw = tagger.post(f"{TAG}?attributes=[%22baseColour%22]", **alone)
    assert values(raw.json()["results"][0]) == {"baseColour": "Red"}
    for listed in ("attributes=baseColour,articleType", "attributes=baseColour&attributes=articleType"):
        raw = tagger.post(f"{TAG}?{listed}", **alone)
        assert values(raw.json()["results"][0]) == {"baseColour": "Red", "articleType": "Dress"}, raw.text
    error_of(tagger.post(f"{TAG}?min_confidence=0&min_confidence=1", **alone), 422, "invalid_request")
    told = error_of(tagger.post(TAG, content=b"x"), 415, "unsupported_media_type")["message"]
    assert "or the picture itself" in told


def test_only_what_is_asked_for_and_sure_enough_comes(tagger: httpx.Client) -> None:
    (found,) = tagged(tagger, ids=["red-dress-0"], attributes=["articleType", "gender"], min_confidence=0.9)
    assert [*found["tags"]] == ["articleType"]


def test_a_product_does_not_vote_for_itself_nor_do_those_of_its_title(tmp_path: Path) -> None:
    # Whatever looks like a red dress is called Scarlet but for one title, whose products have Wine.
    dress = {"baseColour": "Red", "articleType": "Dress"}
    shop = [Product(f"red-{n}", f"dress {n}", {**dress, "shade": "Scarlet"}) for n in range(30)]
    same = {**dress, "shade": "Wine"}
    bag = {"baseColour": "Blue", "articleType": "Bag", "shade": "Wine"}
    shop += [Product(f"bag-{n}", f"bag {n}", bag) for n in range(130)]
    shop += [Product(f"wine-{n}", ("Wine Dress", "WINE dress")[n % 2], same) for n in range(100)]
    with shop_open(write_catalogue(tmp_path / "catalogue", DrawnEncoder(), shop)) as client:
        (found,) = tagged(client, ids=["wine-1"], attributes=["shade"])
        assert values(found) == {"shade": "Scarlet"}
        (photo,) = tagged(client, images=[data_uri(draw("red", "dress"))], attributes=["shade"])
        assert "shade" in photo["tags"], "a photo has no title to leave out"


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({}, "ids", "either ids or pictures"),
        ({"ids": ["red-dress-0"], "images": [data_uri(draw("red", "bag"))]}, "ids", "either ids or pictures"),
        ({"ids": ["red-dress-0"] * 33}, "ids", "32"),
        ({"ids": ["nobody"]}, "ids", "'nobody'"),
        ({"ids": ["red-dress-0"], "attributes": ["colour"]}, "attributes", "did you mean 'baseColour'?"),
        ({"ids": ["red-dress-0"], "attributes": ["price"]}, "attributes", "nothing that pictures tell"),
        ({"ids": ["red-dress-0"], "min_confidence": 2}, "min_confidence", "1"),
        ({"images": ["https://example.com/a.png"]}, "images.0", "not fetched"),
        ({"id": ["red-dress-0"]}, "id", "did you mean 'ids'?"),
    ],
)
def test_what_cannot_be_tagged_is_refused(tagger: httpx.Client, fields: dict[str, Any], field: str, said: str) -> None:
    error = error_of(tagger.post(TAG, json=fields), 422, "invalid_request")
    assert field in [one["field"] for one in error["details"]]
    assert said in error["message"]


def test_more_pictures_than_a_call_takes_are_refused(tagger: httpx.Client) -> None:
    files = [("image", ("a.png", encoded(draw("red", "bag"))))] * 33
    answer = tagger.post(TAG, files=files)
    assert answer.status_code in (400, 422), answer.text
    assert "32" in answer.text or "many files" in answer.text


def test_a_new_value_is_voted_for_once_products_have_it(live_folder: Path) -> None:
    with opened(live_folder) as client:
        first = values(tagged(client, ids=["1000"])[0])
        assert first["articleType"] != "Gown"
        for number in range(30):
            sent = body("red", "dress", title=f"red dress {number}")
            sent["attributes"]["articleType"] = "Gown"
            assert put(client, f"gown-{number}", sent).status_code == 201
        assert values(tagged(client, ids=["1000"])[0])["articleType"] == "Gown"


def test_a_catalogue_of_one_product_tells_nothing(tmp_path: Path) -> None:
    alone = [Product("1", "one", {"baseColour": "Red", "articleType": "Dress"})]
    with shop_open(write_catalogue(tmp_path / "catalogue", DrawnEncoder(), alone)) as client:
        assert tagged(client, ids=["1"]) == [{"id": "1", "tags": {}}]


def test_a_key_for_pages_may_search_and_not_tag(crowded: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, pages = create_key(keys, "shop", "search", ["https://shop.example"])
    _, read = create_key(keys, "programs", "read")
    page = {**bearer(pages), "Origin": "https://shop.example"}
    with shop_open(crowded, keys=keys, reads="keyed") as client:
        assert client.get("/v1/search?q=red", headers=page).status_code == 200
        near = client.get("/v1/products/red-bag-1/similar", headers=page)
        assert near.status_code == 200
        assert near.headers["access-control-allow-origin"] == "https://shop.example"
        error_of(client.post(TAG, json={"ids": ["red-bag-1"]}, headers=page), 403, "forbidden")
        assert client.post(TAG, json={"ids": ["red-bag-1"]}, headers=bearer(read)).status_code == 200
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        for path in ("/v1/search", "/v1/tag"):
            assert client.options(path, headers=asked).status_code == 204, path
