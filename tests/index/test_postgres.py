"""The catalogue in PostgreSQL: the graph, connections that fail, and servers that are too old or go away."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest

from common import ArtefactError, ConfigError, DatabaseUnavailableError
from index import SIDES, Database, Delete, Entry, Filter, Page, Product, Put, SearchQuery, open_catalogue
from index import Written as Outcome
from index.postgres import PostgresCatalogue
from index.postgres import build as postgres_build
from index.postgres import open_search as open_postgres_search
from index.postgres.connection import check_server
from index.postgres.hubs import find_hubs
from index.ranking import TitleBank
from tests.index.entries import DIM, build, entry, opened, search_of, several, writer
from tests.tools.postgres import Server

SHARES = (1.0, 0.5, 0.05)


@pytest.fixture(scope="module")
def clustered(server: Server) -> tuple[Database, np.ndarray]:
    """Return a catalogue of 3,000 clustered vectors, an attribute for each of `SHARES`, and queries (50, D)."""
    place = Database(server.database())
    drawn = np.random.default_rng(1)
    centres = drawn.standard_normal((60, DIM))
    rows = centres[drawn.integers(60, size=3000)] + 0.4 * drawn.standard_normal((3000, DIM))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    with writer(place) as writing:
        writing.add(
            Entry(
                Product(str(n), f"t{n}", {f"in {one}": "yes" if n % 100 < 100 * one else "no" for one in SHARES}),
                b"",
                row,
                rows[7 * n % len(rows)],
            )
            for n, row in enumerate(rows)
        )
    return place, rows[::60] + 0.1 * drawn.standard_normal((50, DIM)).astype(np.float32)


@pytest.mark.parametrize("share", SHARES)
def test_the_graph_finds_what_the_exact_scan_finds(clustered: tuple[Database, np.ndarray], share: float) -> None:
    """Recall@10 of at least .99, filtered or not; the scores are the exact ones."""
    place, queries = clustered
    wants = [SearchQuery(filters={f"in {share}": Filter(any=("yes",))})] * len(queries)
    with PostgresCatalogue(place) as catalogue:
        exact, by_graph = open_postgres_search(catalogue), open_postgres_search(catalogue, exact_rows=0)
        for side in SIDES:
            right: list[Page[Any]] = [*exact.search(side, queries, wants)]
            found: list[Page[Any]] = [*by_graph.search(side, queries, wants)]
            assert [page.total for page in right] == [page.total for page in found]
            pairs = [
                ({str(hit) for hit in one.hits}, {str(hit) for hit in other.hits})
                for one, other in zip(right, found, strict=True)
            ]
            assert sum(len(one & other) for one, other in pairs) >= 0.99 * sum(len(one) for one, _ in pairs)


def test_the_graph_finds_what_is_best_less_its_hubness(clustered: tuple[Database, np.ndarray]) -> None:
    """And a product that is put in gets from the graph, or nearly, what all titles would give it."""
    place, queries = clustered
    wants = [SearchQuery(hub_weight=1.0)] * len(queries)
    with PostgresCatalogue(place) as catalogue:
        exact, by_graph = open_postgres_search(catalogue), open_postgres_search(catalogue, exact_rows=0)
        right, found = exact.search("images", queries, wants), by_graph.search("images", queries, wants)
        plain = exact.search("images", queries, [SearchQuery()] * len(queries))
        pairs = [
            ({hit.product.id for hit in one.hits}, {hit.product.id for hit in other.hits})
            for one, other in zip(right, found, strict=True)
        ]
        assert sum(len(one & other) for one, other in pairs) >= 0.99 * sum(len(one) for one, _ in pairs)
        assert right != plain
        snapshot = catalogue.snapshot()
        assert snapshot.hubs is not None
        one, _ = catalogue.entry("17")
        catalogue.write([Put(replace(one, product=replace(one.product, id="again")))])
        changes = catalogue.changes(0)
        assert changes is not None
        assert changes.hubs is not None
        assert changes.hubs[0] == pytest.approx(snapshot.hubs[17], abs=1e-3)
        catalogue.write([Delete("again")])


def test_what_is_wrong_is_one_line_that_says_what_to_do(server: Server) -> None:
    """And none of them repeats the password."""
    url = server.database()
    wrong: list[tuple[str, type[Exception], str]] = [
        (url, ArtefactError, "has no catalogue; make one"),
        (server.url("nowhere"), ConfigError, "no such database"),
        (url.replace("postgres:secret", "someone:secret"), ConfigError, "no such user"),
        ("postgresql://postgres:secret@127.0.0.1:1/x", DatabaseUnavailableError, "cannot be reached"),
        ("postgresql://postgres:secret@[/x", ConfigError, "cannot be read"),
    ]
    for given, kind, said in wrong:
        with pytest.raises(kind, match=said) as raised:
            open_catalogue(Database(given))
        assert "secret" not in str(raised.value) + repr(Database(given))
        assert "\n" not in str(raised.value)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP EXTENSION vector")
    with pytest.raises(ConfigError, match="CREATE EXTENSION vector"):
        open_catalogue(Database(url))


def test_a_wrong_password_and_versions_that_are_too_old_are_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.database()
    rules = server.folder / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before, encoding="utf-8")
        connection.execute("SELECT pg_reload_conf()")
    for given in ("guarded:wrong@", "guarded@"):
        guarded = Database(url.replace("postgres:secret@", given))
        end = time.monotonic() + 60
        while True:  # until the server has read its rules again
            with pytest.raises((ConfigError, ArtefactError)) as raised:
                open_catalogue(guarded)
            if raised.type is ConfigError or time.monotonic() > end:
                break
        assert re.search("guarded@.* refuses the connection .*give the .*password in the URL", str(raised.value))
        assert "wrong" not in str(raised.value)
    rules.write_text(before, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pgvector 0.7.4; .*needs 0.8 or newer.*ALTER EXTENSION vector UPDATE"):
        check_server(Database(url), 180000, "0.7.4")
    with pytest.raises(ConfigError, match=r"is PostgreSQL 13; Vitrine needs 14 or newer"):
        check_server(Database(url), 130007, "0.8.0")


def test_a_database_that_was_killed_is_used_again_and_nothing_acknowledged_is_lost() -> None:
    server = Server.made(durable=False)
    try:
        place = Database(server.database())
        build(place, 5)
        with opened(place) as catalogue:
            search = search_of(catalogue)
            (written,) = catalogue.write([Put(entry(50))])
            server.kill()
            for call in (
                catalogue.version,
                lambda: search.search("images", entry(1).image_vector[None], [SearchQuery()]),
            ):
                with pytest.raises(DatabaseUnavailableError) as raised:
                    call()
                assert "secret" not in str(raised.value)
            server.start()
            assert isinstance(written, Outcome)
            assert catalogue.get_with_digest("id 50/ü")[1] == written.digest
            assert (
                search.search("images", entry(50).image_vector[None], [SearchQuery(k=1)])[0].hits[0].product.id
                == "id 50/ü"
            )
    finally:
        server.remove()


def test_what_is_written_while_a_build_is_finished_is_measured_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Database(server.database())
    build(place, 30)

    def find_and_write(*given: Any) -> None:
        find_hubs(*given)
        with open_catalogue(place, writable=True) as catalogue:
            catalogue.write([Put(several(50, 3, title="Neu"))])

    monkeypatch.setattr(postgres_build, "find_hubs", find_and_write)
    entries = build(place, 30)
    titles = {one.product.title: one.text_vector for one in reversed(entries)}
    late = several(50, 3, title="Neu")
    bank = np.stack(list(titles.values()))
    (first,) = TitleBank(bank).hubness(entries[0].image_vector[None])
    pictures = np.stack([late.image_vector, *(one.vector for one in late.more)])
    own = TitleBank(np.concatenate([bank, late.text_vector[None]])).hubness(pictures).astype(np.float64)
    with PostgresCatalogue(place) as catalogue:
        snapshot = catalogue.snapshot()
    assert snapshot.hubs is not None
    assert [one.id for one in snapshot.products][-1] == "id 50/ü"
    expected = np.logaddexp.reduce(100 * own) / 100 - first
    assert snapshot.hubs[-1] - snapshot.hubs[0] == pytest.approx(expected, abs=1e-5)
