"""Searches without a query, groups, dates and typed values over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.helpers import ids, lines, opened, send, uri
from tests.tools.shop import DESCRIPTIONS, IMAGES, DrawnEncoder, ask, error_of, write_catalogue

PRODUCTS: list[dict[str, Any]] = [
    {"id": "a", "title": "Red bag", "attributes": {"price": 5, "item_group_id": "bag", "added": "2026-01-01"}},
    {"id": "b", "title": "Blue bag", "attributes": {"price": "19.99 EUR", "item_group_id": "bag", "sizes": ["S", "M"]}},
    {"id": "c", "title": "Green bag", "attributes": {"price": "$29.99", "item_group_id": "bag", "in_stock": True}},
    {"id": "d", "title": "Red dress", "attributes": {"price": "1,299.00 USD", "added": "2026-03-01T12:00:00Z"}},
    {"id": "e", "title": "Blue dress", "attributes": {"price": "on request", "in_stock": False}},
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = write_catalogue(tmp_path_factory.mktemp("typed") / "catalogue", DrawnEncoder(), [])
    with opened(folder) as client:
        rows = [{**one, "image": uri(*one["title"].lower().split())} for one in PRODUCTS]
        assert send(client, lines(*rows))["created"] == len(rows)
        yield client


def test_a_search_tells_how_numbers_and_dates_are_spread(shop: httpx.Client) -> None:
    """A bucket's limits are those of a filter, which finds as many products as it says."""
    answer = ask(shop, IMAGES, text="bag", facets=["price"], histograms=["price", "added", "sizes"], cutoff="none")
    prices, days = answer["histograms"]["price"], answer["histograms"]["added"]
    assert (prices["kind"], prices["whole"], prices["min"], prices["max"], prices["count"]) == (
        ("number", False, 5.0, 1299.0, 4)
    )
    assert (days["kind"], days["min"], days["max"], days["count"]) == ("date", "2026-01-01", "2026-03-01", 2)
    assert answer["histograms"]["sizes"]["buckets"] == []
    for name, spread in (("price", prices), ("added", days)):
        for bucket in spread["buckets"]:
            within = {name: {"gte": bucket["gte"], "lt": bucket["lt"]}}
            found = ask(shop, IMAGES, text="bag", filters=within, histograms=[name], cutoff="none")
            assert found["total"] == bucket["count"]
            assert found["histograms"] == {name: spread}  # its own filter is left out
    assert "histograms" not in ask(shop, IMAGES, text="bag")
    form = {"text": (None, b"bag"), "histograms": (None, b'["price"]')}
    assert shop.post(IMAGES, files=form).json()["histograms"]["price"]["count"] == 4
    assert ask(shop, DESCRIPTIONS, text="bag", histograms=["price"])["histograms"]["price"]["count"] == 4
    error_of(shop.post(IMAGES, json={"text": "bag", "histograms": ["weight"]}), 422, "bad_input")
    error_of(shop.post(IMAGES, json={"text": "bag", "histograms": ["price"] * 17}), 422, "invalid_request")
    types = shop.get("/v1/facets").json()["types"]
    assert types == {"price": "mixed", "item_group_id": "text", "added": "date", "sizes": "list", "in_stock": "boolean"}


def test_a_search_without_a_query_is_what_passes(shop: httpx.Client) -> None:
    everything = ask(shop, IMAGES, sort="newest")
    assert ids(everything) == ["e", "d", "c", "b", "a"]
    assert {(one["score"], one["relevance"], one["signals"]) for one in everything["results"]} == {(0.0, None, None)}
    assert ids(ask(shop, IMAGES, filters={})) == ids(everything)
    assert ids(ask(shop, IMAGES, text="", facets=["sizes"])) == ids(everything)
    page = ask(shop, IMAGES, filters={"item_group_id": "bag"}, facets=["sizes"], k=2, offset=1)
    assert (ids(page), page["total"], page["facets"]) == (["b", "a"], 3, {"sizes": {"S": 1, "M": 1}})
    error_of(shop.post(IMAGES, json={}), 422, "invalid_request")
    error_of(shop.post(IMAGES, json={"sort": "newest", "cutoff": 0.5}), 422, "invalid_request")
    error_of(shop.post(IMAGES, json={"sort": "newest", "mode": "lexical"}), 422, "invalid_request")
    found = ask(shop, DESCRIPTIONS, filters={"item_group_id": "bag"})["results"]
    assert {one["description"] for one in found} == {"Red bag", "Blue bag", "Green bag"}
    files = {"sort": (None, "price:asc"), "k": (None, "1")}
    assert ids(shop.post(IMAGES, files=files).json()) == ["a"]
    batch = shop.post(f"{IMAGES}/batch", json={"queries": [{"sort": "newest", "k": 1}, {"text": "red dress", "k": 1}]})
    assert [ids(one) for one in batch.json()["answers"]] == [["e"], ["d"]]


def test_prices_and_dates_are_compared(shop: httpx.Client) -> None:
    """Prices with a currency were silently none."""
    found = ask(shop, IMAGES, filters={"price": {"gte": 10}})
    assert sorted(ids(found)) == ["b", "c", "d"]
    assert any("price" in note for note in found["notes"])
    assert ids(ask(shop, IMAGES, filters={"price": {"lt": "20 EUR"}}, sort="price:asc")) == ["a", "b"]
    assert ids(ask(shop, IMAGES, filters={"added": {"gte": "2026-02-01", "lte": "2026-03-01"}})) == ["d"]
    assert ids(ask(shop, IMAGES, filters={"in_stock": True})) == ["c"]
    assert ids(ask(shop, IMAGES, filters={"in_stock": "false"})) == ["e"]
    assert ids(ask(shop, IMAGES, filters={"sizes": "s"})) == ["b"]
    refused: list[dict[str, Any]] = [
        {"gte": "soon"},
        {"gte": "2026-13-01"},
        {"gte": 1, "lt": "2026-01-01"},
        {"gte": True},
        {"gte": []},
    ]
    for wrong in refused:
        error = error_of(shop.post(IMAGES, json={"text": "x", "filters": {"price": wrong}}), 422, "invalid_request")
        assert error["details"][0]["field"].startswith("filters.price")


def test_variants_are_one_result(shop: httpx.Client) -> None:
    answer = ask(shop, IMAGES, text="bag", group_by="variant", k=10)
    assert (answer["total"], len(answer["results"])) == (3, 3)
    bag = next(one for one in answer["results"] if one["group"]["value"] == "bag")
    assert bag["group"]["count"] == 3
    assert sorted(one["id"] for one in bag["group"]["members"]) == ["a", "b", "c"]
    member = bag["group"]["members"][0]
    assert (member["id"], member["image_url"]) == (bag["id"], bag["image_url"])
    assert shop.get(member["image_url"]).status_code == 200
    alone = next(one for one in answer["results"] if one["id"] == "d")
    assert (alone["group"]["value"], alone["group"]["count"]) == (None, 1)
    assert "group" not in ask(shop, IMAGES, text="bag")["results"][0]
    assert len(ask(shop, IMAGES, sort="price:desc", group_by="item_group_id")["results"]) == 3
    error_of(shop.post(IMAGES, json={"text": "x", "group_by": "variant", "collapse": "title"}), 422, "invalid_request")
    error_of(shop.post(IMAGES, json={"text": "x", "group_by": "nothing"}), 422, "bad_input")


def test_any_attribute_sorts(shop: httpx.Client) -> None:
    assert ids(ask(shop, IMAGES, sort="price:asc")) == ["a", "b", "c", "d", "e"]
    assert ids(ask(shop, IMAGES, text="bag", sort="added:desc"))[:2] == ["d", "a"]
    assert set(ids(ask(shop, IMAGES, sort="in_stock:asc"))[:2]) == {"c", "e"}


def test_an_attribute_that_none_has_any_more_is_none(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with opened(folder) as client:
        assert send(client, lines({"id": "1000", "attributes": {"sale": "yes"}}))["replaced"] == 1
        assert ask(client, IMAGES, filters={"sale": "yes"})["total"] == 1
        assert send(client, lines({"id": "1000", "attributes": {"sale": None}}))["replaced"] == 1
        assert ask(client, IMAGES, filters={"sale": "yes"})["total"] == 0
        assert ask(client, IMAGES, text="red", facets=["sale"])["facets"] == {"sale": {}}
        assert client.get("/v1/facets", params={"attribute": "sale"}).json()["facets"]["sale"] == {}
        assert client.get("/v1/products", params={"filters": '{"sale": "yes"}'}).json()["products"] == []
        error_of(client.post(IMAGES, json={"text": "x", "facets": ["never"]}), 422, "bad_input")
