"""Typed values, groups, orders and listings, in the folder and in PostgreSQL alike, compared with plain loops."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product as combinations
from typing import Any

import numpy as np
import pytest

from common import InputError
from index import (
    Database,
    Delete,
    Entry,
    Filter,
    Location,
    Product,
    Put,
    SearchQuery,
    Sort,
    Value,
    passes,
    texts_of,
    title_key,
)
from index.postgres import PostgresCatalogue
from index.postgres.search import open_search as postgres_search
from index.query import NEWEST, VARIANT
from index.values import date_of, number_of
from tests.index.entries import DIM, build, entry, opened, search_of, writer
from tests.tools.postgres import Server

GIVEN: list[Mapping[str, Value]] = [
    {"price": 19.99, "sizes": ("S", "M"), "new": True, "since": "2026-11-26", VARIANT: "shirt", "tag": "a"},
    {"price": 5, "sizes": ("M",), "new": False, "since": "2026-11-26T10:30:00Z", VARIANT: "shirt", "tag": "B"},
    {"price": "19.99 EUR", "sizes": ("L", "S", "l"), "since": "2026-11-27T00:30:00+01:00", VARIANT: "shoe"},
    {"price": "$19.99", "sizes": "S", "new": "true", "since": "2025-02-28", VARIANT: "SHOE", "tag": "é"},
    {"price": "19,99 €", "since": "soon", VARIANT: ("hat", "shirt")},
    {"price": "1,299.00 USD", "sizes": ("XL", "4"), "new": "TRUE"},
    {"price": "on request", "since": "2026-02-30", "tag": ("z", "c")},
    {"price": -3, "stock": 2**53 + 1, "since": "1969-12-31"},
    {"since": "2026-11-27t12:00z", VARIANT: "hat"},
    {},
]


def typed(number: int) -> Entry:
    one = entry(number)
    return dataclasses.replace(one, product=dataclasses.replace(one.product, attributes=GIVEN[number % len(GIVEN)]))


def products_of(place: Location, count: int = 20) -> list[Product]:
    entries = [typed(number) for number in range(count)]
    with writer(place) as writing:
        writing.add(entries)
    return [one.product for one in entries]


@pytest.fixture
def made(place: Location) -> Iterator[tuple[Any, Any, list[Product]]]:
    products = products_of(place)
    with opened(place) as catalogue:
        yield catalogue, search_of(catalogue), products


FILTERS = [
    {"price": Filter(gte=10)},
    {"price": Filter(lt=10.0)},
    {"price": Filter(gte="19.99 EUR", lte=1299)},
    {"sizes": Filter(any=("s",))},
    {"sizes": Filter(none=("S", "XL"))},
    {"sizes": Filter(any=("l", "4"), none=("s",))},
    {"sizes": Filter(gte=4, lt=5)},
    {"new": Filter(any=("true",))},
    {"new": Filter(none=("true",))},
    {"since": Filter(gte="2026-11-26")},
    {"since": Filter(lte="2026-11-26")},
    {"since": Filter(gt="2026-11-26")},
    {"since": Filter(lt="2026-11-26T10:30:00Z")},
    {"since": Filter(gte="1969-01-01", lt="1970-01-01")},
    {"stock": Filter(gt=2**53 - 1)},
    {VARIANT: Filter(any=("shirt",)), "price": Filter(gte=0)},
]


def test_values_keep_their_types(made: tuple[Any, Any, list[Product]]) -> None:
    catalogue, search, products = made
    found = catalogue.snapshot().products
    for one, other in zip(found, products, strict=True):
        assert one == other
        assert [type(value) for value in one.attributes.values()] == [type(v) for v in other.attributes.values()]
        assert json.dumps(dict(catalogue.product(one.id).attributes)) == json.dumps(dict(one.attributes))
    (page,) = search.search("images", typed(0).image_vector[None], [SearchQuery(k=50)])
    assert {hit.product.id: hit.product for hit in page.hits} == {product.id: product for product in products}


def test_filters_pass_the_same_products_everywhere(made: tuple[Any, Any, list[Product]]) -> None:
    catalogue, search, products = made
    for filters in FILTERS:
        wanted = [product.id for product in products if passes(product.attributes, filters)]
        assert wanted, filters
        assert search.count(filters) == len(wanted)
        assert search.passing_ids(filters) == wanted
        listed = catalogue.list_products(filters=filters)
        assert [product.id for product, _ in listed] == sorted(wanted)
        query = SearchQuery(k=50, filters=filters, facets=("sizes", "new"))
        (page,) = search.search("images", typed(0).image_vector[None], [query])
        assert ({hit.product.id for hit in page.hits}, page.total) == ({*wanted}, len(wanted))
        for name in query.facets:
            others = {other: one for other, one in filters.items() if other != name}
            counted = Counter(
                key
                for product in products
                if name in product.attributes and passes(product.attributes, others)
                for key in {title_key(text) for text in texts_of(product.attributes[name])}
            )
            assert {title_key(text): count for text, count in page.facets[name].items()} == counted


def test_prices_with_a_currency_are_numbers(made: tuple[Any, Any, list[Product]]) -> None:
    _, search, _ = made
    query = SearchQuery(k=50, filters={"price": Filter(gte=10)})
    (page,) = search.search("images", typed(0).image_vector[None], [query])
    texts = {"19.99", "19.99 EUR", "$19.99", "19,99 €", "1,299.00 USD"}
    assert {texts_of(hit.product.attributes["price"])[0] for hit in page.hits} == texts
    (note,) = page.notes
    assert note == "price: 2 products have no number but a value such as 'on request', and did not pass"


def test_bounds_on_what_holds_no_numbers_say_so(made: tuple[Any, Any, list[Product]]) -> None:
    _, search, _ = made
    vector = typed(0).image_vector[None]
    for filters, said in (
        ({"tag": Filter(gte=1)}, "tag holds text such as 'a', and no number"),
        (
            {"price": Filter(gte="2026-01-01")},
            "price holds numbers such as '19.99', and no date to compare with; compare with a number",
        ),
    ):
        with pytest.raises(InputError, match=said):
            search.count(filters)
        with pytest.raises(InputError, match=said):
            search.facets(filters)
        with pytest.raises(InputError, match=said):
            search.check(SearchQuery(filters=filters))
        with pytest.raises(InputError, match=said):
            search.search("images", vector, [SearchQuery(filters=filters)])
    with pytest.raises(InputError, match="'soon' is no bound; give a number such as"):
        Filter(gte="soon")
    with pytest.raises(InputError, match="two numbers or two dates"):
        Filter(gte=1, lt="2026-01-01")


def test_what_fields_hold(made: tuple[Any, Any, list[Product]]) -> None:
    _, search, products = made
    found = search.fields()
    assert {name: field.type for name, field in found.items()} == {
        "price": "mixed",
        "sizes": "list",
        "new": "boolean",
        "since": "mixed",
        VARIANT: "list",
        "tag": "list",
        "stock": "number",
    }
    for name, field in found.items():
        assert field.products == sum(name in product.attributes for product in products)
    assert found["sizes"].holding == {"number": 2, "text": 10}


def order_key(value: Value | None, *, descending: bool) -> tuple[int, Any]:
    """Return what a value is sorted by: its kind first, whatever the direction."""
    if value is None:
        return 9, 0
    keys: list[tuple[int, Any]] = []
    for text in map(title_key, texts_of(value)):
        if not math.isnan(number_of(text)):
            keys.append((0, number_of(text)))
        elif not math.isnan(date_of(text)):
            keys.append((1, date_of(text)))
        else:
            keys.append((2 if text in ("true", "false") else 3, text))
    lowest = min(kind for kind, _ in keys)
    of_kind = [one for kind, one in keys if kind == lowest]
    return lowest, max(of_kind) if descending else min(of_kind)


@pytest.mark.parametrize("descending", [False, True])
def test_any_attribute_is_an_order(made: tuple[Any, Any, list[Product]], descending: bool) -> None:
    _, search, products = made
    vector = typed(0).image_vector
    scores = {one.id: float((typed(n).image_vector * vector).sum()) for n, one in enumerate(products)}
    for name, browse in combinations(("price", "sizes", "new", "since", "tag", "stock"), (False, True)):
        query = SearchQuery(k=50, sort=Sort(name, descending), browse=browse)
        (page,) = search.search("images", vector[None], [query])
        places = list(range(len(products)))
        if browse:
            places.reverse()  # newest first among equals
        else:
            places.sort(key=lambda at: -scores[products[at].id])
        keyed = {at: order_key(products[at].attributes.get(name), descending=descending) for at in places}
        ordered: list[int] = []
        for kind in sorted({key[0] for key in keyed.values()}):
            of_kind = [at for at in places if keyed[at][0] == kind]
            values = sorted({keyed[at][1] for at in of_kind}, reverse=descending)
            ordered += [at for value in values for at in of_kind if keyed[at][1] == value]
        assert [hit.product.id for hit in page.hits] == [products[at].id for at in ordered], name
        for start in range(0, 20, 5):
            (part,) = search.search("images", vector[None], [dataclasses.replace(query, k=5, offset=start)])
            assert part.hits == page.hits[start : start + 5]


def test_browsing_finds_what_passes_newest_first(made: tuple[Any, Any, list[Product]]) -> None:
    catalogue, search, products = made
    nothing = np.zeros((1, DIM), dtype=np.float32)
    query = SearchQuery(k=50, browse=True, filters={"new": Filter(any=("true",))}, facets=("new", "sizes"))
    (page,) = search.search("images", nothing, [query])
    wanted = [one.id for one in reversed(products) if passes(one.attributes, query.filters)]
    assert [hit.product.id for hit in page.hits] == wanted
    assert page.total == len(wanted)
    assert {(hit.score, hit.relevance, hit.signals) for hit in page.hits} == {(0.0, None, None)}
    assert page.facets["new"] == {"true": 6, "false": 2}
    catalogue.write([Put(dataclasses.replace(typed(0), image=b"other"))])
    (page,) = search_of(catalogue).search("images", nothing, [dataclasses.replace(query, sort=Sort(NEWEST), k=1)])
    assert [hit.product.id for hit in page.hits] == [products[0].id]


@pytest.mark.parametrize("sort", [None, Sort("price", False), Sort(NEWEST)])
@pytest.mark.parametrize("how", [{}, {"browse": True}, {"min_score": 0.0}, {"filters": {"price": Filter(gte=0)}}])
def test_groups_have_one_result_each(
    made: tuple[Any, Any, list[Product]], sort: Sort | None, how: dict[str, Any]
) -> None:
    """The groups are those of the whole ranking, folded: by value, pages, totals and facets."""
    _, search, _ = made
    vector = typed(0).image_vector
    alone = SearchQuery(k=50, sort=sort, facets=("sizes", "new"), **how)
    (flat,) = search.search("images", vector[None], [alone])
    for asked, name in (("variant", VARIANT), ("sizes", "sizes"), ("new", "new")):
        groups: dict[str, list[Product]] = {}
        for hit in flat.hits:
            value = hit.product.attributes.get(name)
            groups.setdefault(hit.product.id if value is None else "=" + title_key(texts_of(value)[0]), []).append(
                hit.product
            )
        query = dataclasses.replace(alone, group_by=asked)
        (page,) = search.search("images", vector[None], [query])
        assert [hit.product for hit in page.hits] == [members[0] for members in groups.values()]
        for hit, (key, members) in zip(page.hits, groups.items(), strict=True):
            assert hit.group is not None
            assert (hit.group.count, hit.group.members) == (len(members), members)
            assert (hit.group.value is None) == (not key.startswith("="))
        assert page.total == len(groups)
        group_of = {one.id: key for key, members in groups.items() for one in members}
        for facet, counts in page.facets.items():
            pairs = {
                (group_of[hit.product.id], title_key(text))
                for hit in flat.hits
                for text in texts_of(hit.product.attributes.get(facet, ()))
            }
            assert {title_key(text): n for text, n in counts.items()} == Counter(text for _, text in pairs)
        for start in range(0, len(groups) + 2, 2):
            (part,) = search.search("images", vector[None], [dataclasses.replace(query, k=2, offset=start)])
            assert part.hits == page.hits[start : start + 2]
            assert part.total == page.total


def test_groups_and_collapsing_exclude_each_other(made: tuple[Any, Any, list[Product]]) -> None:
    _, search, _ = made
    with pytest.raises(InputError, match="group_by is 'variant' and collapse is 'title'"):
        SearchQuery(group_by="variant", collapse="title")
    with pytest.raises(InputError, match="unknown group_by 'colours'"):
        search.check(SearchQuery(group_by="colours"))


def test_groups_where_too_much_passes_to_compare_all(server: Server) -> None:
    """A database compares all where few groups are near: there are always as many as are asked for."""
    place = Database(server.database())
    products = products_of(place, 60)
    groups = {title_key(texts_of(p.attributes[VARIANT])[0]) for p in products if VARIANT in p.attributes}
    alone = sum(VARIANT not in product.attributes for product in products)
    with PostgresCatalogue(place) as catalogue:
        search = postgres_search(catalogue, exact_rows=2)
        for mode in ("vector", "hybrid"):
            query = SearchQuery(k=50, group_by="variant", mode=mode, parsed=search.understand("kleid"))
            (page,) = search.search("images", typed(0).image_vector[None], [query])
            assert page.total == len(page.hits) == len(groups) + alone
            assert sum(hit.group.count for hit in page.hits if hit.group) == 60


def test_dates_and_prices_that_an_older_version_stored_are_found(server: Server) -> None:
    place = Database(server.database())
    products = products_of(place)
    filters = FILTERS[2]
    wanted = [product.id for product in products if passes(product.attributes, filters)]
    with PostgresCatalogue(place) as catalogue:
        with catalogue.writing() as connection:
            connection.execute(catalogue.sql("UPDATE {build}.products SET numbers = '{{}}'"))
            connection.execute(catalogue.sql("COMMENT ON TABLE {build}.products IS NULL"))
        assert postgres_search(catalogue).passing_ids(filters) == wanted
        with catalogue.writing() as connection:
            connection.execute(catalogue.sql("UPDATE {build}.products SET numbers = '{{}}'"))
        assert postgres_search(catalogue).passing_ids(filters) == []  # that was done, once


def test_without_variants_every_product_is_alone(place: Location) -> None:
    build(place, 6)
    with opened(place) as catalogue:
        (page,) = search_of(catalogue).search("images", entry(0).image_vector[None], [SearchQuery(group_by="variant")])
    assert page.total == 6
    assert [hit.group and (hit.group.value, hit.group.count) for hit in page.hits] == [(None, 1)] * 6


def test_products_are_listed_in_order_of_their_ids(place: Location) -> None:
    products = products_of(place, 30)
    wanted = sorted(product.id for product in products)
    with opened(place) as catalogue:
        assert list(catalogue.ids()) == wanted
        assert list(search_of(catalogue).passing_ids({})) == [product.id for product in products]
        at: str | None = None
        seen: list[str] = []
        while page := catalogue.list_products(at, 7):
            for product, digest in page:
                assert (product, digest) == catalogue.get_with_digest(product.id)
            seen += [product.id for product, _ in page]
            at = seen[-1]
            if len(seen) == 7:  # what is put in or taken out behind the cursor changes nothing before it
                catalogue.write([Delete(wanted[2]), Put(dataclasses.replace(typed(1), image=b"new"))])
        assert seen == wanted
        assert catalogue.list_products("zzz") == []
        assert catalogue.list_products("id 1\ud800", 3) != []
        assert len(catalogue.list_products(limit=100)) == 29


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, {"a": 1}, (1, 2)])
def test_what_is_no_value_is_refused(place: Location, value: Any) -> None:
    build(place, 1)
    one = entry(3)
    with opened(place) as catalogue:
        with pytest.raises(InputError, match=r"product 'id 3/ü': the attribute 'price' is .*; give a text, a number"):
            catalogue.write([Put(dataclasses.replace(one, product=Product("id 3/ü", "x", {"price": value})))])
        assert len(catalogue) == 1
