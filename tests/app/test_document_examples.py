"""The examples of the OpenAPI document work on the served catalogue as they are, and tell nothing of a keyed one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.schemas import CatalogueExamples, ranked
from app.schemas.examples import with_examples
from index import Product
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue

MAKERS = ("Acme", "Moro")


def other_shop() -> list[Product]:
    """Return products of a shop that has other attributes than the examples were written for, but one."""
    return [
        Product(
            f"item {number}/ü",
            f"Red dress number {number}",
            {
                "baseColour": "Red",
                "articleType": "Dress",
                "maker": ("Acme", "Moro")[number % 2],
                "size": "SML"[number % 3],
            },
        )
        for number in range(12)
    ]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = write_catalogue(tmp_path_factory.mktemp("other") / "catalogue", DrawnEncoder(), other_shop())
    with shop_open(folder) as client:
        yield client


def bodies(document: Any, path: str, method: str = "post") -> list[Any]:
    content = document["paths"][path][method]["requestBody"]["content"]["application/json"]
    return [example["value"] for example in content["examples"].values()]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/search/images/batch", "/v1/tag", "/v1/explain"])
def test_every_example_of_a_body_is_answered_as_it_is(other: httpx.Client, path: str) -> None:
    document = other.get("/openapi.json").json()
    for body in bodies(document, path):
        answer = other.post(path, json=body)
        assert answer.status_code == 200, (body, answer.text)
        for one in answer.json().get("answers", ()):
            assert "error" not in one, body


def test_examples_of_parameters_and_answers_speak_of_the_catalogue_too(other: httpx.Client) -> None:
    document = other.get("/openapi.json").json()
    facets = {one["name"]: one["schema"] for one in document["paths"]["/v1/facets"]["get"]["parameters"]}
    assert other.get("/v1/facets", params={"attribute": facets["attribute"]["examples"][0]}).status_code == 200
    assert other.get("/v1/facets", params={"filters": facets["filters"]["examples"][0]}).status_code == 200
    (product,) = document["components"]["schemas"]["ProductDetail"]["examples"]
    assert product["id"] in {one.id for one in other_shop()}
    text = json.dumps(document)
    assert "10054" not in text
    assert "Catwalk" not in text


def test_a_new_version_has_its_own_examples_and_the_same_has_the_same(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder(), other_shop()[:1])
    with shop_open(folder) as client:
        assert client.get("/openapi.json").content == client.get("/openapi.json").content
        assert "item 0" in client.get("/openapi.json").text


def test_the_document_of_a_keyed_service_tells_nothing(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder(), other_shop())
    with shop_open(folder, keys=tmp_path / "keys.json", reads="keyed") as client:
        text = client.get("/openapi.json").text
    assert "10054" in text
    for secret in ("item 0", "Acme", "maker", "Red dress number"):
        assert secret not in text


def test_what_nothing_stands_for_is_left_out() -> None:
    bare = CatalogueExamples(("a",), "A", {})
    document = {
        "schema": {"properties": {"example": {"gender": "Women"}}},
        "x": {"examples": [{"filters": {"gender": "Women"}, "facets": ["baseColour"], "id": "10061", "k": 3}]},
    }
    found = with_examples(document, bare)
    assert found["x"]["examples"] == [{"filters": {}, "facets": [], "id": "a", "k": 3}]
    assert found["schema"]["properties"]["example"] == {"gender": "Women"}, "a property of that name is no example"


def test_attributes_with_a_few_values_come_first() -> None:
    assert [*ranked({"sku": {str(n): 1 for n in range(20)}, "one": {"x": 3}, "size": {"S": 2, "M": 1}}, 20)] == [
        "size",
        "sku",
    ]
