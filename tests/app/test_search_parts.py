"""What a query is made of: blends of text, picture, products and vector; pictures in JSON."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Catalogue
from tests.app.helpers import LIMIT, ids
from tests.tools.darkroom import HELD, Darkroom
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    data_uri,
    draw,
    encoded,
    error_of,
    products,
    shop_open,
    show,
    unit,
    until,
)


@pytest.fixture(scope="module")
def vectors(folder: Path) -> dict[str, np.ndarray]:
    """Return the image vector of every product."""
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    return {product.id: vector for product, vector in zip(snapshot.products, snapshot.image_vectors, strict=True)}


@settings(max_examples=40)
@given(
    text=st.sampled_from([None, "red dress", "black watch for men"]),
    picture=st.sampled_from([None, ("blue", "bag"), ("pink", "shoes")]),
    like=st.lists(st.sampled_from(["1000", "1007", "1033", "twin/0?50%#"]), unique=True, max_size=3),
    unlike=st.lists(st.sampled_from(["1001", "1012"]), unique=True, max_size=2),
    direction=st.sampled_from([None, 3, 11]),
    weights=st.dictionaries(
        st.sampled_from(["text", "image", "like", "unlike", "vector"]), st.sampled_from([0.25, 1, 3.5])
    ),
)
def test_a_query_is_the_weighted_sum_of_its_parts(
    client: httpx.Client,
    vectors: dict[str, np.ndarray],
    text: str | None,
    picture: tuple[str, str] | None,
    like: list[str],
    unlike: list[str],
    direction: int | None,
    weights: dict[str, float],
) -> None:
    loud = {"text": 1.0, "image": 1.0, "like": 1.0, "unlike": 0.5, "vector": 1.0, **weights}
    encoder = DrawnEncoder()
    fields: dict[str, Any] = {"weights": weights, "k": 1000, "mode": "vector", "hub_correction": False}
    query = np.zeros(128)
    if text:
        fields["text"] = text
        query += loud["text"] * encoder.encode_text([text])[0]
    if picture:
        fields["image"] = data_uri(draw(*picture))
        query += loud["image"] * encoder.encode_image([draw(*picture)])[0]
    if like:
        fields["like"] = like
        query += loud["like"] * unit(np.mean([vectors[one] for one in like], axis=0))
    if unlike:
        fields["unlike"] = unlike
        query -= loud["unlike"] * unit(np.mean([vectors[one] for one in unlike], axis=0))
    if direction is not None:
        fields["vector"] = (7.0 * np.eye(128)[direction]).tolist()  # its length does not matter
        query += loud["vector"] * np.eye(128)[direction]
    if not query.any():
        return
    expected = {one: float(vector @ unit(query)) for one, vector in vectors.items() if one not in [*like, *unlike]}
    answer = ask(client, IMAGES, **fields)
    assert {result["id"]: pytest.approx(result["score"], abs=1e-5) for result in answer["results"]} == expected
    assert answer["total"] == len(expected)
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_json_and_form_are_asked_alike(client: httpx.Client) -> None:
    picture = draw("red", "bag")
    fields = {
        "text": "blue",
        "weights": {"text": 0.3},
        "like": ["1007"],
        "unlike": ["1001"],
        "vector": np.eye(128)[2].tolist(),
        "filters": {"gender": {"not": "Men"}},
        "facets": ["gender"],
        "collapse": "title",
        "min_score": -0.5,
        "k": 5,
    }
    by_json = ask(client, IMAGES, image=data_uri(picture), **fields)
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    by_form = show(client, IMAGES, picture, **form)
    for name in ("results", "total", "facets"):
        assert by_json[name] == by_form[name]


def test_like_finds_what_resembles_several_products_and_never_themselves(client: httpx.Client) -> None:
    found = ids(ask(client, IMAGES, like=["1000", "twin/0?50%#"], k=4))  # two red dresses
    assert not {"1000", "twin/0?50%#"} & set(found)
    colours = {product.id: product.attributes["baseColour"] for product in products()}
    assert {colours[one] for one in found} == {"Red"}
    described = ask(client, DESCRIPTIONS, like=["1000"], k=1)["results"][0]
    assert "1000" in described["product_ids"]  # a description is no product: it may be that of the example


def test_unlike_alone_finds_the_farthest(client: httpx.Client, vectors: dict[str, np.ndarray]) -> None:
    answer = ask(client, IMAGES, unlike=["1000"], k=1)
    farthest = min((one for one in vectors if one != "1000"), key=lambda one: float(vectors[one] @ vectors["1000"]))
    assert ids(answer) == [farthest]


def test_unknown_products_are_named(client: httpx.Client) -> None:
    error = error_of(client.post(IMAGES, json={"like": ["1000", "nope"]}), 422, "invalid_request")
    assert "nope" in error["message"]
    assert "'1000'" not in error["message"]


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1.0, 1e14])
def test_a_vector_counts_by_its_direction(client: httpx.Client, scale: float) -> None:
    vector = DrawnEncoder().encode_text(["red dress"])[0].astype(np.float64)
    by_text = ask(client, IMAGES, text="red dress", mode="vector")
    assert ids(ask(client, IMAGES, vector=(scale * vector).tolist())) == ids(by_text)


@pytest.mark.parametrize("weights", [{"text": 0}, {"text": 0, "image": 0}])
def test_a_query_without_weight_is_told_so(client: httpx.Client, weights: dict[str, float]) -> None:
    fields = {"text": "x", "weights": weights, **({"image": data_uri(draw("red", "bag"))} if len(weights) > 1 else {})}
    assert "weight" in error_of(client.post(IMAGES, json=fields), 422, "bad_input")["message"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_data_uri_is_a_picture_like_an_upload(client: httpx.Client, kind: str) -> None:
    data = encoded(draw("green", "bag"), kind)
    assert ask(client, IMAGES, image=data_uri(data, "whatever"))["results"] == show(client, IMAGES, data)["results"]


@pytest.mark.parametrize(
    ("uri", "status", "code"),
    [
        ("https://169.254.169.254/latest/meta-data", 422, "invalid_request"),
        ("http://localhost:8000/v1/products/1000/image", 422, "invalid_request"),
        (" HTTPS://example.com/a.png", 422, "invalid_request"),
        ("//example.com/a.png", 422, "invalid_request"),
        ("file:///etc/passwd", 422, "invalid_request"),
        ("data:image/png;base64,", 422, "bad_image"),
        ("data:image/svg+xml,<svg/>", 422, "bad_image"),
        ("data:image/png;base64,AAA", 422, "bad_image"),
        ("data:image/png;base64,A=AA", 422, "bad_image"),
        (data_uri(b"no picture"), 422, "bad_image"),
        (data_uri(encoded(draw("red", "bag"))[:300]), 422, "bad_image"),
        (data_uri(encoded(draw("red", "bag")) + bytes(LIMIT)), 413, "too_large"),
        (data_uri(bytes(3 * LIMIT)), 413, "too_large"),
    ],
)
def test_what_is_no_picture_in_json_is_refused(client: httpx.Client, uri: str, status: int, code: str) -> None:
    error_of(client.post(IMAGES, json={"image": uri}), status, code)


def test_an_address_is_never_fetched(client: httpx.Client) -> None:
    """The server-side request forgery of marqo issue 1452: nobody connects to the address in a request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.png"
        for fields in ({"image": address}, {"image": address, "text": "x"}):
            error = error_of(client.post(IMAGES, json=fields), 422, "invalid_request")
            assert error["message"].startswith("the request cannot be used: image: pictures are not fetched")
        error_of(client.post(IMAGES, files={"image": (None, address)}), 422, "invalid_request")
        client.post("/v1/embeddings", json={"input": [address]})  # a text like any other
        client.post("/v1/classify", json={"image": address, "labels": ["a", "b"]})
        server.settimeout(0.1)  # a fetch that outlasts its call would still come
        with pytest.raises(TimeoutError):
            server.accept()


def test_pictures_in_json_need_slots_and_texts_do_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    darkroom = Darkroom(tmp_path / "darkroom", monkeypatch)
    held = {"image": data_uri(HELD)}
    with shop_open(folder, upload_slots=1, deadline_s=60) as client, ThreadPoolExecutor(1) as people:
        first = people.submit(client.post, IMAGES, json=held)
        until(lambda: darkroom.held == 1, 60)
        calls: list[tuple[str, dict[str, Any]]] = [
            (IMAGES, held),
            ("/v1/classify", {**held, "labels": ["a", "b"]}),
            ("/v1/embeddings", {"input": held["image"]}),
        ]
        for path, fields in calls:
            error_of(client.post(path, json=fields), 503, "overloaded")
        assert ask(client, IMAGES, text="red dress")["results"]
        assert ask(client, "/v1/embeddings", input="red dress")["data"]
        darkroom.open()
        assert first.result().status_code == 200
        assert client.post(IMAGES, json=held).status_code == 200  # the slot is free again
