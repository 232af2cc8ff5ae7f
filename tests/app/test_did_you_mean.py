"""What is misspelt is told with what was probably meant: fields, parameters, values, attributes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from index import did_you_mean, nearest_name
from tests.app.helpers import body, lines, put
from tests.tools.shop import draw, encoded, error_of

SEARCH = "/v1/search"


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("txt", ["image", "text", "like"], "text"),
        ("colour", ["gender", "baseColour", "season"], "baseColour"),
        ("basecolor", ["gender", "baseColour"], "baseColour"),
        ("base_colour", ["gender", "baseColour"], "baseColour"),
        ("hibrid", ["hybrid", "vector", "lexical"], "hybrid"),
        ("GENDER", ["gender", "agenda"], "gender"),
        ("brand", ["gender", "season"], None),
        ("x", ["k"], None),
        ("", ["k"], None),
        ("k" * 101, ["k" * 100], None),
        ("y", [], None),
    ],
)
def test_the_nearest_name_is_what_was_probably_meant(name: str, known: list[str], meant: str | None) -> None:
    assert nearest_name(name, known) == meant
    assert did_you_mean(name, known) == (f"; did you mean {meant!r}?" if meant else "")


@pytest.mark.parametrize(
    ("path", "fields", "field", "said"),
    [
        (SEARCH, {"txt": "red"}, "txt", "unknown field 'txt'; did you mean 'text'?"),
        (SEARCH, {"query": "red"}, "query", "unknown field 'query'; did you mean 'text'?"),
        (SEARCH, {"text": "x", "limit": 3}, "limit", "unknown field 'limit'; did you mean 'k'?"),
        (SEARCH, {"text": "x", "weights": {"txt": 1}}, "weights.txt", "unknown field 'txt'; did you mean 'text'?"),
        (
            SEARCH,
            {"text": "x", "filters": {"year": {"gtr": 1}}},
            "filters.year.gtr",
            "unknown field 'gtr'; did you mean 'gte'?",
        ),
        (SEARCH, {"text": "x", "mode": "hibrid"}, "mode", "did you mean 'hybrid'?"),
        (SEARCH, {"text": "x", "zzzzz": 1}, "zzzzz", "unknown field 'zzzzz'"),
        ("/v1/embeddings", {"inputs": "x"}, "input", "did you mean 'input'?"),
        ("/v1/classify", {"label": ["a"]}, "labels", "did you mean 'labels'?"),
    ],
)
def test_an_unknown_field_hears_what_was_meant(
    client: httpx.Client, path: str, fields: dict[str, Any], field: str, said: str
) -> None:
    error = error_of(client.post(path, json=fields), 422, "invalid_request")
    assert said in error["message"]
    assert field in [one["field"] for one in error["details"]]


def test_a_form_and_a_line_hear_it_too(editor: httpx.Client) -> None:
    answer = editor.post(SEARCH, data={"txt": "in blue"}, files={"image": ("x.png", encoded(draw("red", "bag")))})
    assert "unknown field 'txt'; did you mean 'text'?" in error_of(answer, 422, "invalid_request")["message"]
    product = error_of(put(editor, "new", body("red", "bag", titel="x")), 422, "invalid_request")
    assert "unknown field 'titel'; did you mean 'title'?" in product["message"]
    headers = {"content-type": "application/x-ndjson"}
    bulk = editor.post("/v1/products", content=lines({"id": "a", "atributes": {}}), headers=headers).json()
    assert "did you mean 'attributes'?" in bulk["errors"][0]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"filters": {"colour": "Red"}},
        {"facets": ["colour"]},
        {"sort": "colour:asc"},
        {"group_by": "colour"},
        {"histograms": ["colour"]},
    ],
)
def test_an_unknown_attribute_hears_it_wherever_it_stands(client: httpx.Client, fields: dict[str, Any]) -> None:
    error = error_of(client.post(SEARCH, json={"text": "x", **fields}), 422, "bad_input")
    assert "'colour'; did you mean 'baseColour'?" in error["message"]


def test_names_that_are_like_none_are_told_those_there_are(client: httpx.Client) -> None:
    error = error_of(client.post(SEARCH, json={"facets": ["zzz"]}), 422, "bad_input")
    assert "the attributes there are: articleType, baseColour, gender" in error["message"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/products?filter={}", 422, "unknown parameter 'filter'; did you mean 'filters'?"),
        ("/v1/facets?attributes=gender", 422, "did you mean 'attribute'?"),
        ("/v1/suggest?q=re&kk=3", 200, None),
        ("/v1/facets?utm_source=letter&_=1718", 200, None),
        ("/healthz?filter=1", 200, None),
        ("/v1/evaluation/progress?split=tset", 422, "did you mean 'test'?"),
    ],
)
def test_a_parameter_that_is_nearly_another_one_is_refused(
    client: httpx.Client, path: str, status: int, said: str | None
) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    if said:
        assert said in error_of(answer, status, "invalid_request")["message"]
