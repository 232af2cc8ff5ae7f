"""Search against a brute force that sorts every score: filters, paging, ties, duplicates and refusals."""

from __future__ import annotations

import dataclasses
import math
import operator
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import InputError, NotFoundError
from index import (
    MAX_K,
    CatalogueInfo,
    Changes,
    DescriptionHit,
    Filter,
    Filters,
    Hit,
    Page,
    Product,
    SearchIndex,
    SearchQuery,
    Side,
    Snapshot,
    SplitRule,
    title_key,
)
from index.ann import AnnIndex, Choice, Kind, build
from index.ann.columns import read_columns, write_columns

COLOURS = ["Red", "red", "BLUE", "Green", "Navy  Blue"]
TITLES = ["Red Dress", "red  dress", "Blue Shirt", "Shoe", "SHOE", "Bag"]


def unit(count: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def exact_unit(count: int, seed: int) -> np.ndarray:
    """Return (count, 4) unit vectors whose inner products are exact in float32, with many duplicates and ties."""
    return np.random.default_rng(seed).choice([-0.5, 0.5], size=(count, 4)).astype(np.float32)


def snapshot(image_vectors: np.ndarray, text_vectors: np.ndarray, *, titles: Sequence[str], seed: int = 0) -> Snapshot:
    rng = np.random.default_rng(seed)
    products = []
    for number in range(len(image_vectors)):
        attributes = {"colour": str(rng.choice(COLOURS)), "size": str(rng.integers(3))}
        if number and rng.random() < 0.3:
            del attributes["size"]
        products.append(Product(f"p{number}", titles[int(rng.integers(len(titles)))], attributes))
    info = CatalogueInfo("enc", image_vectors.shape[1], "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    for vectors in (image_vectors, text_vectors):
        vectors.flags.writeable = False  # as those of a catalogue are
    return Snapshot(info, 3, products, image_vectors, text_vectors)


def over_files(catalogue: Snapshot) -> SearchIndex:
    """Return an index over mapped files whose candidates are all rows there are, so that its answers must be exact."""
    count, dim = catalogue.image_vectors.shape
    if not count:
        return SearchIndex(catalogue)
    vectors = np.stack([catalogue.image_vectors, catalogue.text_vectors])
    with tempfile.TemporaryDirectory() as folder:  # what is mapped stays
        half = count // 2
        pieces = [(catalogue.products[:half], vectors[:, :half]), (catalogue.products[half:], vectors[:, half:])]
        described = write_columns(Path(folder), pieces, count, dim)
        base = read_columns(Path(folder), catalogue.info, catalogue.version, described)
    near: dict[Side, AnnIndex] = {}
    kinds: dict[Side, tuple[Kind, str, np.ndarray]] = {
        "images": ("hnsw", "HNSW8,SQfp16", base.images),
        "texts": ("ivf", "IVF2,Flat", base.texts[base.title_rows]),
    }
    for side, (kind, factory, rows) in kinds.items():
        lists = "IVF1,Flat" if len(rows) < 2 and kind == "ivf" else factory
        near[side] = AnnIndex(build(lists, rows), Choice(kind, lists, 256, 256, 0, 1, 1, 0, 0, 0, 0))
    return SearchIndex.over(base, near)


def among(*values: str) -> Filter:
    return Filter(any=values)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def passes(product: Product, filters: Filters) -> bool:
    for name, condition in filters.items():
        value = product.attributes.get(name)
        if value is None:
            if condition != Filter(none=condition.none):
                return False
            continue
        if condition.any is not None and title_key(value) not in {title_key(one) for one in condition.any}:
            return False
        if title_key(value) in {title_key(one) for one in condition.none}:
            return False
        at = number(value)
        limits = ((condition.gte, operator.ge), (condition.gt, operator.gt), (condition.lte, operator.le))
        if any(limit is not None and not holds(at, limit) for limit, holds in (*limits, (condition.lt, operator.lt))):
            return False
    return True


def count_facets(catalogue: Snapshot, want: SearchQuery) -> dict[str, dict[str, int]]:
    facets = {}
    for name in want.facets:
        others = {other: condition for other, condition in want.filters.items() if other != name}
        counts: dict[str, int] = {}
        for product in catalogue.products:
            if name in product.attributes and passes(product, others):
                key = title_key(product.attributes[name])
                counts[key] = counts.get(key, 0) + 1
        facets[name] = counts
    return facets


def folded(facets: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    for counts in facets.values():
        assert list(counts.values()) == sorted(counts.values(), reverse=True)
    return {name: {title_key(value): n for value, n in counts.items()} for name, counts in facets.items()}


def brute_images(catalogue: Snapshot, query: np.ndarray, want: SearchQuery) -> Page[Hit]:
    scored = [
        (Hit(product, float((vector * query).sum())), vector)
        for product, vector in zip(catalogue.products, catalogue.image_vectors, strict=True)
        if passes(product, want.filters) and product.id not in want.exclude
    ]
    scored.sort(key=lambda pair: -pair[0].score)  # stable: equals stay in catalogue order
    kept: list[tuple[Hit, np.ndarray]] = []
    for hit, vector in scored:
        if want.collapse == "title" and any(
            title_key(k.product.title) == title_key(hit.product.title) for k, _ in kept
        ):
            continue
        if want.collapse == "image" and any(float(vector @ other) >= want.collapse_threshold for _, other in kept):
            continue
        if want.min_score is None or hit.score >= want.min_score:
            kept.append((hit, vector))
    hits = [hit for hit, _ in kept]
    return Page(hits[want.offset : want.offset + want.k], len(hits), count_facets(catalogue, want))


def brute_descriptions(catalogue: Snapshot, query: np.ndarray, want: SearchQuery) -> Page[DescriptionHit]:
    groups: dict[str, DescriptionHit] = {}
    for product, vector in zip(catalogue.products, catalogue.text_vectors, strict=True):
        score = float((vector * query).sum())
        hit = groups.setdefault(title_key(product.title), DescriptionHit(product.title, score, []))
        if passes(product, want.filters):
            hit.product_ids.append(product.id)
    hits = [hit for hit in groups.values() if hit.product_ids]
    hits = [hit for hit in hits if want.min_score is None or hit.score >= want.min_score]
    ranked = sorted(hits, key=lambda hit: -hit.score)
    return Page(ranked[want.offset : want.offset + want.k], len(hits), count_facets(catalogue, want))


def check_page(
    page: Page[Hit] | Page[DescriptionHit], brute: Page[Hit] | Page[DescriptionHit], want: SearchQuery
) -> None:
    assert page.hits == brute.hits
    assert page.total in ({brute.total} if want.min_score is None and want.collapse != "image" else {None, brute.total})
    if want.min_score is None and want.collapse is None:
        assert page.total == brute.total
    assert folded(page.facets) == brute.facets


some_values = st.lists(st.sampled_from(["RED", "blue", "navy blue", "0", "1", "mauve"]), max_size=3).map(tuple)
some_seeds = st.integers(0, 1000)
some_limits = st.none() | st.sampled_from([0.0, 0.5, 1.0, 2.0])
some_filters = st.dictionaries(
    st.sampled_from(["colour", "size"]),
    st.builds(Filter, any=some_values)
    | st.builds(Filter, none=some_values)
    | st.builds(Filter, gte=some_limits, lt=some_limits)
    | st.builds(Filter, gt=some_limits, lte=some_limits, none=some_values),
)
some_wants = st.lists(
    st.builds(
        SearchQuery,
        k=st.integers(1, 40),
        offset=st.integers(0, 60),
        filters=some_filters,
        exclude=st.frozensets(st.sampled_from([f"p{n}" for n in range(0, 40, 3)]), max_size=4),
        min_score=st.none() | st.sampled_from([-0.5, 0.0, 0.5, 1.0]),
        collapse=st.sampled_from([None, None, "title", "image"]),
        collapse_threshold=st.sampled_from([0.5, 0.98, 1.0]),
        facets=st.sampled_from([(), ("colour",), ("size", "colour")]),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(make=st.sampled_from([SearchIndex, over_files]), count=st.integers(1, 120), wants=some_wants, seed=some_seeds)
def test_every_answer_is_that_of_the_brute_force_with_ties_everywhere(
    make: Callable[[Snapshot], SearchIndex], count: int, wants: list[SearchQuery], seed: int
) -> None:
    catalogue = snapshot(exact_unit(count, seed), exact_unit(count, seed + 1), titles=TITLES, seed=seed)
    index = make(catalogue)
    queries = exact_unit(len(wants), seed + 2)
    check_all(index, catalogue, queries, wants)


def check_all(index: SearchIndex, catalogue: Snapshot, queries: np.ndarray, wants: list[SearchQuery]) -> None:
    known = {name for product in catalogue.products for name in product.attributes}
    kept = [n for n, want in enumerate(wants) if {*want.filters, *want.facets} <= known]
    queries, wants = queries[kept], [wants[n] for n in kept]
    for query, want, page in zip(queries, wants, index.search("images", queries, wants), strict=True):
        check_page(page, brute_images(catalogue, query, want), want)
    plain = [dataclasses.replace(want, collapse=None) for want in wants]
    for query, want, found in zip(queries, plain, index.search("texts", queries, plain), strict=True):
        check_page(found, brute_descriptions(catalogue, query, want), want)


@settings(deadline=None, max_examples=60)
@given(
    make=st.sampled_from([SearchIndex, over_files]),
    count=st.integers(0, 60),
    edits=st.lists(
        st.lists(st.tuples(st.integers(0, 70), st.booleans()), min_size=1, max_size=12, unique_by=lambda edit: edit[0]),
        min_size=1,
        max_size=8,
    ),
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
        )
        kept = [at for at, product in enumerate(catalogue.products) if product.id not in touched]
        catalogue = Snapshot(
            catalogue.info,
            version,
            [*(catalogue.products[at] for at in kept), *changes.products],
            np.concatenate([catalogue.image_vectors[kept], changes.image_vectors]),
            np.concatenate([catalogue.text_vectors[kept], changes.text_vectors]),
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
    assert index.row_count < 200 + 1500
    (page,) = index.search("images", vectors, [SearchQuery(k=200)])
    assert page.hits[0].product.title == "title 3999"
    assert page.total == 200


def test_an_attribute_that_no_product_has_any_more_is_unknown() -> None:
    vectors = unit(1, 8, 9)
    index = SearchIndex(snapshot(unit(3, 8, 0), unit(3, 8, 1), titles=["a", "b"]))
    known = set(index.facets())
    more = index.updated(Changes(1, ["new"], [Product("new", "new", {"season": "Summer"})], vectors, vectors))
    assert set(more.facets()) == {*known, "season"}
    gone = more.updated(Changes(2, ["new"], [], vectors[:0], vectors[:0]))
    assert set(gone.facets()) == known
    with pytest.raises(InputError, match="season"):
        gone.search("images", vectors, [SearchQuery(filters={"season": Filter(any=("Summer",))})])
    assert more.facets()["season"] == {"Summer": 1}  # the one before stays as it was


def test_only_the_newest_index_is_carried_on() -> None:
    index = SearchIndex(snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a"]))
    changes = Changes(4, ["new"], [Product("new", "a")], unit(1, 8, 3), unit(1, 8, 4))
    assert len(index.updated(changes)) == 6
    with pytest.raises(ValueError, match="newest"):
        index.updated(changes)


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
    wants = [SearchQuery(k=1 + 7 * n, offset=n % 5, filters=choices[n % 4]) for n in range(batch)]
    for query, want, page in zip(queries, wants, index.search("images", queries, wants), strict=True):
        assert page == brute_images(catalogue, query, want)
        exact = [float(query @ catalogue.image_vectors[int(hit.product.id[1:])]) for hit in page.hits]
        assert [hit.score for hit in page.hits] == pytest.approx(exact, abs=1e-6)
    for query, want, found in zip(queries, wants, index.search("texts", queries, wants), strict=True):
        assert found == brute_descriptions(catalogue, query, want)


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


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(1, 30), min_size=2, max_size=4), batch=st.integers(1, 40))
def test_pages_put_together_are_the_one_large_page(seed: int, sizes: list[int], batch: int) -> None:
    base = unit(60, 16, seed)
    vectors = base[np.random.default_rng(seed).integers(0, 60, size=150)]
    index = SearchIndex(snapshot(vectors, vectors, titles=[f"title {n}" for n in range(80)]))
    query = unit(1, 16, seed + 1)
    filterings: list[Filters] = [{}, {"colour": among("red", "green")}]
    for filters in filterings:
        (whole,) = index.search("images", query, [SearchQuery(k=sum(sizes), filters=filters)])
        parts = []
        offset = 0
        for number, size in enumerate(sizes):
            # Every page is asked in company of another size: what others ask must not show.
            company = batch if number % 2 else 0
            queries = np.concatenate([unit(company, 16, seed + 2), query])
            parts += index.search("images", queries, [SearchQuery()] * company + [SearchQuery(size, offset, filters)])[
                -1
            ].hits
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
    for side in get_args(Side):
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
