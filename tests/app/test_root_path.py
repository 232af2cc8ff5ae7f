"""A service below a path of a site: behind a proxy that leaves the path in, and behind one that cuts it off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from common import ConfigError
from tests.app.helpers import opened
from tests.tools.shop import IMAGES, ask, error_of, shop_open

BELOW = "/search"
BROWSER = {"accept": "text/html", "sec-fetch-mode": "navigate"}
Shop = Callable[..., AbstractContextManager[httpx.Client]]


@contextmanager
def left_in(folder: Path, **settings: Any) -> Iterator[httpx.Client]:
    """Yield a client whose calls arrive as it makes them."""
    with shop_open(folder, root_path=f"{BELOW}/", **settings) as client:
        yield client


@contextmanager
def cut_off(folder: Path, **settings: Any) -> Iterator[httpx.Client]:
    """Yield a client behind a trusted proxy that cuts the path off and names it."""
    with shop_open(folder, trusted_proxies="127.0.0.1", **settings) as client:

        def proxy(request: httpx.Request) -> None:
            assert request.url.raw_path.startswith(f"{BELOW}/".encode()), request.url
            request.url = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(BELOW.encode()))
            request.headers["x-forwarded-prefix"] = BELOW

        client.event_hooks["request"].append(proxy)
        yield client


@pytest.fixture(params=[left_in, cut_off])
def shop(request: pytest.FixtureRequest) -> Shop:
    """Return what opens a shop below the path, in each of the two ways."""
    opener: Shop = request.param
    return opener


def found_from(client: httpx.Client, page: str, text: str) -> httpx.Response:
    """Return what a browser gets that follows a relative or absolute address in the page at `page`."""
    return client.get(urljoin(page, text))


def test_pages_and_all_that_they_load_are_below_it(folder: Path, shop: Shop) -> None:
    with shop(folder) as client:
        for page in ("/", "/map", "/evaluation", "/evaluation/beside", "/docs", "/embed", "/embed/studio", "/?plain=1"):
            answer = client.get(BELOW + page, headers=BROWSER)
            assert answer.status_code == 200, (page, answer.text)
            loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
            assert any("assets/" in one for one in loaded), page
            for one in {one for one in loaded if "assets/" in one or one.endswith(".js")}:
                assert found_from(client, BELOW + page, one).status_code == 200, (page, one)
        script = client.get(f"{BELOW}/embed.js")
        (module,) = re.findall(r'import "(.+)";', script.text)
        assert found_from(client, f"{BELOW}/embed.js", module).status_code == 200


def test_addresses_in_answers_are_below_it(folder: Path, shop: Shop) -> None:
    with shop(folder) as client:
        (hit,) = ask(client, BELOW + IMAGES, text="red dress", k=1)["results"]
        named = ask(client, BELOW + IMAGES, text="red dress", k=1, image_versions=True)["results"][0]
        grouped = ask(client, BELOW + IMAGES, text="red dress", k=1, group_by="baseColour")["results"][0]["group"]
        (listed,) = client.get(f"{BELOW}/v1/products", params={"limit": 1, "fields": "image_url,image_urls"}).json()[
            "products"
        ]
        detail = client.get(f"{BELOW}/v1/products/{hit['id']}").json()
        for one in (hit, named, listed, detail, *grouped["members"]):
            for address in (one["image_url"], *one.get("image_urls", [])):
                assert address.startswith(f"{BELOW}/v1/products/")
                assert client.get(address).headers["content-type"].startswith("image/")


def test_whole_addresses_are_below_it(folder: Path, shop: Shop) -> None:
    with shop(folder, pages="shop") as client:
        root = str(client.base_url).rstrip("/") + BELOW
        product = ask(client, BELOW + IMAGES, text="red", k=1)["results"][0]["id"]
        page = client.get(f"{BELOW}/p/{product}", headers=BROWSER).text
        assert f'property="og:url" content="{root}/p/{product}"' in page
        assert re.search(rf'property="og:image" content="{root}/v1/products/', page)
        assert f"Sitemap: {root}/sitemap.xml" in client.get(f"{BELOW}/robots.txt").text
        assert f"Disallow: {BELOW}/v1/" in client.get(f"{BELOW}/robots.txt").text
        assert f"<loc>{root}/sitemap/1.xml</loc>" in client.get(f"{BELOW}/sitemap.xml").text
        assert f"<loc>{root}/p/" in client.get(f"{BELOW}/sitemap/1.xml").text
        picture = re.search(r'<img[^>]* src="([^"]+)"', page)
        assert picture
        assert found_from(client, f"{BELOW}/p/{product}", picture[1].replace("&amp;", "&")).status_code == 200


def test_the_description_of_the_calls_names_it(folder: Path, shop: Shop) -> None:
    with shop(folder) as client:
        assert client.get(f"{BELOW}/openapi.json").json()["servers"] == [{"url": BELOW}]
        message = error_of(client.get(f"{BELOW}/v1/nothing"), 404, "not_found")["message"]
        assert f"{BELOW}/v1/nothing" in message
        assert f"GET {BELOW}/docs" in message


def test_what_polls_the_service_itself_needs_no_path(folder: Path) -> None:
    with left_in(folder) as client:
        for path in ("/healthz", "/readyz", "/v1/facets", "/openapi.json"):
            assert client.get(path).status_code == client.get(BELOW + path).status_code == 200
        error_of(client.get("/searching/v1/facets"), 404, "not_found")
        error_of(client.get("/search/search/v1/facets"), 404, "not_found")


def test_without_its_slash_a_browser_is_sent_to_it(folder: Path) -> None:
    """The addresses in a page are relative: without the slash they would lead beside the service."""
    with left_in(folder) as client:
        answer = client.get(f"{BELOW}?q=red%20dress", headers=BROWSER)
        assert answer.status_code == 307
        assert answer.headers["location"] == f"{BELOW}/?q=red%20dress"


def test_ids_with_slashes_and_keys_work_below_it(live_folder: Path) -> None:
    with opened(live_folder, root_path=BELOW) as client:
        first = client.get(f"{BELOW}/v1/products", params={"limit": 1}).json()["products"][0]["id"]
        picture = client.get(f"{BELOW}/v1/products/{first}/image").content
        sent = {"image": ("x", picture)}
        assert client.put(f"{BELOW}/v1/products/x%2Fimage", files=sent, data={"title": "red"}).status_code in (200, 201)
        assert client.get(f"{BELOW}/v1/products/x%2Fimage").json()["id"] == "x/image"
        error_of(client.get(f"{BELOW}/v1/products/x"), 404, "not_found")
        told = error_of(client.delete(f"{BELOW}/v1/products/x/image"), 405, "method_not_allowed")["message"]
        assert f"DELETE {BELOW}/v1/products/x" in told


@pytest.mark.parametrize(
    "wrong", ["search", "//evil.example", "/a/../b", "/a b", "/<b>", "https://shop.example/search"]
)
def test_what_is_no_path_is_refused(folder: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="give a path such as /search"), shop_open(folder, root_path=wrong):
        pass


@pytest.mark.parametrize("own", ["/v1", "/p/shop", "/assets", "/docs/x", "/metrics", "/openapi.json"])
def test_a_path_of_our_own_is_refused(folder: Path, own: str) -> None:
    with pytest.raises(ConfigError, match="is a path of the service itself"), shop_open(folder, root_path=own):
        pass
