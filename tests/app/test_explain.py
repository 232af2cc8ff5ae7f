"""The words that carry a match, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.tools.shop import (
    DrawnEncoder,
    ask,
    data_uri,
    draw,
    error_of,
    show,
)

EXPLAIN = "/v1/explain"


def test_a_words_weight_is_what_the_match_loses_without_it(client: httpx.Client) -> None:
    descriptions = ["Blue Shirt for Women", "red watch", "Shirt"]
    answer = ask(client, EXPLAIN, image=data_uri(draw("blue", "shirt")), descriptions=descriptions)
    encoder = DrawnEncoder()
    picture = encoder.encode_image([draw("blue", "shirt")])[0]

    def score(text: str) -> float:
        return float(encoder.encode_text([text])[0] @ picture)

    assert answer["encoder_id"] == encoder.encoder_id
    assert [result["description"] for result in answer["results"]] == descriptions
    for result in answer["results"]:
        words = result["description"].split()
        assert result["score"] == pytest.approx(score(result["description"]), abs=1e-5)
        assert [one["word"] for one in result["words"]] == words
        for place, one in enumerate(result["words"]):
            rest = " ".join(words[:place] + words[place + 1 :])
            lost = score(result["description"]) - (score(rest) if rest else 0)
            assert one["weight"] == pytest.approx(lost, abs=1e-5)
    first = {one["word"]: one["weight"] for one in answer["results"][0]["words"]}
    assert min(first["Blue"], first["Shirt"]) > max(first["for"], first["Women"])


def test_picture_form_product_and_vector_are_explained_alike(client: httpx.Client) -> None:
    descriptions = ["Red Dress for Women", "Blue Bag"]
    encoder = DrawnEncoder()
    vector = (3 * encoder.encode_image([draw("red", "dress")])[0]).tolist()
    as_form = show(client, EXPLAIN, draw("red", "dress"), descriptions=json.dumps(descriptions))
    by_vector = ask(client, EXPLAIN, vector=vector, descriptions=descriptions)
    by_product = ask(client, EXPLAIN, like=["1000"], descriptions=descriptions)
    for other in (by_vector, by_product):
        for one, two in zip(as_form["results"], other["results"], strict=True):
            assert one["score"] == pytest.approx(two["score"], abs=1e-4)
            assert [w["weight"] for w in one["words"]] == pytest.approx([w["weight"] for w in two["words"]], abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"descriptions": ["a"]}, "image"),
        ({"like": ["nobody"], "descriptions": ["a"]}, "like"),
        ({"vector": [1, 2], "descriptions": ["a"]}, "vector"),
        ({"like": ["1000"], "descriptions": []}, "descriptions"),
        ({"like": ["1000"], "descriptions": ["a"] * 51}, "descriptions"),
        ({"like": ["1000"], "descriptions": ["word " * 300] * 4}, "descriptions"),
        ({"like": ["1000"]}, "descriptions"),
    ],
)
def test_what_cannot_be_explained_is_refused_by_its_field(
    client: httpx.Client, fields: dict[str, Any], field: str
) -> None:
    error = error_of(client.post(EXPLAIN, json=fields), 422, "invalid_request")
    assert error["details"][0]["field"].startswith(field)
