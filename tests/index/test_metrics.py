"""Metrics against a slow version that writes out the whole score matrix; intervals against known truth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common import InputError
from index import (
    CatalogueInfo,
    Product,
    Snapshot,
    SplitRule,
    evaluate,
    evaluate_details,
    evaluate_split,
    query_stats,
    ranks,
    title_key,
)
from index.metrics import rank
from index.metrics.analysis import SHOWN_QUERIES
from index.metrics.examples import BINS, SHOWN_FOUND
from index.metrics.intervals import bootstrap

TIE = 1e-6


def unit(count: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def images_of(texts: np.ndarray, seed: int) -> np.ndarray:
    """Return image vectors somewhat like `texts` (N, D): found at times, but not always."""
    images = texts + np.float32(1.2) * unit(len(texts), texts.shape[1], seed)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    return images


def with_ties(count: int, seed: int) -> np.ndarray:
    """Return (count, 4) unit vectors of few kinds: most scores tie with many others, exactly."""
    return np.random.default_rng(seed).choice([-0.5, 0.5], size=(count, 4)).astype(np.float32)


def clear(queries: np.ndarray, gallery: np.ndarray) -> bool:
    """Return whether no two scores are so nearly a tie that rounding decides it."""
    scores = queries.astype(np.float64) @ gallery.astype(np.float64).T
    return not any((abs(np.subtract.outer(row, row) - TIE) < 0.5 * TIE).any() for row in scores)


def slow_ranks(queries: np.ndarray, gallery: np.ndarray, relevant: list[list[int]]) -> list[list[int]]:
    scores = queries.astype(np.float64) @ gallery.astype(np.float64).T
    result = []
    for row, right in zip(scores, relevant, strict=True):
        best_first = sorted(right, key=lambda item: -row[item])
        place = {}
        for number, item in enumerate(best_first):
            wrong_ahead = [n for n in range(len(row)) if n not in right and row[n] >= row[item] - TIE]
            place[item] = number + len(wrong_ahead) + 1
        result.append([place[item] for item in right])
    return result


def slow_evaluate(images: np.ndarray, texts: np.ndarray, titles: list[str], queries: list[int]) -> dict[str, Any]:
    keys = [title_key(title) for title in titles]
    twins = {key: [n for n in range(len(keys)) if keys[n] == key] for key in keys}

    def summary(found: list[int]) -> dict[str, float]:
        tops = {f"top{k}": float(np.mean([rank <= k for rank in found])) for k in (1, 5, 10, 100)}
        return {**tops, "mrr10": float(np.mean([1 / rank if rank <= 10 else 0 for rank in found]))}

    result: dict[str, Any] = {"queries": len(queries), "gallery": len(titles)}
    for direction, askers, answers in (("image_to_text", images, texts), ("text_to_image", texts, images)):
        strict = slow_ranks(askers[queries], answers, [[query] for query in queries])
        same = slow_ranks(askers[queries], answers, [twins[keys[query]] for query in queries])
        result[direction] = {
            "strict_id": summary([min(row) for row in strict]),
            "same_title": summary([min(row) for row in same]),
        }
    asked = sorted({keys[query] for query in queries})
    rows = slow_ranks(texts[[twins[key][0] for key in asked]], images, [twins[key] for key in asked])
    result["titles"] = {
        "queries": len(asked),
        **{f"recall{k}": np.mean([np.mean([rank <= k for rank in row]) for row in rows]) for k in (1, 10, 100)},
        "mrr10": np.mean([1 / min(row) if min(row) <= 10 else 0 for row in rows]),
    }
    return result


def values(result: Any) -> Any:
    """Return `result` with every figure replaced by its value."""
    if not isinstance(result, dict):
        return result
    return result["value"] if "value" in result else {name: values(part) for name, part in result.items()}


def flat(result: Any) -> dict[str, float]:
    """Return path -> number."""
    if not isinstance(result, dict):
        return {"": result}
    return {f"{name}/{path}": value for name, part in result.items() for path, value in flat(part).items()}


def csr(relevant: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.cumsum([0, *map(len, relevant)])
    return indptr, np.array([item for row in relevant for item in row], dtype=np.int64)


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    count, seed, ties = draw(st.integers(1, 40)), draw(st.integers(0, 10_000)), draw(st.booleans())
    relevant = draw(
        st.lists(st.lists(st.integers(0, count - 1), unique=True, max_size=12), min_size=1, max_size=25),
    )
    if ties:
        return with_ties(len(relevant), seed), with_ties(count, seed + 1), relevant
    gallery = unit(count, 8, seed + 1)
    # Half of the gallery a second time: equal vectors at places where their scores may differ in the last bit.
    gallery[count // 2 :] = gallery[: count - count // 2]
    return unit(len(relevant), 8, seed), gallery, relevant


@settings(max_examples=150)
@given(problem=problems(), rows_at_a_time=st.sampled_from([1, 2, 7, 1000]))
def test_ranks_are_those_of_the_whole_matrix(
    problem: tuple[np.ndarray, np.ndarray, list[list[int]]], rows_at_a_time: int
) -> None:
    queries, gallery, relevant = problem
    assume(clear(queries, gallery))
    indptr, indices = csr(relevant)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rank, "CHUNK_BYTES", rows_at_a_time * 4 * len(gallery))
        got = ranks(queries, gallery, (indptr, indices))
    wanted = slow_ranks(queries, gallery, relevant)
    # Equals among the relevant may stand in either order, so compare the places, item by item where they differ.
    scores = queries.astype(np.float64) @ gallery.astype(np.float64).T
    for query, row in enumerate(wanted):
        mine = got[indptr[query] : indptr[query + 1]]
        own = np.round(scores[query, relevant[query]], 6)
        assert sorted(zip(own, mine, strict=True)) == sorted(zip(own, row, strict=True))


@settings(max_examples=60)
@given(
    kinds=st.lists(
        st.sampled_from(["Red Dress", "red  dress", "Shoe", "SHOE", "Bag", "Hat", "Coat"]), min_size=1, max_size=60
    ),
    seed=st.integers(0, 10_000),
    ties=st.booleans(),
    rows_at_a_time=st.sampled_from([1, 3, 1000]),
    data=st.data(),
)
def test_evaluate_agrees_with_the_whole_matrix(
    kinds: list[str], seed: int, ties: bool, rows_at_a_time: int, data: st.DataObject
) -> None:
    count = len(kinds)
    queries = data.draw(st.lists(st.integers(0, count - 1), unique=True, min_size=1))
    images, texts = (with_ties(count, seed + n) if ties else unit(count, 8, seed + n) for n in range(2))
    texts = texts[[kinds.index(kind) for kind in kinds]]  # equal titles have equal vectors
    assume(clear(images, texts) and clear(texts, images))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rank, "CHUNK_BYTES", rows_at_a_time * 4 * count)
        got = evaluate(images, texts, kinds, np.array(queries), resamples=2)
    wanted = flat(slow_evaluate(images, texts, kinds, queries))
    assert flat(values(got)) == pytest.approx(wanted, abs=1e-6)


def test_a_gallery_beyond_every_cutoff_agrees_too() -> None:
    count = 400
    rng = np.random.default_rng(3)
    titles = [f"title {n}" for n in rng.integers(0, 150, count)]
    texts = unit(count, 16, 0)
    images = images_of(texts, 1)
    for vectors in (texts, images):
        np.copyto(vectors, np.round(64 * vectors) / 64)  # so all scores are exact, and no near-tie is left to rounding
    queries = rng.permutation(count)[:90]
    got = values(evaluate(images, texts, titles, queries, resamples=2))
    wanted = slow_evaluate(images, texts, titles, queries.tolist())
    assert flat(got) == pytest.approx(flat(wanted), abs=1e-6)
    assert 0 < got["text_to_image"]["strict_id"]["top1"] < got["text_to_image"]["same_title"]["top1"] < 1
    assert 0 < got["titles"]["recall1"] < got["titles"]["recall10"] < 1


def test_recall_counts_every_product_of_the_title() -> None:
    # One title with three products at positions 1, 3 and 12 of the ranking: nine strangers from the fourth on.
    scores = np.array([0.9, 0.8, 0.7, *np.linspace(0.6, 0.5, 8), 0.4, 0.3])
    relevant = [0, 2, 11]
    images = np.stack([scores, np.sqrt(1 - scores**2)], axis=1).astype(np.float32)
    texts = np.tile(np.array([[1, 0]], np.float32), (13, 1))
    titles = ["dress" if n in relevant else f"stranger {n}" for n in range(13)]
    got = values(evaluate(images, texts, titles, np.array(relevant), resamples=2))
    assert got["titles"] == pytest.approx(
        {"queries": 1, "recall1": 1 / 3, "recall10": 2 / 3, "recall100": 1, "mrr10": 1}, abs=1e-6
    )
    # By product: the first alone is right where it asks itself; by title each of the three finds the first.
    assert got["text_to_image"]["strict_id"]["top1"] == pytest.approx(1 / 3, abs=1e-6)
    assert got["text_to_image"]["strict_id"]["mrr10"] == pytest.approx((1 + 1 / 3 + 0) / 3, abs=1e-6)
    assert got["text_to_image"]["same_title"]["top1"] == 1


def test_one_vector_for_everything_finds_nothing() -> None:
    same = np.tile(unit(1, 128, 0), (300, 1))
    got = evaluate(same, same, [f"title {n}" for n in range(300)], np.arange(300), resamples=2)
    assert (got.pop("queries"), got.pop("gallery"), got["titles"].pop("queries")) == (300, 300, 300)
    assert set(flat(got).values()) == {0}


def test_a_perfect_encoder_finds_everything() -> None:
    vectors = unit(300, 128, 0)
    got = evaluate(vectors, vectors, [f"title {n}" for n in range(300)], np.arange(0, 300, 3))
    assert (got.pop("queries"), got.pop("gallery"), got["titles"].pop("queries")) == (100, 300, 100)
    assert set(flat(got).values()) == {1}  # and so do both ends of every interval


def test_two_products_with_one_title_and_one_text_are_told_apart_only_by_title() -> None:
    vectors = unit(4, 128, 0)
    texts = vectors[[0, 0, 2, 3]]
    got = values(evaluate(vectors, texts, ["Dress", "DRESS", "shoe", "bag"], np.arange(4), resamples=2))
    assert got["image_to_text"]["strict_id"]["top1"] == 0.5  # the twins' texts tie with one another
    assert got["image_to_text"]["same_title"]["top1"] >= 0.75


@pytest.fixture(scope="module")
def example() -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    rng = np.random.default_rng(5)
    texts = unit(500, 16, 0)
    return images_of(texts, 1), texts, [f"title {n}" for n in rng.integers(0, 250, 500)], rng.permutation(500)[:200]


def test_the_same_input_gives_the_same_output_and_another_seed_other_intervals(
    example: tuple[np.ndarray, np.ndarray, list[str], np.ndarray],
) -> None:
    one, again, other = (evaluate(*example, seed=seed) for seed in (1, 1, 2))
    assert json.dumps(one) == json.dumps(again)
    assert values(one) == values(other)
    assert json.dumps(one) != json.dumps(other)
    for direction in ("image_to_text", "text_to_image"):
        for figure in one[direction]["same_title"].values():
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_the_gallery_is_whole_whatever_is_asked(
    example: tuple[np.ndarray, np.ndarray, list[str], np.ndarray],
) -> None:
    images, texts, titles, queries = example
    parts = [evaluate(images, texts, titles, part, resamples=1) for part in (queries[:80], queries[80:])]
    whole = evaluate(images, texts, titles, queries, resamples=1)
    weighed = [part["queries"] * part["image_to_text"]["strict_id"]["top10"]["value"] for part in parts]
    assert sum(weighed) / 200 == pytest.approx(whole["image_to_text"]["strict_id"]["top10"]["value"], abs=1e-6)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Products of one title share most of their luck: intervals over products would cover only about 70 %."""
    rng = np.random.default_rng(0)
    trials, titles, covered, naive = 300, 80, 0, 0
    truth = 0.4
    for trial in range(trials):
        sizes = rng.integers(1, 10, titles)
        luck = rng.random(titles) < truth
        title_of = np.repeat(np.arange(titles), sizes)
        shared = rng.random(len(title_of)) < 0.8
        hits = np.where(shared, luck[title_of], rng.random(len(title_of)) < truth).astype(float)
        sums = np.bincount(title_of, weights=hits).astype(float)
        ((_, low, high),) = bootstrap(sums[:, None], sizes[:, None].astype(float), trial, 200)
        covered += low <= truth <= high
        ((_, low, high),) = bootstrap(hits[:, None], np.ones((len(hits), 1)), trial, 200)
        naive += low <= truth <= high
    assert 0.90 <= covered / trials <= 0.98
    assert naive / trials < 0.80


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"queries": np.array([], np.int64)}, "no queries", id="no queries"),
        pytest.param({"queries": np.array([0, 5])}, "0 to 5.*has 5", id="queries beyond"),
        pytest.param({"queries": np.array([-1])}, "-1 to -1.*has 5", id="queries below"),
        pytest.param({"titles": ["a"] * 4}, "5 image vectors, 5 text vectors and 4 titles", id="titles"),
        pytest.param({"text_vectors": unit(6, 8, 0)}, "5 image vectors, 6 text vectors", id="count"),
        pytest.param({"text_vectors": unit(5, 7, 0)}, r"\(5, 8\) and \(5, 7\)", id="width"),
        pytest.param({"image_vectors": np.full((5, 8), np.nan, np.float32)}, "NaN", id="NaN"),
    ],
)
def test_input_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    sound: dict[str, Any] = {
        "image_vectors": unit(5, 8, 0),
        "text_vectors": unit(5, 8, 1),
        "titles": list("abcde"),
        "queries": np.arange(5),
    }
    evaluate(**sound, resamples=1)
    with pytest.raises(InputError, match=message):
        evaluate(**{**sound, **change}, resamples=1)


def test_relevant_items_that_do_not_fit_are_refused() -> None:
    queries, gallery = unit(2, 8, 0), unit(3, 8, 1)
    for indptr in ([0, 1], [0, 1, 3], [1, 1, 2], [0, 2, 1, 2]):
        with pytest.raises(InputError, match="indptr"):
            ranks(queries, gallery, (np.array(indptr), np.array([0, 1])))
    with pytest.raises(InputError, match=r"0 to 3.*has 3"):
        ranks(queries, gallery, (np.array([0, 1, 2]), np.array([0, 3])))


# Error analysis


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 10), st.booleans())
def test_examining_is_what_the_whole_matrix_says(seed: int, items: int, queries: int, tied: bool) -> None:
    make = with_ties if tied else lambda count, number: unit(count, 5, number)
    asking, gallery = make(queries, seed), make(items, seed + 1)
    assume(clear(asking, gallery))
    rng = np.random.default_rng(seed)
    relevant = [sorted(rng.choice(items, rng.integers(1, items + 1), replace=False).tolist()) for _ in range(queries)]
    indptr = np.cumsum([0, *map(len, relevant)])
    seen = query_stats(asking, gallery, (indptr, np.concatenate(relevant)))

    scores = (asking @ gallery.T).astype(np.float32)
    pairs: dict[str, list[float]] = {"right": [], "wrong": [], "nearest_wrong": []}
    for query, (row, right) in enumerate(zip(scores, relevant, strict=True)):
        wrong = [float(row[n]) for n in range(items) if n not in right]
        assert seen.rank[query] == min(slow_ranks(asking[query : query + 1], gallery, [right])[0])
        assert seen.right[query] == pytest.approx(max(row[right]), abs=1e-6)
        assert seen.wrong[query] == pytest.approx(max(wrong, default=-1), abs=1e-6)
        pairs["right"] += row[right].tolist()
        pairs["wrong"] += wrong
        pairs["nearest_wrong"] += [max(wrong)] if wrong else []
    edges = np.linspace(-1, 1, BINS + 1)
    for name, values in pairs.items():
        assert seen.histograms[name].sum() == len(values)
        if all(np.abs(edges - value).min() > 1e-5 for value in values):  # where rounding does not choose the bin
            assert seen.histograms[name].tolist() == np.histogram(values, edges)[0].tolist()


def test_examining_holds_a_bounded_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, gallery = unit(50, 8, 0), unit(70, 8, 1)
    relevant = (np.arange(51), np.arange(50))
    whole = query_stats(asking, gallery, relevant)
    monkeypatch.setattr(rank, "CHUNK_BYTES", 4 * 70 * 3)
    pieces = query_stats(asking, gallery, relevant)
    assert pieces.rank.tolist() == whole.rank.tolist()
    assert {name: counts.tolist() for name, counts in pieces.histograms.items()} == {
        name: counts.tolist() for name, counts in whole.histograms.items()
    }


def test_the_details_name_the_queries_that_do_worst_and_best() -> None:
    texts = unit(40, 16, 0)
    images = images_of(texts, 1)
    images[7] = -texts[7]  # nothing finds this one
    images[3] = texts[3]
    titles = [f"Thing {number}" for number in range(40)]
    titles[20] = "thing  0"
    texts[20] = texts[0]
    products = [Product(str(n), title, {}, "test" if n < 30 else "train") for n, title in enumerate(titles)]
    info = CatalogueInfo("e", 16, "made up", SplitRule(), "2025-01-01T00:00:00Z")
    snapshot = Snapshot(info, 3, products, images, texts)
    found = evaluate_details(snapshot, "test")
    assert json.loads(json.dumps(found)) == found
    assert (found["split"], found["encoder_id"], found["catalogue_version"]) == ("test", "e", 3)

    by_text, by_image = found["text_to_image"], found["image_to_text"]
    assert (by_text["queries"], by_image["queries"]) == (29, 30)  # distinct titles; products
    for direction in (by_text, by_image):
        worst, best = direction["worst"], direction["best"]
        assert worst[0]["id"] == "7"
        assert worst[0]["rank"] > 30
        assert [one["rank"] for one in worst] == sorted((one["rank"] for one in worst), reverse=True)
        assert best[0]["rank"] == 1
        assert best[0]["found"][0]["right"]
        assert len(worst) == len(best) == SHOWN_QUERIES
        for query in (*worst, *best):
            assert len(query["found"]) == SHOWN_FOUND
            scores = [one["score"] for one in query["found"]]
            assert scores == sorted(scores, reverse=True)
            places = [place for place, one in enumerate(query["found"], 1) if one["right"]]
            assert (query["rank"] in places) == bool(places)
    whole = evaluate_split(snapshot, "test")
    hits = sum(by_text["similarity"]["right"])
    assert hits == 30
    assert sum(by_text["similarity"]["wrong"]) == 29 * 40 - 30
    assert sum(by_image["similarity"]["right"]) == 30
    assert sum(by_image["similarity"]["wrong"]) == 30 * 39 - 30  # among distinct titles
    assert whole["gallery"] == 40
    with pytest.raises(InputError, match="validation"):
        evaluate_details(snapshot, "validation")
