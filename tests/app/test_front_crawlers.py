"""Search engines: what they may read of a shop, and where its products are."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from tests.app.helpers import opened
from tests.tools.shop import error_of, products, shop_open

PLACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def places(client: httpx.Client, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/xml")
    return [str(found.text) for found in ElementTree.fromstring(answer.content).iter(PLACE)]


def test_every_product_of_a_shop_is_found_from_its_robots_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.routes.crawlers.TOGETHER", 20)
    with shop_open(folder, pages="shop") as client:
        said = client.get("/robots.txt").text.splitlines()
        assert "Disallow: /v1/" in said
        (start,) = [line.removeprefix("Sitemap: ") for line in said if line.startswith("Sitemap: ")]
        maps = places(client, start)
        assert len(maps) == 3
        found = [address for one in maps for address in places(client, one)]
        assert len(found) == len(set(found)) == len(products())
        for address in (found[0], found[-1]):
            assert client.get(address).status_code == 200, address
        for number in ("0", "4", "x", "-1", "999999999"):
            error_of(client.get(f"/sitemap/{number}.xml"), 404, "not_found")


def test_a_laboratory_tells_search_engines_nothing(client: httpx.Client) -> None:
    for path in ("/robots.txt", "/sitemap.xml", "/sitemap/1.xml"):
        error_of(client.get(path), 404, "not_found")


def test_where_reads_need_a_key_there_is_no_list_of_products(folder: Path) -> None:
    with opened(folder, "read", reads="keyed", pages="shop") as client:
        del client.headers["authorization"]
        assert "Sitemap" not in client.get("/robots.txt").text
        for path in ("/sitemap.xml", "/sitemap/1.xml"):
            error_of(client.get(path), 401, "unauthorized")
