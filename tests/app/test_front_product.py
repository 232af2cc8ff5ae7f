"""The page of a product: what a person reads, what a machine reads, and what neither may be made to run."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import pytest

from app.front import LANGUAGES
from app.query import Service
from common import OverloadedError
from index import Product
from index.product import Value
from tests.app.helpers import bearer, opened
from tests.app.test_front_errors import BROWSER, page_of
from tests.tools.shop import DrawnEncoder, products, shop_open, write_catalogue

LOOK = {"baseColour": "Red", "articleType": "Dress", "gender": "Women"}
SOLD: dict[str, Value] = {
    **LOOK,
    "price": "49,90 €",
    "sale_price": 39.9,
    "sale_price_currency": "EUR",
    "brand": "Maison <Rouge>",
    "availability": "https://schema.org/InStock",
    "url": "https://shop.example/robe?id=1&x=2",
    "material": ("Cotton", "Linen"),
    "description": "A dress </script><script>alert(1)</script> of cotton.\u2028" + "Long. " * 60,
    "item_group_id": "robe",
}
EVIL = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SHOP = [
    Product("sold", "Red dress", SOLD),
    Product("sold-m", "Red dress, M", {**LOOK, "item_group_id": "robe"}),
    Product(
        EVIL[:100], EVIL, {**LOOK, EVIL[:60]: EVIL, "brand": EVIL, "url": "javascript:alert(1)", "price": "12 USD"}
    ),
    Product("a/b?c=d#e %2F&f", "Slashes", {**LOOK, "price": "free", "url": "//evil.example"}),
    *products(),
]


class Seen(HTMLParser):
    """Collects what a crawler reads of a page: elements, properties, links, and the text of its data block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.risky: list[str] = []
        self.canonical = ""
        self.data = ""
        self.text = ""
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.risky += [name for name in names if name.startswith("on") or name == "style"]
        if tag == "meta":
            self.meta[names.get("property") or names.get("name") or ""] = names.get("content") or ""
        elif tag == "a":
            self.links.append(names.get("href") or "")
        elif tag == "img":
            self.pictures.append(names.get("src") or "")
        elif tag == "link" and names.get("rel") == "canonical":
            self.canonical = names.get("href") or ""
        elif tag == "script":
            self.scripts.append(names)
            self._in_script = True

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.data += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def sold_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("sold") / "catalogue", DrawnEncoder(), SHOP)


@pytest.fixture(scope="module")
def sold(sold_folder: Path) -> Iterator[httpx.Client]:
    """Serve a shop whose pages wait for similar products, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch, shop_open(sold_folder) as client:
        patch.setattr("app.routes.product_page.PATIENCE_S", 60)
        yield client


def seen(client: httpx.Client, product_id: str, **headers: str) -> Seen:
    answer = client.get(f"/p/{quote(product_id, safe='')}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Seen(answer.text)


def test_a_person_reads_title_price_brand_attributes_and_what_is_similar(sold: httpx.Client) -> None:
    page = seen(sold, "sold", **{"accept-language": "fr"})
    said = " ".join(page.text.split())
    assert "Maison <Rouge>" in said
    assert "49,90\u00a0€" in page.text
    assert "39,90\u00a0€" in page.text
    assert "En stock" in said
    assert "Couleur" in said
    assert "Rouge" in said
    assert "A dress </script>" in said
    assert "https://shop.example/robe?id=1&x=2" in page.links
    assert "../?f.articleType=Dress" in page.links
    assert "../p/sold-m" in page.links  # its variant
    assert sum(link.startswith("../p/") for link in page.links) > 5
    for link in page.pictures:
        answer = sold.get(urljoin("/p/sold", link))
        assert answer.headers["content-type"].startswith("image/"), link
    english = seen(sold, "sold", **{"accept-language": "en"})
    assert "€39.90" in english.text
    assert english.text.count("€") == 2


def test_a_crawler_reads_the_same(sold: httpx.Client) -> None:
    page = seen(sold, "sold")
    base = str(sold.base_url).rstrip("/")
    assert [one.get("type") for one in page.scripts] == ["application/ld+json"]
    data = json.loads(page.data)
    assert data["@type"] == "Product"
    assert data["name"] == "Red dress"
    assert data["url"] == page.meta["og:url"] == f"{base}/p/sold"
    assert data["brand"] == {"@type": "Brand", "name": "Maison <Rouge>"}
    assert data["offers"] == {
        "@type": "Offer",
        "price": "39.90",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
        "url": "https://shop.example/robe?id=1&x=2",
    }
    assert (data["color"], data["material"], data["category"]) == ("Red", "Cotton", "Dress")
    assert data["inProductGroupWithID"] == "robe"
    assert page.meta["og:type"] == "product"
    assert page.meta["product:price:amount"] == "39.90"
    picture = sold.get(page.meta["og:image"], headers={"accept": "*/*"})
    assert picture.status_code == 200
    assert data["image"] == [page.meta["og:image"]]
    assert urljoin(f"{base}/p/sold?lang=de", page.canonical) == f"{base}/p/sold"
    assert 20 < len(page.meta["description"]) <= 160


def test_nothing_of_a_product_runs(sold: httpx.Client) -> None:
    """Titles, ids, values of attributes, brands and addresses are written by strangers: the authors of a feed."""
    for one in SHOP[:4]:
        page = seen(sold, one.id)
        assert [script.get("type") for script in page.scripts] == ["application/ld+json"]
        assert page.risky == []
        assert json.loads(page.data)["name"] == one.title
        others = [link for link in page.links if not re.match(r"\.\./|https://shop\.example/", link)]
        assert others == [f"?lang={language}" for language in LANGUAGES]
        assert "<" not in page.data
        assert "\u2028" not in page.data
    evil = seen(sold, SHOP[2].id)
    assert json.loads(evil.data)["offers"]["price"] == "12.00"
    assert "url" not in json.loads(evil.data)["offers"]
    assert "offers" not in json.loads(seen(sold, SHOP[3].id).data)


def test_every_id_has_a_page_that_all_its_links_agree_on(sold: httpx.Client) -> None:
    for product_id in (SHOP[3].id, "twin/0?50%#"):
        answer = sold.get(f"/p/{quote(product_id, safe='')}")
        page = Seen(answer.text)
        where = str(answer.url)
        assert json.loads(page.data)["sku"] == product_id
        again = sold.get(urljoin(where, page.canonical))
        assert json.loads(Seen(again.text).data)["sku"] == product_id
        for link in (*page.links, *page.pictures):
            assert sold.get(urljoin(where, link)).status_code == 200, link
    plain = sold.get("/p/twin/0%3F50%25%23")  # a slash that stayed as it is
    page = Seen(plain.text)
    assert urljoin(str(plain.url), page.canonical).endswith("/p/twin%2F0%3F50%25%23")
    for link in (*page.links, *page.pictures):
        assert sold.get(urljoin(str(plain.url), link)).status_code == 200, link


def test_a_product_that_is_not_there_is_a_page_for_everybody(sold: httpx.Client) -> None:
    for headers in ({}, BROWSER):
        page_of(sold.get("/p/nothing", headers=headers), 404)
    assert sold.get("/p/nothing", headers={"accept": "application/json"}).json()["error"]["code"] == "not_found"
    page_of(sold.get("/p/"), 404)
    page_of(sold.get("/p/sold%0A"), 404)


def test_without_room_for_a_search_the_product_is_shown_alone(
    sold_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> Any:
        raise OverloadedError("the queue is full")

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("app.routes.product_page.PATIENCE_S", 0.05)
    with shop_open(sold_folder) as client:
        for search in (full, never):
            monkeypatch.setattr(Service, "search", search)
            page = seen(client, "sold")
            assert "Red dress" in page.text
            assert "Similar products" not in page.text


def test_a_shop_shows_no_id(sold_folder: Path) -> None:
    with shop_open(sold_folder, pages="shop") as client:
        assert "Id sold" not in seen(client, "sold").text
    with shop_open(sold_folder) as client:
        assert "Id sold" in seen(client, "sold").text


def test_where_reads_need_a_key_the_page_says_so_and_shows_nothing(sold_folder: Path) -> None:
    with opened(sold_folder, "read", reads="keyed") as client:
        key = client.headers.pop("authorization").removeprefix("Bearer ")
        answer = client.get("/p/sold", headers=BROWSER)
        said = page_of(answer, 401)
        assert "Une clé est nécessaire" in said
        assert "Red dress" not in said
        assert page_of(client.get("/p/nothing", headers=BROWSER), 401)  # nor whether there is one
        assert "Red dress" in seen(client, "sold", **bearer(key)).text


def test_whole_addresses_are_those_that_a_trusted_proxy_is_called_by(sold_folder: Path) -> None:
    told = {"host": "shop.example", "x-forwarded-proto": "https", "x-forwarded-prefix": "/suche/"}
    with shop_open(sold_folder, trusted_proxies="127.0.0.1", allowed_hosts="shop.example") as client:
        page = seen(client, "sold", **told)
        assert page.meta["og:url"] == "https://shop.example/suche/p/sold"
        assert json.loads(page.data)["url"] == "https://shop.example/suche/p/sold"
        for wrong in ("//evil.example", "/a/../b", "/a/%2E%2e/b", "/a,/b", "/a b", "x", "/<script>"):
            page = seen(client, "sold", **{**told, "x-forwarded-prefix": wrong})
            assert page.meta["og:url"] == "https://shop.example/p/sold", wrong
    with shop_open(sold_folder, allowed_hosts="shop.example") as client:
        assert seen(client, "sold", **told).meta["og:url"] == "http://shop.example/p/sold"


def test_a_chosen_language_goes_with_every_link(sold: httpx.Client) -> None:
    page = Seen(sold.get("/p/sold", params={"lang": "it"}, headers={"accept-language": "de"}).text)
    assert "Prodotti simili" in page.text
    inside = [link for link in page.links if link.startswith("../")]
    assert inside
    assert all("lang=it" in link for link in inside)
