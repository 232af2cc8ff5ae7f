"""A search over HTTP: the exact ranking, filters, pages, counts, collapse; the answer in the promised shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from index import Catalogue, Product, first_text, title_key
from tests.app.helpers import ids
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    draw,
    error_of,
    products,
    shop_open,
    show,
    write_catalogue,
)


def brute_force(query: np.ndarray, folder: Path) -> list[str]:
    """Return all ids, nearest picture first: the slow obvious search."""
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    scores = snapshot.image_vectors @ query
    return [snapshot.products[at].id for at in np.lexsort((np.arange(len(scores)), -scores.round(6)))]


def test_a_text_finds_pictures_of_it(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, text="red dress", k=3)
    assert answer["results"][0]["title"].startswith("Red Dress")
    first = answer["results"][0]
    assert set(first) == {"id", "title", "score", "relevance", "signals", "attributes", "image_url"}
    assert first["attributes"]["baseColour"] == "Red"
    assert client.get(first["image_url"]).status_code == 200
    assert [r["score"] for r in answer["results"]] == sorted((r["score"] for r in answer["results"]), reverse=True)
    assert answer["total"] == 48
    assert answer["encoder_id"] == "drawn-1"
    assert answer["catalogue_version"] == 0
    assert answer["facets"] == {}
    assert set(answer["timing_ms"]) == {"queue", "understand", "encode", "search"}
    assert all(value >= 0 for value in answer["timing_ms"].values())


def test_the_ranking_is_the_exact_one(client: httpx.Client, folder: Path) -> None:
    answer = ask(client, IMAGES, text="green shoes", k=1000, mode="vector")
    query = DrawnEncoder().encode_text(["green shoes"])[0]
    assert [r["id"] for r in answer["results"]] == brute_force(query, folder)


def test_a_picture_finds_the_same_thing(client: httpx.Client) -> None:
    answer = show(client, IMAGES, draw("blue", "watch"), k="2")
    assert answer["results"][0]["title"].startswith("Blue Watch")
    assert answer["results"][0]["score"] == pytest.approx(1, abs=1e-5)


def test_a_picture_finds_its_description(client: httpx.Client) -> None:
    answer = show(client, DESCRIPTIONS, draw("purple", "bag"), k="5")
    first = answer["results"][0]
    assert set(first) == {"description", "score", "relevance", "signals", "product_ids"}
    assert first["description"].startswith("Purple Bag")
    shop = {product.id: product.title for product in products()}
    assert {shop[one] for one in first["product_ids"]} == {first["description"]}
    assert answer["total"] == 40  # titles, not products


def test_a_description_comes_once_with_all_its_products(client: httpx.Client) -> None:
    answer = ask(client, DESCRIPTIONS, text="red dress", k=100)
    keys = [title_key(result["description"]) for result in answer["results"]]
    assert len(keys) == len(set(keys)) == 40
    assert answer["results"][0]["product_ids"] == ["1000", "twin/0?50%#"]


def test_words_change_what_a_picture_finds(client: httpx.Client) -> None:
    picture = draw("red", "shoes")
    assert show(client, IMAGES, picture, k="1")["results"][0]["title"].startswith("Red Shoes")
    both = show(client, IMAGES, picture, text="green", weights='{"text": 0.6, "image": 0.4}', k="1")
    assert both["results"][0]["title"].startswith("Green Shoes")


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 1.0])
def test_text_and_picture_are_mixed_by_weight(client: httpx.Client, folder: Path, weight: float) -> None:
    encoder = DrawnEncoder()
    picture = draw("yellow", "bag")
    text, image = encoder.encode_text(["black dress"])[0], encoder.encode_image([picture])[0]
    query = weight * text + (1 - weight) * image
    expected = brute_force(query / np.linalg.norm(query), folder)
    weights = json.dumps({"text": weight, "image": 1 - weight})
    answer = show(client, IMAGES, picture, text="black dress", weights=weights, k="48", mode="vector")
    assert [result["id"] for result in answer["results"]] == expected
    if weight == 1.0:
        assert answer["results"] == ask(client, IMAGES, text="black dress", k=48, mode="vector")["results"]
    if weight == 0.0:
        assert answer["results"] == show(client, IMAGES, picture, k="48")["results"]


def test_filters_hold_in_both_forms(client: httpx.Client) -> None:
    filters = {"baseColour": ["red", "BLUE"], "gender": "Women"}
    by_json = ask(client, IMAGES, text="shoes", k=50, filters=filters)
    by_form = client.post(
        IMAGES, files={"text": (None, "shoes"), "k": (None, "50"), "filters": (None, json.dumps(filters))}
    ).json()
    assert by_json["results"] == by_form["results"]
    shop = [p for p in products() if p.attributes["gender"] == "Women"]
    wanted = {p.id for p in shop if p.attributes["baseColour"] in ("Red", "Blue")}
    assert {result["id"] for result in by_json["results"]} == wanted
    assert by_json["total"] == len(wanted)


def test_pages_follow_one_another(client: httpx.Client) -> None:
    whole = ask(client, IMAGES, text="pink shirt", k=48)["results"]
    pages = [ask(client, IMAGES, text="pink shirt", k=7, offset=start)["results"] for start in range(0, 56, 7)]
    assert [result for page in pages for result in page] == whole
    assert ask(client, IMAGES, text="pink shirt", offset=9_000)["results"] == []


def test_what_nothing_matches_is_an_empty_answer(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, text="dress", filters={"baseColour": "Transparent"})
    assert answer["results"] == []
    assert answer["total"] == 0


def test_an_empty_catalogue_answers(tmp_path: Path) -> None:
    with shop_open(write_catalogue(tmp_path / "none", DrawnEncoder(), [])) as client:
        assert ask(client, IMAGES, text="dress")["results"] == []
        assert ask(client, DESCRIPTIONS, text="dress")["results"] == []
        assert client.get("/readyz").status_code == 200
        error_of(client.get("/v1/evaluation"), 422, "bad_input")


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve products with a year, except every fifth."""
    shop = []
    for number, product in enumerate(products()):
        year = {} if number % 5 == 0 else {"year": str(2008 + number % 7)}
        shop.append(Product(product.id, product.title, {**product.attributes, **year}, product.split))
    with shop_open(write_catalogue(tmp_path_factory.mktemp("dated") / "shop", DrawnEncoder(), shop)) as client:
        yield client


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (2012, lambda year: year == 2012),
        (2012.0, lambda year: year == 2012),
        ("2012", lambda year: year == 2012),
        ([2010, "2011"], lambda year: year in (2010, 2011)),
        ({"any": [2010, 2011]}, lambda year: year in (2010, 2011)),
        ({"not": 2012}, lambda year: year != 2012),
        ({"not": ["2012", 2013]}, lambda year: year not in (2012, 2013)),
        ({"gte": 2012}, lambda year: year is not None and year >= 2012),
        ({"gt": 2010, "lt": 2012.5}, lambda year: year in (2011, 2012)),
        ({"gt": 2010, "lte": 2012, "not": 2011}, lambda year: year == 2012),
    ],
)
def test_conditions_on_numbers_and_values(dated: httpx.Client, condition: Any, holds: Any) -> None:
    years = {}
    for number, product in enumerate(products()):
        years[product.id] = None if number % 5 == 0 else 2008 + number % 7
    for path in (IMAGES, DESCRIPTIONS):
        answer = ask(dated, path, text="red dress", k=1000, filters={"year": condition})
        found = (
            ids(answer) if path == IMAGES else [one for result in answer["results"] for one in result["product_ids"]]
        )
        assert set(found) == {one for one, year in years.items() if holds(year)}
        assert len(found) == len(set(found))


def test_facets_come_with_a_search_and_alone(client: httpx.Client) -> None:
    women = [product for product in products() if product.attributes["gender"] == "Women"]
    genders = {"Women": 0, "Men": 0, "Unisex": 0}
    for product in products():
        genders[first_text(product.attributes["gender"])] += 1
    answer = ask(client, IMAGES, text="x", filters={"gender": "Women"}, facets=["gender", "articleType", "gender"])
    assert answer["facets"]["gender"] == genders  # a choice's own filter is left out
    assert sum(answer["facets"]["articleType"].values()) == len(women)
    alone = client.get(
        "/v1/facets", params={"attribute": ["articleType", "gender"], "filters": json.dumps({"gender": "women"})}
    ).json()
    types = dict.fromkeys(answer["facets"], "text")
    assert alone == {"facets": answer["facets"], "total": len(women), "catalogue_version": 0, "types": types}
    everything = client.get("/v1/facets").json()
    assert set(everything["facets"]) == {"gender", "articleType", "baseColour"}
    assert everything["total"] == 48
    counts = list(everything["facets"]["baseColour"].values())
    assert counts == sorted(counts, reverse=True)
    assert [len(values) for values in client.get("/v1/facets?limit=2").json()["facets"].values()] == [2, 2, 2]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("attribute=colour", "bad_input"),
        ("filters={", "invalid_request"),
        ("filters=[]", "invalid_request"),
        ('filters={"colour":"Red"}', "bad_input"),
        ('filters={"gender":{"gte":"x"}}', "invalid_request"),
        ("limit=0", "invalid_request"),
        ("attribute=", "invalid_request"),
    ],
)
def test_facets_that_cannot_be_counted(client: httpx.Client, query: str, code: str) -> None:
    error_of(client.get(f"/v1/facets?{query}"), 422, code)


def test_collapse_shows_a_title_or_a_picture_once(client: httpx.Client) -> None:
    whole = ask(client, IMAGES, text="red dress", k=1000)
    by_title = ask(client, IMAGES, text="red dress", k=1000, collapse="title")
    titles = [result["title"] for result in by_title["results"]]
    assert titles == list(dict.fromkeys(result["title"] for result in whole["results"]))
    assert by_title["total"] is None or by_title["total"] == len(titles)
    by_image = ask(client, IMAGES, text="red dress", k=1000, collapse="image", collapse_threshold=0.999)
    assert len(by_image["results"]) == 40  # the twins look the same
    plain, collapsed = (
        ask(client, DESCRIPTIONS, text="red dress", **more)["results"] for more in ({}, {"collapse": "title"})
    )
    assert plain == collapsed


def test_min_score_ends_the_results(client: httpx.Client) -> None:
    for path in (IMAGES, DESCRIPTIONS):
        whole = ask(client, path, text="red dress", k=48)["results"]
        least = whole[5]["score"] - 1e-6
        kept = ask(client, path, text="red dress", k=48, min_score=least)["results"]
        assert kept == [result for result in whole if result["score"] >= least]


def test_a_large_k_is_one_search(client: httpx.Client) -> None:
    """In clip-retrieval issue 213, 2,000 results took 38 s, one look-up each: here all come out of the one search."""
    whole = ids(ask(client, IMAGES, text="red dress", k=1000))
    assert len(whole) == 48
    assert whole == [
        one for start in range(0, 48, 8) for one in ids(ask(client, IMAGES, text="red dress", k=8, offset=start))
    ]
