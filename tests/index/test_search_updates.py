"""An index that changes were made to is the index of the catalogue as it is now, and the old one stays as it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import InputError, NotFoundError
from index import Changes, Filter, Product, SearchIndex, SearchQuery, Snapshot, Sort
from tests.index.brute_force import (
    TITLES,
    brute_images,
    check_all,
    exact_hubs,
    exact_unit,
    over_files,
    snapshot,
    some_edits,
    some_seeds,
    some_wants,
    unit,
)


@settings(max_examples=60)
@given(
    make=st.sampled_from([SearchIndex, over_files]),
    count=st.integers(0, 60),
    edits=some_edits,
    wants=some_wants,
    seed=some_seeds,
)
def test_an_index_that_is_carried_on_is_the_one_made_anew(
    make: Callable[[Snapshot], SearchIndex],
    count: int,
    edits: list[list[tuple[int, bool]]],
    wants: list[SearchQuery],
    seed: int,
) -> None:
    catalogue = snapshot(exact_unit(count, seed), exact_unit(count, seed + 1), titles=TITLES, seed=seed)
    index = make(catalogue)
    queries = exact_unit(len(wants), seed + 2)
    history = [(index, catalogue)]
    for version, batch in enumerate(edits, 4):
        fresh = snapshot(
            exact_unit(71, seed + 9 * version), exact_unit(71, seed + 8 * version), titles=TITLES, seed=seed + version
        )
        put = [number for number, there in batch if there]
        touched = [f"p{number}" for number, _ in batch]
        changes = Changes(
            version,
            touched,
            [fresh.products[number] for number in put],
            fresh.image_vectors[put],
            fresh.text_vectors[put],
            hubs=None if catalogue.hubs is None else exact_hubs(71, seed + version)[put],
        )
        kept = [at for at, product in enumerate(catalogue.products) if product.id not in touched]
        catalogue = Snapshot(
            catalogue.info,
            version,
            [*(catalogue.products[at] for at in kept), *changes.products],
            np.concatenate([catalogue.image_vectors[kept], changes.image_vectors]),
            np.concatenate([catalogue.text_vectors[kept], changes.text_vectors]),
            hubs=None
            if catalogue.hubs is None or changes.hubs is None
            else np.concatenate([catalogue.hubs[kept], changes.hubs]),
        )
        index = index.updated(changes)
        history.append((index, catalogue))
    for index, catalogue in history:  # the older ones stay what they were
        assert len(index) == len(catalogue.products)
        assert index.version == catalogue.version
        check_all(index, catalogue, queries, wants)
        ids = [product.id for product in catalogue.products]
        assert np.array_equal(index.vectors(ids), catalogue.image_vectors)
        for gone in {f"p{number}" for number in range(71)} - set(ids):
            with pytest.raises(NotFoundError, match=repr(gone)):
                index.vectors([gone])


@pytest.mark.parametrize("make", [SearchIndex, over_files])
def test_rows_of_products_that_are_gone_are_let_go(make: Callable[[Snapshot], SearchIndex]) -> None:
    vectors = unit(1, 8, 9)
    index = make(snapshot(unit(200, 8, 0), unit(200, 8, 1), titles=["a", "b"]))
    for version in range(4000):
        product = Product("p7", f"title {version}", {"colour": "Red"})
        index = index.updated(Changes(version, ["p7"], [product], vectors, vectors))
    assert len(index) == 200
    assert len(index._state.alive) < 200 + 1500
    (page,) = index.search("images", vectors, [SearchQuery(k=200)])
    assert page.hits[0].product.title == "title 3999"
    assert page.total == 200


def test_an_attribute_that_no_product_has_any_more_finds_nothing_and_is_no_error() -> None:
    vectors = unit(1, 8, 9)
    index = SearchIndex(snapshot(unit(3, 8, 0), unit(3, 8, 1), titles=["a", "b"]))
    known = set(index.facets())
    more = index.updated(Changes(1, ["new"], [Product("new", "new", {"season": "Summer"})], vectors, vectors))
    assert set(more.facets()) == {*known, "season"}
    gone = more.updated(Changes(2, ["new"], [], vectors[:0], vectors[:0]))
    assert set(gone.facets()) == known
    asked = [
        SearchQuery(filters={"season": Filter(any=("Summer",))}, facets=("season",)),
        SearchQuery(filters={"season": Filter(none=("Summer",))}, sort=Sort("season"), group_by="season"),
    ]
    assert [page.total for page in gone.search("images", vectors.repeat(2, 0), asked)] == [0, 3]
    assert gone.facets(names=["season"]) == {"season": {}}
    with pytest.raises(InputError, match="seasons"):
        gone.search("images", vectors, [SearchQuery(facets=("seasons",))])
    assert more.facets()["season"] == {"Summer": 1}  # the one before stays as it was


def test_only_the_newest_index_is_carried_on() -> None:
    index = SearchIndex(snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a"]))
    changes = Changes(4, ["new"], [Product("new", "a")], unit(1, 8, 3), unit(1, 8, 4))
    assert len(index.updated(changes)) == 6
    with pytest.raises(ValueError, match="newest"):
        index.updated(changes)


@pytest.mark.parametrize("batch", [1, 4, 32])
@pytest.mark.parametrize("gone", [1, 60, 200])
def test_products_that_are_taken_out_leave_their_places_to_others(batch: int, gone: int) -> None:
    catalogue = snapshot(unit(2000, 32, 3), unit(2000, 32, 4), titles=TITLES)
    queries = catalogue.image_vectors[:batch].copy()
    # The very ones that would come first, of every query.
    nearest = np.unique(np.argsort(-(queries @ catalogue.image_vectors.T), axis=1)[:, : gone // batch + 1])[:gone]
    out = frozenset(f"p{row}" for row in nearest.tolist())
    wants = [SearchQuery(k=5, exclude=out) for _ in range(batch)]
    excluded = SearchIndex(catalogue).search("images", queries, wants)
    removed = SearchIndex(catalogue).updated(Changes(4, sorted(out), [], queries[:0], queries[:0]))
    for query, want, page, later in zip(
        queries, wants, excluded, removed.search("images", queries, wants), strict=True
    ):
        expected = brute_images(catalogue, query, want)
        assert page == expected
        assert (later.hits, later.total) == (expected.hits, expected.total)
