"""The static site: built from the pages there are, without a warning, loading nothing from elsewhere."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import pytest

from tests.tools.browser import chromium, needs_browser
from tests.tools.reference import reference
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue
from tests.tools.site import build


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    done = build(folder / "site", folder / "pages")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder / "site"


@needs_browser
def test_pages_fit_a_screen_and_a_phone_and_names_of_settings_are_whole(site: Path) -> None:
    with chromium() as browser:
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 800})
            for name in ("index", "api", "commands", "settings", "performance", "results", "structure"):
                page.goto((site / f"{name}.html").as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                if name == "settings":
                    lines = (
                        "[...document.querySelectorAll('td:first-child code')].map(one => one.getClientRects().length)"
                    )
                    assert set(page.evaluate(lines)) == {1}, width
            page.close()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    built = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    assert {"index.html", "api.html", "training.html", "operations.html", "decisions.html"} <= built.keys()
    for name, path in built.items():
        page = path.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="?([^"\s>]+)', page)
        loaded += re.findall(r'<link[^>]*rel="?(?:stylesheet|icon|preconnect|preload)"?[^>]*href="?([^"\s>]+)', page)
        assert not [one for one in loaded if "//" in one], name
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", page), name
    api = built["api.html"].read_text(encoding="utf-8")
    for call in ("/v1/search/images", "/v1/products", "/v1/admin/reload", "/metrics"):
        assert call in api
    assert "curl http://127.0.0.1:8000/v1/search/images" in api


def test_the_reference_shows_every_call_with_its_examples(tmp_path: Path) -> None:
    with shop_open(write_catalogue(tmp_path / "catalogue", DrawnEncoder())) as client:
        document = client.get("/openapi.json").json()
        page = html.unescape(reference(document, str(client.base_url)))
        for path, operations in document["paths"].items():
            assert path in page
            for operation in operations.values():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    for example in content.get("examples", {}).values():  # a picture as it is has none
                        value = example["value"]
                        parts = value.values() if isinstance(value, dict) else value.splitlines()
                        assert all(str(one) in page for one in parts if isinstance(one, str)), value
        commands = re.findall(r"<pre>(curl .*?)</pre>", page, re.DOTALL)
        assert commands
        body = shlex.split(commands[0].replace("\\\n", " "))
        assert client.post(
            body[1], content=body[body.index("-d") + 1], headers={"content-type": "application/json"}
        ).is_success
