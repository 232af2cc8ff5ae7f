"""The page over what shops really have: large photos, cut-outs, many attributes, long titles, variants, a proxy."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect
from starlette.types import Receive, Scope, Send

from app.front import PAGE
from app.schemas.conditions import MAX_FILTERS
from app.schemas.fields import MAX_PROMPTS
from app.schemas.search import MAX_HISTOGRAMS
from app.server import create_app
from app.settings import Settings
from index import CatalogueWriter, Entry, FurtherPicture, Product
from tests.tools.browser import PATIENCE_MS, needs_browser, visiting
from tests.tools.photos import INFO, jpeg, photo, write_photos
from tests.tools.shop import PATIENT, DrawnEncoder, draw, encoded, served, shop_open, unit, write_catalogue

pytestmark = needs_browser

PREFIX = "/suche"
ENCODER = DrawnEncoder()


def below(app: Any) -> Any:
    """Return an application behind a proxy that puts it below a path, and takes the path off."""

    async def proxied(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if not scope["path"].startswith(f"{PREFIX}/"):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b"another application"})
                return
            raw = scope["raw_path"].removeprefix(PREFIX.encode())
            scope = {**scope, "path": scope["path"].removeprefix(PREFIX), "raw_path": raw}
        await app(scope, receive, send)

    return proxied


def write(folder: Path, products: list[Product], picture: bytes | None = None) -> Path:
    """Write a catalogue of red dresses and the like, with these titles and attributes."""
    vector = ENCODER.encode_image([draw("red", "dress")])[0]
    drawn = encoded(draw("red", "dress"))
    with CatalogueWriter(folder, INFO) as writer:
        for product in products:
            writer.add([Entry(product, picture or drawn, vector, unit(ENCODER._of_text(product.title)))])
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve 24 photos of 3 megapixels, and files that browsers do not show."""
    folder = tmp_path_factory.mktemp("photos")
    several = [jpeg(number, 1500, 2000) for number in range(4)]
    pictures = {f"p{number}": several[number % 4] + bytes([number]) for number in range(24)}  # all of other bytes
    pictures |= {"tiff": encoded(photo(1, 450, 600), "TIFF"), "jp2": encoded(photo(2, 450, 600), "JPEG2000")}
    with shop_open(write_photos(folder / "catalogue", pictures), picture_cache=folder / "cache") as client:
        yield client


def base_of(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def holds(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; the page's policy forbids scripts that wait for it."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(20)


def test_a_page_of_24_photos_weighs_less_than_500_kilobytes(browser: Browser, photos: httpx.Client) -> None:
    with visiting(browser, base_of(photos), viewport={"width": 1280, "height": 3000}) as visit:
        weights: dict[str, int] = {}
        visit.page.on("requestfinished", lambda asked: weights.update({asked.url: asked.sizes()["responseBodySize"]}))
        page = visit.go("/?q=red+dress&all=1")
        expect(page.locator("#grid .card")).to_have_count(26)
        shown = "all => all.filter(one => one.complete && one.naturalWidth).length"
        holds(page, lambda: page.locator("#grid img").evaluate_all(shown) == 26)
        # What is drawn already may be told a moment later.
        holds(page, lambda: sum("/image?" in url for url in weights) >= 26)
        of_pictures = [size for url, size in weights.items() if "/image?" in url]
        assert sum(of_pictures) * 24 / 26 + max(0, sum(weights.values()) - sum(of_pictures)) < 500_000
        assert page.locator("img.broken").count() == 0  # TIFF and JPEG 2000 are shown, too


def test_a_large_screen_of_many_pixels_gets_a_larger_picture(browser: Browser, photos: httpx.Client) -> None:
    widths = {}
    for density in (1, 2):
        with visiting(browser, base_of(photos), device_scale_factor=density) as visit:
            page = visit.go("/?product=p3")
            large = page.locator("dialog .large img")
            expect(large).to_have_js_property("complete", True)
            holds(page, partial(large.evaluate, "one => one.currentSrc.includes('w=')"))
            widths[density] = int(re.findall(r"w=(\d+)", large.evaluate("one => one.currentSrc"))[0])
    assert widths == {1: 640, 2: 1280}


def test_every_page_works_below_a_path_of_a_proxy(browser: Browser, tmp_path: Path) -> None:
    app = create_app(Settings.read(catalogue=write_catalogue(tmp_path / "shop", ENCODER), **PATIENT), encoder=ENCODER)
    with served(below(app)) as client, visiting(browser, base_of(client)) as visit:
        missing: list[str] = []
        visit.page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
        page = visit.go(f"{PREFIX}/?q=red+dress")
        visit.finds("Red Dress")
        expect(page.locator(".grid")).to_have_css("display", "grid")
        page.locator("#grid .card a").first.click()
        expect(page.locator("dialog.drawer .near a")).to_have_count(8)
        expect(page).to_have_url(re.compile(f"{PREFIX}/\\?"))
        for name in ("Evaluation", "Map", "API"):
            page.goto(f"{visit.base}{PREFIX}/")
            page.get_by_role("link", name=name, exact=True).click()
            expect(page).to_have_url(re.compile(f"{PREFIX}/(evaluation|map|docs)"))
            page.wait_for_load_state("networkidle")
        page.goto(f"{visit.base}{PREFIX}/docs")
        call = page.locator(".opblock", has=page.locator('[data-path="/healthz"]'))
        call.locator(".opblock-summary-control").click()
        call.get_by_role("button", name="Try it out").click()
        with page.expect_response(f"**{PREFIX}/healthz") as answered:
            call.get_by_role("button", name="Execute").click()
        assert answered.value.status == 200
        assert all("/v1/map" in url or "/v1/evaluation" in url for url in missing), missing  # there is none
        visit.wrong[:] = [text for text in visit.wrong if "Failed to load resource" not in text]
        assert all(f"{PREFIX}/" in url for url in visit.asked)


def test_the_bounds_that_the_page_keeps_to_are_the_service_s() -> None:
    said = dict(re.findall(r"(\w+): (\d+)", (PAGE / "limits.js").read_text(encoding="utf-8").split("LIMITS =")[1]))
    assert said == {
        "facets": str(MAX_FILTERS),
        "histograms": str(MAX_HISTOGRAMS),
        "explainedWords": str(MAX_PROMPTS),
    }


def test_a_shop_with_more_attributes_than_a_search_counts(browser: Browser, tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    products = [
        Product(
            str(number),
            f"Red Dress {number}",
            {f"attribute{column:02}": f"value {drawn.integers(3)}" for column in range(40)}
            | ({} if number else {"rare": "once"}),
            "test",
        )
        for number in range(30)
    ]
    with shop_open(write(tmp_path / "shop", products)) as client, visiting(browser, base_of(client)) as visit:
        page = visit.go("/?q=red+dress&f.attribute39=value+1")
        visit.finds("Red Dress")
        expect(page.locator("#facets fieldset")).to_have_count(MAX_FILTERS)
        expect(page.get_by_role("checkbox", name="value 1")).not_to_have_count(0)
        expect(page.locator("#facets fieldset", has_text="Attribute39")).to_have_count(1)
        expect(page.locator("#active")).to_contain_text("value 1")


def test_descriptions_of_a_paragraph_are_shown_and_explained_as_far_as_they_can_be(
    browser: Browser, tmp_path: Path
) -> None:
    words = " ".join(f"soft{number}" for number in range(118))
    products = [Product(str(number), f"Red Dress {number} {words}", {}, "test") for number in range(14)]
    with shop_open(write(tmp_path / "shop", products)) as client, visiting(browser, base_of(client)) as visit:
        page = visit.go("/?like=1&show=descriptions")
        expect(page.locator("#description-list li")).to_have_count(10)
        expect(page.locator("#description-list li:has(mark)")).to_have_count(8)
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#description-list li").last).to_contain_text("soft117")


def test_a_cut_out_is_the_same_to_the_page_and_to_the_service(browser: Browser, shop: httpx.Client) -> None:
    """A large file is scaled down by the page, and what is transparent must not become black."""
    thing = draw("blue", "dress").resize((1400, 1860))
    pixels = np.asarray(thing)
    seen = (pixels.min(axis=2) < 235).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)  # under what is transparent
    rgba = np.concatenate([np.where(seen[..., None], pixels, noise), 255 * seen[..., None]], axis=2)
    data = encoded(Image.fromarray(rgba, "RGBA"))
    assert len(data) > 1_500_000
    with visiting(browser, base_of(shop)) as visit:
        page = visit.go("/")
        with page.expect_response("**/v1/embeddings") as answered:
            page.locator("#file").set_input_files([FilePayload(name="cut.png", mimeType="image/png", buffer=data)])
        text = answered.value.json()["data"][0]["embedding"]
        visit.finds("Blue Dress")
    of_page = np.frombuffer(base64.b64decode(text), dtype="<f4")
    of_file = shop.post("/v1/embeddings", json={"input": encoded_uri(data)}).json()["data"][0]["embedding"]
    assert float(np.dot(of_page, of_file)) > 0.99


def encoded_uri(data: bytes) -> str:
    import base64

    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def test_values_of_all_types_are_shown_and_chosen(browser: Browser, tmp_path: Path) -> None:
    products = [
        Product(
            str(number),
            f"Red Dress {number}",
            {"in_stock": number % 2 == 0, "price": 9.5 + number, "sizes": ("S", "M") if number else ("L",)},
            "test",
        )
        for number in range(6)
    ]
    with shop_open(write(tmp_path / "shop", products)) as client, visiting(browser, base_of(client)) as visit:
        page = visit.go("/?q=red+dress")
        visit.finds("Red Dress")
        expect(page.locator("#sort option")).to_contain_text(["Price, highest first"])
        page.get_by_role("checkbox", name="Yes 3").check()
        expect(page.locator("#grid .card")).to_have_count(3)
        expect(page.locator("#active")).to_contain_text("In stock: Yes")
        page.get_by_role("checkbox", name="M 2").check()
        expect(page.locator("#grid .card")).to_have_count(2)
        page.locator("#grid .card a").first.click()
        about = page.locator("dialog.drawer dl")
        expect(about).to_contain_text("S, M")
        expect(about).to_contain_text("Yes")
        page.keyboard.press("Escape")
        expect(page).not_to_have_url(re.compile("product="))  # a program is faster than the step back in the history
        page.locator("#sort").select_option("price:desc")
        expect(page.locator("#grid .card h3").first).to_have_text("Red Dress 4")


def test_variants_share_a_card(browser: Browser, tmp_path: Path) -> None:
    products = [
        Product(
            f"{group}-{size}",
            f"Red Dress {group}",
            {"item_group_id": f"g{group}", "size": size, "colour": "red"},
            "test",
        )
        for group in range(3)
        for size in ("S", "M", "L", "XL", "XXL", "XXXL", "4XL")[: 1 + 3 * group]
    ]
    with shop_open(write(tmp_path / "shop", products)) as client, visiting(browser, base_of(client)) as visit:
        page = visit.go("/?q=red+dress")
        visit.finds("Red Dress")
        expect(page.locator("#grid .card")).to_have_count(3)
        card = page.locator("#grid .card").filter(has_text="Red Dress 2")
        expect(card).to_contain_text("7 variants")
        expect(card.get_by_role("list", name="Variants of Red Dress 2").get_by_role("link")).to_have_count(5)
        expect(card.locator(".variants")).to_contain_text("+2")
        expect(page.locator("#grid .card").filter(has_text="Red Dress 0").locator(".variants")).to_have_count(0)
        expect(page.locator("#facets")).not_to_contain_text("group", ignore_case=True)
        expect(card.locator(".badges")).not_to_contain_text("g2")
        visit.check_axe()
        swatch = card.get_by_role("link", name="XL", exact=True)
        swatch.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("product=2-XL"))


def test_all_pictures_of_a_product_are_shown(browser: Browser, tmp_path: Path) -> None:
    vector = ENCODER.encode_image([draw("red", "dress")])[0]
    more = tuple(FurtherPicture(encoded(draw(colour, "dress")), vector) for colour in ("blue", "green"))
    with CatalogueWriter(tmp_path / "shop", INFO) as writer:
        product = Product("1", "Red Dress", {}, "test")
        writer.add([Entry(product, encoded(draw("red", "dress")), vector, unit(ENCODER._of_text("red dress")), more)])
    with shop_open(tmp_path / "shop") as client, visiting(browser, base_of(client)) as visit:
        page = visit.go("/?product=1")
        pictures = page.get_by_role("group", name="Pictures").get_by_role("button")
        expect(pictures).to_have_count(3)
        expect(pictures.first).to_have_attribute("aria-pressed", "true")
        large = page.locator("dialog .large img").last  # they are swiped
        page.get_by_role("button", name="Picture 3 of 3").press("Enter")
        expect(pictures.last).to_have_attribute("aria-pressed", "true")
        expect(large).to_be_in_viewport()
        holds(page, lambda: "n=2" in large.evaluate("one => one.currentSrc"))
        assert client.get("/v1/products/1/image", params={"n": 2}).content == more[1].image
        assert client.get("/v1/products/1/image", params={"n": 3}).status_code == 404
        visit.check_axe()
