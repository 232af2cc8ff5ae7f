"""Products with several pictures: stored, read, copied, edited, damaged, and old catalogues without them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest

from common import ArtefactError, DamagedProductError, InputError, NotFoundError
from index import (
    MAX_PICTURES,
    Database,
    Delete,
    Entry,
    Filter,
    FurtherPicture,
    Location,
    Product,
    Put,
    SearchQuery,
    Sort,
    copy_catalogue,
    damaged_products,
    entry_digest,
    picture_digest,
    write_catalogue,
)
from index.postgres.search import open_search as open_postgres_search
from tests.index.entries import INFO, build, entry, opened, search_of, several, writer
from tests.tools.postgres import Server


def pictures_of(entries: Sequence[Entry]) -> list[tuple[bytes, ...]]:
    return [one.images for one in entries]


def same(found: Entry, wanted: Entry) -> bool:
    vectors = [(one.vector.tolist(), one.image) for one in found.more]
    return (found.product, found.image, vectors) == (
        wanted.product,
        wanted.image,
        [(one.vector.tolist(), one.image) for one in wanted.more],
    )


def test_the_digest_covers_all_pictures_in_their_order() -> None:
    one, two, alone = several(1, 3), several(1, 2), several(1, 1)
    assert alone.digest == entry_digest(alone.product, alone.image) == entry(1).digest
    swapped = replace(one, more=one.more[::-1])
    joined = Entry(one.product, b"".join(one.images), one.image_vector, one.text_vector)
    cut = replace(one, more=(FurtherPicture(one.more[0].image + one.more[1].image, one.more[0].vector),))
    assert len({each.digest for each in (one, two, alone, swapped, joined, cut)}) == 6


def test_pictures_go_in_and_come_out(place: Location) -> None:
    entries = [several(number, 1 + number % 4) for number in range(30)]
    with writer(place) as writing:
        writing.add(entries)
    with opened(place) as catalogue:
        ids = [one.product.id for one in entries]
        for wanted in entries:
            found, digest = catalogue.entry(wanted.product.id)
            assert same(found, wanted)
            assert digest == wanted.digest
            for number, image in enumerate(wanted.images):
                assert catalogue.image(wanted.product.id, number) == image
            for number in (-1, len(wanted.images), 99):
                with pytest.raises(NotFoundError, match=f"picture number {number}"):
                    catalogue.image(wanted.product.id, number)
        with pytest.raises(NotFoundError, match="no product"):
            catalogue.image("nobody", 1)
        digests = {one.product.id: tuple(map(picture_digest, one.images)) for one in entries}
        assert catalogue.picture_digests([*ids, "nobody", "x\0"]) == digests
        found = catalogue.snapshot()
        assert found.products == [one.product for one in entries]
        assert found.further is not None
        wanted_owners = [row for row, one in enumerate(entries) for _ in one.more]
        assert found.further.owners.tolist() == wanted_owners
        np.testing.assert_array_equal(found.further.vectors, [more.vector for one in entries for more in one.more])


def test_edits_replace_keep_and_drop_pictures(place: Location) -> None:
    build(place, 6)
    with opened(place) as catalogue:
        assert catalogue.snapshot().further is None
        three, two = several(1, 3), several(1, 2)
        (first,) = catalogue.write([Put(three)])
        (again,) = catalogue.write([Put(three)])
        assert (first.changed, again.changed, first.digest) == (True, False, again.digest)
        assert same(catalogue.entry("id 1/ü")[0], three)
        changes = catalogue.changes(0)
        assert changes is not None
        assert changes.further is not None
        assert changes.further.owners.tolist() == [0, 0]
        (fewer,) = catalogue.write([Put(two, frozenset({three.digest}))])
        assert fewer.changed
        assert catalogue.picture_digests(["id 1/ü"]) == {"id 1/ü": tuple(map(picture_digest, two.images))}
        with pytest.raises(NotFoundError, match="numbers 0 to 1"):
            catalogue.image("id 1/ü", 2)
        catalogue.write([Delete("id 1/ü"), Put(entry(1))])
        assert same(catalogue.entry("id 1/ü")[0], entry(1))
        assert catalogue.snapshot().further is None


def test_too_many_pictures_and_bad_vectors_are_refused(place: Location) -> None:
    build(place, 2)
    good = several(1, 2)
    most = several(1, MAX_PICTURES)
    long = replace(good, more=(FurtherPicture(b"x", good.more[0].vector * 2),))
    with opened(place) as catalogue:
        assert catalogue.write([Put(most)])[0].changed
        for bad, why in ((several(1, MAX_PICTURES + 1), "21 pictures; at most 20"), (long, "length")):
            with pytest.raises(InputError, match=why):
                catalogue.write([Put(entry(0, seed=4)), Put(bad)])
        assert same(catalogue.entry("id 0/ü")[0], entry(0))
        assert same(catalogue.entry("id 1/ü")[0], most)
    with pytest.raises(InputError, match="at most 20"), writer(place) as writing:
        writing.add([several(1, MAX_PICTURES + 1)])


def test_a_build_keeps_edits_with_all_their_pictures(place: Location) -> None:
    build(place, 4)
    with opened(place) as catalogue:
        catalogue.write([Put(several(1, 3)), Put(several(9, 4))])
    with writer(place) as writing:
        writing.add([several(number, 2) for number in range(4)])
    with opened(place) as catalogue:
        assert [len(catalogue.entry(f"id {n}/ü")[0].images) for n in (0, 1, 2, 3, 9)] == [2, 3, 2, 2, 4]

    def encode(changed: Sequence[tuple[Product, Sequence[bytes]]]) -> list[Entry]:
        made = {"id 1/ü": several(1, 3), "id 9/ü": several(9, 3)}
        return [made[product.id] for product, images in changed if len(images) > 1]

    # Another encoder that cannot read one of the pictures must not lose it without a word.
    other = replace(INFO, encoder_id="enc-2")
    with pytest.raises(ArtefactError, match=r"id 9/ü.*picture cannot be read"), write_catalogue(place, other, encode):
        pass


def test_a_copy_has_all_pictures(place: Location, tmp_path: Path) -> None:
    entries = [several(number, 1 + number % 3) for number in range(12)]
    with writer(place) as writing:
        writing.add(entries)
    made = copy_catalogue(place, tmp_path / "copy")
    assert made is not None
    with opened(tmp_path / "copy") as catalogue:
        for one in entries:
            assert same(catalogue.entry(one.product.id)[0], one)
        assert catalogue.picture_digests([entries[2].product.id])[entries[2].product.id] == tuple(
            map(picture_digest, entries[2].images)
        )


@pytest.mark.parametrize(
    ("harm", "left"),
    [
        pytest.param("UPDATE pictures SET image = x'00' WHERE place = 2", 3, id="other bytes"),
        pytest.param("UPDATE pictures SET image = NULL WHERE place = 1", 3, id="no bytes"),
        pytest.param("DELETE FROM pictures WHERE place = 2", 3, id="one is gone"),
        pytest.param("UPDATE pictures SET place = 3 - place WHERE place > 0", 3, id="another order"),
        pytest.param("UPDATE pictures SET image_vector = x'00' WHERE place = 1", 2, id="vector cut"),
        pytest.param("UPDATE pictures SET image_vector = zeroblob(64) WHERE place = 1", 2, id="vector of zeros"),
    ],
)
def test_damaged_pictures_are_named_and_not_served(tmp_path: Path, harm: str, left: int) -> None:
    folder = tmp_path / "catalogue"
    with writer(folder) as writing:
        writing.add([entry(0), several(1, 3), entry(2)])
    with closing(sqlite3.connect(next(folder.glob("catalogue-*.sqlite")))) as file:
        if "3 - place" in harm:
            file.execute("UPDATE pictures SET place = -place WHERE place > 0")
            harm = "UPDATE pictures SET place = 3 + place WHERE place < 0"
        file.execute(harm)
        file.commit()
    assert list(damaged_products(folder)) == ["id 1/ü"]
    with opened(folder) as catalogue:
        with pytest.raises(DamagedProductError):
            catalogue.entry("id 1/ü")
        assert len(catalogue.snapshot().products) == left
        again = several(1, 3)
        assert catalogue.write([Put(again)])[0].changed  # though its digest says that it is the same
        assert same(catalogue.entry("id 1/ü")[0], again)
        assert not damaged_products(folder)


def test_a_catalogue_of_an_older_version_opens_and_takes_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    entries = build(folder, 8)
    with closing(sqlite3.connect(next(folder.glob("catalogue-*.sqlite")))) as file:
        file.execute("DROP TABLE pictures")
        file.commit()
    with opened(folder) as catalogue:
        assert catalogue.snapshot().further is None
        ids = [one.product.id for one in entries]
        digests = {one.product.id: (picture_digest(one.image),) for one in entries}
        assert catalogue.picture_digests(ids) == digests
        assert catalogue.image(ids[3]) == entries[3].image
        with pytest.raises(NotFoundError, match="1 picture, number 0"):
            catalogue.image(ids[3], 1)
        catalogue.write([Put(several(3, 2))])
        assert catalogue.image(ids[3], 1) == several(3, 2).images[1]
        assert catalogue.picture_digests(ids[:3]) == {one: digests[one] for one in ids[:3]}


WANTS = [
    SearchQuery(),
    SearchQuery(k=3, offset=5),
    SearchQuery(k=1000),
    SearchQuery(k=40, filters={"colour": Filter(any=("RED",))}, facets=("colour", "year")),
    SearchQuery(exclude=frozenset({"id 3/ü"}), k=7),
    SearchQuery(min_score=0.3, k=50),
    SearchQuery(collapse="title", k=6),
    SearchQuery(collapse="image", collapse_threshold=0.6, k=30, offset=2),
    SearchQuery(cutoff=0.3, k=20),
    SearchQuery(k=20, sort=Sort("year")),
    SearchQuery(k=9, group_by="colour"),
    SearchQuery(k=9, browse=True),
]


@pytest.mark.parametrize("exact_rows", [10_000, 20])
def test_both_stores_find_the_same_products_by_the_same_pictures(
    server: Server, tmp_path: Path, exact_rows: int
) -> None:
    """Also where the database follows its graphs; these are so small that they lead to everything."""
    entries = [several(number, 1 + number % 4) for number in range(90)]
    answers = []
    for place in (tmp_path / "catalogue", Database(server.database())):
        with writer(place) as writing:
            writing.add(entries)
        with opened(place) as catalogue:
            catalogue.write([Put(several(5, 3, title="Kleid № 0", seed=3)), Delete("id 6/ü"), Put(several(200, 20))])
            search = search_of(catalogue)
            if isinstance(place, Database):
                search = open_postgres_search(catalogue, exact_rows)
            queries = np.stack([(one.more or (FurtherPicture(b"", one.image_vector),))[-1].vector for one in entries])
            parsed = search.understand("Kleid 4")
            wants = [
                *WANTS,
                SearchQuery(k=30, mode="hybrid", parsed=parsed),
                SearchQuery(mode="lexical", parsed=parsed),
            ]
            pages = search.search("images", queries[: len(wants)], wants)
            likes = search.check(SearchQuery(like=("id 7/ü", "id 200/ü"))).like
            first = search.vectors(["id 7/ü", "id 200/ü"], first=True)
            answers.append((pages, search.search("texts", queries[:2], WANTS[:2]), likes.tolist(), first.tolist()))
    local, remote = answers
    for number, page in enumerate(local[0]):
        found = remote[0][number]
        # Where not everything was compared, the database does not say how many there are.
        total = page.total if found.total is None and exact_rows < 90 else found.total
        assert replace(found, total=total) == page, WANTS[min(number, len(WANTS) - 1)]
    assert max(hit.picture for page in local[0] for hit in page.hits) > 1
    assert local[1:] == remote[1:]


def test_a_database_of_an_older_version_opens_and_takes_pictures(server: Server) -> None:
    place = Database(server.database())
    entries = build(place, 8)
    with opened(place) as catalogue:
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute(f'DROP TABLE "{catalogue.build}".pictures')
        assert catalogue.snapshot().further is None
        ids = [one.product.id for one in entries]
        assert catalogue.picture_digests(ids) == {one.product.id: (picture_digest(one.image),) for one in entries}
        assert catalogue.image(ids[3]) == entries[3].image
        search = search_of(catalogue)
        (page,) = search.search("images", entries[3].image_vector[None], [SearchQuery(k=1)])
        assert page.hits[0].picture == 0
        catalogue.write([Put(several(3, 2))])
        assert catalogue.image(ids[3], 1) == several(3, 2).images[1]
        (page,) = search.refreshed().search("images", several(3, 2).more[0].vector[None], [SearchQuery(k=1)])
        assert (page.hits[0].product.id, page.hits[0].picture) == (ids[3], 1)


@pytest.mark.parametrize(
    ("harm", "left"),
    [
        pytest.param("UPDATE {}.pictures SET image = '' WHERE place = 2", 3, id="other bytes"),
        pytest.param("DELETE FROM {}.pictures WHERE place = 2", 3, id="one is gone"),
        pytest.param(
            "UPDATE {}.pictures SET image_vector = image_vector + image_vector WHERE place = 1", 2, id="longer"
        ),
    ],
)
def test_damaged_pictures_in_a_database_are_named_and_not_served(server: Server, harm: str, left: int) -> None:
    place = Database(server.database())
    with writer(place) as writing:
        writing.add([entry(0), several(1, 3), entry(2)])
    with opened(place) as catalogue:
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute(harm.format(f'"{catalogue.build}"'))
        assert list(damaged_products(place)) == ["id 1/ü"]
        with pytest.raises(DamagedProductError):
            catalogue.entry("id 1/ü")
        assert len(catalogue.snapshot().products) == left
        assert len(search_of(catalogue)) == 2
        assert catalogue.write([Put(several(1, 3))])[0].changed
        assert not damaged_products(place)
