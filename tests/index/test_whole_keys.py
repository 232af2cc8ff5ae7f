"""No answer is another's: what is kept for a filter is found under the whole of it, in every store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from index import Database, Filter, Location, Product, Put, SearchQuery
from index.postgres.counts import _whole
from tests.index.brute_force import brute_descriptions, brute_images, folded
from tests.index.entries import entry, opened, search_of, writer
from tests.tools.postgres import Server

LONG = "Free gifts, autumn campaign 2026, all of Europe and overseas: "
"""A beginning that is longer than what any cut form of a value shows."""
VALUES = [f"{LONG}{end}" for end in ("A", "B", "C")] + ["1", "1.0", "True", "true", "01"]
NAMES = ["collection", "collection of another shop", "year"]

some_filters = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Filter,
        any=st.none() | st.lists(st.sampled_from(VALUES), max_size=3).map(tuple),
        none=st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
        gte=st.sampled_from([None, 0.0, 1.0]),
    ),
    max_size=2,
)


@pytest.fixture(scope="module", params=["folder", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield an open catalogue of 24 products, whose search is asked again and again."""
    place: Location = tmp_path_factory.mktemp("keys") / "catalogue"
    if request.param == "postgres":
        server: Server = request.getfixturevalue("server")
        place = Database(server.database())
    drawn = np.random.default_rng(5)
    with writer(place) as writing:
        writing.add(_product(n, drawn) for n in range(24))
    with opened(place) as catalogue:
        yield catalogue


def _product(number: int, drawn: np.random.Generator) -> Any:
    given = {name: VALUES[int(drawn.integers(len(VALUES)))] for name in NAMES if number < 3 or drawn.random() < 0.9}
    return replace(entry(number), product=Product(f"p{number}", f"Title {number % 7}", given, "test"))


@given(asked=st.lists(some_filters, min_size=2, max_size=5), edited=st.booleans())
@example(
    asked=[{"collection": Filter(any=(f"{LONG}A",))}, {"collection": Filter(any=(f"{LONG}B",))}],
    edited=True,
)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_filters_get_their_own_totals_facets_and_results(kept: Any, asked: list[Any], edited: bool) -> None:
    """Two filters of the same length with the same first 35 characters shared a count in PostgreSQL.

    The second search then said the first one's total and showed as many results, or too few of its own.
    """
    search = search_of(kept)
    query = entry(99).image_vector[None]
    for version in range(1 + edited):
        if version:
            drawn = np.random.default_rng(kept.version())
            kept.write([Put(_product(int(drawn.integers(24)), drawn))])
            search = search_of(kept)
        snapshot = kept.snapshot()
        for filters in [*asked, *asked]:
            want = SearchQuery(k=50, filters=filters, facets=tuple(NAMES))
            for side, slow in (("images", brute_images), ("texts", brute_descriptions)):
                (page,), brute = search.search(side, query, [want]), slow(snapshot, query[0], want)
                assert page.total == brute.total
                assert [_name(hit) for hit in page.hits] == [_name(hit) for hit in brute.hits]
                assert folded(page.facets) == brute.facets
            assert search.count(filters) == len(brute_images(snapshot, query[0], want).hits)


def _name(hit: Any) -> Any:
    return hit.product.id if hasattr(hit, "product") else sorted(hit.product_ids)


def test_a_key_is_whole_and_typed() -> None:
    values = ["1", [], ["1"], [["1"]], Jsonb("1"), Jsonb(1), Jsonb(1.0), Jsonb(True), Jsonb({"a": "1"}), Jsonb(["1"])]
    values += [Jsonb({"collection": value}) for value in VALUES]
    assert len({_whole(value) for value in values}) == len(values)
    assert _whole(Jsonb({"a": 1, "b": 2})) == _whole(Jsonb({"b": 2, "a": 1}))
    with pytest.raises(TypeError, match="bytes"):
        _whole(b"1")


def test_values_that_begin_alike_are_apart(kept: Any) -> None:
    search = search_of(kept)
    counts = [search.count({"collection": Filter(any=(value,))}) for value in VALUES[:3]]
    told = search.facets(names=["collection"])["collection"]
    assert counts == [told.get(value, 0) for value in VALUES[:3]]
