"""The place in the results survives reload, Back and Forward; sheets are steps of the history; a link can be shared."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from index import Product, SplitRule
from tests.tools.browser import PHONE, Visit, hand_over, needs_browser, visiting
from tests.tools.shop import COLOURS, KINDS, DrawnEncoder, draw, encoded, shop_open, until, write_catalogue

pytestmark = needs_browser

MANY = 320


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve a shop with so many red dresses that one page does not show them."""
    rule = SplitRule(0.4, 0.3, 0.3)
    attributes = {"gender": "Women", "articleType": "Dress", "baseColour": "Red"}
    shop = [Product(str(number), f"Red Dress {number:03}", attributes, rule.of(str(number))) for number in range(MANY)]
    others = [(colour, kind) for colour in COLOURS for kind in KINDS if kind != "dress"]
    for number, (colour, kind) in enumerate(others):
        about = {"gender": "Men", "articleType": kind.title(), "baseColour": colour.title()}
        shop.append(Product(f"other-{number}", f"{colour} {kind}".title(), about, rule.of(kind)))
    with shop_open(write_catalogue(tmp_path_factory.mktemp("large") / "catalogue", DrawnEncoder(), shop)) as client:
        yield client


@pytest.fixture
def shopper(browser: Browser, large: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, str(large.base_url).rstrip("/")) as visit:
        yield visit


def cards(page: Page) -> Locator:
    return page.locator("#grid .card:not(.ghost)")


def top_of(page: Page, row: int) -> float:
    return float(cards(page).nth(row).evaluate("card => card.getBoundingClientRect().top"))


def scroll_to(page: Page, row: int) -> float:
    """Scroll as a person does until a card is in view and the place is kept; return where its upper edge is."""
    while True:
        if cards(page).count() > row:
            cards(page).nth(row).evaluate("card => card.scrollIntoView({block: 'start'})")
            break
        cards(page).last.evaluate("card => card.scrollIntoView()")
        page.wait_for_timeout(50)
    kept = "() => history.state?.['vitrine:']?.scroll"
    until(lambda: page.evaluate(kept) == page.evaluate("scrollY") > 0, seconds=60)
    return top_of(page, row)


def is_at(page: Page, row: int, top: float) -> None:
    until(lambda: cards(page).count() > row and abs(top_of(page, row) - top) < 3, seconds=60)


def test_more_come_by_themselves_up_to_a_bound_and_then_with_a_button(shopper: Visit) -> None:
    page = shopper.go("/?q=red+dress")
    scroll_to(page, 119)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_timeout(500)
    expect(cards(page)).to_have_count(120)
    page.get_by_role("button", name="Show more").click()
    scroll_to(page, 200)
    ids = page.locator("#grid h3 a").evaluate_all("links => links.map((link) => link.href)")
    assert len(ids) == len(set(ids))


def test_a_button_that_is_pressed_twice_leaves_nothing_out(shopper: Visit) -> None:
    page = shopper.go("/?q=red+dress&n=120")
    expect(cards(page)).to_have_count(120)
    page.get_by_role("button", name="Show more").evaluate("button => { button.click(); button.click(); }")
    expect(cards(page).nth(149)).to_be_attached()
    ids = page.locator("#grid h3 a").evaluate_all("links => links.map((link) => link.href)")
    assert len(ids) == len(set(ids))


def test_a_reload_and_a_step_back_return_to_the_same_card(shopper: Visit) -> None:
    page = shopper.go("/?q=red+dress")
    top = scroll_to(page, 70)
    title = cards(page).nth(70).locator("h3").inner_text()
    page.reload()
    is_at(page, 70, top)
    assert cards(page).nth(70).locator("h3").inner_text() == title
    page.goto("about:blank")  # another page
    page.go_back()
    is_at(page, 70, top)
    page.get_by_label("What are you looking for?").fill("blue bag")
    shopper.finds("Blue Bag")
    assert page.evaluate("scrollY") < 300
    page.go_back()
    is_at(page, 70, top)
    page.go_forward()
    shopper.finds("Blue Bag")


def test_many_products_are_brought_back(shopper: Visit) -> None:
    page = shopper.go(f"/?q=red+dress&n={MANY}")
    expect(cards(page)).to_have_count(MANY)
    top = scroll_to(page, MANY - 5)
    page.reload()
    is_at(page, MANY - 5, top)


def test_the_focus_returns_to_the_card_whose_page_was_opened(shopper: Visit) -> None:
    page = shopper.go("/?q=red+dress")
    shopper.finds("Red Dress")
    page.evaluate("document.querySelector('vitrine-search').setAttribute('href', '/p/{id}')")
    expect(cards(page).first.locator("h3 a")).to_have_attribute("href", re.compile("^/p/"))
    top = scroll_to(page, 40)
    link = cards(page).nth(45).locator("h3 a")
    title = link.inner_text()
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/*")
    page.go_back()
    until(lambda: page.evaluate("document.activeElement?.shadowRoot?.activeElement?.textContent") == title, seconds=60)
    is_at(page, 40, top)


def test_a_step_back_closes_the_filters_of_a_phone_and_keeps_what_was_chosen(
    browser: Browser, large: httpx.Client
) -> None:
    with visiting(browser, str(large.base_url).rstrip("/"), viewport=PHONE) as visit:
        page = visit.go("/?q=red")
        visit.finds("Red")
        page.locator("#filters-open").click()
        expect(page.locator("#filters")).to_be_visible()
        page.get_by_role("checkbox", name=re.compile("^Shoes")).check()
        visit.finds("Red Shoes")
        page.go_back()
        expect(page.locator("#filters")).to_be_hidden()
        expect(page).to_have_url(re.compile("f.articleType=Shoes"))
        visit.finds("Red Shoes")
        page.go_back()
        expect(page).not_to_have_url(re.compile("f.articleType"))
        visit.finds("Red")


def test_a_link_is_copied(shopper: Visit) -> None:
    page = shopper.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shopper.go("/?q=red+dress&f.gender=Women")
    shopper.finds("Red Dress")
    expect(page).to_have_title(re.compile("^red dress"))
    share = page.locator("#share")
    share.click()
    expect(share).to_have_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == shopper.base + "/?q=red+dress&f.gender=Women"
    expect(share).to_have_text("Share")


def test_a_link_is_shown_where_it_cannot_be_copied(shopper: Visit) -> None:
    page = shopper.page
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    shopper.go("/?q=red+dress")
    shopper.finds("Red Dress")
    page.locator("#share").click()
    expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value(shopper.base + "/?q=red+dress")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    shopper.finds("Red Dress")


def test_a_shared_picture_is_shown_and_never_sent(browser: Browser, large: httpx.Client) -> None:
    base = str(large.base_url).rstrip("/")
    with visiting(browser, base) as visit:
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visit.go("/")
        hand_over(page, "drop", encoded(draw("green", "watch")))
        visit.finds("Green Watch")
        page.locator("#share").click()
        expect(page.locator("#share")).to_have_text("Link copied")
        link = page.evaluate("navigator.clipboard.readText()")
    assert "#t=" in link
    with visiting(browser, base) as visit:
        visit.page.goto(link)
        visit.finds("Green Watch")
        image = visit.page.locator("#picture-image")
        expect(image).to_have_attribute("src", re.compile("^blob:"))
        expect(image).not_to_have_js_property("naturalWidth", 0)
        code = link.partition("#t=")[2]
        assert not any(code in url.partition("#")[0] for url in visit.asked)
        visit.page.get_by_role("button", name="Remove the picture").first.click()
        expect(visit.page).not_to_have_url(re.compile("#t="))
