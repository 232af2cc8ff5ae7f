"""The elements in the page of a shop: on another port, under a strict content security policy of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.http import create_key
from tests.tools.browser import PATIENCE_MS, Visit, needs_browser, visiting
from tests.tools.host import hosted
from tests.tools.shop import DrawnEncoder, shop_open, until, write_catalogue

pytestmark = needs_browser

PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="{service}/embed.js"></script></head>
<body><header>Shop</header><main><h1>Shop</h1>{body}</main></body></html>"""
POLICY = (
    "default-src 'none'; script-src {service}; connect-src {service}; img-src {service} blob:; frame-src {service}; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HOSTILE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`html { font-size: 62.5% } * { all: unset; color: lime; font: 40px serif; letter-spacing: 1em;
    text-transform: uppercase } div, li, button, h2 { display: inline; background: lime; position: absolute }`);
  document.adoptedStyleSheets = [sheet];
}"""
LISTEN = """() => {
  window.heard = [];
  for (const name of ["vitrine-search", "vitrine-results", "vitrine-select"]) {
    document.body.addEventListener(name, (event) => {
      window.heard.push([name, event.detail]);
      if (window.prevented === name) event.preventDefault();
    });
  }
}"""


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = write_catalogue(tmp_path_factory.mktemp("embed") / "catalogue", DrawnEncoder())
    with shop_open(folder, origins="*") as client:
        yield client


@contextmanager
def at_host(
    browser: Browser, shop: httpx.Client, *bodies: str, lang: str = "en", direction: str = "ltr", **options: Any
) -> Iterator[Visit]:
    """Visit the page of a shop; each body is a page of it: `/`, `/1`, `/2`."""
    service = str(shop.base_url).rstrip("/")
    pages = {
        "/" if not number else f"/{number}": PAGE.format(lang=lang, dir=direction, service=service, body=body)
        for number, body in enumerate(bodies)
    }
    with hosted(pages, POLICY.format(service=service)) as origin, visiting(browser, origin, **options) as visit:
        yield visit
        assert all(url.startswith(service) for url in visit.strangers), visit.strangers
        visit.strangers.clear()


def field(place: Page | Locator) -> Locator:
    return place.locator("#text")


def cards(place: Page | Locator) -> Locator:
    return place.locator("#grid .card:not(.ghost)")


def holds(page: Page, told: str) -> None:
    """Wait for what a script tells; the browser's own waiting needs `unsafe-eval`, which a strict shop refuses."""
    until(lambda: page.evaluate(told), PATIENCE_MS / 1000)


def test_two_lines_are_a_search_under_the_policy_of_a_strict_shop(browser: Browser, open_shop: httpx.Client) -> None:
    with at_host(browser, open_shop, '<vitrine-search picture show="gender"></vitrine-search>') as visit:
        page = visit.go("/?utm=mail")
        expect(page.locator("#tiles li")).to_have_count(5)
        visit.check_axe()
        field(page).fill("red dress")
        visit.finds("Red Dress")
        expect(page).to_have_url(re.compile(r"/\?utm=mail&vq=red\+dress$"))
        expect(cards(page).first.locator(".badge")).to_have_count(1)
        expect(page.locator("#grid img").first).to_have_js_property("complete", True)
        assert page.title() == "Shop"
        expect(page.locator(".score, .why, #show-descriptions:visible, kbd")).to_have_count(0)
        visit.check_axe()
        cards(page).first.locator("h3 a").click()
        expect(page.locator("dialog.drawer .near a")).to_have_count(8)
        expect(page).to_have_url(re.compile("vproduct="))
        visit.check_axe()
        page.keyboard.press("Escape")
        expect(page.locator("dialog.drawer")).to_be_hidden()
        page.keyboard.press("Tab")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")  # a key of the shop's own
        expect(field(page)).not_to_be_focused()
        page.reload()
        visit.finds("Red Dress")
        page.go_back()
        expect(page.locator("#tiles li")).to_have_count(5)


def test_a_column_of_a_wide_page_has_the_layout_of_a_phone(browser: Browser, open_shop: httpx.Client) -> None:
    with at_host(browser, open_shop, "<vitrine-search></vitrine-search>") as visit:
        page = visit.go("/?vq=dress")
        visit.finds("Dress")
        place = page.locator("#filters")
        expect(place).to_be_visible()
        page.evaluate("document.querySelector('vitrine-search').style.cssText = 'display: block; width: 400px'")
        expect(place).to_be_hidden()
        first, second, third = (cards(page).nth(row).bounding_box() for row in range(3))
        assert first is not None
        assert second is not None
        assert third is not None
        assert first["y"] == second["y"] < third["y"], "two cards in a row"
        page.evaluate("document.querySelector('vitrine-search').style.width = '100%'")
        expect(place).to_be_visible()


def test_what_the_shop_styles_stays_out_and_what_it_may_style_comes_in(
    browser: Browser, open_shop: httpx.Client
) -> None:
    plain = "<vitrine-search address='off' placeholder='Find a dress'></vitrine-search>"
    with at_host(browser, open_shop, plain) as visit:
        page = visit.go("/")
        names = ["color", "fontSize", "fontFamily", "display", "textTransform"]
        looks = f"one => {names}.map(name => getComputedStyle(one)[name])"
        expect(page.locator("#tiles li")).to_have_count(5)
        before = page.locator("#tiles b").first.evaluate(looks)
        page.evaluate(HOSTILE)
        assert page.locator("#tiles b").first.evaluate(looks) == before
        expect(field(page)).to_have_css("font-size", "16.96px")
        page.evaluate(
            """() => {
              const sheet = new CSSStyleSheet();
              sheet.replaceSync(`vitrine-search { --vitrine-accent: rgb(1, 2, 3); --vitrine-font: monospace; }
                vitrine-search::part(tile) { outline: 3px solid rgb(4, 5, 6); }`);
              document.adoptedStyleSheets = [sheet];
            }"""
        )
        expect(page.locator("#tiles b").first).to_have_css("font-family", "monospace")
        expect(page.locator("#tiles a").first).to_have_css("outline-color", "rgb(4, 5, 6)")
        assert field(page).get_attribute("placeholder") == "Find a dress"


def test_it_is_dark_where_the_shop_is_and_speaks_its_language_from_right_to_left(
    browser: Browser, open_shop: httpx.Client
) -> None:
    body = '<vitrine-search address="off" picture></vitrine-search>'
    options: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
    with at_host(browser, open_shop, body, lang="fr-CH", direction="rtl", **options) as visit:
        page = visit.go("/")
        expect(page.locator("#tiles li")).to_have_count(5)
        expect(page.get_by_role("combobox", name="Que cherchez-vous")).to_be_visible()
        ink = page.locator("#view")
        expect(ink).to_have_css("color", "rgb(27, 25, 24)")  # the shop is light, whatever the visitor likes
        page.locator("vitrine-search").evaluate("one => one.setAttribute('theme', 'dark')")
        expect(ink).to_have_css("color", "rgb(241, 237, 235)")
        expect(ink).to_have_css("background-color", "rgb(21, 19, 20)")  # the page below it is light
        page.locator("vitrine-search").evaluate("one => one.setAttribute('theme', 'auto')")
        expect(ink).to_have_css("color", "rgb(27, 25, 24)")
        field(page).fill("red dress")
        visit.finds("Red Dress")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        loupe, photo = (page.locator(one).bounding_box() for one in ("#search [type=submit]", "#choose-file"))
        assert loupe
        assert photo
        assert loupe["x"] > photo["x"]
        visit.check_axe()


def test_two_searches_in_one_page_do_not_disturb_each_other(browser: Browser, open_shop: httpx.Client) -> None:
    body = '<vitrine-search id="one"></vitrine-search><vitrine-search id="two" address="w"></vitrine-search>'
    with at_host(browser, open_shop, body) as visit:
        page = visit.go("/")
        one, two = page.locator("#one"), page.locator("#two")
        field(one).fill("red dress")
        expect(cards(one).first).to_contain_text("Red Dress")
        field(two).fill("blue bag")
        expect(cards(two).first).to_contain_text("Blue Bag")
        expect(page).to_have_url(re.compile(r"vq=red\+dress&wq=blue\+bag"))
        assert sum(url.endswith("/words/en.json") for url in visit.asked) == 1
        page.reload()
        expect(cards(one).first).to_contain_text("Red Dress")
        expect(cards(two).first).to_contain_text("Blue Bag")
        page.go_back()
        expect(two.locator("#tiles li")).to_have_count(5)
        expect(cards(one).first).to_contain_text("Red Dress")
        visit.check_axe()


def test_the_page_hears_what_happens_and_may_do_it_itself(browser: Browser, open_shop: httpx.Client) -> None:
    body = '<vitrine-search address="off" href="/article/{id}"></vitrine-search>'
    with at_host(browser, open_shop, body) as visit:
        page = visit.go("/")
        page.evaluate(LISTEN)
        field(page).fill("red dress")
        visit.finds("Red Dress")
        heard = page.evaluate("heard")
        assert [name for name, _ in heard[-2:]] == ["vitrine-search", "vitrine-results"]
        asked, found = heard[-2][1], heard[-1][1]
        assert asked == {
            "text": "red dress",
            "filters": {},
            "like": [],
            "unlike": [],
            "sort": "relevance",
            "picture": False,
        }
        assert found["total"] >= len(found["results"]) > 0
        page.evaluate("prevented = 'vitrine-select'")
        link = cards(page).first.locator("h3 a")
        link.click()
        name, detail = page.evaluate("heard.at(-1)")
        assert name == "vitrine-select"
        assert detail["href"] == visit.base + "/article/" + detail["id"] == link.evaluate("one => one.href")
        assert detail["title"] == detail["product"]["title"] == visit.titles()[0]
        expect(page.locator("dialog.drawer")).to_have_count(0)
        assert page.url == visit.base + "/"
        page.evaluate("prevented = 'vitrine-search'")
        field(page).fill("blue bag")
        holds(page, "heard.at(-1)[1].text === 'blue bag'")
        expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
        expect(cards(page).first).to_contain_text("Red Dress")
        page.evaluate("prevented = ''")
        page.route("**/article/*", lambda route: route.fulfill(body="the shop's own page", content_type="text/html"))
        link.click()
        page.wait_for_url("**/article/*")


def test_attributes_change_at_run_time_and_a_removed_element_leaves_nothing(
    browser: Browser, open_shop: httpx.Client
) -> None:
    with at_host(browser, open_shop, '<vitrine-search count="3"></vitrine-search>') as visit:
        page = visit.go("/?vq=red&vall=1")
        visit.finds("Red")
        element = page.locator("vitrine-search")
        element.evaluate("one => { one.lang = 'de'; one.picture = true; one.count = 5; }")
        expect(page.get_by_role("combobox", name="Wonach suchen Sie?")).to_be_visible()
        expect(page.locator("#choose-file")).to_be_visible()
        visit.finds("Red")
        assert element.evaluate("one => [one.picture, one.count, one.src]") == [True, "5", ""]
        page.evaluate(
            """() => {
              window.kept = document.querySelector("vitrine-search");
              document.body.append(kept);
            }"""
        )
        visit.finds("Red")  # it was only moved
        bodies: list[str] = []
        page.on("request", lambda request: bodies.append(request.post_data or ""))
        page.evaluate("kept.remove()")
        page.evaluate("history.pushState({}, '', '?vq=blue'); history.pushState({}, '', '?vq=green'); history.back()")
        page.wait_for_url("**/?vq=blue")
        assert not any('"text":"blue"' in body for body in bodies)  # what was removed follows no address
        page.evaluate("document.querySelector('main').append(kept)")
        visit.finds("Blue")
        assert any('"text":"blue"' in body for body in bodies)
        assert not any('"text":"green"' in body for body in bodies)
        page.evaluate(
            """async (address) => { await import(address); await import(address + "?again"); }""",
            str(open_shop.base_url.join("/embed.js")),
        )
        visit.finds("Blue")


def test_a_shop_draws_its_own_cards(browser: Browser, open_shop: httpx.Client) -> None:
    template = """<vitrine-search><h2 slot="heading">Our things</h2><p slot="empty">Ask us!</p>
      <template slot="card"><a class="mine" data-link><img data-picture alt=""><b data-text="title"></b>
      <i data-text="baseColour"></i></a></template></vitrine-search>"""
    with at_host(browser, open_shop, template) as visit:
        page = visit.go("/?vq=red+dress")
        expect(page.get_by_role("heading", name="Our things")).to_be_visible()
        expect(page.get_by_text("Ask us!")).to_be_hidden()
        mine = page.locator("vitrine-search a.mine")
        expect(mine.first.locator("b")).to_have_text(re.compile("Red Dress"))
        expect(mine.first.locator("i")).to_have_text("Red")
        expect(mine.first.locator("img")).not_to_have_js_property("naturalWidth", 0)
        count = mine.count()
        field(page).press("ArrowDown")
        expect(mine.first).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(mine.nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("dialog.drawer")).to_be_visible()
        page.keyboard.press("Escape")
        page.locator("vitrine-search").evaluate(
            """one => {
              one.renderCard = ({ title }) => Object.assign(document.createElement("em"), { textContent: title });
            }"""
        )
        field(page).fill("blue bag")
        expect(page.locator("vitrine-search em").first).to_have_text(re.compile("Blue Bag"))
        expect(mine).to_have_count(0)
        assert count > 0
        visit.check_axe()


def test_the_focus_returns_to_a_card_of_the_shops_own(browser: Browser, open_shop: httpx.Client) -> None:
    template = """<vitrine-search href="/1?id={id}">
      <template slot="card"><a class="mine" data-link><b data-text="title"></b></a></template></vitrine-search>"""
    with at_host(browser, open_shop, template, "<p>A product</p>") as visit:
        page = visit.go("/?vq=red+dress")
        link = page.locator("vitrine-search a.mine").nth(1)
        expect(link).to_have_attribute("href", re.compile(r"^/1\?id="))
        address = link.get_attribute("href")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/1?id=*")
        page.go_back()
        expect(page.locator(f"a.mine[href='{address}']")).to_be_focused()


def test_a_similar_product_is_shown_in_the_language(browser: Browser, open_shop: httpx.Client) -> None:
    with at_host(
        browser, open_shop, '<vitrine-similar product="1000" same="gender" lang="fr"></vitrine-similar>'
    ) as visit:
        page = visit.go("/")
        cards(page).first.locator("a").click()
        expect(page.locator("vitrine-similar dialog dd").first).to_have_text("Femme")


def test_similar_products_stand_below_one(browser: Browser, open_shop: httpx.Client) -> None:
    body = '<vitrine-similar product="1000" same="gender" count="4" href="/p/{id}"></vitrine-similar>'
    missing = '<vitrine-similar product="nobody"></vitrine-similar>'
    with at_host(browser, open_shop, body, missing) as visit:
        page = visit.go("/")
        expect(page.get_by_role("heading", name="Similar products")).to_be_visible()
        expect(cards(page)).to_have_count(4)
        assert all("for Women" in title for title in visit.titles())
        assert "1000" not in cards(page).locator("a").evaluate_all("all => all.map(one => one.href.split('/').at(-1))")
        page.evaluate(LISTEN)
        page.evaluate("prevented = 'vitrine-select'")
        cards(page).first.locator("a").click()
        assert page.evaluate("heard.at(-1)[0]") == "vitrine-select"
        visit.check_axe()
        page.locator("vitrine-similar").evaluate("one => { one.product = '1001'; one.lang = 'it'; }")
        expect(page.get_by_role("heading", name="Prodotti simili")).to_be_visible()
        page = visit.go("/1")
        holds(page, "Boolean(document.querySelector('vitrine-similar').shadowRoot?.querySelector('#view'))")
        expect(page.locator("vitrine-similar #view")).to_be_hidden()
        visit.wrong.clear()  # the product's 404, and what the console says of it


def test_a_key_for_pages_opens_a_service_that_is_keyed(browser: Browser, tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "shop", "search", ["https://shop.example"])
    with shop_open(folder, reads="keyed", keys=keys) as shop:
        bodies = (f'<vitrine-search key="{secret}"></vitrine-search>', "<vitrine-search></vitrine-search>")
        with at_host(browser, shop, *bodies) as visit:
            # The page's port is known only now; nothing but its key lets it in.
            keys.write_text(
                keys.read_text(encoding="utf-8").replace("https://shop.example", visit.base), encoding="utf-8"
            )
            page = visit.go("/?vq=red+dress")
            visit.finds("Red Dress")
            expect(page.locator("#grid img").first).to_have_js_property("naturalWidth", 120)
            page = visit.go("/1?vq=red+dress")
            expect(page.get_by_role("alert")).to_contain_text("cannot be searched without a key")
            expect(page.get_by_role("dialog")).to_have_count(0)  # a customer has no key
            visit.wrong.clear()


def test_a_frame_takes_the_colours_of_the_shop_and_tells_its_height(browser: Browser, open_shop: httpx.Client) -> None:
    service = str(open_shop.base_url).rstrip("/")
    body = f'<iframe title="Search" src="{service}/embed?lang=es&amp;accent=%23123456&amp;picture=off"></iframe>'
    with at_host(browser, open_shop, body) as visit:
        page = visit.page
        page.add_init_script("addEventListener('message', ({ data }) => (window.told = data))")
        visit.go("/")
        frame = page.frame_locator("iframe")
        expect(frame.locator("#tiles li")).to_have_count(5)
        expect(frame.get_by_role("combobox", name="¿Qué busca?")).to_be_visible()
        expect(frame.locator("#choose-file")).to_be_hidden()
        frame.locator("#text").fill("red dress")
        expect(frame.locator("#grid .card h3").first).to_have_text(re.compile("Red Dress"))
        holds(page, "window.told?.type === 'vitrine-height' && told.height > 400")
        link = frame.locator("#grid .card h3 a").first
        expect(link).to_have_attribute("target", "_top")
        expect(link).to_have_attribute("href", re.compile(f"^{service}/p/"))
        expect(frame.locator("#tiles a").first).to_be_hidden()
