"""Groups are the whole ranking folded: in memory, over search files, after edits, with words, in one giant group."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import (
    CatalogueInfo,
    Changes,
    Filter,
    Hit,
    Page,
    Product,
    SearchIndex,
    SearchQuery,
    Snapshot,
    Sort,
    SplitRule,
    Value,
    texts_of,
    title_key,
)
from index.query import NEWEST, VARIANT
from index.results import MEMBERS
from tests.index.brute_force import exact_unit, over_files, unit

COUNT, DIM = 120, 4


def shop(seed: int, count: int = COUNT, *, groups: int = 9) -> Snapshot:
    """Return products with ties everywhere: few groups, prices and distinct vectors."""
    rng = np.random.default_rng(seed)
    products = []
    for number in range(count):
        attributes: dict[str, Value] = {"price": float(rng.integers(4)), "colour": ("red", "Blue")[number % 2]}
        if rng.random() < 0.8:
            name = f"g{rng.integers(groups)}"
            attributes[VARIANT] = name if rng.random() < 0.8 else (name.upper(), "other")
        if rng.random() < 0.5:
            attributes["sizes"] = tuple(rng.choice(["S", "M", "L", "s"], int(rng.integers(1, 4))).tolist())
        products.append(Product(f"p{number}", f"{('red', 'blue')[number % 2]} dress {number % 3}", attributes))
    info = CatalogueInfo("enc", DIM, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    return Snapshot(info, 3, products, exact_unit(count, seed), exact_unit(count, seed + 1))


def folded(hits: Sequence[Hit], name: str) -> list[list[Product]]:
    groups: dict[object, list[Product]] = {}
    for hit in hits:
        value = hit.product.attributes.get(name)
        key = (hit.product.id,) if value is None else title_key(texts_of(value)[0])
        groups.setdefault(key, []).append(hit.product)
    return list(groups.values())


def check(index: SearchIndex, vector: np.ndarray, query: SearchQuery) -> None:
    """Compare a query by groups with the fold of the same query without them, whole and page by page."""
    name = query.grouping
    assert name is not None
    # Everything is compared: candidates of an index may be too few for a whole ranking.
    (flat,) = index.search("images", vector, [dataclasses.replace(query, group_by=None, k=1000, offset=0)])
    groups = folded(flat.hits, name)
    (page,) = index.search("images", vector, [query])
    shown = groups[query.offset : query.offset + query.k]
    assert [hit.product.id for hit in page.hits] == [members[0].id for members in shown]
    for hit, members in zip(page.hits, shown, strict=True):
        assert hit.group is not None
        assert hit.group.count == len(members)
        assert hit.group.members == members[:MEMBERS]
    assert page.total == len(groups)
    check_facets(page, flat, groups)


def check_facets(page: Page[Hit], flat: Page[Hit], groups: list[list[Product]]) -> None:
    number_of = {product.id: number for number, members in enumerate(groups) for product in members}
    for name, counts in page.facets.items():
        pairs = {
            (number_of[hit.product.id], title_key(text))
            for hit in flat.hits
            for text in texts_of(hit.product.attributes.get(name, ()))
        }
        wanted = {text: sum(other == text for _, other in pairs) for _, text in pairs}
        assert {title_key(text): count for text, count in counts.items()} == wanted


some_queries = st.builds(
    SearchQuery,
    k=st.integers(1, 30),
    offset=st.integers(0, 20),
    group_by=st.sampled_from(["variant", "sizes", "price"]),
    facets=st.sampled_from([(), ("sizes",), ("sizes", VARIANT)]),
    sort=st.sampled_from([None, Sort("price"), Sort("price", False), Sort(NEWEST), Sort(VARIANT, False)]),
    exclude=st.sampled_from([frozenset(), frozenset({"p1", "p7"})]),
    min_score=st.sampled_from([None, None, 0.0, 0.5]),
    filters=st.sampled_from([{}, {"colour": Filter(any=("red",))}, {"price": Filter(gte=1, lt=3)}]),
    browse=st.booleans(),
)


@settings(max_examples=60)
@given(seed=st.integers(0, 100), query=some_queries, files=st.booleans())
def test_groups_are_the_folded_ranking(seed: int, query: SearchQuery, files: bool) -> None:
    catalogue = shop(seed)
    index = over_files(catalogue) if files else SearchIndex(catalogue)
    # Browsing leaves nothing out for its score.
    check(index, exact_unit(1, seed + 2), dataclasses.replace(query, min_score=None) if query.browse else query)


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
@pytest.mark.parametrize("cutoff", [None, 0.5])
def test_groups_with_words(mode: str, cutoff: float | None) -> None:
    index = SearchIndex(shop(5))
    parsed = index.understand("red dress")
    for group_by in ("variant", "price"):
        query = SearchQuery(
            k=4,
            group_by=group_by,
            mode=mode,  # type: ignore[arg-type]
            parsed=parsed,
            cutoff=cutoff,
            facets=("sizes",),
        )
        for sort in (None, Sort("price")):
            check(index, unit(1, DIM, 3), dataclasses.replace(query, sort=sort))


def test_k_groups_come_back_though_the_best_rows_are_all_of_one() -> None:
    """The nearest four hundred products are one shirt in all its sizes."""
    count = 500
    vectors = np.zeros((count, DIM), dtype=np.float32)
    angles = np.linspace(0, 1.5, count, dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    products = [Product(f"p{n}", "shirt", {VARIANT: "one" if n < 400 else f"g{n % 20}"}) for n in range(count)]
    info = CatalogueInfo("enc", DIM, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    catalogue = Snapshot(info, 0, products, vectors, vectors)
    for index in (SearchIndex(catalogue), over_files(catalogue)):
        (page,) = index.search("images", vectors[:1], [SearchQuery(k=21, group_by="variant")])
        assert [hit.product.id for hit in page.hits] == ["p0", *(f"p{n}" for n in range(400, 420))]
        assert [hit.group.count for hit in page.hits if hit.group] == [400, *[5] * 20]
        assert page.hits[0].group is not None
        assert page.hits[0].group.members == products[:MEMBERS]
        assert page.total == 21


def test_groups_follow_edits() -> None:
    catalogue = shop(7)
    index = SearchIndex(catalogue)
    query = SearchQuery(k=50, group_by="variant", facets=("sizes",))
    check(index, exact_unit(1, 3), query)
    moved = [Product("p3", "new", {VARIANT: "G1"}), Product("q", "new", {VARIANT: ("brand new", "g1")})]
    later = index.updated(Changes(4, ["p3", "q", "p5"], moved, exact_unit(2, 1), exact_unit(2, 1)))
    check(later, exact_unit(1, 3), query)
    check(index, exact_unit(1, 3), query)  # the version before stays as it was
