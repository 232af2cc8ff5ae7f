"""Bounds in a database: few products within them are led to, and what is written is found at once."""

from __future__ import annotations

import numpy as np

from index import Database, Filter, Put, SearchQuery
from index.postgres.filter_sql import filter_sql, narrowed_sql
from index.vectors.state import IndexState
from tests.index.entries import build, entry, opened, search_of
from tests.tools.postgres import Server

FEW, MANY = {"year": Filter(lt=2001)}, {"year": Filter(lt=9999)}


def test_the_ids_of_few_products_within_bounds_stand_in_the_condition(server: Server) -> None:
    """The condition on numbers alone reads the whole table, though one product in a thousand passes."""
    place = Database(server.database())
    build(place)
    with opened(place) as live:
        state = IndexState.of(live.snapshot(vectors=False))
        where, values = narrowed_sql(FEW, ["id 7/ü"], state, 10)
        ids = values[0]
        assert where.startswith("p.id = ANY(%s) AND ")
        assert set(ids) == {f"id {number}/ü" for number in range(40) if number % 7 == 0 and number % 6}
        with live.reading() as connection:
            found = connection.execute(
                live.sql(f"SELECT p.id FROM {{build}}.products p WHERE {where}"),
                values,
            ).fetchall()
        assert {one for (one,) in found} == set(ids) - {"id 7/ü"}
        assert narrowed_sql(MANY, [], state, 10) == filter_sql(MANY, [])
        red = {"colour": Filter(any=("red",))}
        assert narrowed_sql(red, [], state, 1000)[0] == filter_sql(red, [])[0], "the database has an index of values"


def test_what_comes_within_bounds_is_found_by_the_next_search(server: Server) -> None:
    place = Database(server.database())
    build(place)
    query = SearchQuery(k=50, filters=FEW, facets=("colour",))
    vector = np.asarray(entry(1).image_vector)[None]
    with opened(place) as live:
        search = search_of(live)
        before = {hit.product.id for hit in search.search("images", vector, [query])[0].hits}
        live.write([Put(entry(100, year="1999")), Put(entry(7, year="2019"))])
        (page,) = search.search("images", vector, [query])
        assert {hit.product.id for hit in page.hits} == before - {"id 7/ü"} | {"id 100/ü"}
        assert page.total == len(page.hits) == sum(page.facets["colour"].values())
        (texts,) = search.search("texts", vector, [query])
        assert "id 100/ü" in {one for hit in texts.hits for one in hit.product_ids}
        assert search.count(FEW) == page.total
        assert set(search.passing_ids(FEW)) == {hit.product.id for hit in page.hits}
