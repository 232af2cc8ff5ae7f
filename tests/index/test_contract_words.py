"""Searches with words: a catalogue in PostgreSQL answers as one in a folder, to the bit, and pages never repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from common import ArtefactError, InputError
from index import Database, Delete, Entry, Filter, Location, Mode, Product, Put, SearchQuery, Side
from index.postgres import PostgresCatalogue
from index.postgres import open_search as open_postgres_search
from index.query import Sort
from index.ranking import Calibration, Curve, Scales
from index.store import refresh
from tests.index.entries import DIM, opened, search_of, writer
from tests.tools.postgres import Server

COLOURS = ["Red", "Blue", "Black", "Navy Blue"]
KINDS = ["Tshirts", "Jeans", "Sports Shoes", "Dresses"]
BRANDS = ["Puma", "Nike", "Red Tape"]
SIDES: tuple[Side, ...] = get_args(Side)
MODES: tuple[Mode, ...] = get_args(Mode)


def product(number: int, title: str | None = None) -> Entry:
    """Return a product; of each title there are some, and every fourth has the vectors of the one before."""
    brand, colour, kind = BRANDS[number % 3], COLOURS[number // 2 % 4], KINDS[number // 3 % 4]
    person = ["Men", "Women"][number // 5 % 2]
    drawn = np.random.default_rng([7, number - (number % 4 == 3)])
    vectors = drawn.standard_normal((2, DIM)).astype(np.float32)
    vectors[1] = np.random.default_rng([8, hash_of(title or f"{brand} {person} {colour} {kind}")]).standard_normal(DIM)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = {"colour": colour, "kind": kind, "gender": person, "year": str(2010 + number % 7)}
    if number % 6 == 0:
        del given["year"]
    made = Product(f"A{number}", title or f"{brand} {person} {colour} {kind}", given, "test")
    return Entry(made, b"p", vectors[0], vectors[1])


def hash_of(text: str) -> int:
    return int.from_bytes(text.encode()[:8].ljust(8), "little") % (1 << 60) + len(text)


def made(place: Location, count: int = 150) -> None:
    with writer(place) as writing:
        writing.add(product(number) for number in range(count))


@pytest.fixture(scope="module")
def both(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Any, Any]]]:
    """Yield the catalogue and the search in a folder and in a database, after the same changes."""
    found = []
    for place in (tmp_path_factory.mktemp("words") / "catalogue", Database(server.database())):
        made(place)
        catalogue = opened(place)
        before = search_of(catalogue)
        before.suggest("p")
        catalogue.write([Put(product(3, title="Puma Women Fuchsia Kurta")), Delete("A0"), Delete("A9")])
        catalogue.write([Put(product(500)), Put(product(501, title="Wildcraft Rucksack CH2589"))])
        found.append((catalogue, refresh(before, catalogue)))
    yield found
    for catalogue, _ in found:
        catalogue.close()


TEXTS = [
    "red tshirt",
    "blue jeens for men",
    "puma",
    "Red Tape Men Black Dresses",
    "A42",
    "ch2589",
    "fuchsia kurta",
    "T-shirt rouge pour homme",
    "not blue shoes",
    "helicopter",
    "xqzzy",
    "dress 2012",
]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"k": 7, "offset": 5},
    {"facets": ("colour", "year"), "filters": {"gender": Filter(any=("women",))}},
    {"facets": ("colour",), "cutoff": 0.5},
    {"facets": ("colour", "gender"), "cutoff": "auto", "filters": {"colour": Filter(any=("red", "blue"))}},
    {"cutoff": 0.0},
    {"min_score": 0.4, "facets": ("kind",)},
    {"sort": Sort("year"), "k": 30},
    {"sort": Sort("year", descending=False), "cutoff": 0.3},
    {"sort": Sort("newest")},
    {"collapse": "title"},
    {"collapse": "title", "cutoff": 0.4},
    {"collapse": "image", "k": 20},
    {"exclude": frozenset({"A42", "A6"})},
    {"text_share": 0.5},
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_understood_and_answered_alike(both: list[tuple[Any, Any]], text: str) -> None:
    vector = product(hash_of(text) % 50).image_vector[None]
    (_, local), (_, remote) = both
    assert local.understand(text) == remote.understand(text)
    parsed = local.understand(text)
    for side in SIDES:
        for mode in MODES:
            for more in VARIANTS:
                query = SearchQuery(mode=mode, parsed=parsed, **more)
                (one,), (other,) = (search.search(side, vector, [query]) for search in (local, remote))
                assert one == other, (side, mode, more)


def test_what_has_no_text_is_sorted_and_cut_alike(both: list[tuple[Any, Any]]) -> None:
    vector = product(11).image_vector[None]
    for side in SIDES:
        for more in VARIANTS:
            found = [search.search(side, vector, [SearchQuery(**more)]) for _, search in both]
            assert found[0] == found[1], (side, more)


def test_suggestions_are_alike(both: list[tuple[Any, Any]]) -> None:
    (_, local), (_, remote) = both
    for typed in ("", "p", "re", "red t", "nike ", "fuch", "blue jeens", "zzz"):
        assert local.suggest(typed) == remote.suggest(typed)
    assert local.suggest("rucks")[0].count == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "more", [{}, {"cutoff": 0.3}, {"sort": Sort("year")}, {"filters": {"colour": Filter(("red",))}}]
)
def test_pages_have_everything_once(both: list[tuple[Any, Any]], side: Side, mode: Mode, more: dict[str, Any]) -> None:
    for _, search in both:
        query = SearchQuery(mode=mode, parsed=search.understand("red puma tshirt"), k=1000, **more)
        vector = product(3).image_vector[None]
        (whole,) = search.search(side, vector, [query])
        assert whole.total == len(whole.hits)
        pages = [search.search(side, vector, [replace(query, k=9, offset=offset)])[0] for offset in range(0, 160, 9)]
        assert [hit for page in pages for hit in page.hits] == whole.hits
        assert {page.total for page in pages} == {whole.total}


def test_exact_hits_come_first_in_every_store(both: list[tuple[Any, Any]]) -> None:
    for _, search in both:
        for text, first in (("A42", "A42"), ("ch2589", "A501"), ("Puma Women Fuchsia Kurta", "A3")):
            query = SearchQuery(mode="hybrid", parsed=search.understand(text))
            (page,) = search.search("images", product(60).image_vector[None], [query])
            assert page.hits[0].product.id == first


def test_an_order_by_an_attribute_that_nothing_has_is_refused(both: list[tuple[Any, Any]]) -> None:
    for _, search in both:
        with pytest.raises(InputError, match="'nix'; the attributes there are: colour, gender, kind, year"):
            search.check(SearchQuery(sort=Sort("nix")))
        with pytest.raises(InputError, match="unknown language 'xx'"):
            search.understand("red", "xx")


def test_changes_of_others_are_understood(server: Server) -> None:
    place = Database(server.database())
    made(place, 20)
    with opened(place) as mine, opened(place) as theirs:
        search = search_of(mine)
        theirs.write([Put(product(77, title="Zzyzx Women Umbrella")), Delete("A4")])
        assert [one.text for one in search.suggest("zzy")] == ["Zzyzx", "Zzyzx Women Umbrella"][:1]
        query = SearchQuery(mode="lexical", parsed=search.understand("zzyzx"))
        assert [hit.product.id for hit in search.search("images", np.zeros((1, DIM), np.float32), [query])[0].hits] == [
            "A77"
        ]
        query = SearchQuery(mode="hybrid", k=1000, parsed=search.understand("red"))
        (page,) = search.search("images", product(1).image_vector[None], [query])
        assert "A4" not in {hit.product.id for hit in page.hits}
        assert len(page.hits) == 20


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_where_not_everything_is_compared_the_best_are_found_all_the_same(server: Server, share: float) -> None:
    """The graphs and the words lead to nearly all of the ten best; scores are exact, and pages do not repeat."""
    place = Database(server.database())
    made(place, 1500)
    with PostgresCatalogue(place) as catalogue:
        exact, near = open_postgres_search(catalogue), open_postgres_search(catalogue, exact_rows=100)
        filters = {} if share == 1 else {"colour": Filter(("red",))}
        hits = common = 0
        for number, text in enumerate(TEXTS):
            query = SearchQuery(mode="hybrid", parsed=exact.understand(text), filters=filters)
            (right,), (found,) = (
                search.search("images", product(number * 31).image_vector[None], [query]) for search in (exact, near)
            )
            assert found.total == right.total
            scores = {hit.product.id: hit.score for hit in right.hits}
            assert all(scores.get(hit.product.id, hit.score) == hit.score for hit in found.hits)
            hits += len(right.hits)
            common += len(scores.keys() & {hit.product.id for hit in found.hits})
            cut = replace(query, cutoff=0.2, facets=("kind",))
            (page,) = near.search("images", product(number * 31).image_vector[None], [cut])
            (all_of_it,) = exact.search("images", product(number * 31).image_vector[None], [cut])
            assert page.total in (None, all_of_it.total)
        assert common >= 0.97 * hits


def test_what_scores_are_worth_is_kept_with_the_catalogue(place: Location) -> None:
    made(place, 20)
    with opened(place) as catalogue:
        shipped = search_of(catalogue).calibration
        own = Calibration("enc-1", Scales(), {"text": Curve((0.0, 1.0), (0.0, 0.5))}, {"text": 0.2})
        catalogue.save_calibration(own)
        search = search_of(catalogue)
        assert search.calibration == own != shipped
        query = SearchQuery(parsed=search.understand("red"))
        (page,) = search.search("images", product(1).image_vector[None], [query])
        assert all(hit.relevance == pytest.approx(max(0, hit.score) / 2, abs=1e-6) for hit in page.hits)
        catalogue.write([Put(product(30))])
        assert refresh(search, catalogue).calibration == own


def test_a_calibration_of_another_encoder_and_a_damaged_one_are_told(server: Server) -> None:
    place = Database(server.database())
    made(place, 5)
    with PostgresCatalogue(place) as catalogue:
        shipped = catalogue.calibration()
        catalogue.save_calibration(Calibration("enc-2", Scales(), {}, {}))
        assert catalogue.calibration() == shipped
        with catalogue._pool.transaction() as connection:
            connection.execute("INSERT INTO vitrine.calibrations VALUES ('enc-1', '{}')")
        with pytest.raises(ArtefactError, match="vitrine calibrate"):
            catalogue.calibration()
