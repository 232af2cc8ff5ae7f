"""A browser and a shop for the tests of the pages.

Both live as long as one file of tests: Playwright keeps an event loop running, which tests elsewhere cannot have.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from index import make_map
from tests.tools.browser import Visit, chromium, visiting
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = write_catalogue(tmp_path_factory.mktemp("page") / "catalogue", DrawnEncoder())
    make_map(folder)
    with shop_open(folder) as client:
        yield client


@pytest.fixture
def visit(browser: Browser, shop: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, str(shop.base_url).rstrip("/")) as visit:
        yield visit


@pytest.fixture
def failing(browser: Browser, shop: httpx.Client) -> Iterator[Visit]:
    """A visit on which calls may fail. The browser reports those on the console, and nothing else may be there."""
    with visiting(browser, str(shop.base_url).rstrip("/")) as visit:
        yield visit
        assert all("Failed to load resource" in text for text in visit.wrong), visit.wrong
        visit.wrong.clear()
