"""What a user of the HTTP calls relies on: the right answers, in the promised shape, and clear errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from app.server import create_app
from app.settings import Settings
from common import ArtefactError, ConfigError
from index import Catalogue, evaluate, title_key, title_slices
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with shop_open(folder) as client:
        yield client


def brute_force(query: np.ndarray, folder: Path) -> list[str]:
    """Return all ids, nearest picture first: the slow obvious search."""
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    scores = snapshot.image_vectors @ query
    return [snapshot.products[at].id for at in np.lexsort((np.arange(len(scores)), -scores.round(6)))]


# Searching


def test_a_text_finds_pictures_of_it(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, text="red dress", k=3)
    assert answer["results"][0]["title"].startswith("Red Dress")
    first = answer["results"][0]
    assert set(first) == {"id", "title", "score", "attributes", "image_url"}
    assert first["attributes"]["baseColour"] == "Red"
    assert client.get(first["image_url"]).status_code == 200
    assert [r["score"] for r in answer["results"]] == sorted((r["score"] for r in answer["results"]), reverse=True)
    assert answer["total"] == 48
    assert answer["encoder_id"] == "drawn-1"
    assert answer["catalogue_version"] == 0
    assert answer["facets"] == {}
    assert set(answer["timing_ms"]) == {"queue", "encode", "search"}
    assert all(value >= 0 for value in answer["timing_ms"].values())


def test_the_ranking_is_the_exact_one(client: httpx.Client, folder: Path) -> None:
    answer = ask(client, IMAGES, text="green shoes", k=1000)
    query = DrawnEncoder().encode_text(["green shoes"])[0]
    assert [r["id"] for r in answer["results"]] == brute_force(query, folder)


def test_a_picture_finds_the_same_thing(client: httpx.Client) -> None:
    answer = show(client, IMAGES, draw("blue", "watch"), k="2")
    assert answer["results"][0]["title"].startswith("Blue Watch")
    assert answer["results"][0]["score"] == pytest.approx(1, abs=1e-5)


def test_a_picture_finds_its_description(client: httpx.Client) -> None:
    answer = show(client, DESCRIPTIONS, draw("purple", "bag"), k="5")
    first = answer["results"][0]
    assert set(first) == {"description", "score", "product_ids"}
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
    answer = show(client, IMAGES, picture, text="black dress", weights=weights, k="48")
    assert [result["id"] for result in answer["results"]] == expected
    if weight == 1.0:
        assert answer["results"] == ask(client, IMAGES, text="black dress", k=48)["results"]
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
    assert ask(client, IMAGES, text="pink shirt", offset=1_000_000)["results"] == []


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


# What cannot be searched


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "x", "k": 0}, "k"),
        ({"text": "x", "k": 1001}, "k"),
        ({"text": "x", "k": "many"}, "k"),
        ({"text": "x", "k": 2.5}, "k"),
        ({"text": "x", "k": None}, "k"),
        ({"text": "x", "offset": -1}, "offset"),
        ({"text": "x", "text_weight": 0.5}, "text_weight"),
        ({"text": "x", "k": "3"}, "k"),
        ({"text": "x", "weights": {"text": -0.1}}, "weights.text"),
        ({"text": "x", "weights": {"text": 11}}, "weights.text"),
        ({"text": "x", "weights": {"words": 1}}, "weights.words"),
        ({"text": "x", "min_score": 1.5}, "min_score"),
        ({"text": "x", "collapse": "colour"}, "collapse"),
        ({"text": "x", "collapse_threshold": 0}, "collapse_threshold"),
        ({"text": "x", "facets": "gender"}, "facets"),
        ({"like": [1000]}, "like.0"),
        ({"like": [str(n) for n in range(101)]}, "like"),
        ({"like": ["1000", "nope"]}, "like"),
        ({"unlike": ["nope"]}, "unlike"),
        ({"vector": [1.0, 2.0]}, "vector"),
        ({"vector": [0.0] * 128}, "vector"),
        ({"vector": [float("nan")] * 128}, "vector.0"),
        ({"vector": [float("inf")] * 128}, "vector.0"),
        ({"vector": ["1"] * 128}, "vector.0"),
        ({"image": "https://example.com/a.jpg"}, "image"),
        ({"image": "iVBORw0KGgo="}, "image"),
        ({"image": "data:text/html;base64,PGI+"}, "image"),
        ({"text": "x", "limit": 3}, "limit"),
        ({"text": "x" * 2001}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["x"]}, "text"),
        ({"text": "half a pair \ud83d"}, "text"),
        ({"text": "x", "filters": {"gender": True}}, "filters.gender.any.0"),
        ({"text": "x", "filters": {"gender": None}}, "filters.gender.any.0"),
        ({"text": "x", "filters": {"gender": []}}, "filters.gender.any"),
        ({"text": "x", "filters": {"gender": {}}}, "filters.gender"),
        ({"text": "x", "filters": {"gender": {"is": "Men"}}}, "filters.gender.is"),
        ({"text": "x", "filters": {"gender": {"gte": "2012"}}}, "filters.gender.gte"),
        ({"text": "x", "filters": ["gender"]}, "filters"),
        ({"text": "x", "filters": {str(n): "x" for n in range(33)}}, "filters"),
        ({"text": ""}, "text"),
        ({"text": " \t\n\u3000"}, "text"),
        ({"text": "\0"}, "text"),
        ({"text": None}, "text"),
        ({}, "text"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(client: httpx.Client, fields: dict[str, Any], field: str) -> None:
    for path in (IMAGES, DESCRIPTIONS):
        answer = client.post(path, content=json.dumps(fields), headers={"content-type": "application/json"})
        error = error_of(answer, 422, "invalid_request")
        assert error["details"][0]["field"] == field


def test_a_name_that_utf8_cannot_carry_is_answered_like_any_other(client: httpx.Client) -> None:
    answer = client.post(IMAGES, content=b'{"text": "x", "\\ud800": 1}', headers={"content-type": "application/json"})
    error_of(answer, 422, "invalid_request")


def test_an_error_does_not_grow_with_the_request(client: httpx.Client) -> None:
    answer = client.post(IMAGES, json={"text": "x", **{f"{n}{'y' * 500}": 1 for n in range(300)}})
    error_of(answer, 422, "invalid_request")
    assert len(answer.content) < 10_000


def test_an_unknown_filter_is_answered_with_the_known_ones(client: httpx.Client) -> None:
    error = error_of(client.post(IMAGES, json={"text": "x", "filters": {"colour": "Red"}}), 422, "bad_input")
    for word in ("colour", "baseColour", "gender", "articleType"):
        assert word in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", b"[" * 100_000, b'{"k": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_not_json_is_told_so(client: httpx.Client, body: bytes) -> None:
    error_of(client.post(IMAGES, content=body, headers={"content-type": "application/json"}), 400, "malformed_body")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"red dress"', b"7", b"NaN"])
def test_json_that_is_no_object_is_told_so(client: httpx.Client, body: bytes) -> None:
    error_of(client.post(IMAGES, content=body, headers={"content-type": "application/json"}), 422, "invalid_request")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_other_content_types_are_refused(client: httpx.Client, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    error = error_of(client.post(IMAGES, content=b"text=x", headers=headers), 415, "unsupported_media_type")
    assert "multipart/form-data" in error["message"]


def test_control_characters_count_as_spaces(client: httpx.Client) -> None:
    assert ask(client, IMAGES, text="red\0dress\x1b")["results"] == ask(client, IMAGES, text="red dress")["results"]


@pytest.mark.parametrize("text", ["👗", "červené šaty", "赤いドレス", "x" * 2000, "'; DROP TABLE products; --", "<b>"])
def test_any_text_is_answered(client: httpx.Client, text: str) -> None:
    assert len(ask(client, IMAGES, text=text)["results"]) == 10


# Products


def test_a_product_and_its_picture(client: httpx.Client, folder: Path) -> None:
    detail = client.get("/v1/products/1001").json()
    assert detail["title"] == "Red Shirt for Men"
    assert detail["attributes"] == {"gender": "Men", "articleType": "Shirt", "baseColour": "Red"}
    assert detail["split"] in ("train", "validation", "test")
    with Catalogue.open(folder) as catalogue:
        assert client.get(detail["image_url"]).content == catalogue.image("1001")


def test_an_id_with_any_characters_can_be_followed(client: httpx.Client) -> None:
    detail = client.get(f"/v1/products/{quote('twin/0?50%#', safe='')}").json()
    assert detail["id"] == "twin/0?50%#"
    assert client.get(detail["image_url"]).headers["content-type"] == "image/jpeg"


def test_the_picture_is_cacheable_and_of_the_type_its_bytes_are(client: httpx.Client) -> None:
    first = client.get("/v1/products/1000/image")
    assert first.headers["content-type"] == "image/png"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in first.headers["cache-control"]
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = client.get("/v1/products/1000/image", headers={"if-none-match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/products/1000/image", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/products/nope", "/v1/products/nope/image", "/v1/products/%00", "/v1/products/"])
def test_a_product_that_is_not_there(client: httpx.Client, path: str) -> None:
    error_of(client.get(path), 404, "not_found")


# Evaluation


def test_the_evaluation_is_that_of_the_metrics_on_what_is_served(client: httpx.Client, folder: Path) -> None:
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    titles = [product.title for product in snapshot.products]
    for split in ("test", "validation", "train", "all"):
        answer = client.get("/v1/evaluation", params={"split": split}).json()
        asking = [at for at, product in enumerate(snapshot.products) if split in ("all", product.split)]
        figures = evaluate(snapshot.image_vectors, snapshot.text_vectors, titles, np.array(asking))
        source = snapshot.info.source
        origin = {"split": split, "encoder_id": "drawn-1", "catalogue_version": 0, "source": source}
        slices = title_slices(snapshot.image_vectors, snapshot.text_vectors, snapshot.products, np.array(asking))
        assert answer == {**origin, **json.loads(json.dumps(figures)), "slices": json.loads(json.dumps(slices))}
    assert client.get("/v1/evaluation").json()["split"] == "test"


def test_an_unknown_split_is_told_the_known_ones(client: httpx.Client) -> None:
    error = error_of(client.get("/v1/evaluation?split=future"), 422, "invalid_request")
    assert error["details"][0]["field"] == "split"
    assert "validation" in error["message"]


# Starting


def test_a_catalogue_of_another_encoder_is_refused_with_both_names(folder: Path) -> None:
    encoder = DrawnEncoder()
    encoder.encoder_id = "drawn-2"
    with pytest.raises(ArtefactError, match=r"drawn-1.*drawn-2"):
        create_app(Settings.read(catalogue=folder), encoder=encoder)


def test_a_catalogue_of_other_dimensions_is_refused(folder: Path) -> None:
    encoder = DrawnEncoder()
    encoder.dim = 64
    with pytest.raises(ArtefactError, match=r"128.*64"):
        create_app(Settings.read(catalogue=folder), encoder=encoder)


def test_a_missing_catalogue_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="vitrine index"):
        create_app(Settings.read(catalogue=tmp_path / "none"), encoder=DrawnEncoder())


def test_a_missing_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="none"):
        create_app(Settings.read(catalogue=folder, checkpoint=tmp_path / "none"))


def test_settings_come_from_the_environment_and_from_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "7")
    monkeypatch.setenv("VITRINE_PORT", "9000")
    settings = Settings.read(port=9001, device=None)
    assert (settings.max_batch, settings.port, settings.device) == (7, 9001, "auto")


def test_a_setting_that_does_not_fit_is_named_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "0")
    with pytest.raises(
        ConfigError, match=r"port is 70000: .*VITRINE_MAX_BATCH is '0'|VITRINE_MAX_BATCH is '0': .*port"
    ):
        Settings.read(port=70000)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
