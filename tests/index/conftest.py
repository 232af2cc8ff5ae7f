"""Places for catalogues: a folder, or a database on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index import Database, Location
from tests.tools.postgres import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server.made(durable=False)
    yield server
    server.remove()


@pytest.fixture(params=["folder", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Return where a catalogue goes."""
    if request.param == "folder":
        return tmp_path / "catalogue"
    server: Server = request.getfixturevalue("server")
    return Database(server.database())
