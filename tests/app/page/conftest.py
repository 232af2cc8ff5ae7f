"""A browser and a shop for the tests of the pages.

The browser lives as long as the tests of this folder: Playwright keeps an event loop running, which tests elsewhere
cannot have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Error, Page, Route

from index import make_map
from tests.tools.browser import Visit, chromium, visiting
from tests.tools.root import ROOT
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = write_catalogue(tmp_path_factory.mktemp("page") / "catalogue", DrawnEncoder())
    make_map(folder)
    with pytest.MonkeyPatch.context() as patch, shop_open(folder) as client:
        patch.setattr("app.routes.product_page.PATIENCE_S", 60)  # a busy machine may need longer for similar products
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


@contextmanager
def without_service(browser: Browser) -> Iterator[Page]:
    """Open a page in which `import("/NAME.js")` gives a module of the pages that knows no page."""
    files = ROOT / "app" / "page"

    def answer(route: Route) -> None:
        name = route.request.url.split("/", 3)[3].split("?")[0]
        if name.endswith(".js"):
            route.fulfill(body=(files / name).read_text(encoding="utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html><title>Modules</title>", content_type="text/html")

    context = browser.new_context()
    context.route("http://modules.test/**", answer)
    yield context.new_page()
    context.close()


@contextmanager
def begun(page: Page) -> Iterator[Page]:
    """Load such a page afresh; no error of its scripts may be left to it."""
    wrong: list[str] = []

    def note(error: Error) -> None:
        wrong.append(str(error))

    page.on("pageerror", note)
    page.goto("http://modules.test/")
    yield page
    page.remove_listener("pageerror", note)
    assert not wrong, wrong


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    with without_service(browser) as page:
        yield page


@pytest.fixture
def modules(tab: Page) -> Iterator[Page]:
    """A page without a service, for `import("/NAME.js")`; each test finds it as it was loaded."""
    with begun(tab) as page:
        yield page


@pytest.fixture
def stopped(browser: Browser) -> Iterator[Page]:
    """Such a page whose clock stands still until the test moves it."""
    with without_service(browser) as tab, begun(tab) as page:
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        yield page
