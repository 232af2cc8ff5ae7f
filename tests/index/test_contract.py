"""The promises of every catalogue, whatever holds it: one suite for the folder and for PostgreSQL, on a real server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common import ArtefactError, ConflictError, InputError, NotFoundError, ReplacedError
from index import (
    Database,
    Delete,
    Entry,
    Filter,
    LikeVectors,
    Location,
    Product,
    Put,
    SearchQuery,
    UnknownProductError,
    copy_catalogue,
)
from tests.index.entries import DIM, INFO, build, entry, opened, search_of, writer
from tests.tools.postgres import Server


@pytest.mark.parametrize("count", [0, 1, 40, 5000])
def test_what_goes_in_comes_out(place: Location, count: int) -> None:
    entries = build(place, count)
    with opened(place, encoder_id="enc-1") as catalogue:
        assert catalogue.info == INFO
        assert (catalogue.version(), len(catalogue), catalogue.replaced()) == (0, count, False)
        found = catalogue.snapshot()
        assert found.products == [one.product for one in entries]
        if count:
            np.testing.assert_array_equal(found.image_vectors, [one.image_vector for one in entries])
            np.testing.assert_array_equal(found.text_vectors, [one.text_vector for one in entries])
            assert catalogue.image(entries[-1].product.id) == entries[-1].image
            got, _ = catalogue.entry(entries[0].product.id)
            assert (got.product, got.image) == (entries[0].product, entries[0].image)
        for missing in ("nobody", "x\0"):
            with pytest.raises(NotFoundError):
                catalogue.product(missing)


def test_a_build_that_fails_leaves_what_was_there(place: Location) -> None:
    build(place, 3)
    with pytest.raises(InputError, match="comes twice"), writer(place) as writing:
        writing.add([entry(1), entry(1)])
    with pytest.raises(InputError, match="length"), writer(place) as writing:
        writing.add([Entry(entry(1).product, b"x", entry(1).image_vector * 2, entry(1).text_vector)])
    with opened(place) as catalogue:
        assert len(catalogue) == 3


def test_edits_conditions_log_and_changes(place: Location) -> None:
    entries = build(place, 5)
    with opened(place) as catalogue:
        new, changed = entry(9), entry(1, seed=5, title="Neu", size="XL")
        (created, replaced, gone, nothing, again, refused, absent) = catalogue.write(
            [
                Put(new, absent=True),
                Put(changed, frozenset("*")),
                Delete(entries[0].product.id),
                Delete("nobody"),
                Put(new, absent=True),
                Put(entry(2, title="Other"), frozenset({"other"})),
                Put(entry(2, title="Other"), absent=True),
            ]
        )
        assert (created.created, created.changed, created.version) == (True, True, 3)
        assert (replaced.created, replaced.changed) == (False, True)
        assert (gone.digest, gone.changed) == (None, True)
        assert not nothing.changed
        assert not again.changed
        assert isinstance(refused, ConflictError)
        assert isinstance(absent, ConflictError)
        assert catalogue.get_with_digest(changed.product.id) == (changed.product, replaced.digest)
        assert catalogue.version() == 3
        assert len(catalogue) == 5
        wanted = [entries[2], entries[3], entries[4], new, changed]
        assert catalogue.snapshot().products == [one.product for one in wanted]
        changes = catalogue.changes(1)
        assert changes.version == 3
        assert set(changes.removed) == {changed.product.id, entries[0].product.id}
        assert changes.products == [changed.product]
        assert catalogue.changes(3).removed == []
        assert catalogue.changes(4) is None
        bad = Entry(new.product, b"y", new.image_vector * 3, new.text_vector)
        with pytest.raises(InputError, match="length"):
            catalogue.write([Delete(new.product.id), Put(bad)])
        assert (catalogue.version(), len(catalogue)) == (3, 5)


def test_a_rebuild_takes_over_what_was_changed_meanwhile(place: Location) -> None:
    entries = build(place, 6)

    def encode(changed: Sequence[tuple[Product, Sequence[bytes]]]) -> list[Entry]:
        known = {one.product.id: one for one in (entry(9), entry(1, seed=5, title="Neu"))}
        return [known[product.id] for product, _ in changed]

    with opened(place) as before:
        with writer(place, encode=encode) as writing:
            writing.add(entries)
            before.write([Put(entry(9)), Put(entry(1, seed=5, title="Neu")), Delete(entries[2].product.id)])
            assert not before.replaced()
        assert before.replaced()
        with pytest.raises(ReplacedError):
            before.write([Delete("x")])
    with opened(place) as after:
        ids = [product.id for product in after.snapshot().products]
        assert ids == [*(entries[at].product.id for at in (0, 3, 4, 5)), "id 9/ü", "id 1/ü"]
        assert after.version() == 0
        np.testing.assert_array_equal(after.entry("id 1/ü")[0].image_vector, entry(1, seed=5).image_vector)


WANTS = [
    SearchQuery(),
    SearchQuery(k=3, offset=5),
    SearchQuery(k=1000),
    SearchQuery(k=5, offset=500),
    SearchQuery(filters={"colour": Filter(any=("RED",))}, facets=("colour", "year")),
    SearchQuery(filters={"colour": Filter(any=("red", "GRÜN", "none such"))}),
    SearchQuery(filters={"colour": Filter(any=())}),
    SearchQuery(filters={"colour": Filter(none=("red", "Blue")), "year": Filter(gte=2002, lt=2005)}, facets=("year",)),
    SearchQuery(filters={"year": Filter(none=("2001",))}, k=50),
    SearchQuery(filters={"year": Filter(gt=2003.5, lte=float("inf"))}),
    SearchQuery(exclude=frozenset({"id 3/ü", "nobody", "\0"})),
    SearchQuery(min_score=0.2, k=20),
    SearchQuery(min_score=0.9, facets=("colour",)),
    SearchQuery(collapse="title", k=6),
    SearchQuery(collapse="title", k=1000, filters={"colour": Filter(any=("blue",))}),
    SearchQuery(collapse="image", collapse_threshold=0.9, k=7, offset=2),
    SearchQuery(collapse="image", collapse_threshold=0.4, k=200),
]


LIKES = SearchQuery(like=("id 7/ü", "id 8/ü"), unlike=("id 8/ü",))


def likes(found: LikeVectors) -> tuple[np.ndarray, np.ndarray]:
    return found.like, found.unlike


@pytest.mark.parametrize("edited", [False, True])
def test_searches_answer_as_the_exact_scan(server: Server, tmp_path: Path, edited: bool) -> None:
    """Hits, scores, order among equals, totals, facets: the same, before and after changes."""
    places: list[Location] = [tmp_path / "catalogue", Database(server.database())]
    answers = []
    for place in places:
        build(place, 90)
        with opened(place) as catalogue:
            if edited:
                edits = [Put(entry(5, title="Kleid № 0")), Delete("id 0/ü"), Delete("id 6/ü"), Put(entry(200))]
                catalogue.write(edits)
            search = search_of(catalogue)
            queries = np.stack([entry(number).image_vector for number in range(len(WANTS))])
            for names in (None, ["year"]):
                assert search.facets({}, names)
            answers.append(
                (
                    len(search),
                    search.version,
                    search.search("images", queries, WANTS),
                    search.search("texts", queries, WANTS),
                    search.facets({"colour": Filter(any=("red",))}),
                    search.vectors(["id 7/ü", "id 3/ü", "id 7/ü"]).tolist(),
                    [search.count(want.filters) for want in WANTS],
                    [vectors.tolist() for vectors in likes(search.check(LIKES))],
                )
            )
            for bad in (SearchQuery(filters={"nix": Filter(any=("x",))}), SearchQuery(facets=("nix",))):
                with pytest.raises(InputError, match="'nix'; the attributes there are: colour, year"):
                    search.check(bad)
            with pytest.raises(InputError, match="NaN"):
                search.search("images", np.full((1, DIM), np.nan, dtype=np.float32), [SearchQuery()])
            with pytest.raises(InputError, match=r"\(B, 16\)"):
                search.search("images", np.ones((1, 3), dtype=np.float32), [SearchQuery()])
            with pytest.raises(InputError, match="unknown filter 'nix'"):
                search.count({"nix": Filter(any=("x",))})
            with pytest.raises(NotFoundError, match="nobody"):
                search.vectors(["id 7/ü", "nobody"])
            wrong = {"like": replace(LIKES, like=("nobody",)), "unlike": replace(LIKES, unlike=("id 7/ü", "nobody"))}
            for field, query in wrong.items():
                with pytest.raises(UnknownProductError, match="no product has the id 'nobody'") as raised:
                    search.check(query)
                assert raised.value.field == field
    local, remote = answers
    assert local[:2] == remote[:2]
    for number, want in enumerate(WANTS):
        assert local[2][number] == remote[2][number], want
        assert local[3][number] == remote[3][number], want
    assert local[4:] == remote[4:]


def count_copied(source: Location, target: Location) -> int:
    made = copy_catalogue(source, target)
    assert made is not None
    return made.products


def test_a_catalogue_is_copied_as_it_is(server: Server, tmp_path: Path) -> None:
    folder, again, database = tmp_path / "one", tmp_path / "two", Database(server.database())
    entries = build(folder, 40)
    assert count_copied(folder, database) == count_copied(database, again) == 40
    assert copy_catalogue(folder, database, if_empty=True) is None
    for place in (database, again):
        with opened(place) as catalogue:
            assert catalogue.info == INFO
            for one in (entries[0], entries[39]):
                copied = catalogue.entry(one.product.id)[0]
                assert (copied.product, copied.image) == (one.product, one.image)
                assert np.array_equal(copied.image_vector, one.image_vector)
                assert np.array_equal(copied.text_vector, one.text_vector)
    with pytest.raises(ArtefactError, match="does not exist"):
        copy_catalogue(tmp_path / "none", database)


def test_an_attribute_that_no_product_has_any_more_is_remembered(place: Location) -> None:
    build(place, 4)
    with opened(place) as catalogue:
        catalogue.write([Put(entry(8, size="XL"))])
        assert search_of(catalogue).facets(names=["size"]) == {"size": {"XL": 1}}
        catalogue.write([Delete("id 8/ü")])
        assert search_of(catalogue).facets(names=["size"]) == {"size": {}}
        with pytest.raises(InputError, match="sizes"):
            search_of(catalogue).facets(names=["sizes"])
    with opened(place) as catalogue:  # by the next service, too
        search = search_of(catalogue)
        assert "size" not in search.attributes
        assert search.count({"size": Filter(any=("XL",))}) == 0
        assert search.count({"size": Filter(none=("XL",))}) == 4
    build(place, 4)
    with opened(place) as catalogue:  # and after a new build
        assert search_of(catalogue).count({"size": Filter(gte=1)}) == 0


def test_a_catalogue_of_another_encoder_is_refused(place: Location) -> None:
    build(place, 4)
    with pytest.raises(ArtefactError, match=r"enc-1.*but the checkpoint is enc-2"):
        opened(place, encoder_id="enc-2")
