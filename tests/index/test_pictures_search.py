"""A search finds a product once, by its nearest picture, whatever is asked: as the slow and obvious search does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import (
    Catalogue,
    Changes,
    FurtherVectors,
    IndexRequirements,
    Put,
    SearchIndex,
    SearchQuery,
    Snapshot,
    evaluate_details,
    evaluate_kagl,
    evaluate_split,
    make_index,
    open_index,
    title_key,
)
from index.query import Sort
from tests.index.brute_force import (
    TITLES,
    brute_images,
    check_all,
    exact_hubs,
    exact_unit,
    over_files,
    picture_vectors,
    snapshot,
    some_edits,
    some_seeds,
    some_wants,
    unit,
    with_further,
)
from tests.index.entries import INFO, several, writer

MAKERS = st.sampled_from([SearchIndex, over_files])


def drawn(count: int, seed: int) -> Snapshot:
    return with_further(snapshot(exact_unit(count, seed), exact_unit(count, seed + 1), titles=TITLES, seed=seed), seed)


@settings(max_examples=60)
@given(make=MAKERS, count=st.integers(0, 60), wants=some_wants, seed=some_seeds)
def test_a_search_is_the_brute_one(
    make: Callable[[Snapshot], SearchIndex], count: int, wants: list[SearchQuery], seed: int
) -> None:
    catalogue = drawn(count, seed)
    check_all(make(catalogue), catalogue, exact_unit(len(wants), seed + 2), wants)


@settings(max_examples=40)
@given(
    make=MAKERS,
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
    catalogue = drawn(count, seed)
    index = make(catalogue)
    history = [(index, catalogue)]
    for version, batch in enumerate(edits, 4):
        fresh = drawn(71, seed + 9 * version)
        hubs = None if catalogue.hubs is None else exact_hubs(71, seed + version)
        fresh = dataclasses.replace(fresh, hubs=hubs)
        put = [number for number, there in batch if there]
        touched = {f"p{number}" for number, _ in batch}
        chosen = part(fresh, put)
        kept = part(catalogue, [at for at, one in enumerate(catalogue.products) if one.id not in touched])
        catalogue = joined(kept, chosen, version)
        arrays = (chosen.products, chosen.image_vectors, chosen.text_vectors)
        index = index.updated(Changes(version, sorted(touched), *arrays, further=chosen.further, hubs=chosen.hubs))
        history.append((index, catalogue))
    queries = exact_unit(len(wants), seed + 2)
    for index, catalogue in history:  # the older ones stay what they were
        check_all(index, catalogue, queries, wants)


def part(catalogue: Snapshot, rows: list[int]) -> Snapshot:
    """Return some products of a catalogue, in the order in which they are named."""
    pictures = picture_vectors(catalogue)
    owners = np.array([at for at, row in enumerate(rows) for _ in pictures[row][1:]], dtype=np.int64)
    vectors = [vector for row in rows for vector in pictures[row][1:]]
    return dataclasses.replace(
        catalogue,
        products=[catalogue.products[row] for row in rows],
        image_vectors=catalogue.image_vectors[rows],
        text_vectors=catalogue.text_vectors[rows],
        further=FurtherVectors(owners, np.array(vectors, dtype=np.float32)) if vectors else None,
        hubs=None if catalogue.hubs is None else catalogue.hubs[rows],
    )


def joined(first: Snapshot, second: Snapshot, version: int) -> Snapshot:
    pieces = [(len(one.products), one.further) for one in (first, second)]
    return dataclasses.replace(
        first,
        version=version,
        products=first.products + second.products,
        image_vectors=np.concatenate([first.image_vectors, second.image_vectors]),
        text_vectors=np.concatenate([first.text_vectors, second.text_vectors]),
        further=FurtherVectors.joined(pieces),
        hubs=None if first.hubs is None or second.hubs is None else np.concatenate([first.hubs, second.hubs]),
    )


def test_rows_of_products_that_are_gone_take_their_pictures_with_them() -> None:
    catalogue = with_further(
        snapshot(unit(200, 8, 0), unit(200, 8, 1), titles=["a", "b"]), 1, lambda n, s: unit(n, 8, s)
    )
    index = SearchIndex(catalogue)
    vectors = unit(1, 8, 9)
    further = FurtherVectors(np.zeros(3, dtype=np.int64), unit(3, 8, 10))
    for version in range(3000):
        index = index.updated(Changes(version, ["p7"], [catalogue.products[7]], vectors, vectors, further=further))
    assert len(index._state.alive) < 200 + 1500
    assert len(index._state.pictures.further) < len(catalogue.further or ()) + 3 * 1500
    at = [one.id for one in index.products].index("p7")
    assert at == 199
    (page,) = index.search("images", further.vectors[2:], [SearchQuery(k=1)])
    assert (page.hits[0].product.id, page.hits[0].picture) == ("p7", 3)


@pytest.mark.parametrize("make", [SearchIndex, over_files])
@pytest.mark.parametrize("batch", [1, 3, 12])
def test_k_products_come_back_whenever_there_are_k(make: Callable[[Snapshot], SearchIndex], batch: int) -> None:
    """Also where one product has all of the pictures that are nearest."""
    queries = unit(batch, 8, 3)
    plain = snapshot(unit(60, 8, 0), unit(60, 8, 1), titles=TITLES)
    owners = np.repeat(np.arange(60), 19)
    vectors = unit(len(owners), 8, 2)
    vectors[owners == 7] = queries[0] * np.float32(0.9) + vectors[owners == 7] * np.float32(0.05)
    catalogue = dataclasses.replace(plain, further=FurtherVectors(owners, vectors))
    wants = [SearchQuery(k=k) for k in (1, 10, 60)] * 4
    for query, want, page in zip(
        queries, wants, make(catalogue).search("images", queries, wants[:batch]), strict=False
    ):
        found = brute_images(catalogue, query, want)
        assert len(page.hits) == want.k
        assert [(hit.product.id, hit.picture) for hit in page.hits] == [
            (hit.product.id, hit.picture) for hit in found.hits
        ]


def test_ranking_by_words_title_and_picture_reads_all_pictures() -> None:
    catalogue = with_further(snapshot(unit(80, 8, 0), unit(80, 8, 1), titles=TITLES), 1, lambda n, s: unit(n, 8, s))
    # The same with one picture each: of every product the one that is nearest to the query.
    query = unit(1, 8, 4)
    nearest = [max(vectors, key=lambda one: float(one @ query[0])) for vectors in picture_vectors(catalogue)]
    single = dataclasses.replace(catalogue, image_vectors=np.array(nearest), further=None)
    both = SearchIndex(catalogue), SearchIndex(single)
    parsed = both[0].understand("red dress")
    for want in (
        SearchQuery(k=30, mode="hybrid", parsed=parsed),
        SearchQuery(k=30, mode="hybrid", parsed=parsed, collapse="image", collapse_threshold=0.7),
        SearchQuery(k=30, mode="hybrid", parsed=parsed, collapse="title"),
        SearchQuery(k=30, cutoff=0.2),
        SearchQuery(k=30, mode="hybrid", parsed=parsed, sort=Sort("size")),
        SearchQuery(k=30, collapse="image", collapse_threshold=0.7),
        SearchQuery(k=30, mode="lexical", parsed=parsed),
    ):
        (found,), (wanted,) = (index.search("images", query, [want]) for index in both)
        assert [(hit.product.id, hit.score, hit.signals) for hit in found.hits] == [
            (hit.product.id, hit.score, hit.signals) for hit in wanted.hits
        ]
        assert found.total == wanted.total
        if want.mode == "lexical":
            assert {hit.picture for hit in found.hits} == {0}
        else:
            assert len({hit.picture for hit in found.hits}) > 1
    # Descriptions are found by titles, which have no pictures.
    (found_texts,), (wanted_texts,) = (index.search("texts", query, [SearchQuery(k=9)]) for index in both)
    assert found_texts == wanted_texts


def test_like_asks_with_the_mean_of_all_pictures() -> None:
    catalogue = with_further(snapshot(unit(20, 8, 0), unit(20, 8, 1), titles=TITLES), 1, lambda n, s: unit(n, 8, s))
    index = SearchIndex(catalogue)
    ids = [one.id for one in catalogue.products]
    means = np.array([np.mean(vectors, axis=0) for vectors in picture_vectors(catalogue)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(index.vectors(ids), means, atol=1e-6)
    np.testing.assert_array_equal(index.vectors(ids, first=True), catalogue.image_vectors)
    np.testing.assert_allclose(index.check(SearchQuery(like=("p3", "p1"))).like, means[[3, 1]], atol=1e-6)
    # Pictures that cancel each other out have no mean.
    against = dataclasses.replace(catalogue, further=FurtherVectors(np.array([4]), -catalogue.image_vectors[4:5]))
    np.testing.assert_array_equal(SearchIndex(against).vectors(["p4"]), catalogue.image_vectors[4:5])


def test_files_of_a_large_catalogue_hold_the_further_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    entries = [several(number, 1 + number % 4) for number in range(200)]
    with writer(folder) as writing:
        writing.add(entries)
    made = make_index(folder, IndexRequirements())
    assert made is not None
    assert set(made["chosen"]) == {"images", "texts", "further"}
    queries = np.stack([one.more[-1].vector for one in entries if one.more])
    wanted = [(one.product.id, len(one.more)) for one in entries if one.more]
    with Catalogue.open(folder, writable=True) as catalogue:
        for _ in range(2):
            index = open_index(catalogue)
            pages = index.search("images", queries, [SearchQuery(k=1)] * len(queries))
            assert [(page.hits[0].product.id, page.hits[0].picture) for page in pages] == wanted
            # What was changed since comes from the log.
            catalogue.write([Put(several(3, 2, seed=8))])
            wanted[[one for one, _ in wanted].index("id 3/ü")] = ("id 3/ü", 1)
            queries[[one for one, _ in wanted].index("id 3/ü")] = several(3, 2, seed=8).more[0].vector
        assert index.info == INFO


def test_figures_are_those_of_the_best_picture_of_every_product() -> None:
    """Titles find products by their best pictures, and pictures ask with the first one."""
    catalogue = with_further(snapshot(unit(60, 8, 0), unit(60, 8, 1), titles=TITLES), 1, lambda n, s: unit(n, 8, s))
    pictures = picture_vectors(catalogue)
    scores = np.array([[max(float(one @ text) for one in own) for own in pictures] for text in catalogue.text_vectors])
    titles = [title_key(one.title) for one in catalogue.products]
    found = evaluate_split(catalogue, "all")
    for k in (1, 10):
        own = [int((row >= row[at] - 1e-6).sum() <= k) for at, row in enumerate(scores)]
        assert found["text_to_image"]["strict_id"][f"top{k}"]["value"] == pytest.approx(np.mean(own), abs=1e-6)
    firsts = dataclasses.replace(catalogue, further=None)
    assert found["image_to_text"] == evaluate_split(firsts, "all")["image_to_text"]
    assert found["text_to_image"] != evaluate_split(firsts, "all")["text_to_image"]
    details = evaluate_details(catalogue, "all")["text_to_image"]
    for query in details["worst"]:
        row = scores[titles.index(title_key(query["title"]))]
        assert [one["id"] for one in query["found"]] == [f"p{at}" for at in np.argsort(-row, kind="stable")[:4]]
    asked = evaluate_kagl(catalogue, "all", lambda texts: unit(len(texts), 8, 7))
    assert asked["titles"]["mrr10"] == found["titles"]["mrr10"]
