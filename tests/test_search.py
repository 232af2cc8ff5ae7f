"""Search against a brute force that sorts every score: filters, paging, ties, duplicates and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import InputError
from index import (
    MAX_K,
    CatalogueInfo,
    DescriptionHit,
    Filters,
    Hit,
    Page,
    Product,
    SearchIndex,
    Snapshot,
    SplitRule,
    Want,
    title_key,
)

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
    return Snapshot(info, 3, products, image_vectors, text_vectors)


def passes(product: Product, filters: Filters) -> bool:
    return all(
        name in product.attributes and title_key(product.attributes[name]) in {title_key(value) for value in values}
        for name, values in filters.items()
    )


def brute_images(catalogue: Snapshot, query: np.ndarray, want: Want) -> Page[Hit]:
    hits = [
        Hit(product, float((vector * query).sum()))
        for product, vector in zip(catalogue.products, catalogue.image_vectors, strict=True)
        if passes(product, want.filters)
    ]
    ranked = sorted(hits, key=lambda hit: -hit.score)  # stable: equals stay in catalogue order
    return Page(ranked[want.offset : want.offset + want.k], len(hits))


def brute_descriptions(catalogue: Snapshot, query: np.ndarray, want: Want) -> Page[DescriptionHit]:
    groups: dict[str, DescriptionHit] = {}
    for product, vector in zip(catalogue.products, catalogue.text_vectors, strict=True):
        score = float((vector * query).sum())
        hit = groups.setdefault(title_key(product.title), DescriptionHit(product.title, score, []))
        if passes(product, want.filters):
            hit.product_ids.append(product.id)
    hits = [hit for hit in groups.values() if hit.product_ids]
    ranked = sorted(hits, key=lambda hit: -hit.score)
    return Page(ranked[want.offset : want.offset + want.k], len(hits))


some_filters = st.dictionaries(
    st.sampled_from(["colour", "size"]),
    st.lists(st.sampled_from(["RED", "blue", "navy blue", "0", "1", "mauve"]), max_size=3),
)
some_wants = st.lists(
    st.builds(Want, k=st.integers(1, 40), offset=st.integers(0, 60), filters=some_filters), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 120), wants=some_wants, seed=st.integers(0, 1000))
def test_every_answer_is_that_of_the_brute_force_with_ties_everywhere(count: int, wants: list[Want], seed: int) -> None:
    catalogue = snapshot(exact_unit(count, seed), exact_unit(count, seed + 1), titles=TITLES, seed=seed)
    index = SearchIndex(catalogue)
    queries = exact_unit(len(wants), seed + 2)
    assert index.images(queries, wants) == [brute_images(catalogue, *pair) for pair in zip(queries, wants, strict=True)]
    assert index.descriptions(queries, wants) == [
        brute_descriptions(catalogue, *pair) for pair in zip(queries, wants, strict=True)
    ]


@pytest.mark.parametrize("batch", [1, 3, 40])  # FAISS computes large batches in another way than small ones
def test_real_vectors_agree_with_the_brute_force(batch: int) -> None:
    catalogue = snapshot(unit(3000, 32, 0), unit(3000, 32, 1), titles=[f"title {n}" for n in range(900)])
    index = SearchIndex(catalogue)
    queries = unit(batch, 32, 2)
    choices: list[Filters] = [{}, {"colour": ["red"]}, {"colour": ["red", "blue"], "size": ["1"]}, {"size": []}]
    wants = [Want(k=1 + 7 * n, offset=n % 5, filters=choices[n % 4]) for n in range(batch)]
    for query, want, page in zip(queries, wants, index.images(queries, wants), strict=True):
        assert page == brute_images(catalogue, query, want)
        exact = [float(query @ catalogue.image_vectors[int(hit.product.id[1:])]) for hit in page.hits]
        assert [hit.score for hit in page.hits] == pytest.approx(exact, abs=1e-6)
    for query, want, found in zip(queries, wants, index.descriptions(queries, wants), strict=True):
        assert found == brute_descriptions(catalogue, query, want)


def test_duplicates_stand_in_catalogue_order_however_many_there_are() -> None:
    few = unit(3, 128, 0)
    of = np.random.default_rng(1).integers(0, 3, size=2000)  # each vector comes about 670 times, beyond any margin
    catalogue = snapshot(few[of], few[of], titles=TITLES)
    query = few[:1]
    order = np.argsort(-(few @ few[0]), kind="stable")
    wanted = [f"p{at}" for near in order for at in np.flatnonzero(of == near)]
    for k, offset in ((5, 0), (10, 665), (1000, 0), (1000, 1000), (7, 1996)):
        (page,) = SearchIndex(catalogue).images(query, [Want(k=k, offset=offset)])
        assert [hit.product.id for hit in page.hits] == wanted[offset : offset + k]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(1, 30), min_size=2, max_size=4), batch=st.integers(1, 40))
def test_pages_put_together_are_the_one_large_page(seed: int, sizes: list[int], batch: int) -> None:
    base = unit(60, 16, seed)
    vectors = base[np.random.default_rng(seed).integers(0, 60, size=150)]
    index = SearchIndex(snapshot(vectors, vectors, titles=[f"title {n}" for n in range(80)]))
    query = unit(1, 16, seed + 1)
    for filters in ({}, {"colour": ["red", "green"]}):
        (whole,) = index.images(query, [Want(k=sum(sizes), filters=filters)])
        parts = []
        offset = 0
        for number, size in enumerate(sizes):
            # Every page is asked in company of another size: what others ask must not show.
            company = batch if number % 2 else 0
            queries = np.concatenate([unit(company, 16, seed + 2), query])
            parts += index.images(queries, [Want()] * company + [Want(size, offset, filters)])[-1].hits
            offset += size
        assert parts == whole.hits


def test_more_than_there_is_gives_what_there_is() -> None:
    catalogue = snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a", "b", "c", "d", "e"])
    index = SearchIndex(catalogue)
    query = unit(1, 8, 2)
    (page,) = index.images(query, [Want(k=MAX_K)])
    assert sorted(hit.product.id for hit in page.hits) == ["p0", "p1", "p2", "p3", "p4"]
    assert page.total == 5
    (page,) = index.images(query, [Want(k=10, offset=5)])
    assert (page.hits, page.total) == ([], 5)
    (page,) = index.images(query, [Want(k=10, filters={"colour": ["mauve"]})])
    assert (page.hits, page.total) == ([], 0)


def test_an_empty_catalogue_answers_with_nothing() -> None:
    index = SearchIndex(snapshot(np.empty((0, 8), np.float32), np.empty((0, 8), np.float32), titles=["a"]))
    assert len(index) == 0
    assert index.facets() == {}
    queries = unit(2, 8, 0)
    assert index.images(queries, [Want(), Want(k=MAX_K)]) == [Page([], 0)] * 2
    assert index.descriptions(queries, [Want(), Want(offset=3)]) == [Page([], 0)] * 2
    assert index.images(queries[:0], []) == []
    with pytest.raises(InputError, match="no attributes"):
        index.images(queries[:1], [Want(filters={"colour": ["red"]})])


def test_the_index_says_what_it_was_made_from() -> None:
    catalogue = snapshot(unit(5, 8, 0), unit(5, 8, 1), titles=["a"])
    index = SearchIndex(catalogue)
    assert (index.snapshot, index.version, index.encoder_id, len(index)) == (catalogue, 3, "enc", 5)


def test_facets_count_values_in_any_case_most_frequent_first() -> None:
    vectors = unit(4, 8, 0)
    info = CatalogueInfo("enc", 8, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    colours = ["Blue", "Red", "RED", None]
    products = [Product(str(n), "t", {"colour": colour} if colour else {}) for n, colour in enumerate(colours)]
    index = SearchIndex(Snapshot(info, 0, products, vectors, vectors))
    assert list(index.facets()["colour"].items()) == [("Red", 2), ("Blue", 1)]
    (page,) = index.images(vectors[:1], [Want(filters={"colour": "red"})])  # a lone value
    assert page.total == 2


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
    for search in (index.images, index.descriptions):
        with pytest.raises(InputError, match=message):
            search(queries, [Want()])


def test_bad_wants_are_refused() -> None:
    for k in (0, -1, MAX_K + 1):
        with pytest.raises(InputError, match=f"k is {k}.*1 to {MAX_K}"):
            Want(k=k)
    with pytest.raises(InputError, match="offset is -1"):
        Want(offset=-1)
    index = SearchIndex(snapshot(unit(50, 8, 0), unit(50, 8, 1), titles=["a"]))
    bad = Want(filters={"color": ["red"]})
    with pytest.raises(InputError, match=r"'color'.*colour, size"):
        index.check(bad)
    with pytest.raises(InputError, match=r"'color'.*colour, size"):
        index.images(unit(2, 8, 2), [Want(), bad])
    with pytest.raises(ValueError, match="2 queries came with 1 wants"):
        index.images(unit(2, 8, 2), [Want()])


def test_threads_that_search_at_once_do_not_disturb_one_another() -> None:
    index = SearchIndex(snapshot(unit(2000, 32, 0), unit(2000, 32, 1), titles=[f"title {n}" for n in range(500)]))
    queries = unit(64, 32, 2)
    wants = [Want(k=20, filters={"colour": ["red"]} if n % 3 == 0 else {}) for n in range(64)]
    alone = index.images(queries, wants)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: index.images(queries[n : n + 1], wants[n : n + 1])[0], range(64)))
    assert together == alone
