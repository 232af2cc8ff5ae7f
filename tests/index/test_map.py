"""The map: the layout keeps neighbours together and stays where it was, and regions have telling names."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from index import CatalogueInfo, Product, SplitRule
from index.map import ProductMap, name_regions, parsed_map, pca, project
from index.map import neighbours as near
from index.map.neighbours import Neighbourhood, neighbour_graph, place_among
from index.map.repulsion import Repulsion, fast_size
from tests.tools.shop import unit

INFO = CatalogueInfo("drawn", 16, "shop", SplitRule(0.8, 0.1, 0.1), "2026-11-27T00:00:00+00:00")
KINDS = ("Shirts", "Watches", "Bags", "Heels")


def shop(count: int = 400, seed: int = 0) -> tuple[list[Product], np.ndarray]:
    """Return products of four kinds and vectors (N, D) that lie around that of their kind."""
    random = np.random.default_rng(seed)
    middles = unit(np.random.default_rng(5).standard_normal((len(KINDS), INFO.dim)))
    kinds = np.arange(count) % len(KINDS)
    colours = ("Red", "Blue")
    made = [
        Product(
            f"{row}",
            f"The {colours[row // 4 % 2]} {KINDS[kind].rstrip('s')} of {row}",
            {"articleType": KINDS[kind], "gender": ("Men", "Women")[row // 8 % 2], "year": "2011"},
        )
        for row, kind in enumerate(kinds.tolist())
    ]
    return made, unit(middles[kinds] + 0.12 * random.standard_normal((count, INFO.dim))).astype(np.float32)


@pytest.fixture(scope="module")
def made() -> ProductMap:
    """The map of `shop()`."""
    return project(INFO, *shop())


def kept(points: np.ndarray, vectors: np.ndarray, k: int = 10) -> float:
    """Return the part of the k nearest vectors that are among the k nearest places."""
    flat = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(flat, np.inf)
    close = np.argsort(flat, axis=1)[:, :k]
    return float(np.mean([len({*one} & {*other}) / k for one, other in zip(close, exact(vectors, k), strict=True)]))


def exact(vectors: np.ndarray, k: int) -> np.ndarray:
    """Return the rows (N, k) of the nearest vectors, by comparing all."""
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    return np.argsort(-similar, axis=1, kind="stable")[:, :k]


def test_pca_is_what_the_singular_vectors_say() -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((300, 12)) * np.linspace(3, 1, 12))
    mean, axes = pca(vectors)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:2]
    assert np.abs((axes * expected).sum(axis=1)) == pytest.approx([1, 1], abs=1e-6)
    assert (axes[[0, 1], np.abs(axes).argmax(axis=1)] > 0).all()
    assert mean == pytest.approx(vectors.mean(axis=0), abs=1e-6)


def test_the_repulsion_on_a_grid_is_that_of_all_pairs() -> None:
    points = 4 * np.random.default_rng(1).standard_normal((300, 2))
    difference = points[:, None] - points[None]
    close = 1 / (1 + (difference**2).sum(axis=2))
    force, total = Repulsion().of((points[:, 0] + 1j * points[:, 1]).astype(np.complex64))
    expected = (close[:, :, None] ** 2 * difference).sum(axis=1)
    assert total == pytest.approx(close.sum() - 300, rel=0.02)
    found = np.stack([force.real, force.imag], axis=1)
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected)
    assert [fast_size(least) for least in (1, 7, 11, 13, 1025)] == [1, 8, 12, 15, 1080]


def test_neighbours_are_those_of_comparing_all_and_nearly_those_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _, vectors = shop(1200)
    found = neighbour_graph(vectors, 5)
    assert (found == exact(vectors, 5)).mean() > 0.999
    monkeypatch.setattr(near, "EXACT", 1000)
    monkeypatch.setattr(near, "CELLS", 40)
    monkeypatch.setattr(near, "PROBED", 15)
    many = neighbour_graph(vectors, 5)
    assert np.mean([len({*one} & {*other}) / 5 for one, other in zip(many, found, strict=True)]) > 0.9
    assert (many != np.arange(1200)[:, None]).all()
    assert not capfd.readouterr().err, "faiss writes what is meant for programmers"
    alike = np.repeat(vectors[:1], 20, axis=0)
    assert (neighbour_graph(alike, 5) != np.arange(20)[:, None]).all(), "of pictures that are the same, too"
    similar, rows = Neighbourhood(vectors).nearest(vectors[:3], 1)
    assert rows[:, 0].tolist() == [0, 1, 2]
    assert similar[:, 0] == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.parametrize("count", [3, 30, 31])
def test_a_map_of_any_size_is_finite_and_always_the_same(count: int) -> None:
    products, vectors = shop(count)
    made = project(INFO, products, vectors)
    assert made.points.shape == (count, 2)
    assert np.isfinite(made.points).all()
    assert (project(INFO, products, vectors).points == made.points).all()
    same = project(INFO, products, np.repeat(vectors[:1], count, axis=0))
    assert np.isfinite(same.points).all(), "of one picture many times, too"


def test_the_layout_keeps_neighbours_better_than_pca(made: ProductMap) -> None:
    products, vectors = shop()
    flat = project(INFO, products, vectors, "pca")
    ids = [product.id for product in products]
    by_pca = flat.place(ids, lambda _: vectors)
    assert kept(made.points, vectors) > kept(by_pca, vectors) + 0.1
    assert by_pca == pytest.approx((vectors - flat.mean) @ np.asarray(flat.axes).T)


def test_a_map_made_again_stays_where_it_was_and_takes_new_products_in(made: ProductMap) -> None:
    products, vectors = shop()
    assert made.prints is not None
    before = replace(made, ids=made.ids[:-4], points=made.points[:-4], prints=made.prints[:-4])
    after = project(INFO, products[4:], vectors[4:], before=before)
    side = np.ptp(before.points, axis=0).max()
    moved = np.linalg.norm(after.points[:-4] - before.points[4:], axis=1)
    assert np.median(moved) < 0.05 * side
    for row in range(-4, 0):
        own = after.points[[at for at in range(392) if (at + 4) % 4 == row % 4]]
        assert np.linalg.norm(after.points[row] - np.median(own, axis=0)) < 0.3 * side, "beside its kind"
    other = project(replace(INFO, encoder_id="other"), products, vectors, before=before)
    assert (other.points == made.points).all(), "another model's places say nothing"


def test_a_map_of_unchanged_products_is_the_same_map(made: ProductMap) -> None:
    """Else places and names of regions would differ after every rebuild of one and the same data set."""
    products, vectors = shop()
    again = project(INFO, products, vectors, before=parsed_map(made.to_json(), "here"))
    assert (again.points == made.points).all()
    assert again.labels == made.labels
    turned = project(INFO, products[::-1], vectors[::-1], before=made)
    assert (turned.points == made.points[::-1]).all()
    changed = vectors.copy()
    changed[0] = vectors[1]
    after = project(INFO, products, changed, before=made)
    nearer = np.linalg.norm(after.points[0] - after.points[1]) < np.linalg.norm(made.points[0] - made.points[1])
    assert nearer, "what looks like another product now stands beside that"


def test_of_a_large_catalogue_a_part_is_laid_out_and_the_rest_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.map.making.LAID_OUT", 200)
    products, vectors = shop()
    made = project(INFO, products, vectors)
    side = np.ptp(made.points, axis=0).max()
    middles = np.stack([np.median(made.points[kind::4], axis=0) for kind in range(4)])
    nearest = np.linalg.norm(made.points[:, None] - middles[None], axis=2).argmin(axis=1)
    assert (nearest == np.arange(400) % 4).mean() > 0.97
    assert np.isfinite(side)


def test_places_follow_from_neighbours_and_changed_vectors_are_known(made: ProductMap) -> None:
    products, vectors = shop()
    ids = [product.id for product in products]
    changed = vectors.copy()
    changed[0] = vectors[1]  # looks like another kind now
    changed[5] = vectors[2]
    asked: list[int] = []

    def vectors_of(some: object) -> np.ndarray:
        rows = [ids.index(one) for one in some]  # type: ignore[attr-defined]
        asked.append(len(rows))
        return changed[rows]

    found = made.place(ids, vectors_of)
    assert (np.delete(found, [0, 5], axis=0) == np.delete(made.points, [0, 5], axis=0)).all()
    assert np.linalg.norm(found[0] - made.points[1]) < np.linalg.norm(found[0] - made.points[0])
    asked.clear()
    known = made.place(ids, vectors_of, edited={"5"})
    assert (known[0] == made.points[0]).all(), "what was not edited is not looked at"
    assert (known[5] == found[5]).all()
    assert asked[0] == 1
    assert place_among(vectors[:1], vectors[:1], np.array([[3.0, 4.0]])).tolist() == [[3, 4]]
    assert made.place([], vectors_of).shape == (0, 2)


def test_a_map_is_read_as_it_was_stored(made: ProductMap) -> None:
    products, vectors = shop()
    for one in (made, project(INFO, products, vectors, "pca")):
        again = parsed_map(json.loads(json.dumps(one.to_json())), "here")
        ids = [product.id for product in products]
        places = [a_map.place(ids, lambda some: vectors[[int(at) for at in some]]) for a_map in (one, again)]
        assert places[0] == pytest.approx(places[1], abs=1e-4)
        assert again.labels is not None
        assert [label.words for label in again.labels] == [label.words for label in one.labels or ()]
        assert (again.catalogue, again.encoder_id) == (INFO.created, INFO.encoder_id)


def test_regions_are_called_what_tells_them_apart() -> None:
    products, vectors = shop(1200)
    labels = name_regions(project(INFO, products, vectors).points, products)
    largest = {label.words[0].text for label in labels if label.level == 0}
    assert largest <= set(KINDS), "neither what all have nor a word of the title that is the value in other words"
    assert len(largest) == 4
    assert {label.words[0].attribute for label in labels if label.level == 0} == {"articleType"}
    for label in labels:
        texts = [one.text for one in label.words]
        assert len(texts) == len(set(texts))
    counts = [label.count for label in labels if label.level == 0]
    assert counts == sorted(counts, reverse=True)


def test_titles_alone_name_regions_in_any_language() -> None:
    words = ("рубашка", "часы", "сумка", "туфли")
    made = [Product(f"{row}", f"{words[row % 4]} для всех {row}") for row in range(400)]
    corner = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])[np.arange(400) % 4]
    points = corner + np.random.default_rng(2).random((400, 2))
    assert {label.words[0].text for label in name_regions(points, made) if label.level == 0} == set(words)
    assert name_regions(points, [Product(f"{row}", f"{row}") for row in range(400)]) == ()
