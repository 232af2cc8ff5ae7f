"""What cannot be searched is refused in clear words, and whatever is sent is answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    ask,
    data_uri,
    draw,
    encoded,
    error_of,
)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "x", "k": 0}, "k"),
        ({"text": "x", "k": 1001}, "k"),
        ({"text": "x", "k": "many"}, "k"),
        ({"text": "x", "k": 2.5}, "k"),
        ({"text": "x", "k": None}, "k"),
        ({"text": "x", "offset": -1}, "offset"),
        ({"text": "x", "offset": 9001}, "offset"),
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
        ({"text": "x", "filters": {"gender": None}}, "filters.gender.any.0"),
        ({"text": "x", "filters": {"gender": []}}, "filters.gender.any"),
        ({"text": "x", "filters": {"gender": {}}}, "filters.gender"),
        ({"text": "x", "filters": {"gender": {"is": "Men"}}}, "filters.gender.is"),
        ({"text": "x", "filters": {"gender": {"gte": "soon"}}}, "filters.gender"),
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


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", b"[" * 10_000, b'{"k": ' + b"9" * 5000 + b"}"])
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


CALLS = [IMAGES, DESCRIPTIONS, f"{IMAGES}/batch", f"{DESCRIPTIONS}/batch", "/v1/embeddings", "/v1/classify"]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["1000", "red dress", "gender", "title", "image", "data:image/png;base64,AAAA", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["any", "not", "gte", "lt", "gender", "text", "image", "like", "queries", "k", "input"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
NAMES = [
    "text",
    "image",
    "like",
    "unlike",
    "vector",
    "weights",
    "k",
    "offset",
    "filters",
    "facets",
    "histograms",
    "collapse",
]


@settings(max_examples=150)
@given(path=st.sampled_from(CALLS), body=st.dictionaries(st.sampled_from(NAMES), values, max_size=6) | values)
def test_no_json_is_an_internal_error(client: httpx.Client, path: str, body: Any) -> None:
    answer = client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code < 500, answer.text
    assert '"internal"' not in answer.text


@settings(max_examples=60)
@given(
    path=st.sampled_from([IMAGES, DESCRIPTIONS, "/v1/classify"]),
    fields=st.dictionaries(
        st.sampled_from(NAMES), values.map(json.dumps) | st.text(st.characters(codec="utf-8"), max_size=20), max_size=6
    ),
)
def test_no_form_is_an_internal_error(client: httpx.Client, path: str, fields: dict[str, str]) -> None:
    files: dict[str, Any] = {name: (None, value.encode()) for name, value in fields.items()} or {"text": (None, b"x")}
    assert client.post(path, files=files).status_code < 500


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_no_picture_stops_the_encoder(client: httpx.Client, size: tuple[int, int]) -> None:
    """A 1x1 picture killed infinity's endpoint until a restart (infinity 609), or hung all that followed (367)."""
    uri = data_uri(Image.new("RGB", size, (200, 30, 45)))
    for path, fields in [
        (IMAGES, {"image": uri}),
        (f"{DESCRIPTIONS}/batch", {"queries": [{"image": uri}]}),
        ("/v1/embeddings", {"input": [uri]}),
        ("/v1/classify", {"image": uri, "labels": ["red", "blue"]}),
    ]:
        assert client.post(path, json=fields).status_code == 200, path
        assert client.get("/readyz").status_code == 200


def test_one_truncated_picture_of_many_holds_nobody_up(client: httpx.Client) -> None:
    """In clip-retrieval issue 257 one truncated picture made a bulk run hang for ever."""
    good, bad = data_uri(draw("red", "bag")), data_uri(encoded(draw("red", "bag"), "JPEG")[:-400])
    answers = ask(client, f"{IMAGES}/batch", queries=[{"image": good}, {"image": bad}, {"image": good}])["answers"]
    assert ["error" in answer for answer in answers] == [False, True, False]
