"""A search by words over HTTP: what is asked of the index, what is encoded, and how the answer says what it read."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.query import Engine, Job, JobResult, Serving, TextOptions
from app.schemas import SearchRequest
from app.telemetry import Telemetry
from common import InputError
from index import (
    NEWEST,
    Catalogue,
    Condition,
    Correction,
    Filter,
    ParsedText,
    Search,
    SearchIndex,
    SearchQuery,
    Sort,
    Unit,
    as_filters,
)
from tests.app.helpers import ids
from tests.tools.shop import DESCRIPTIONS, IMAGES, DrawnEncoder, ask, data_uri, draw, error_of, show

RED = Condition("rouge", "baseColour", ("Red",))
ENGLISH = {"robe": "dress", "rouge": "red", "blu": "blue"}


class Reading(SearchIndex):
    """An index whose reading of texts is plain to see: it notes what it is asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue.snapshot())
        self.asked: list[tuple[Any, ...]] = []
        self.searched: list[SearchQuery] = []

    def understand(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        self.asked.append((text, language, correct, tuple(dismissed)))
        if text == "refused":
            raise InputError("nobody understands this; write something else")
        words = text.split()
        units = tuple(
            Unit(word, "value", "red", condition=None if word in dismissed else RED)
            for word in words
            if word == "rouge"
        )
        english = " ".join(ENGLISH.get(word, word) for word in words if word != "the")
        correction = Correction(text, english) if correct and "blu" in words else None
        return ParsedText(text, english, language or "fr", units, correction)

    def search(self, side: Any, vectors: np.ndarray, queries: Any) -> Any:
        self.searched.extend(queries)
        self.vectors_seen = vectors
        return super().search(side, vectors, queries)


@pytest.fixture
def reading(folder: Path) -> Reading:
    with Catalogue.open(folder) as catalogue:
        return Reading(catalogue)


def engine(reading: Search, encoder: DrawnEncoder) -> Engine:
    return Engine(lambda: Serving(encoder, reading), 10, Telemetry())


def found(answer: object) -> JobResult:
    assert isinstance(answer, JobResult), answer
    return answer


def hybrid(*texts: str, **options: Any) -> Job:
    return Job(texts, query=SearchQuery(k=3, mode="hybrid"), options=TextOptions(**options))


def test_the_encoder_reads_english_and_the_index_what_was_understood(reading: Reading) -> None:
    encoder = DrawnEncoder()
    result = found(engine(reading, encoder).answer([hybrid("robe rouge", language="fr", dismiss=("x",))])[0])
    assert reading.asked == [("robe rouge", "fr", True, ("x",))]
    assert encoder.text_batches == [["dress red"]]
    assert result.parsed is not None
    assert result.parsed.conditions == (RED,)
    assert reading.searched[0].parsed is result.parsed
    assert reading.searched[0].filters == {}
    assert result.understand_s > 0


def test_what_has_no_english_is_encoded_as_it_is(reading: Reading) -> None:
    encoder = DrawnEncoder()
    engine(reading, encoder).answer([hybrid("the")])
    assert encoder.text_batches == [["the"]]


def test_texts_with_one_meaning_are_encoded_once(reading: Reading) -> None:
    encoder = DrawnEncoder()
    running = engine(reading, encoder)
    running.answer([hybrid("robe rouge"), hybrid("the robe rouge")])
    running.answer([hybrid("dress red")])
    assert encoder.text_batches == [["dress red"]]


def test_vectors_alone_leave_the_text_as_it_is(reading: Reading) -> None:
    encoder = DrawnEncoder()
    result = found(engine(reading, encoder).answer([Job(("robe rouge",), query=SearchQuery(k=3))])[0])
    assert (reading.asked, result.parsed, result.mode) == ([], None, "vector")
    assert encoder.text_batches == [["robe rouge"]]


def test_words_alone_need_no_encoder(reading: Reading) -> None:
    encoder = DrawnEncoder()
    query = SearchQuery(k=3, mode="lexical")
    result = found(engine(reading, encoder).answer([Job(("red dress",), query=query)])[0])
    assert encoder.text_batches == []
    assert not reading.vectors_seen.any()
    assert (result.mode, result.tokens) == ("lexical", 0)
    pixels = encoder.prepare_image(draw("red", "bag"))
    found(engine(reading, encoder).answer([Job(("red dress",), (pixels,), query)])[0])
    assert encoder.text_batches == []
    np.testing.assert_allclose(reading.vectors_seen[0], encoder.encode_image([draw("red", "bag")])[0], atol=1e-6)


def test_a_text_that_cannot_be_read_fails_alone(reading: Reading) -> None:
    encoder = DrawnEncoder()
    bad, good = engine(reading, encoder).answer([hybrid("refused"), hybrid("dress")])
    assert isinstance(bad, InputError)
    assert found(good).page
    assert encoder.text_batches == [["dress"]]


def test_strict_conditions_filter_unless_the_caller_does(reading: Reading) -> None:
    encoder = DrawnEncoder()
    engine(reading, encoder).answer([hybrid("robe rouge", strict=True)])
    assert reading.searched[-1].filters == {"baseColour": Filter(any=("Red",))}
    own = {"baseColour": Filter(any=("Blue",)), "gender": Filter(any=("Men",))}
    query = SearchQuery(k=3, mode="hybrid", filters=own)
    engine(reading, encoder).answer([Job(("robe rouge",), query=query, options=TextOptions(strict=True))])
    assert reading.searched[-1].filters == own


def test_conditions_on_one_attribute_become_one_filter() -> None:
    conditions = [
        RED,
        Condition("blue", "baseColour", ("Blue", "Navy Blue")),
        Condition("black", "baseColour", ("Black",), negated=True),
        Condition("over 10", "price", gt=10),
        Condition("up to 20", "price", lte=20),
    ]
    assert as_filters(conditions) == {
        "baseColour": Filter(any=("Red", "Blue", "Navy Blue"), none=("Black",)),
        "price": Filter(gt=10, lte=20),
    }


@pytest.mark.parametrize(
    ("fields", "picture", "mode", "share"),
    [
        ({"text": "x"}, False, "hybrid", 1),
        ({"text": "x", "mode": "vector"}, False, "vector", 1),
        ({"text": "x", "mode": "lexical"}, False, "lexical", 1),
        ({"like": ["1"]}, False, "vector", 0),
        ({"like": ["1"], "mode": "hybrid"}, False, "vector", 0),
        ({}, True, "vector", 0),
        ({"text": "x", "unlike": ["1"]}, False, "hybrid", 1),
        ({"text": "x"}, True, "hybrid", 0.5),
        ({"text": "x", "like": ["1", "2"], "weights": {"text": 3}}, False, "hybrid", 0.75),
        ({"text": "x", "vector": [1.0], "weights": {"text": 0}}, False, "hybrid", 0),
        ({"text": "x", "weights": {"text": 0}}, False, "hybrid", 1),
    ],
)
def test_what_ranks_and_the_share_of_the_text(fields: dict[str, Any], picture: bool, mode: str, share: float) -> None:
    request = SearchRequest.model_validate(fields)
    assert request.ranked_by == mode
    assert request.text_share(picture) == pytest.approx(share)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("relevance", None),
        ("newest", Sort(NEWEST)),
        ("year:asc", Sort("year", descending=False)),
        ("a:b:desc", Sort("a:b")),
    ],
)
def test_an_order_is_read(sort: str, order: Sort | None) -> None:
    assert SearchRequest.model_validate({"text": "x", "sort": sort}).order() == order


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"mode": "fuzzy"}, "mode", "'hybrid', 'vector' or 'lexical'"),
    ({"language": "nl"}, "language", "'en', 'fr', 'de', 'es' or 'it'"),
    ({"correct": "yes"}, "correct", "boolean"),
    ({"strict": 1}, "strict", "boolean"),
    ({"hub_correction": "no"}, "hub_correction", "boolean"),
    ({"dismiss": "red"}, "dismiss", "list"),
    ({"dismiss": [""]}, "dismiss.0", "1 character"),
    ({"cutoff": "most"}, "cutoff", "0 to 1, auto or none"),
    ({"cutoff": 1.5}, "cutoff", "0 to 1, auto or none"),
    ({"cutoff": "0.5"}, "cutoff", "0 to 1, auto or none"),
    ({"sort": "cheapest"}, "sort", "relevance, newest, or an attribute"),
    ({"sort": ":asc"}, "sort", "relevance, newest, or an attribute"),
]


@pytest.mark.parametrize(("fields", "field", "words"), REFUSED)
def test_what_a_field_may_be_is_said(client: httpx.Client, fields: dict[str, Any], field: str, words: str) -> None:
    for path in (IMAGES, DESCRIPTIONS):
        error = error_of(client.post(path, json={"text": "red", **fields}), 422, "invalid_request")
        assert [detail["field"] for detail in error["details"]] == [field]
        assert words in error["message"]
    (entry,) = ask(client, f"{IMAGES}/batch", queries=[{"text": "red", **fields}])["answers"]
    assert words in entry["error"]["message"]


def test_words_alone_need_a_text(client: httpx.Client) -> None:
    error = error_of(client.post(IMAGES, json={"like": ["1000"], "mode": "lexical"}), 422, "invalid_request")
    assert error["details"][0]["field"] == "mode"


def test_an_unknown_attribute_to_sort_by_is_answered_with_the_known_ones(client: httpx.Client) -> None:
    error = error_of(client.post(IMAGES, json={"text": "red", "sort": "price:asc"}), 422, "bad_input")
    assert "'price'" in error["message"]


@pytest.mark.parametrize("path", [IMAGES, DESCRIPTIONS])
def test_a_text_is_read_unless_vectors_alone_rank(client: httpx.Client, path: str) -> None:
    answer = ask(client, path, text="red dress", k=3)
    assert answer["mode"] == "hybrid"
    assert answer["language"] == "en"
    assert answer["corrected"] is None
    assert answer["cutoff"] is None
    chips = {(one["attribute"], *one["values"]) for one in answer["interpreted"]}
    assert chips == {("baseColour", "Red"), ("articleType", "Dress")}
    (red,) = (one for one in answer["interpreted"] if one["attribute"] == "baseColour")
    assert red == {
        "text": "red",
        "attribute": "baseColour",
        "values": ["Red"],
        "negated": False,
        **dict.fromkeys(("gte", "gt", "lte", "lt")),
    }
    plain = ask(client, path, text="red dress", k=3, mode="vector")
    assert (plain["mode"], plain["language"], plain["interpreted"]) == ("vector", None, [])


def test_what_a_chip_says_can_be_dismissed_or_made_a_filter(client: httpx.Client) -> None:
    whole = ask(client, IMAGES, text="red dress", k=48)
    assert whole["total"] == 48
    strict = ask(client, IMAGES, text="red dress", k=48, strict=True)
    assert {(one["attributes"]["baseColour"], one["attributes"]["articleType"]) for one in strict["results"]} == {
        ("Red", "Dress")
    }
    assert strict["total"] == len(strict["results"]) < 48
    less = ask(client, IMAGES, text="red dress", k=48, strict=True, dismiss=["red"])
    assert [one["attribute"] for one in less["interpreted"]] == ["articleType"]
    assert {one["attributes"]["articleType"] for one in less["results"]} == {"Dress"}
    assert less["total"] == 16  # of each colour one, and its twin


def test_json_and_form_are_read_alike(client: httpx.Client) -> None:
    fields: dict[str, Any] = {
        "text": "red dress",
        "mode": "hybrid",
        "language": "en",
        "correct": False,
        "dismiss": ["red"],
        "strict": True,
        "cutoff": 0.0,
        "sort": "newest",
        "k": 20,
    }
    picture = draw("red", "bag")
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    by_json, by_form = ask(client, IMAGES, image=data_uri(picture), **fields), show(client, IMAGES, picture, **form)
    for answer in (by_json, by_form):
        del answer["timing_ms"]
    assert by_json == by_form


def test_a_batch_reads_each_text_by_itself(client: httpx.Client) -> None:
    queries: list[dict[str, Any]] = [{"text": "red dress"}, {"text": "red dress", "mode": "vector"}, {"like": ["1000"]}]
    answers = ask(client, f"{IMAGES}/batch", queries=queries)["answers"]
    assert [one["mode"] for one in answers] == ["hybrid", "vector", "vector"]
    for query, one in zip(queries, answers, strict=True):
        assert ids(one) == ids(ask(client, IMAGES, **query))


def test_suggestions_complete_what_is_typed(client: httpx.Client) -> None:
    answer = client.get("/v1/suggest", params={"q": "re", "k": 3})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"suggestions", "catalogue_version"}
    assert 1 <= len(body["suggestions"]) <= 3
    first = body["suggestions"][0]
    assert set(first) == {"text", "kind", "attribute", "count"}
    assert first["text"].casefold().startswith("red")
    frequent = [client.get("/v1/suggest", params={"q": nothing}).json()["suggestions"] for nothing in ("", " ", "\0")]
    assert frequent[0]
    assert frequent[0] == frequent[1] == frequent[2]
    assert client.get("/v1/suggest", params={"q": "zzzzzz"}).json()["suggestions"] == []
    for query in ("", "q=x&k=0", "q=x&k=51", "q=" + "x" * 2001):
        error_of(client.get(f"/v1/suggest?{query}"), 422, "invalid_request")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_nothing_that_was_typed_is_logged(client: httpx.Client, log: pytest.LogCaptureFixture) -> None:
    ask(client, IMAGES, text="zyxsecret dress", dismiss=["zyxsecret"])
    client.get("/v1/suggest", params={"q": "zyxsecret"})
    client.get("/v1/suggest", params={"q": "zyxsecret", "k": 0})
    client.post(IMAGES, json={"text": "zyxsecret", "sort": "zyxsecret"})
    ours = [record.getMessage() for record in log.records if record.name.startswith("vitrine")]
    assert ours
    assert not any("zyxsecret" in line for line in ours)
