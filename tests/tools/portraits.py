"""A tool: takes the pictures of the documentation from the demo shop."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from tests.tools.browser import PATIENCE_MS, visiting
from tests.tools.host import hosted
from tests.tools.shop import encoded, served

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
OUTFIT = ("10001", "10003", "10004")
"""Products of the demo that are photographed together."""
HOST = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Maison Lune</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="{service}/embed.js"></script>
<link rel="stylesheet" href="/shop.css"></head><body><header>Maison Lune</header>
<vitrine-search lang="{lang}" href="#{{id}}" show="price" picture></vitrine-search></body></html>"""
HOST_STYLE = """body { margin: 0; background: #f4efe6; font: 16px Georgia, serif; color: #2b2320 }
header { padding: 1.4rem 2rem; font-size: 1.7rem; letter-spacing: .18em; text-transform: uppercase; text-align: center }
vitrine-search { --vitrine-accent: #7a5c2e; --vitrine-ground: #f4efe6; --vitrine-panel: #fffaf0; --vitrine-radius: 2px;
  --vitrine-font: Georgia, serif }"""


class Studio:
    """Takes pictures of the pages at `base` into the folder `out`."""

    def __init__(self, browser: Browser, base: str, out: Path) -> None:
        self._browser = browser
        self._base = base
        self._out = out
        out.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def sitting(self, path: str, **options: Any) -> Iterator[Page]:
        """Yield a page that has been opened."""
        options = {"viewport": {"width": 1360, "height": 850}, **options}
        with visiting(self._browser, self._base, **options) as visit:
            yield visit.go(path)
            visit.strangers.clear()

    def take(self, page: Page, name: str) -> None:
        """Write what is seen as `NAME.jpg`."""
        page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
        page.wait_for_timeout(400)
        page.screenshot(path=self._out / f"{name}.jpg", type="jpeg", quality=86)


def take_portraits(studio: Studio, pictures: Path) -> None:
    """Take the pictures of the laboratory's pages."""
    sitting, take = studio.sitting, studio.take
    with sitting("/") as page:
        take(page, "landing")
    for scheme in ("light", "dark"):
        with sitting("/?q=red+dress", color_scheme=scheme) as page:
            take(page, f"search-{scheme}")
    with sitting("/?q=drress+for+women%2C+not+red") as page:
        expect(page.locator("#corrected")).to_be_visible()
        take(page, "understood")
    with sitting("/") as page:
        page.get_by_label("What are you looking for?").press_sequentially("blue s", delay=60)
        expect(page.get_by_role("listbox")).to_be_visible()
        page.keyboard.press("ArrowDown")
        take(page, "completions")
    with sitting("/?q=sunglasses", **PHONE) as page:
        take(page, "phone")
    with sitting("/") as page:
        page.locator("#file").set_input_files([outfit(pictures)])
        expect(page.locator(".lens-dot").nth(1)).to_be_visible()
        page.locator("#lens-things button").first.click()
        expect(page.locator(".card:not(.ghost)").first).to_be_visible()
        take(page, "lens")
    with sitting("/") as page:
        page.locator("#file").set_input_files(pictures / "10001.jpg")
        expect(page.locator(".card:not(.ghost)").first).to_be_visible()
        page.get_by_role("button", name="Descriptions").click()
        expect(page.locator("mark.strong").first).to_be_visible()
        take(page, "descriptions")
    with sitting("/?q=handbag&f.gender=Women") as page:
        page.locator("#grid .card a").nth(2).click()
        expect(page.locator("dialog .near a")).to_have_count(8)
        take(page, "drawer")
    with sitting("/evaluation?split=all", viewport={"width": 1360, "height": 1180}) as page:
        expect(page.locator("#queries > li")).to_have_count(12)
        take(page, "evaluation")
        page.locator("#details").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('#details').scrollIntoView()")
        take(page, "evaluation-details")
    with sitting("/map?colour=baseColour") as page:
        take(page, "map")
        page.locator("input[type=search]").fill("red handbag")
        page.keyboard.press("Enter")
        take(page, "map-search")


def take_shop_portraits(browser: Browser, demo: Path, work: Path, out: Path) -> None:
    """Take the pictures of the pages for customers, of a copy of the demo whose products have prices."""
    shutil.copytree(demo / "catalogue", work / "catalogue")
    _, secret = create_key(work / "keys.json", "shop", "write")
    settings = Settings.read(
        checkpoint=demo / "checkpoint",
        catalogue=work / "catalogue",
        device="cpu",
        pages="shop",
        keys=work / "keys.json",
        origins="*",
    )
    with served(create_app(settings)) as client:
        first = priced(client, secret)
        base = str(client.base_url).rstrip("/")
        studio = Studio(browser, base, out)
        with studio.sitting("/?q=dress") as page:
            expect(page.locator(".handles input").first).to_be_visible()
            studio.take(page, "shop")
        with studio.sitting(f"/p/{first}") as page:
            studio.take(page, "product")
        with studio.sitting("/embed/studio") as page:
            expect(page.locator("#preview #tiles li").first).to_be_visible()
            page.get_by_label("Accent colour").fill("#0a7d55")
            studio.take(page, "studio")
        pages = {"/": HOST.format(lang="fr", service=base), "/shop.css": HOST_STYLE, "/favicon.ico": ""}
        with hosted(pages, f"default-src 'self' {base}") as origin:
            shop = Studio(browser, origin, out)
            with shop.sitting("/?vq=robe+rouge") as page:
                expect(page.locator(".card:not(.ghost)").first).to_be_visible()
                shop.take(page, "embedded")


def priced(client: httpx.Client, secret: str) -> str:
    """Give all dresses prices, and return the id of one."""
    answer = client.post(
        "/v1/search/images", json={"filters": {"articleType": ["Dresses"]}, "k": 300, "sort": "newest"}
    )
    ids = [hit["id"] for hit in answer.raise_for_status().json()["results"]]
    for number, one in enumerate(ids):
        price = 29.9 + 7 * (number * number % 17)
        offer = {"price": price, "currency": "EUR", "url": f"https://shop.example/{one}", "brand": "Maison Lune"}
        offer |= {"sale_price": round(price * 0.7, 2)} if number % 4 == 0 else {}
        offer |= {"availability": "out of stock"} if number % 7 == 3 else {}
        body = {"attributes": offer}
        client.patch(f"/v1/products/{one}", json=body, headers={"X-API-Key": secret}).raise_for_status()
    return str(ids[0])


def outfit(pictures: Path) -> FilePayload:
    """Return a photo of several products on white."""
    photo = Image.new("RGB", (900, 500), "white")
    for place, name in enumerate(OUTFIT):
        with Image.open(pictures / f"{name}.jpg") as one:
            size = (260, round(260 * one.height / one.width))
            photo.paste(one.convert("RGB").resize(size, Image.Resampling.LANCZOS), (30 + 290 * place, 60))
    return FilePayload(name="outfit.jpg", mimeType="image/jpeg", buffer=encoded(photo, "JPEG", quality=92))
