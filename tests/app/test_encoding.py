"""Encoding and classifying over HTTP: OpenAI's own client works with the service, and labels get probabilities."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app.query.towers import source_name
from app.server import create_app
from app.settings import Settings
from models import load_encoder
from tests.tools.shop import (
    COLOURS,
    KINDS,
    PATIENT,
    DrawnEncoder,
    ask,
    data_uri,
    draw,
    encoded,
    error_of,
    served,
    shop_open,
    show,
    unit,
)

EMBEDDINGS = "/v1/embeddings"
CLASSIFY = "/v1/classify"


@pytest.fixture(scope="module")
def official(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with (
        openai.DefaultHttpxClient(trust_env=False) as transport,
        openai.OpenAI(
            api_key="none", base_url=f"{client.base_url}/v1", http_client=transport, max_retries=0
        ) as official,
    ):
        yield official


# The official client


def test_the_official_client_gets_the_encoders_vectors(official: openai.OpenAI) -> None:
    texts = ["red dress", "blue bag for men", "x"]
    expected = DrawnEncoder().encode_text(texts)
    by_default = official.embeddings.create(model="vitrine", input=texts)  # base64 on the way
    as_floats = official.embeddings.create(model="drawn-1", input=texts, encoding_format="float", dimensions=128)
    for answer in (by_default, as_floats):
        np.testing.assert_allclose([one.embedding for one in answer.data], expected, atol=1e-6)
        assert [one.index for one in answer.data] == [0, 1, 2]
        assert answer.model == "drawn-1"
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == 2 + 4 + 1
    alone = official.embeddings.create(model="vitrine", input="red dress", user="somebody")
    np.testing.assert_allclose(alone.data[0].embedding, expected[0], atol=1e-6)


def test_the_official_client_sends_pictures_too(official: openai.OpenAI) -> None:
    picture = draw("green", "shoes")
    answer = official.embeddings.create(model="vitrine", input=["green shoes", data_uri(picture), "red"])
    encoder = DrawnEncoder()
    expected = [encoder.encode_text(["green shoes"]), encoder.encode_image([picture]), encoder.encode_text(["red"])]
    np.testing.assert_allclose([one.embedding for one in answer.data], np.concatenate(expected), atol=1e-6)
    assert answer.usage.prompt_tokens == 3


def test_the_official_client_lists_the_model(official: openai.OpenAI) -> None:
    assert [model.id for model in official.models.list()] == ["vitrine", "drawn-1"]
    assert {model.created for model in official.models.list()} == {1735689600}


def test_the_official_client_gets_the_model_by_each_of_its_names(official: openai.OpenAI) -> None:
    for listed in official.models.list().data:
        assert official.models.retrieve(listed.id) == listed
    for name in ("gpt-4", "vitrine/other", "Vitrine", "x" * 100):
        with pytest.raises(openai.NotFoundError, match="vitrine or drawn-1"):
            official.models.retrieve(name)


def test_the_official_client_understands_our_errors(official: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="vitrine or drawn-1") as caught:
        official.embeddings.create(model="text-embedding-3-small", input="x")
    assert caught.value.code == "model_not_found"
    assert caught.value.request_id
    with pytest.raises(openai.UnprocessableEntityError, match="token ids") as refused:
        official.embeddings.create(model="vitrine", input=[1, 2, 3])
    assert refused.value.code == "invalid_request"


def test_a_trained_checkpoint_is_served_with_its_own_vectors(catalogue: Path, checkpoint: Path) -> None:
    encoder = load_encoder(checkpoint, "cpu")
    app = create_app(Settings.read(checkpoint=checkpoint, catalogue=catalogue, device="cpu", **PATIENT))
    texts = ["acme red ball", "Nord Blue Box", "a much longer text about a green stripe"] * 20  # more than one batch
    picture = draw("red", "bag")
    with (
        served(app) as client,
        openai.DefaultHttpxClient(trust_env=False) as transport,
        openai.OpenAI(api_key="none", base_url=f"{client.base_url}/v1", http_client=transport) as official,
    ):
        answer = official.embeddings.create(model="vitrine", input=[*texts, data_uri(picture)])
        classes = ask(client, CLASSIFY, image=data_uri(picture), labels=["red ball", "blue box"])["results"]
    rows = np.array([one.embedding for one in answer.data])
    np.testing.assert_allclose(rows[:-1], encoder.encode_text(texts), atol=1e-6)
    np.testing.assert_allclose(rows[-1:], encoder.encode_image([picture]), atol=1e-6)
    assert answer.usage.prompt_tokens == encoder.encode_counted(texts)[1].sum() > 20 * 3 * 3
    assert sum(result["probability"] for result in classes) == pytest.approx(1, abs=1e-5)
    assert encoder.logit_scale > 1


# What it says itself


def test_base64_is_little_endian_float32(client: httpx.Client) -> None:
    plain = ask(client, EMBEDDINGS, input="red dress")["data"][0]
    packed = ask(client, EMBEDDINGS, input=["red dress"], encoding_format="base64")["data"][0]
    assert set(plain) == {"object", "index", "embedding"}
    assert np.frombuffer(base64.b64decode(packed["embedding"]), dtype="<f4").tolist() == plain["embedding"]


def test_a_vector_can_be_searched_with(client: httpx.Client) -> None:
    vector = ask(client, EMBEDDINGS, input="red dress")["data"][0]["embedding"]
    by_vector, by_text = (
        [(one["id"], one["score"]) for one in ask(client, "/v1/search/images", **fields, k=5)["results"]]
        for fields in ({"vector": vector}, {"text": "red dress", "mode": "vector"})
    )
    assert by_vector == by_text


@pytest.mark.parametrize(
    ("fields", "field", "word"),
    [
        ({}, "input", ""),
        ({"input": []}, "input", ""),
        ({"input": ""}, "input", ""),
        ({"input": ["x"] * 257}, "input", "256"),
        ({"input": [1, 2]}, "input", "token ids"),
        ({"input": [[1, 2], [3]]}, "input", "token ids"),
        ({"input": ["x", None]}, "input", ""),
        ({"input": {"text": "x"}}, "input", ""),
        ({"input": "x" * 20_001}, "input.0", "20,000"),
        ({"input": "x", "dimensions": 64}, "dimensions", "128"),
        ({"input": "x", "encoding_format": "int8"}, "encoding_format", ""),
        ({"input": "x", "truncate": True}, "truncate", ""),
    ],
)
def test_what_cannot_be_encoded_is_told_why(client: httpx.Client, fields: Any, field: str, word: str) -> None:
    error = error_of(client.post(EMBEDDINGS, json=fields), 422, "invalid_request")
    assert error["details"][0]["field"].startswith(field)
    assert word in error["message"]


def test_a_picture_that_is_none_is_named_by_its_place(client: httpx.Client) -> None:
    bad = data_uri(b"no picture")
    error = error_of(client.post(EMBEDDINGS, json={"input": ["x", bad]}), 422, "bad_image")
    assert error["message"].startswith("input 1: ")


def test_texts_to_encode_are_taken_as_json_alone(client: httpx.Client) -> None:
    error_of(client.post(EMBEDDINGS, files={"input": (None, "x")}), 422, "invalid_request")
    error_of(
        client.post(EMBEDDINGS, content=b"x", headers={"content-type": "text/plain"}), 415, "unsupported_media_type"
    )


def test_many_inputs_are_encoded_in_batches(folder: Path) -> None:
    """A cap per batch, which infinity's users ask for (issue 517): memory does not grow with the request."""
    encoder = DrawnEncoder()
    with shop_open(folder, encoder, max_batch=16) as client:
        inputs = [f"text {number}" for number in range(200)] + [data_uri(draw("red", "bag"))] * 56
        assert len(ask(client, EMBEDDINGS, input=inputs)["data"]) == 256
    assert max(len(batch) for batch in encoder.text_batches) <= 16
    assert max(encoder.pixel_batches) <= 16
    assert sum(encoder.pixel_batches) == 56


# Classifying


def classified(client: httpx.Client, **fields: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = ask(client, CLASSIFY, **fields)["results"]
    return results


def test_labels_are_ranked_with_probabilities(client: httpx.Client) -> None:
    picture = draw("purple", "watch")
    templates = ["{}", "a {} on white"]
    results = classified(client, image=data_uri(picture), labels=list(KINDS), templates=templates)
    assert results[0]["label"] == "watch"
    encoder = DrawnEncoder()
    labels = unit(np.array([encoder.encode_text([t.replace("{}", k) for t in templates]).mean(axis=0) for k in KINDS]))
    scores = labels @ encoder.encode_image([picture])[0]
    powers = np.exp(encoder.logit_scale * (scores - scores.max()))
    expected = {
        kind: (pytest.approx(score, abs=1e-5), pytest.approx(power / powers.sum(), abs=1e-5))
        for kind, score, power in zip(KINDS, scores.tolist(), powers.tolist(), strict=True)
    }
    assert {r["label"]: (r["score"], r["probability"]) for r in results} == expected
    probabilities = [result["probability"] for result in results]
    assert probabilities == sorted(probabilities, reverse=True)


def test_a_picture_comes_as_a_file_a_uri_or_a_product(client: httpx.Client) -> None:
    picture, labels = encoded(draw("red", "dress")), list(COLOURS)
    by_json = classified(client, image=data_uri(picture), labels=labels)
    by_form = show(client, CLASSIFY, picture, labels=json.dumps(labels))["results"]
    assert by_json == by_form
    assert by_json[0]["label"] == "red"
    by_product = classified(client, product_id="1000", labels=labels)
    assert [one["label"] for one in by_product] == [one["label"] for one in by_json]
    alone = client.post(CLASSIFY, files={"product_id": (None, "1000"), "labels": (None, json.dumps(labels))})
    assert alone.json()["results"] == by_product


def test_a_template_is_text_and_nothing_else(client: httpx.Client) -> None:
    for template in ("{} {0} {x.__class__}", "{}{}", "100 % {}"):
        assert classified(client, product_id="1000", labels=["red", "blue"], templates=[template])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"labels": ["a", "b"]}, "image"),
        ({"labels": ["a", "b"], "product_id": "1000", "image": data_uri(draw("red", "bag"))}, "image"),
        ({"labels": ["a", "b"], "product_id": "nope"}, "product_id"),
        ({"labels": ["a", "b"], "image": "https://example.com/a.png"}, "image"),
        ({"labels": ["a"], "product_id": "1000"}, "labels"),
        ({"labels": ["a", "a"], "product_id": "1000"}, "labels"),
        ({"labels": ["a", " a\0"], "product_id": "1000"}, "labels"),
        ({"labels": ["a", " "], "product_id": "1000"}, "labels.1"),
        ({"labels": "a", "product_id": "1000"}, "labels"),
        ({"labels": [str(n) for n in range(201)], "product_id": "1000"}, "labels"),
        ({"labels": ["a", "b"], "templates": ["a photo"], "product_id": "1000"}, "templates.0"),
        ({"labels": ["a", "b"], "templates": [], "product_id": "1000"}, "templates"),
        (
            {
                "labels": [str(n) for n in range(200)],
                "templates": [f"{n} {{}}" for n in range(6)],
                "product_id": "1000",
            },
            "templates",
        ),
    ],
)
def test_what_cannot_be_classified_is_told_why(client: httpx.Client, fields: Any, field: str) -> None:
    error = error_of(client.post(CLASSIFY, json=fields), 422, "invalid_request")
    assert error["details"][0]["field"] == field


def test_the_same_labels_are_encoded_once(folder: Path) -> None:
    encoder = DrawnEncoder()
    with shop_open(folder, encoder) as client:
        for colour in COLOURS:
            assert classified(client, image=data_uri(draw(colour, "bag")), labels=list(COLOURS))[0]["label"] == colour
    assert encoder.text_batches == [list(COLOURS)]


def test_a_model_tells_what_is_known_of_it(client: httpx.Client) -> None:
    model = client.get("/v1/models/vitrine").json()
    assert (model["object"], model["encoder_id"], model["dimensions"], model["image_size"]) == (
        "model",
        "drawn-1",
        128,
        [48, 36],
    )
    assert "text_tower" not in model, "nothing is known of it"
    error_of(client.get("/v1/models/other"), 404, "model_not_found")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("minilm-l6", "minilm-l6"),
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("/srv/secret/my-tower", "my-tower"),
        ("../towers/my-tower", "my-tower"),
        ("~/towers/my-tower", "my-tower"),
        ("C:\\towers\\my-tower", "my-tower"),
    ],
)
def test_where_a_tower_lies_is_not_told(source: str, shown: str) -> None:
    assert source_name(source) == shown
