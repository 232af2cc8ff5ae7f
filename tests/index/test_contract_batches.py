"""Searches of one batch: answered as one after another; in a database by several connections, at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import numpy as np
import pytest

from common import ArtefactError, ConflictError, DatabaseUnavailableError, InputError
from index import SIDES, Database, Filter, Location, Put, SearchQuery, Sort
from index.postgres import PostgresCatalogue, connection
from index.postgres.connection import CONNECTIONS, Connection
from index.postgres.readers import HELPERS
from tests.index.entries import build, entry, opened, search_of
from tests.tools.postgres import Server

WANTS = [
    SearchQuery(),
    SearchQuery(k=3, offset=5),
    SearchQuery(filters={"colour": Filter(any=("RED",))}, facets=("colour", "year")),
    SearchQuery(filters={"year": Filter(gte=2002, lt=2005)}, facets=("year",), histograms=("year",)),
    SearchQuery(exclude=frozenset({"id 3/ü"}), min_score=0.1),
    SearchQuery(collapse="title", k=6),
    SearchQuery(collapse="image", collapse_threshold=0.9, k=7),
    SearchQuery(sort=Sort("year")),
    SearchQuery(browse=True, facets=("colour",)),
] * 2
QUERIES = np.stack([entry(number).image_vector for number in range(len(WANTS))])
WAIT_S = 60


@pytest.fixture
def live(server: Server) -> Iterator[PostgresCatalogue]:
    place = Database(server.database())
    build(place)
    with opened(place) as catalogue:
        assert isinstance(catalogue, PostgresCatalogue)
        yield catalogue


def count(reading: Connection) -> int:
    (row,) = reading.execute("SELECT products FROM vitrine.current").fetchall()
    return int(row[0])


def test_a_batch_is_answered_as_its_queries_one_after_another(place: Location) -> None:
    build(place)
    with opened(place) as catalogue:
        search = search_of(catalogue)
        for side in SIDES:
            pages = search.search(side, QUERIES, WANTS)
            alone = [search.search(side, one[None], [want])[0] for one, want in zip(QUERIES, WANTS, strict=True)]
            assert pages == alone
        assert search.search("images", QUERIES[:0], []) == []


def test_several_connections_answer_at_once_and_see_one_moment(live: PostgresCatalogue) -> None:
    together = Barrier(HELPERS + 1)

    def call(reading: Connection, number: int) -> tuple[int, int]:
        if number == 0:
            live.write([Put(entry(100))])
        together.wait(WAIT_S)  # passes when so many are at work
        return count(reading), reading.info.backend_pid

    found = live.readers.each(10, HELPERS + 1, call)
    assert [products for products, _ in found] == [40] * (HELPERS + 1)
    assert len({process for _, process in found}) == HELPERS + 1
    assert len(live) == 41


def test_a_pool_that_is_busy_leaves_the_caller_its_own_connection(live: PostgresCatalogue) -> None:
    search = search_of(live)
    right = search.search("images", QUERIES, WANTS)
    with ExitStack() as taken:
        for _ in range(CONNECTIONS - 1):
            taken.enter_context(live.reading())
        used = live.readers.each(10, 8, lambda reading, _: reading.info.backend_pid)
        assert len(set(used)) == 1
        assert search.search("images", QUERIES, WANTS) == right


@pytest.mark.parametrize("connections", [1, 2])
def test_many_batches_at_once_end_whatever_connections_there_are(
    server: Server, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", connections)
    place = Database(server.database())
    build(place)
    with opened(place) as catalogue, ThreadPoolExecutor(6) as callers:
        search = search_of(catalogue)
        right = search.search("images", QUERIES, WANTS)
        batches = [callers.submit(search.search, "images", QUERIES, WANTS) for _ in range(6)]
        assert all(one.result(WAIT_S) == right for one in batches)


def test_the_first_error_of_a_batch_is_raised_and_no_call_is_begun_after_it(live: PostgresCatalogue) -> None:
    together = Barrier(2)
    begun = []

    def call(reading: Connection, number: int) -> int:
        begun.append(number)
        if number in (1, 2):
            together.wait(WAIT_S)
            raise InputError("one") if number == 1 else ConflictError("two")
        return count(reading)

    with pytest.raises(InputError, match="one"):
        live.readers.each(10, 1000, call)
    assert len(begun) < 1000


@pytest.mark.parametrize("number", [0, 5])
def test_what_the_database_finds_wrong_in_a_batch_is_said_as_alone(live: PostgresCatalogue, number: int) -> None:
    """A statement that is wrong, and one that takes too long; whichever connection has it. Then all goes on."""
    for statement, kind, limit in (
        ("SELECT 1/0", ArtefactError, 10),
        ("SELECT pg_sleep(30)", DatabaseUnavailableError, 1),
    ):

        def call(reading: Connection, at: int, statement: str = statement) -> None:
            reading.execute((statement if at == number else "SELECT 1").encode())

        with pytest.raises(kind):
            live.readers.each(limit, 8, call)
        assert live.readers.each(10, 8, lambda reading, _: count(reading)) == [40] * 8


def test_a_batch_is_answered_when_no_help_comes(live: PostgresCatalogue) -> None:
    """As when the catalogue is closed meanwhile, or another server stands behind the same address."""
    live.readers.close()
    assert live.readers.each(10, 8, lambda reading, _: count(reading)) == [40] * 8
