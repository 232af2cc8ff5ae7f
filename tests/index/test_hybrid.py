"""Ranking by words, title and picture: as the slow and obvious ranking of every product, whatever is asked of it."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import CatalogueInfo, Filter, Product, SearchIndex, SearchQuery, Snapshot, SplitRule, first_text
from index.query import Sort
from index.ranking import Calibration, Curve, Kind, Scales, fused, lifted, scaled, weights_of
from index.vectors.reach import NearestRows
from tests.index.brute_force import unit

DIM = 8
COLOURS, KINDS, BRANDS = ["Red", "Blue", "Black"], ["Dresses", "Jeans", "Casual Shoes"], ["Puma", "Nike", "Red Tape"]
CURVE = Curve((0.0, 1.0), (0.0, 1.0))
KIND_NAMES: tuple[Kind, ...] = get_args(Kind)
CALIBRATION = Calibration(
    "enc",
    Scales((0.0, 1.0), (0.0, 0.8)),
    dict.fromkeys(KIND_NAMES, CURVE),
    {kind: 1.0 if kind == "doubtful" else 0.5 for kind in KIND_NAMES},
)


def snapshot(count: int, seed: int = 0) -> Snapshot:
    products = []
    for at in range(count):
        colour, kind, brand = COLOURS[at % 3], KINDS[at // 3 % 3], BRANDS[at // 9 % 3]
        title = f"{brand} {colour} {kind}" + (f" XK{at}" if at % 5 == 0 else "")
        values = {"colour": colour, "type": kind} | ({"year": str(2010 + at % 4)} if at % 4 else {})
        products.append(Product(f"p{at}", title, values))
    images = unit(count, DIM, seed)
    texts = np.stack([unit(1, DIM, len(one.title) * 7 + ord(one.title[-1]))[0] for one in products])
    images[1::2] = images[::2][: len(images[1::2])]  # ties
    info = CatalogueInfo("enc", DIM, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    hubs = np.random.default_rng(seed + 5).normal(0, 0.2, count).astype(np.float32)
    return Snapshot(info, 0, products, images, texts, hubs=hubs)


SNAPSHOT = snapshot(400)
INDEX = SearchIndex(SNAPSHOT, CALIBRATION)
TEXTS = ["red dress", "puma", "red tape jeans", "xk15", "p7", "Nike Red Jeans", "blue", "zzz", "jeans not red"]


def slow(query: SearchQuery, vector: np.ndarray) -> list[tuple[str, float]]:
    """Return (id, score) of every product that is not left out, best first."""
    parsed = query.parsed
    assert parsed is not None
    words = INDEX._state.words.signal(parsed.units) if parsed.units else np.zeros(400, dtype=np.float32)
    most = float(words.max())
    words = np.power(words * np.float32(1 if most >= 0.9 or most <= 0 else 1 / most), np.float32(2))
    title = scaled((SNAPSHOT.text_vectors * vector).sum(axis=1), CALIBRATION.scales.title)
    cosines = (SNAPSHOT.image_vectors * vector).sum(axis=1)
    assert SNAPSHOT.hubs is not None
    corrected = cosines - np.float32(query.hub_weight) * SNAPSHOT.hubs
    image = scaled(corrected, CALIBRATION.scales.image)
    weights = weights_of(query.mode, "images", parsed, query.text_share)
    scores = words if query.mode == "lexical" else fused(weights, words, title, image)
    lexical = query.mode == "lexical"
    text = parsed.text.casefold()
    exact = [
        (parsed.is_code and float(words[at]) ** 0.5 >= 0.9) or text in (one.id, one.title.casefold())
        for at, one in enumerate(SNAPSHOT.products)
    ]
    scores = np.where(exact, lifted(scores), scores)
    order = np.lexsort((np.arange(400), -scores))
    least = -1.0 if query.cutoff is None else float(query.cutoff)
    least = min(least, 0.99) if any(exact) and query.cutoff is not None else least
    kept = [at for at in order.tolist() if scores[at] >= least and (not lexical or words[at] > 0 or exact[at])]
    return [(SNAPSHOT.products[at].id, float(scores[at])) for at in kept]


@settings(max_examples=80)
@given(
    st.sampled_from(TEXTS),
    st.sampled_from(["hybrid", "lexical"]),
    st.integers(0, 50),
    st.integers(1, 40),
    st.sampled_from([0, 3, 37, 390]),
    st.sampled_from([None, 0.0, 0.3, 0.6, 0.9]),
    st.sampled_from([1.0, 0.4]),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_products_are_ranked_as_the_slow_ranking_ranks_them(
    text: str, mode: Any, seed: int, k: int, offset: int, cutoff: float | None, share: float, hub_weight: float
) -> None:
    vector = unit(1, DIM, seed)[0]
    parsed = INDEX.understand(text, "en")
    query = SearchQuery(k, offset, mode=mode, parsed=parsed, cutoff=cutoff, text_share=share, hub_weight=hub_weight)
    (page,) = INDEX.search("images", vector[None], [query])
    expected = slow(query, vector)
    assert [(hit.product.id, hit.score) for hit in page.hits] == expected[offset : offset + k]
    assert page.total == len(expected)


@pytest.mark.parametrize("more", [{"cutoff": 0.3}, {"min_score": 0.3}, {"group_by": "year"}, {"sort": Sort("year")}])
def test_in_mode_vector_the_correction_orders_what_the_cosine_lets_in(more: dict[str, Any]) -> None:
    vector = unit(1, DIM, 3)
    assert SNAPSHOT.hubs is not None
    cosines = (SNAPSHOT.image_vectors * vector).sum(axis=1)
    hub = dict(zip((one.id for one in SNAPSHOT.products), SNAPSHOT.hubs.tolist(), strict=True))
    (page,) = INDEX.search("images", vector, [SearchQuery(k=400, hub_weight=1.0, **more)])
    ids = [hit.product.id for hit in page.hits]
    assert [hit.score for hit in page.hits] == cosines[[int(one[1:]) for one in ids]].tolist()
    if "group_by" in more:
        assert len(ids) == page.total == 3 + sum("year" not in one.attributes for one in SNAPSHOT.products)
    elif "sort" not in more:
        assert set(ids) == {f"p{at}" for at in np.flatnonzero(cosines >= 0.3).tolist()}
        assert page.total in (len(ids), None)
    years = [str(first_text(hit.product.attributes.get("year", ""))) for hit in page.hits] if "sort" in more else ids
    assert years == sorted(years, reverse=True) if "sort" in more else True
    ranked = [hit.score - hub[hit.product.id] for hit in page.hits]
    if "sort" in more:  # ties by the corrected cosine
        ranked = [score for score, year in zip(ranked, years, strict=True) if year == "2011"]
    assert ranked == sorted(ranked, reverse=True)
    assert ranked != sorted(ranked)
    pages = [
        hit.product.id
        for offset in range(0, 400, 50)
        for hit in INDEX.search("images", vector, [SearchQuery(50, offset, hub_weight=1.0, **more)])[0].hits
    ]
    assert pages == ids


def test_pages_put_together_are_the_whole_list_without_repeats() -> None:
    vector = unit(1, DIM, 5)
    for more in ({}, {"cutoff": 0.4}, {"sort": Sort("year")}, {"filters": {"colour": Filter(any=("Red", "Blue"))}}):
        parsed = INDEX.understand("red dress")
        found = [
            hit.product.id
            for offset in range(0, 420, 30)
            for hit in INDEX.search(
                "images",
                vector,
                [SearchQuery(k=30, offset=offset, mode="hybrid", parsed=parsed, **more)],
            )[0].hits
        ]
        (page,) = INDEX.search("images", vector, [SearchQuery(mode="hybrid", parsed=parsed, **more)])
        assert len(set(found)) == len(found) == page.total


def test_facets_and_totals_are_those_of_what_is_relevant() -> None:
    parsed = INDEX.understand("red dress")
    query = SearchQuery(k=400, mode="hybrid", parsed=parsed, cutoff=0.6, facets=("colour", "type"))
    (page,) = INDEX.search("images", unit(1, DIM, 1), [query])
    counted: dict[str, int] = {}
    for hit in page.hits:
        colour = first_text(hit.product.attributes["colour"])
        counted[colour] = counted.get(colour, 0) + 1
    assert page.facets["colour"] == counted
    assert page.total == len(page.hits)
    assert 0 < len(page.hits) < 400
    assert page.cutoff == 0.6


def test_hits_say_what_carried_them_and_what_they_are_worth() -> None:
    vector = unit(1, DIM, 2)
    parsed = INDEX.understand("red dress")
    (page,) = INDEX.search("images", vector, [SearchQuery(mode="hybrid", parsed=parsed)])
    best = page.hits[0]
    assert best.signals is not None
    assert best.signals.words == pytest.approx(1, abs=0.03)
    row = int(best.product.id[1:])
    assert best.signals.image == pytest.approx(float(SNAPSHOT.image_vectors[row] @ vector[0]), abs=1e-5)
    assert best.signals.title == pytest.approx(float(SNAPSHOT.text_vectors[row] @ vector[0]), abs=1e-5)
    assert best.relevance == pytest.approx(best.score, abs=1e-5)


def test_what_nothing_explains_is_not_answered_at_the_automatic_cutoff() -> None:
    for text, found in (("zzz qqq", False), ("red dress", True), ("xk15", True), ("p7", True)):
        query = SearchQuery(mode="hybrid", parsed=INDEX.understand(text), cutoff="auto")
        (page,) = INDEX.search("images", unit(1, DIM, 3), [query])
        assert bool(page.hits) is found
        if text in ("xk15", "p7"):
            assert page.hits[0].product.id in ("p15", "p7")
            assert page.hits[0].relevance == 1


def test_mode_vector_gives_the_scores_of_vectors_alone_to_the_bit() -> None:
    vector = unit(1, DIM, 4)
    plain = INDEX.search("images", vector, [SearchQuery(k=50)])[0]
    told = INDEX.search("images", vector, [SearchQuery(k=50, parsed=INDEX.understand("red"), mode="vector")])[0]
    cut = INDEX.search("images", vector, [SearchQuery(k=50, cutoff=0.0)])[0]
    assert [(hit.product.id, hit.score) for hit in plain.hits] == [(hit.product.id, hit.score) for hit in told.hits]
    assert [(hit.product.id, hit.score) for hit in plain.hits if hit.score >= 0] == [
        (hit.product.id, hit.score) for hit in cut.hits
    ]


def test_a_large_catalogue_ranks_first_what_has_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what may be compared, an index says what is near; what has all words comes first all the same."""
    state = INDEX._state
    monkeypatch.setattr(NearestRows, "most", 5)
    reach = NearestRows(state, unit(1, DIM, 6)[0])
    parsed = INDEX.understand("red dress")
    words = state.words.signal(parsed.units)
    rows, complete = reach.nearest(words, state.alive)
    assert not complete
    assert float(words[rows].max()) == float(words.max())
    assert (np.diff(rows) > 0).all()
