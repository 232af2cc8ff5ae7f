"""The map page: it moves, answers a search, selects what is drawn around, and opens products."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, FloatRect, Page, expect

from index import make_map
from tests.tools.browser import Visit, needs_browser, visiting
from tests.tools.shop import IMAGES, DrawnEncoder, ask, products, shop_open, until, write_catalogue

pytestmark = needs_browser

SHADES = 30


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve a catalogue with an attribute of many values."""
    made = [
        replace(one, attributes={**one.attributes, "shade": f"Shade {number % SHADES}"})
        for number, one in enumerate(products())
    ]
    folder = write_catalogue(tmp_path_factory.mktemp("shades") / "catalogue", DrawnEncoder(), made)
    make_map(folder)
    with shop_open(folder) as client:
        yield client


def box_of(page: Page) -> FloatRect:
    box = page.locator("#canvas").bounding_box()
    assert box
    return box


def spots(page: Page, shop: httpx.Client) -> dict[str, tuple[float, float]]:
    """Return where on the page the map shows each product, where all of it is shown."""
    stands = shop.get("/v1/map").json()
    x, y = (np.frombuffer(base64.b64decode(stands[axis]), dtype="<u2") / 65535 for axis in "xy")
    box = box_of(page)
    side = 0.92 * min(box["width"], box["height"])
    across = box["x"] + box["width"] / 2 + (x - 0.5) * side
    down = box["y"] + box["height"] / 2 + (0.5 - y) * side
    return dict(zip(stands["ids"], zip(across.tolist(), down.tolist(), strict=True), strict=True))


def drag_around(page: Page, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def ready(visit: Visit, address: str = "/map") -> Page:
    page = visit.go(address)
    expect(page.locator("#view-count")).to_contain_text("48 products")
    return page


def test_the_map_moves_colours_and_opens_products(visit: Visit, shop: httpx.Client) -> None:
    page = visit.go("/map")
    expect(page.locator("#view-count")).to_have_text("48 products")
    expect(page.locator("#in-view a")).to_have_count(6)
    page.get_by_label("Colour by").select_option("baseColour")
    expect(page.locator("#legend li")).to_have_count(8)
    before = page.locator("#canvas").screenshot()
    page.locator("#legend button", has_text="Red").click()
    expect(page.locator("#legend button", has_text="Red")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("colour=baseColour.*only=Red"))
    until(lambda: page.locator("#canvas").screenshot() != before, seconds=60)
    page.locator("#legend button", has_text="Red").click()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator("#view-count")).to_contain_text("in view")
    expect(page).to_have_url(re.compile(r"z=2\."))
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).not_to_have_url(re.compile(r"x=0\.5&"))
    address = page.url
    page.reload()
    expect(page.locator("#view-count")).to_contain_text("in view")
    assert page.url == address
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#view-count")).to_have_text("48 products")
    # A dot where the service says that a product stands: the pointer tells it, a press opens it.
    spot = next(iter(spots(page, shop).values()))
    page.mouse.move(*spot)
    expect(page.locator("#tip")).to_be_visible()
    page.mouse.click(*spot)
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.keyboard.press("Escape")
    box = box_of(page)
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 260, steps=4)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(r"x=0\.5&"))
    page.mouse.wheel(0, -400)
    expect(page.locator("#view-count")).to_contain_text("in view")
    expect(page.locator("dialog.drawer")).to_be_hidden()


def test_a_product_is_shown_on_the_map(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&product=1000")
    page.get_by_role("link", name="On the map").click()
    expect(page).to_have_url(re.compile("/map.*at=1000"))
    expect(page.locator("#view-count")).to_contain_text("in view")


def test_what_is_typed_lights_up_its_matches(visit: Visit, shop: httpx.Client) -> None:
    page = ready(visit)
    before = page.locator("#canvas").screenshot()
    page.get_by_role("searchbox", name="Find on the map").fill("red dress")
    found = ask(shop, IMAGES, text="red dress", k=1000, cutoff="auto")["results"]
    assert 0 < len(found) < 48
    expect(page.locator("#matches")).to_contain_text(f"{len(found)} product")
    expect(page.locator("#view-count")).to_contain_text(f"{len(found)} match")
    until(lambda: page.locator("#canvas").screenshot() != before, seconds=60)
    expect(page.locator("#in-view li").first).to_have_text(found[0]["title"])
    expect(page).to_have_url(re.compile(r"q=red\+dress"))
    page.reload()
    expect(page.locator("#matches")).to_contain_text(f"{len(found)} product")
    page.get_by_role("button", name="Clear the search").click()
    expect(page.locator("#view-count")).to_have_text("48 products")
    expect(page.locator("#matches")).to_be_empty()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_products_are_selected_by_drawing_around_them(visit: Visit, shop: httpx.Client) -> None:
    page = ready(visit)
    places = spots(page, shop)
    box = box_of(page)
    middle = box["x"] + box["width"] / 2
    inside = {product for product, (x, _) in places.items() if x < middle}
    corners = [(middle, box["y"] + 2), (box["x"] + 2, box["y"] + 2), (box["x"] + 2, box["y"] + box["height"] - 2)]
    corners.append((middle, box["y"] + box["height"] - 2))
    page.get_by_role("button", name="Select by drawing").click()
    drag_around(page, corners)
    panel = page.get_by_role("region", name="Selected products")
    expect(panel.get_by_role("heading")).to_have_text(f"{len(inside)} products selected")
    expect(panel.get_by_role("heading")).to_be_focused()
    expect(page.get_by_role("button", name="Select by drawing")).to_have_attribute("aria-pressed", "false")
    expect(panel.locator(".near li")).to_have_count(min(24, len(inside)))
    expect(page.locator("#view-count")).to_contain_text(f"{len(inside)} match")
    like = httpx.URL(panel.get_by_role("link", name="Search for products like these").get_attribute("href") or "")
    assert set(like.params.get_list("like")) <= inside
    assert len(like.params.get_list("like")) == 8
    visit.check_axe()
    shared = panel.locator(".shared a").first
    value = shared.inner_text()
    shared.click()
    expect(page).to_have_url(re.compile(r"/\?f\."))
    expect(page.get_by_role("checkbox", name=re.compile(f"^{value}")).first).to_be_checked()
    page.go_back()
    expect(page.locator("#view-count")).to_contain_text("48 products")
    page.keyboard.down("Shift")
    drag_around(page, [(box["x"] + 4, box["y"] + 4), (box["x"] + 30, box["y"] + 4), (box["x"] + 4, box["y"] + 30)])
    page.keyboard.up("Shift")
    expect(panel).to_contain_text("There is no product inside")
    panel.get_by_role("button", name="Clear selection").click()
    expect(panel).to_be_hidden()
    expect(page.locator("#view-count")).to_have_text("48 products")


def test_the_keyboard_selects_what_is_in_view(visit: Visit, shop: httpx.Client) -> None:
    page = ready(visit)
    page.get_by_role("searchbox").fill("red dress")
    expect(page.locator("#matches")).to_contain_text("light")
    page.locator("#canvas").focus()
    page.keyboard.press("s")
    count = len(ask(shop, IMAGES, text="red dress", k=1000, cutoff="auto")["results"])
    heading = page.get_by_role("region", name="Selected products").get_by_role("heading")
    expect(heading).to_have_text(re.compile(rf"^{count} products? selected"))
    page.locator("#canvas").focus()
    page.keyboard.press("Escape")
    expect(heading).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.locator("#view-count")).to_have_text("48 products")


def test_a_map_that_is_zoomed_as_far_as_it_goes_shows_several_products(visit: Visit) -> None:
    page = ready(visit)
    page.locator("#canvas").focus()
    for _ in range(25):
        page.keyboard.press("+")
    expect(page.locator("#view-count")).to_contain_text("in view")
    in_view = re.match(r"(\d+) of 48", page.locator("#view-count").inner_text())
    assert in_view
    assert int(in_view[1]) >= 48 / 16


def test_every_value_is_in_the_legend(browser: Browser, shades: httpx.Client) -> None:
    with visiting(browser, str(shades.base_url).rstrip("/")) as visit:
        page = visit.go("/map?colour=shade")
        legend = page.locator("#legend")
        expect(legend.get_by_role("button")).to_have_count(13)
        more = legend.get_by_role("button", name=re.compile("18 more values"))
        more.click()
        expect(legend.get_by_role("button")).to_have_count(SHADES + 1)
        expect(legend.get_by_role("button", name="Show fewer values")).to_be_focused()
        last = legend.get_by_role("button", name=re.compile("Shade")).last
        name = last.inner_text().split("\n")[0]
        last.click()
        chosen = legend.get_by_role("button", name=re.compile(f"^{name}"))
        expect(chosen).to_have_attribute("aria-pressed", "true")
        expect(chosen).to_be_focused()
        expect(page.locator("#view-count")).to_contain_text("match")
        legend.get_by_role("button", name="Show fewer values").click()
        expect(legend.get_by_role("button")).to_have_count(14)  # what is chosen keeps its place in the legend


def test_the_map_speaks_the_visitors_language(browser: Browser, shop: httpx.Client) -> None:
    with visiting(browser, str(shop.base_url).rstrip("/"), locale="fr-FR") as visit:
        page = visit.go("/map")
        expect(page.locator("#view-count")).to_have_text("48 produits")
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        expect(page.locator("#colour")).to_contain_text("Couleur")
        page.get_by_label("Colorer par").select_option("baseColour")
        expect(page.locator("#legend")).to_contain_text("Rouge")
        expect(page).to_have_url(re.compile("colour=baseColour"))
        page.get_by_label("Langue").select_option("it")
        expect(page.locator("#view-count")).to_have_text("48 prodotti")
        expect(page.locator("#legend")).to_contain_text("Rosso")
        page.get_by_role("link", name="Ricerca").click()
        expect(page.locator("html")).to_have_attribute("lang", "it")


def test_two_fingers_zoom(browser: Browser, shop: httpx.Client) -> None:
    with visiting(
        browser, str(shop.base_url).rstrip("/"), has_touch=True, viewport={"width": 360, "height": 740}
    ) as visit:
        page = ready(visit)
        box = box_of(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = page.context.new_cdp_session(page)

        def touch(kind: str, apart: float) -> None:
            points = (
                [] if kind == "touchEnd" else [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
            )
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 20)
        for apart in (30, 45, 60):
            touch("touchMove", apart)
        touch("touchEnd", 60)
        expect(page.locator("#view-count")).to_contain_text("in view")
        expect(page.locator("dialog.drawer")).to_be_hidden()
