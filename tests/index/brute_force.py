"""The slow and obvious search that sorts every score, and small catalogues to compare with it."""

from __future__ import annotations

import dataclasses
import math
import operator
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from index import (
    CatalogueInfo,
    DescriptionHit,
    Filter,
    Filters,
    FurtherVectors,
    Hit,
    Page,
    Product,
    SearchIndex,
    SearchQuery,
    Snapshot,
    SplitRule,
    Value,
    texts_of,
    title_key,
)
from index.ann import AnnIndex, Choice, Indexed, Kind, build
from index.ann.columns import read_columns, write_columns
from index.ann.private_files import private_files
from index.ranking.calibrate import shipped_calibration

COLOURS = ["Red", "red", "BLUE", "Green", "Navy  Blue"]
TITLES = ["Red Dress", "red  dress", "Blue Shirt", "Shoe", "SHOE", "Bag"]


def unit(count: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def exact_unit(count: int, seed: int) -> np.ndarray:
    """Return (count, 4) unit vectors whose inner products are exact in float32, with many duplicates and ties."""
    return np.random.default_rng(seed).choice([-0.5, 0.5], size=(count, 4)).astype(np.float32)


def relevance_of(score: float) -> float:
    """Return what a cosine of vectors alone is worth by the shipped calibration."""
    curve = shipped_calibration().curves["text"]
    return float(np.float32(np.interp(np.float32(score), curve.scores, curve.relevance)))


def snapshot(image_vectors: np.ndarray, text_vectors: np.ndarray, *, titles: Sequence[str], seed: int = 0) -> Snapshot:
    rng = np.random.default_rng(seed)
    products = []
    for number in range(len(image_vectors)):
        attributes: dict[str, Value] = {"colour": str(rng.choice(COLOURS)), "size": str(rng.integers(3))}
        if number and rng.random() < 0.3:
            del attributes["size"]
        elif rng.random() < 0.5:
            # As JSON has them: the same values as numbers, and several of them at once.
            attributes["size"] = int(rng.integers(3)) if rng.random() < 0.5 else float(rng.integers(3))
            attributes["colour"] = tuple(rng.choice(COLOURS, int(rng.integers(1, 4))).tolist())
        products.append(Product(f"p{number}", titles[int(rng.integers(len(titles)))], attributes))
    info = CatalogueInfo("enc", image_vectors.shape[1], "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    for vectors in (image_vectors, text_vectors):
        vectors.flags.writeable = False  # as those of a catalogue are
    # Every third catalogue is one of an older version, which knows no hubness.
    hubs = None if seed % 3 == 2 else exact_hubs(len(products), seed)
    return Snapshot(info, 3, products, image_vectors, text_vectors, hubs=hubs)


def exact_hubs(count: int, seed: int) -> np.ndarray:
    """Return (count,) numbers whose differences from the products of `exact_unit` are exact in float32."""
    return np.random.default_rng([seed, 9]).choice([-0.25, 0, 0.125, 0.25], size=count).astype(np.float32)


def with_further(catalogue: Snapshot, seed: int, draw: Callable[[int, int], np.ndarray] = exact_unit) -> Snapshot:
    """Return a catalogue in which some products have up to three further pictures."""
    counts = np.random.default_rng([seed, 5]).integers(0, 4, size=len(catalogue.products)) * (seed % 5 > 0)
    owners = np.repeat(np.arange(len(counts)), counts)
    return dataclasses.replace(catalogue, further=FurtherVectors(owners, draw(len(owners), seed + 50)))


def picture_vectors(catalogue: Snapshot) -> list[list[np.ndarray]]:
    """Return the vectors of the pictures of each product."""
    found = [[vector] for vector in catalogue.image_vectors]
    if catalogue.further is not None:
        for owner, vector in zip(catalogue.further.owners.tolist(), catalogue.further.vectors, strict=True):
            found[owner].append(vector)
    return found


def over_files(catalogue: Snapshot) -> SearchIndex:
    """Return an index over mapped files whose candidates are all rows there are, so that its answers must be exact."""
    count, dim = catalogue.image_vectors.shape
    if not count:
        return SearchIndex(catalogue)
    vectors = np.stack([catalogue.image_vectors, catalogue.text_vectors])
    with tempfile.TemporaryDirectory() as folder:  # what is mapped stays
        half = count // 2
        hubs = [None, None] if catalogue.hubs is None else [catalogue.hubs[:half], catalogue.hubs[half:]]
        further: list[FurtherVectors | None] = [None, None]
        if catalogue.further is not None:
            first = np.arange(count) < half
            further = [catalogue.further.of(first), catalogue.further.of(~first)]
        pieces = [
            (catalogue.products[:half], vectors[:, :half], further[0], hubs[0]),
            (catalogue.products[half:], vectors[:, half:], further[1], hubs[1]),
        ]
        described = write_columns(Path(folder), pieces, count, dim)
        files = private_files(sorted(Path(folder).iterdir()), Path(folder))
        base = read_columns(files, catalogue.info, catalogue.version, described)
    near: dict[Indexed, AnnIndex] = {}
    kinds: dict[Indexed, tuple[Kind, str, np.ndarray]] = {
        "images": ("hnsw", "HNSW8,SQfp16", base.images),
        "texts": ("ivf", "IVF2,Flat", base.texts[base.title_rows]),
    }
    if len(base.further):
        kinds["further"] = ("hnsw", "HNSW8,SQfp16", base.further)
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
        keys = {title_key(text) for text in texts_of(value)}
        if condition.any is not None and not keys & {title_key(one) for one in condition.any}:
            return False
        if keys & {title_key(one) for one in condition.none}:
            return False
        limits = ((condition.gte, operator.ge), (condition.gt, operator.gt), (condition.lte, operator.le))
        asked = [(limit, holds) for limit, holds in (*limits, (condition.lt, operator.lt)) if limit is not None]
        if asked and not any(all(holds(number(key), limit) for limit, holds in asked) for key in keys):
            return False
    return True


def count_facets(catalogue: Snapshot, want: SearchQuery) -> dict[str, dict[str, int]]:
    facets = {}
    for name in want.facets:
        others = {other: condition for other, condition in want.filters.items() if other != name}
        counts: dict[str, int] = {}
        for product in catalogue.products:
            if name in product.attributes and passes(product, others):
                for key in {title_key(text) for text in texts_of(product.attributes[name])}:
                    counts[key] = counts.get(key, 0) + 1
        facets[name] = counts
    return facets


def folded(facets: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    for counts in facets.values():
        assert list(counts.values()) == sorted(counts.values(), reverse=True)
    return {name: {title_key(value): n for value, n in counts.items()} for name, counts in facets.items()}


def brute_images(catalogue: Snapshot, query: np.ndarray, want: SearchQuery) -> Page[Hit]:
    scored = []
    hubs = np.zeros(len(catalogue.products), np.float32) if catalogue.hubs is None else catalogue.hubs
    for product, vectors, hub in zip(catalogue.products, picture_vectors(catalogue), hubs, strict=True):
        if passes(product, want.filters) and product.id not in want.exclude:
            scores = [float((vector * query).sum()) for vector in vectors]
            best = scores.index(max(scores))
            hit = Hit(product, scores[best], relevance_of(scores[best]), picture=best)
            rank = float(np.float32(scores[best]) - np.float32(want.hub_weight) * hub)
            if want.min_score is None or hit.score >= want.min_score:
                scored.append((hit, vectors[best], rank))
    scored.sort(key=lambda one: -one[2])  # stable: equals stay in catalogue order
    kept: list[tuple[Hit, np.ndarray]] = []
    for hit, vector, _ in scored:
        if want.collapse == "title" and any(
            title_key(k.product.title) == title_key(hit.product.title) for k, _ in kept
        ):
            continue
        if want.collapse == "image" and any(float(vector @ other) >= want.collapse_threshold for _, other in kept):
            continue
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
some_edits = st.lists(
    st.lists(st.tuples(st.integers(0, 70), st.booleans()), min_size=1, max_size=12, unique_by=lambda edit: edit[0]),
    min_size=1,
    max_size=8,
)
"""Batches of edits: the number of a product, and whether it is there afterwards."""
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
        hub_weight=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
    ),
    min_size=1,
    max_size=30,
)


def check_all(index: SearchIndex, catalogue: Snapshot, queries: np.ndarray, wants: list[SearchQuery]) -> None:
    known = {name for product in catalogue.products for name in product.attributes}
    numeric = {
        name
        for product in catalogue.products
        for name, value in product.attributes.items()
        if any(not math.isnan(number(text)) for text in texts_of(value))
    }

    def answered(want: SearchQuery) -> bool:
        bounded = {
            name for name, condition in want.filters.items() if condition != Filter(condition.any, condition.none)
        }
        return {*want.filters, *want.facets} <= known and bounded <= numeric

    kept = [n for n, want in enumerate(wants) if answered(want)]
    queries, wants = queries[kept], [wants[n] for n in kept]
    for query, want, page in zip(queries, wants, index.search("images", queries, wants), strict=True):
        check_page(page, brute_images(catalogue, query, want), want)
    plain = [dataclasses.replace(want, collapse=None) for want in wants]
    for query, want, found in zip(queries, plain, index.search("texts", queries, plain), strict=True):
        check_page(found, brute_descriptions(catalogue, query, want), want)
