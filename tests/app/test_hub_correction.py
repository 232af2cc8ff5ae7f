"""Hub correction in the service: how much of the hubness each query takes off, and the switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.query.understanding import prepare
from app.schemas import SearchRequest
from app.searching import to_job
from index import Catalogue, Search, Side, open_search
from tests.app.helpers import ids
from tests.tools.shop import IMAGES, DrawnEncoder, ask, data_uri, draw

LONG = "red dress for women in summer"


@pytest.fixture(scope="module")
def search(folder: Path) -> Iterator[Search]:
    with Catalogue.open(folder) as catalogue:
        yield open_search(catalogue)


def weight(search: Search, side: Side = "images", **fields: Any) -> float:
    request = SearchRequest.model_validate(fields)
    query = prepare(to_job(side, request, None, DrawnEncoder().dim), search).query
    assert query is not None
    return query.hub_weight


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "red"}, 0.0),
        ({"text": "red dress"}, 0.0),
        ({"text": "red dress women"}, 0.25),
        ({"text": LONG, "mode": "vector"}, 1.0),
        ({"text": f"{LONG} and winter", "mode": "vector"}, 1.0),
        ({"text": LONG, "mode": "vector", "hub_correction": False}, 0.0),
        ({"text": LONG, "hub_correction": False}, 0.0),
        ({"text": LONG, "mode": "lexical"}, 0.0),
        ({"text": LONG, "mode": "vector", "like": ["1000"]}, 0.5),
        ({"text": LONG, "mode": "vector", "like": ["1000"], "weights": {"text": 3}}, 0.75),
        ({"like": ["1000"]}, 0.0),
        ({"like": ["1000"], "modify": "in blue for women and girls"}, 0.0),
        ({"facets": ["gender"]}, 0.0),
    ],
)
def test_the_words_of_the_text_and_its_part_of_the_query_decide(
    search: Search, fields: dict[str, Any], expected: float
) -> None:
    assert weight(search, **fields) == pytest.approx(expected)


def test_words_that_are_not_wanted_do_not_count(search: Search) -> None:
    assert weight(search, text="red dress not blue") == weight(search, text="red dress") == 0.0
    assert weight(search, text="red dress not blue", mode="vector") == 0.5  # there it is text as any other


def test_descriptions_are_not_corrected(search: Search) -> None:
    assert weight(search, "texts", text=LONG, mode="vector") == 0.0


def test_the_switch_changes_the_order_and_no_score(client: httpx.Client) -> None:
    """Of a long text; a short one and a picture are answered the same with it and without."""
    texts: dict[str, Any] = {"text": LONG, "mode": "vector", "k": 48}
    on, off = ask(client, IMAGES, **texts), ask(client, IMAGES, **texts, hub_correction=False)
    assert ids(on) != ids(off)
    scores = [hit["score"] for hit in off["results"]]
    assert scores == sorted(scores, reverse=True)
    assert {hit["id"]: (hit["score"], hit["relevance"]) for hit in on["results"]} == {
        hit["id"]: (hit["score"], hit["relevance"]) for hit in off["results"]
    }
    assert on["total"] == off["total"]
    for same in ({"text": "red dress"}, {"image": data_uri(draw("red", "bag"))}, {"text": LONG, "mode": "lexical"}):
        found = [ask(client, IMAGES, **same, hub_correction=switch)["results"] for switch in (True, False)]
        assert found[0] == found[1]
