"""A small drawn shop, served: as it is for tests that only read, and one for each test that edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.helpers import LIMIT, opened
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shop's catalogue, to be read only."""
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    """Yield a client of the shop, which takes uploads of at most `LIMIT` bytes and 4 megapixels."""
    with shop_open(folder, max_upload_mb=LIMIT / 1e6, max_pixels=4_000_000) as client:
        yield client


@pytest.fixture
def live_folder(tmp_path: Path) -> Path:
    """Return a catalogue of one's own, to be edited."""
    return write_catalogue(tmp_path / "catalogue", DrawnEncoder())


@pytest.fixture
def editor(live_folder: Path) -> Iterator[httpx.Client]:
    """Yield a client of that one that may write."""
    with opened(live_folder) as client:
        yield client
