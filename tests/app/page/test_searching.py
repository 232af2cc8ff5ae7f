"""The pages in a real Chromium: what a person types, drops, presses and sees; also with a keyboard, a phone and axe.

Uses the `chromium` that is installed (or the one that CHROMIUM names) and downloads none. With
VITRINE_SCREENSHOTS=folder the pictures of the documentation are taken anew, of the drawn demo shop.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect, sync_playwright

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from index import make_map
from tests.tools.root import ROOT
from tests.tools.shop import IMAGES, DrawnEncoder, draw, encoded, served, shop_open, write_catalogue
from training.demo import prepare_demo

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser: install Debian's chromium, or name one in CHROMIUM, to test the pages"
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
AXE = ROOT / "tests" / "vendor" / "axe-core-4.14.1" / "axe.min.js"
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 640}
PATIENCE_MS = 60_000
"""How long to wait for what must come: the machine may be busy, and measuring has the lowest priority."""
SEEN = """() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))"""


@dataclass
class Visit:
    """A page at a shop, and everything that went wrong on it."""

    page: Page
    base: str
    wrong: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def titles(self) -> list[str]:
        return self.page.locator(".card:not(.ghost) h3").all_inner_texts()

    def finds(self, title: str) -> None:
        """Wait until the first result has this title."""
        expect(self.page.locator("#grid .card h3").first).to_have_text(re.compile(title))
        expect(self.page.locator("#results")).not_to_have_attribute("aria-busy", "true")

    def check_axe(self) -> None:
        """Refuse what axe finds serious."""
        self.page.evaluate(SEEN)
        # A script of the page's own address is what the content security policy allows; evaluate runs beside it.
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        serious = [
            (one["id"], [node["html"][:160] + " :: " + node["failureSummary"][:200] for node in one["nodes"][:3]])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, serious


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = write_catalogue(tmp_path_factory.mktemp("page") / "catalogue", DrawnEncoder())
    make_map(folder)
    with shop_open(folder) as client:
        yield client


@contextmanager
def visiting(browser: Browser, base: str, **options: Any) -> Iterator[Visit]:
    """Open a page that must neither complain nor ask another host."""
    context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), base)
    visit.page.on("console", lambda message: visit.wrong.append(message.text) if message.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.wrong.append(str(error)))

    def note(url: str) -> None:
        visit.asked.append(url)
        if not url.startswith((base, "blob:", "data:")):
            visit.strangers.append(url)

    visit.page.on("request", lambda request: note(request.url))
    try:
        yield visit
        assert not visit.wrong, visit.wrong
        assert not visit.strangers, visit.strangers
    finally:
        context.close()


@pytest.fixture
def visit(browser: Browser, shop: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, str(shop.base_url).rstrip("/")) as visit:
        yield visit


@pytest.fixture
def trouble(browser: Browser, shop: httpx.Client) -> Iterator[Visit]:
    """A visit on which calls may fail: the browser itself reports those on the console."""
    with visiting(browser, str(shop.base_url).rstrip("/")) as visit:
        yield visit
        assert all("Failed to load resource" in text for text in visit.wrong), visit.wrong
        visit.wrong.clear()


def picture(tmp_path: Path, colour: str, kind: str) -> Path:
    path = tmp_path / f"{colour}-{kind}.png"
    path.write_bytes(encoded(draw(colour, kind)))
    return path


HAND_OVER = """async ([kind, bytes, type]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], "picture", {type}));
  const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true})
    : new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true});
  document.body.dispatchEvent(event);
}"""


def hand_over(page: Page, kind: str, data: bytes, media_type: str = "image/png") -> None:
    page.evaluate(HAND_OVER, [kind, list(data), media_type])


# Searching


def test_the_search_follows_what_is_typed_and_stands_in_the_address(visit: Visit) -> None:
    page = visit.go("/")
    expect(page.locator("#tiles li")).to_have_count(5)
    page.keyboard.press("/")
    page.keyboard.type("red dress", delay=20)
    visit.finds("Red Dress")
    expect(page).to_have_url(re.compile(r"\?q=red\+dress$"))
    expect(page).to_have_title("red dress · Vitrine")
    expect(page.locator("#count")).to_contain_text("48 products")
    assert sum(IMAGES in url and "batch" not in url for url in visit.asked) <= 4  # not one per key
    page.reload()
    visit.finds("Red Dress")
    expect(page.get_by_role("searchbox")).to_have_value("red dress")
    page.get_by_role("searchbox").fill("green bag")
    visit.finds("Green Bag")
    page.go_back()
    visit.finds("Red Dress")
    page.go_back()
    expect(page.locator("#tiles li").first).to_be_visible()
    expect(page.locator("#found")).to_be_hidden()


def test_an_answer_that_comes_late_is_not_shown(visit: Visit) -> None:
    page = visit.go("/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        body = route.request.post_data_json or {}
        if body.get("text") == "red dress":
            held.append(route)
        else:
            route.continue_()

    page.route(f"**{IMAGES}", hold)
    page.get_by_role("searchbox").fill("red dress")
    expect(page.locator(".card.ghost").first).to_be_visible()  # skeletons meanwhile
    page.wait_for_timeout(300)
    page.get_by_role("searchbox").fill("blue shoes")
    visit.finds("Blue Shoes")
    assert held, "the first search was never sent"
    page.unroute_all(behavior="ignoreErrors")
    page.wait_for_timeout(200)
    visit.finds("Blue Shoes")


def test_a_picture_is_chosen_dropped_or_pasted(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/")
    page.locator("#file").set_input_files(picture(tmp_path, "blue", "shirt"))
    visit.finds("Blue Shirt")
    expect(page.locator("#picture-image")).to_have_js_property("naturalWidth", 120)
    hand_over(page, "dragover", b"x")
    expect(page.locator("body")).to_have_class(re.compile("dropping"))
    hand_over(page, "drop", encoded(draw("green", "watch")))
    visit.finds("Green Watch")
    hand_over(page, "paste", encoded(draw("pink", "bag"), "JPEG"), "image/jpeg")
    visit.finds("Pink Bag")
    page.go_back()
    visit.finds("Green Watch")
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)  # the address alone, without the picture
    visit.finds("Green Watch")
    page.get_by_role("button", name="Remove the picture").click()
    expect(page).to_have_url(re.compile(r"/$"))


def test_a_large_photo_is_made_smaller_before_it_is_sent(visit: Visit) -> None:
    page = visit.go("/")
    noise = np.random.default_rng(0).integers(0, 40, (1500, 1200, 3), dtype=np.uint8)
    photo = np.asarray(draw("red", "bag").resize((1200, 1500))).astype(np.int64)
    data = encoded(Image.fromarray((photo - noise).clip(0, 255).astype(np.uint8)))
    assert len(data) > 1_500_000
    with page.expect_request("**/v1/embeddings") as sent:
        page.locator("#file").set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": data})
    assert len(sent.value.post_data or "") < 1_500_000
    visit.finds("Red Bag")


def test_words_and_picture_are_balanced(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/?q=yellow")
    page.locator("#file").set_input_files(picture(tmp_path, "blue", "shirt"))
    expect(page.locator("#weight")).to_be_visible()
    visit.finds("Shirt")
    page.locator("#weight").fill("0.05")
    visit.finds("Blue Shirt")
    expect(page.locator("#weight")).to_have_attribute("aria-valuetext", "5 percent words, 95 percent picture")
    page.locator("#weight").fill("0.95")
    visit.finds("Yellow")
    expect(page).to_have_url(re.compile(r"words=0\.95"))
    page.reload()
    visit.finds("Yellow")
    expect(page.locator("#weight")).to_have_value("0.95")


def test_filters_count_combine_and_go_back(visit: Visit) -> None:
    page = visit.go("/?q=dress")
    visit.finds("Dress")
    red = page.get_by_role("checkbox", name="Red")
    expect(page.locator("label", has=red)).to_contain_text("6")
    red.check()
    expect(page.locator("#count")).to_contain_text("6 products")
    page.get_by_role("checkbox", name="Shoes").check()
    expect(page.locator("#count")).to_contain_text(re.compile("^(One product|2 products)"))
    visit.finds("Red Shoes")
    expect(page).to_have_url(
        re.compile(r"f\.baseColour=Red.*f\.articleType=Shoes|f\.articleType=Shoes.*f\.baseColour=Red")
    )
    expect(page.locator("#active button")).to_have_count(2)
    page.go_back()
    expect(page.locator("#count")).to_contain_text("6 products")
    page.locator("#active button").click()
    expect(page.locator("#count")).to_contain_text("48 products")
    page.go_back()
    expect(page.get_by_role("checkbox", name="Red")).to_be_checked()
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("checkbox", name="Red")).not_to_be_checked()


def test_the_catalogue_can_be_looked_through_without_a_query(visit: Visit) -> None:
    page = visit.go("/")
    page.locator("#tiles a", has_text="Watch").click()
    visit.finds("Watch")
    expect(page.locator("#active button")).to_have_count(1)
    assert all("Watch" in title for title in visit.titles())


def test_more_and_less_like_this(visit: Visit) -> None:
    page = visit.go("/?q=red")
    visit.finds("Red")
    first = visit.titles()[0]
    page.get_by_role("button", name=f"Less like {first}").first.click()
    expect(page.locator("#tastes .unlike")).to_have_count(1)
    expect(page.locator("#grid .card h3").first).not_to_have_text(first)
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    kind = visit.titles()[3].split()[1]
    page.locator("#grid .card").nth(3).get_by_role("button", name="More like").click()
    expect(page.locator("#tastes li")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"like=.*unlike=|unlike=.*like="))
    page.get_by_role("searchbox").fill("")
    visit.finds(kind)
    page.reload()
    visit.finds(kind)
    page.locator("#tastes .unlike button").click()
    expect(page.locator("#tastes li")).to_have_count(1)


def test_more_comes_as_one_scrolls_and_comes_back_with_the_address(visit: Visit) -> None:
    page = visit.go("/?q=blue")
    visit.finds("Blue")
    page.mouse.wheel(0, 5000)
    expect(page.locator("#grid .card")).to_have_count(48)
    expect(page.locator("#more")).to_be_hidden()
    expect(page).to_have_url(re.compile("n=48"))
    assert len(set(page.locator("#grid .card a").evaluate_all("all => all.map(one => one.href)"))) == 48
    page.reload()
    expect(page.locator("#grid .card")).to_have_count(48)


def test_the_drawer_shows_a_product_and_its_neighbours(visit: Visit) -> None:
    page = visit.go("/?q=red+dress")
    visit.finds("Red Dress")
    title, second = visit.titles()[:2]
    page.locator("#grid .card a").first.click()
    drawer = page.locator("dialog.drawer")
    expect(drawer.get_by_role("heading", name=title)).to_be_visible()
    expect(drawer.locator("dl")).to_contain_text("Article type")
    expect(drawer.locator(".near a")).to_have_count(8)
    expect(page).to_have_url(re.compile("product="))
    page.keyboard.press("ArrowRight")
    expect(drawer.locator("h2")).to_have_text(second)
    page.go_back()
    expect(drawer).to_be_hidden()
    page.go_forward()
    expect(drawer).to_be_visible()
    page.reload()
    expect(drawer.locator("h2")).to_have_text(second)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("product="))
    page.locator("#grid .card a").first.click()
    drawer.get_by_role("button", name="More like this").click()
    expect(drawer).to_be_hidden()
    expect(page.locator("#tastes .like")).to_have_count(1)
    page.go_back()
    expect(page.locator("#tastes .like")).to_have_count(0)


def test_an_id_of_any_kind_can_be_opened(visit: Visit) -> None:
    page = visit.go("/?product=twin%2F0%3F50%25%23")
    expect(page.locator("dialog.drawer h2")).to_have_text("Red Dress for Women")


def test_a_picture_finds_descriptions_and_the_words_that_carry_them(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/")
    page.locator("#file").set_input_files(picture(tmp_path, "blue", "shirt"))
    visit.finds("Blue Shirt")
    page.get_by_role("button", name="Descriptions").click()
    first = page.locator("#descriptions li").first
    expect(first).to_contain_text("Blue Shirt for")
    expect(first.locator("mark.strong")).not_to_have_count(0)
    assert set(first.locator("mark.strong").all_inner_texts()) <= {"Blue", "Shirt"}
    expect(page).to_have_url(re.compile("show=descriptions"))
    page.reload()
    expect(page.locator("#descriptions mark.strong").first).to_be_visible()
    first.get_by_role("button").click()
    visit.finds("Blue Shirt")
    expect(page.get_by_role("searchbox")).to_have_value(re.compile("Blue Shirt for"))


def test_a_keyboard_is_enough(visit: Visit) -> None:
    page = visit.go("/?q=red")
    visit.finds("Red")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    cards = page.locator("#grid .card a")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    columns = page.evaluate(
        "(() => { const all = [...document.querySelectorAll('#grid .card')];"
        " return all.filter(one => one.offsetTop === all[0].offsetTop).length; })()"
    )
    expect(cards.nth(1 + columns)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.drawer")).to_be_hidden()
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()


# Trouble


def test_errors_are_said_kindly_and_can_be_tried_again(trouble: Visit) -> None:
    page = trouble.go("/")
    page.route(f"**{IMAGES}", lambda route: route.abort())
    page.get_by_role("searchbox").fill("red dress")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute_all()
    overloaded = {"error": {"code": "overloaded", "message": "x", "details": [], "request_id": "abc-1"}}
    page.route(f"**{IMAGES}", lambda route: route.fulfill(status=503, json=overloaded))
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_contain_text("Many people are searching")
    expect(page.get_by_role("alert")).to_contain_text("abc-1")
    trouble.check_axe()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    trouble.finds("Red Dress")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_is_no_picture_is_said_so(trouble: Visit) -> None:
    page = trouble.go("/")
    hand_over(page, "drop", b"plain words", "text/plain")
    expect(page.get_by_role("alert")).to_contain_text("not a picture")
    hand_over(page, "drop", b"\x89PNG but not really", "image/png")
    expect(page.get_by_role("alert")).to_contain_text("cannot be read as a picture")
    page.get_by_role("searchbox").fill("blue bag")
    trouble.finds("Blue Bag")


def test_addresses_that_lead_nowhere(trouble: Visit) -> None:
    page = trouble.go("/?q=dress&f.gender=Martian")
    expect(page.get_by_role("alert")).to_contain_text("Fewer filters find more")
    page.get_by_role("button", name="Remove the filters").click()
    trouble.finds("Dress")
    trouble.go("/?picture=00000000.AAAA")
    expect(page.get_by_role("alert")).to_contain_text("earlier model")
    trouble.go("/?q=dress&f.nothing=1")
    expect(page.get_by_role("alert")).to_contain_text("unknown filter")
    trouble.go("/?q=dress&product=nobody")
    expect(page.locator("dialog.drawer")).to_contain_text("no longer in the catalogue")


def test_an_empty_catalogue(browser: Browser, tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder(), [])
    with shop_open(folder) as client, visiting(browser, str(client.base_url).rstrip("/")) as visit:
        visit.go("/?q=dress")
        expect(visit.page.get_by_role("alert")).to_contain_text("still empty")
        visit.go("/map")
        expect(visit.page.get_by_role("alert")).to_contain_text("no map yet")
        visit.wrong.clear()  # the map's 404


def test_a_service_with_keys_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    _, secret = create_key(tmp_path / "keys.json", "visitor", "read")
    with (
        shop_open(folder, reads="keyed", keys=tmp_path / "keys.json") as client,
        visiting(browser, str(client.base_url).rstrip("/")) as visit,
    ):
        page = visit.go("/?q=red+dress")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("asks for a key")
        visit.check_axe()
        page.get_by_role("textbox", name="Key").fill("vtr_wrong")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("not known here")
        page.get_by_role("textbox", name="Key").fill(secret)
        page.keyboard.press("Enter")
        visit.finds("Red Dress")
        expect(page.locator("#grid img").first).to_have_js_property("naturalWidth", 120)
        assert secret not in page.url
        page.reload()
        visit.finds("Red Dress")
        expect(dialog).to_be_hidden()
        assert all("401" in text for text in visit.wrong)
        visit.wrong.clear()


# Evaluation and map


def test_the_evaluation_shows_the_figures_of_the_service(visit: Visit, shop: httpx.Client) -> None:
    page = visit.go("/evaluation")
    figures = shop.get("/v1/evaluation").json()
    recall = f"{100 * figures['titles']['recall10']['value']:.1f}"
    expect(page.locator("#headline li").first).to_contain_text(recall)
    expect(page.locator("#recall canvas")).to_be_visible()
    expect(page.locator("#similarity canvas")).to_be_visible()
    expect(page.locator("#paper")).to_contain_text("BERT + ViT (paper)")
    expect(page.locator("#paper")).to_contain_text("37.11")
    expect(page.locator("#paper-note")).to_contain_text("other products")
    page.get_by_role("button", name="All pairs", exact=True).click()
    expect(page.locator("#paper-note")).to_contain_text("same protocol")
    everything = shop.get("/v1/evaluation?split=all").json()
    strict = f"{100 * everything['image_to_text']['strict_id']['top1']['value']:.1f}"
    expect(page.locator("#paper .ours")).to_contain_text(strict)
    expect(page).to_have_url(re.compile("split=all"))
    page.get_by_role("button", name="Title frequency").click()
    expect(page.locator("#slices")).to_contain_text("titles")
    page.get_by_role("button", name="Image → text").click()
    expect(page.locator("#queries > li")).to_have_count(12)
    expect(page.locator("#queries-title")).to_contain_text("Worst of 48")
    page.get_by_role("button", name="Best", exact=True).click()
    expect(page.locator("#queries > li").first).to_contain_text("Found first")
    page.go_back()
    expect(page.locator("#queries-title")).to_contain_text("Worst")
    page.locator("#queries a").first.click()
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.reload()
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.keyboard.press("Escape")
    expect(page.locator("#queries-title")).to_contain_text("Worst of 48")


def test_the_map_moves_colours_and_opens_products(visit: Visit, shop: httpx.Client) -> None:
    page = visit.go("/map")
    expect(page.locator("#inview")).to_have_text("48 products")
    expect(page.locator("#middle a")).to_have_count(6)
    page.get_by_label("Colour by").select_option("baseColour")
    expect(page.locator("#legend li")).to_have_count(8)
    before = page.locator("#canvas").screenshot()
    page.locator("#legend button", has_text="Red").click()
    expect(page.locator("#legend button", has_text="Red")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("colour=baseColour.*only=Red"))
    assert page.locator("#canvas").screenshot() != before
    page.locator("#legend button", has_text="Red").click()
    page.get_by_role("button", name="Closer").click()
    page.get_by_role("button", name="Closer").click()
    expect(page.locator("#inview")).to_contain_text("in view")
    expect(page).to_have_url(re.compile(r"z=2\.56"))
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).not_to_have_url(re.compile(r"x=0\.5&"))
    address = page.url
    page.reload()
    expect(page.locator("#inview")).to_contain_text("in view")
    assert page.url == address
    page.keyboard.press("Escape")
    page.get_by_role("button", name="The whole map").click()
    expect(page.locator("#inview")).to_have_text("48 products")
    # A dot where the service says that a product stands: the pointer tells it, a press opens it.
    stands = shop.get("/v1/map").json()
    x, y = (int(np.frombuffer(base64.b64decode(stands[axis]), dtype="<u2")[0]) / 65535 for axis in "xy")
    box = page.locator("#canvas").bounding_box()
    assert box
    side = 0.92 * min(box["width"], box["height"])
    spot = box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] / 2 + (0.5 - y) * side
    page.mouse.move(*spot)
    expect(page.locator("#tip")).to_be_visible()
    page.mouse.click(*spot)
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.keyboard.press("Escape")
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 260, steps=4)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(r"x=0\.5&"))
    page.mouse.wheel(0, -400)
    expect(page.locator("#inview")).to_contain_text("in view")
    expect(page.locator("dialog.drawer")).to_be_hidden()


def test_a_product_is_shown_on_the_map(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&product=1000")
    page.get_by_role("link", name="On the map").click()
    expect(page).to_have_url(re.compile("/map.*at=1000"))
    expect(page.locator("#inview")).to_contain_text("in view")


# Everybody

STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "landing": ("/", lambda page: expect(page.locator("#tiles li")).to_have_count(5)),
    "results": (
        "/?q=red+dress&f.gender=Women&unlike=1001",
        lambda page: expect(page.locator(".card")).not_to_have_count(0),
    ),
    "descriptions": (
        "/?like=1000&show=descriptions",
        lambda page: expect(page.locator("mark.strong").first).to_be_visible(),
    ),
    "drawer": ("/?q=red&product=1000", lambda page: expect(page.locator(".near a")).to_have_count(8)),
    "evaluation": ("/evaluation?split=all", lambda page: expect(page.locator("#queries > li")).to_have_count(12)),
    "map": ("/map", lambda page: expect(page.locator("#inview")).to_contain_text("48")),
    "reference": ("/docs", lambda page: expect(page.locator("h1")).to_be_visible()),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, shop: httpx.Client, scheme: str) -> None:
    grounds = {"light": "rgb(251, 250, 248)", "dark": "rgb(21, 19, 20)"}
    with visiting(browser, str(shop.base_url).rstrip("/"), color_scheme=scheme) as visit:
        for path, there in STATES.values():
            there(visit.go(path))
            expect(visit.page.locator("body")).to_have_css("background-color", grounds[scheme])
            visit.check_axe()


def test_a_phone_is_wide_enough(browser: Browser, shop: httpx.Client) -> None:
    base = str(shop.base_url).rstrip("/")
    with visiting(browser, base, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        for name, (path, there) in STATES.items():
            there(visit.go(path)) if name != "map" else visit.go(path)
            width = visit.page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], (name, width)
            assert visit.page.evaluate("visualViewport.scale") == 1, name
            visit.check_axe()
        page = visit.go("/?q=red")
        visit.finds("Red")
        expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
        assert page.locator("#photo").get_attribute("capture") == "environment"
        expect(page.locator("#filters")).to_be_hidden()
        page.get_by_role("button", name="Filters").tap()
        page.get_by_role("checkbox", name="Bag").tap()
        visit.check_axe()
        page.get_by_role("button", name="Show the results").tap()
        expect(page.locator("#filters")).to_be_hidden()
        visit.finds("Red Bag")
        small = page.locator("button:visible").evaluate_all(
            "all => all.filter(one => Math.min(one.offsetWidth, one.offsetHeight) < 24).map(one => one.outerHTML)"
        )
        assert not small


# The demo


def test_the_demo_answers_at_once_and_sits_for_its_portraits(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """First results within a second, at the best of five: other processes may hold the machine up, the page may not."""
    portraits = os.environ.get("VITRINE_SCREENSHOTS")
    folder = tmp_path_factory.mktemp("demo")
    prepare_demo(folder, products=2000 if portraits else 300, device="cpu")
    settings = Settings.read(checkpoint=folder / "checkpoint", catalogue=folder / "catalogue", device="cpu")
    with served(create_app(settings)) as client:
        base = str(client.base_url).rstrip("/")
        with visiting(browser, base) as visit:
            took = []
            for text in ("red dress", "blue shirt for men", "black watch", "brown handbag", "sunglasses"):
                page = visit.go("/")
                expect(page.locator("#tiles li").first).to_be_visible()
                begun = page.evaluate("performance.now()")
                page.get_by_role("searchbox").fill(text)
                expect(page.locator("#grid .card:not(.ghost)").first).to_be_visible()
                took.append(page.evaluate("performance.getEntriesByName('answered')[0].startTime") - begun)
                assert len(visit.titles()) == 30
            assert min(took) < 1000, took
        if portraits:
            take_portraits(browser, base, folder / "data" / "images", Path(portraits))


def take_portraits(browser: Browser, base: str, pictures: Path, out: Path) -> None:
    """Take the pictures of the documentation into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def sitting(path: str, **options: Any) -> Iterator[Page]:
        with visiting(browser, base, **{"viewport": {"width": 1360, "height": 850}, **options}) as visit:
            yield visit.go(path)

    def take(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
        page.wait_for_timeout(400)
        page.screenshot(path=out / f"{name}.jpg", type="jpeg", quality=86)

    with sitting("/") as page:
        take(page, "landing")
    for scheme in ("light", "dark"):
        with sitting("/?q=red+dress", color_scheme=scheme) as page:
            take(page, f"search-{scheme}")
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with sitting("/?q=sunglasses", **phone) as page:
        take(page, "phone")
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
