"""Search against a brute force that sorts every score: filters, paging, ties, duplicates and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import InputError
from index import (
    MAX_K,
    SIDES,
    CatalogueInfo,
    Filters,
    Page,
    Product,
    SearchIndex,
    SearchQuery,
    Snapshot,
    SplitRule,
)
from tests.index.brute_force import (
    TITLES,
    among,
    brute_descriptions,
    brute_images,
    check_all,
    exact_unit,
    over_files,
    snapshot,
    some_seeds,
    some_wants,
    unit,
)


@settings(max_examples=60)
@given(make=st.sampled_from([SearchIndex, over_files]), count=st.integers(1, 120), wants=some_wants, seed=some_seeds)
def test_every_answer_is_that_of_the_brute_force_with_ties_everywhere(
    make: Callable[[Snapshot], SearchIndex], count: int, wants: list[SearchQuery], seed: int
) -> None:
    catalogue = snapshot(exact_unit(count, seed), exact_unit(count, seed + 1), titles=TITLES, seed=seed)
    index = make(catalogue)
    queries = exact_unit(len(wants), seed + 2)
    check_all(index, catalogue, queries, wants)


@pytest.mark.parametrize("batch", [1, 3, 40])  # FAISS computes large batches in another way than small ones
def test_real_vectors_agree_with_the_brute_force(batch: int) -> None:
    catalogue = snapshot(unit(3000, 32, 0), unit(3000, 32, 1), titles=[f"title {n}" for n in range(900)])
    index = SearchIndex(catalogue)
    queries = unit(batch, 32, 2)
    choices: list[Filters] = [
        {},
        {"colour": among("red")},
        {"colour": among("red", "blue"), "size": among("1")},
        {"size": among()},
    ]
    wants = [SearchQuery(k=1 + 7 * n, offset=n % 5, filters=choices[n % 4], hub_weight=n % 3 / 2) for n in range(batch)]
    for query, want, page in zip(queries, wants, index.search("images", queries, wants), strict=True):
        assert page == brute_images(catalogue, query, want)
        exact = [float(query @ catalogue.image_vectors[int(hit.product.id[1:])]) for hit in page.hits]
        assert [hit.score for hit in page.hits] == pytest.approx(exact, abs=1e-6)
    for query, want, found in zip(queries, wants, index.search("texts", queries, wants), strict=True):
        assert found == brute_descriptions(catalogue, query, want)


def test_duplicates_stand_in_catalogue_order_however_many_there_are() -> None:
    few = unit(3, 128, 0)
    of = np.random.default_rng(1).integers(0, 3, size=2000)  # each vector comes about 670 times, beyond any margin
    catalogue = snapshot(few[of], few[of], titles=TITLES)
    query = few[:1]
    order = np.argsort(-(few @ few[0]), kind="stable")
    wanted = [f"p{at}" for near in order for at in np.flatnonzero(of == near)]
    for k, offset in ((5, 0), (10, 665), (1000, 0), (1000, 1000), (7, 1996)):
        (page,) = SearchIndex(catalogue).search("images", query, [SearchQuery(k=k, offset=offset)])
        assert [hit.product.id for hit in page.hits] == wanted[offset : offset + k]


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(1, 30), min_size=2, max_size=4), batch=st.integers(1, 40))
def test_pages_put_together_are_the_one_large_page(seed: int, sizes: list[int], batch: int) -> None:
    base = unit(60, 16, seed)
    vectors = base[np.random.default_rng(seed).integers(0, 60, size=150)]
    index = SearchIndex(snapshot(vectors, vectors, titles=[f"title {n}" for n in range(80)]))
    query = unit(1, 16, seed + 1)
    filterings: list[Filters] = [{}, {"colour": among("red", "green")}]
    for filters in filterings:
        weight = seed % 3 / 2
        (whole,) = index.search("images", query, [SearchQuery(k=sum(sizes), filters=filters, hub_weight=weight)])
        parts = []
        offset = 0
        for number, size in enumerate(sizes):
            # Every page is asked in company of another size: what others ask must not show.
            company = batch if number % 2 else 0
            queries = np.concatenate([unit(company, 16, seed + 2), query])
            asked = SearchQuery(size, offset, filters, hub_weight=weight)
            parts += index.search("images", queries, [SearchQuery()] * company + [asked])[-1].hits
            offset += size
        assert parts == whole.hits


def test_more_than_there_is_gives_what_there_is() -> None:
    catalogue = snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a", "b", "c", "d", "e"])
    index = SearchIndex(catalogue)
    query = unit(1, 8, 2)
    (page,) = index.search("images", query, [SearchQuery(k=MAX_K)])
    assert sorted(hit.product.id for hit in page.hits) == ["p0", "p1", "p2", "p3", "p4"]
    assert page.total == 5
    (page,) = index.search("images", query, [SearchQuery(k=10, offset=5)])
    assert (page.hits, page.total) == ([], 5)
    (page,) = index.search("images", query, [SearchQuery(k=10, filters={"colour": among("mauve")})])
    assert (page.hits, page.total) == ([], 0)


def test_an_empty_catalogue_answers_with_nothing() -> None:
    index = SearchIndex(snapshot(np.empty((0, 8), np.float32), np.empty((0, 8), np.float32), titles=["a"]))
    assert len(index) == 0
    assert index.facets() == {}
    queries = unit(2, 8, 0)
    assert index.search("images", queries, [SearchQuery(), SearchQuery(k=MAX_K)]) == [Page([], 0)] * 2
    assert index.search("texts", queries, [SearchQuery(), SearchQuery(offset=3)]) == [Page([], 0)] * 2
    assert index.search("images", queries[:0], []) == []
    with pytest.raises(InputError, match="no attributes"):
        index.search("images", queries[:1], [SearchQuery(filters={"colour": among("red")})])


def test_the_index_says_what_it_was_made_from() -> None:
    catalogue = snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a"])
    index = SearchIndex(catalogue)
    assert (index.info, index.version, index.encoder_id, len(index)) == (catalogue.info, 3, "enc", 5)


def test_facets_count_values_in_any_case_most_frequent_first() -> None:
    vectors = unit(4, 8, 0)
    info = CatalogueInfo("enc", 8, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    colours = ["Blue", "Red", "RED", None]
    products = [Product(str(n), "t", {"colour": colour} if colour else {}) for n, colour in enumerate(colours)]
    index = SearchIndex(Snapshot(info, 0, products, vectors, vectors))
    assert list(index.facets()["colour"].items()) == [("Red", 2), ("Blue", 1)]
    (page,) = index.search("images", vectors[:1], [SearchQuery(filters={"colour": among("red")}, facets=("colour",))])
    assert page.total == 2
    assert page.facets == {"colour": {"Red": 2, "Blue": 1}}  # its own filter left out, so that one may choose another


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        pytest.param(np.ones(8, np.float32), r"\(8,\).*\(B, 8\)", id="one dimension"),
        pytest.param(np.ones((1, 7), np.float32), r"\(1, 7\).*\(B, 8\)", id="another dimension"),
        pytest.param(np.full((1, 8), np.nan, np.float32), "NaN", id="NaN"),
        pytest.param(np.full((1, 8), np.inf, np.float32), "infinite", id="infinite"),
    ],
)
def test_queries_faiss_would_choke_on_are_refused(queries: np.ndarray, message: str) -> None:
    index = SearchIndex(snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a"]))
    for side in SIDES:
        with pytest.raises(InputError, match=message):
            index.search(side, queries, [SearchQuery()])


def test_bad_wants_are_refused() -> None:
    for k in (0, -1, MAX_K + 1):
        with pytest.raises(InputError, match=f"k is {k}.*1 to {MAX_K}"):
            SearchQuery(k=k)
    with pytest.raises(InputError, match="offset is -1"):
        SearchQuery(offset=-1)
    with pytest.raises(InputError, match="min_score is nan"):
        SearchQuery(min_score=math.nan)
    with pytest.raises(InputError, match=r"offset \+ k is 2001"):
        SearchQuery(k=1000, offset=1001, collapse="image")
    with pytest.raises(InputError, match="collapse_threshold is 0"):
        SearchQuery(collapse_threshold=0)
    index = SearchIndex(snapshot(unit(50, 8, 0), unit(50, 8, 1), titles=["a"]))
    bad = SearchQuery(filters={"color": among("red")})
    with pytest.raises(InputError, match=r"'color'.*colour, size"):
        index.check(bad)
    with pytest.raises(InputError, match=r"'color'.*colour, size"):
        index.search("images", unit(2, 8, 2), [SearchQuery(), bad])
    with pytest.raises(ValueError, match="2 vectors came with 1 queries"):
        index.search("images", unit(2, 8, 2), [SearchQuery()])


def test_threads_that_search_at_once_do_not_disturb_one_another() -> None:
    index = SearchIndex(snapshot(unit(2000, 32, 0), unit(2000, 32, 1), titles=[f"title {n}" for n in range(500)]))
    queries = unit(64, 32, 2)
    wants = [SearchQuery(k=20, filters={"colour": among("red")} if n % 3 == 0 else {}) for n in range(64)]
    alone = index.search("images", queries, wants)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: index.search("images", queries[n : n + 1], wants[n : n + 1])[0], range(64)))
    assert together == alone
