"""Filters as customers use them: ranges, swatches, long lists, badges, the keyboard, and a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from index import Product
from tests.tools.browser import Visit, needs_browser, visiting
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue

pytestmark = needs_browser

BRANDS = ["Éclair", "Nordwind", "Kiko & Co", *(f"Brand {letter}" for letter in "ABCDEFGHIJKL")]
COLOURS = ["Red", "Blue", "Green", "Black"]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def things() -> list[Product]:
    """Return sixty dresses and bags with prices from 5 to 64 euros."""
    found = []
    for number in range(60):
        colour, kind = COLOURS[number % 4], ("Dress", "Bag")[number % 2]
        attributes: dict[str, Any] = {
            "articleType": kind,
            "baseColour": colour,
            "gender": "Women",
            "price": f"{5 + number}.00 EUR",
            "brand": BRANDS[number % len(BRANDS)],
            "shade": ("Ocean Breeze", colour)[number % 3 > 0],
            "season": ("Summer", "Winter", "Spring")[number % 3],
        }
        found.append(Product(str(number), f"{colour} {kind} {number}", attributes, "test"))
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = write_catalogue(tmp_path_factory.mktemp("filters") / "catalogue", DrawnEncoder(), things())
    with shop_open(folder) as client:
        yield client


@pytest.fixture
def phone(browser: Browser, shop: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, str(shop.base_url).rstrip("/"), **PHONE) as visit:
        yield visit


def section(page: Page, name: str) -> Locator:
    return page.locator("#facets fieldset").filter(has=page.locator("legend", has_text=re.compile(f"^{name}$")))


def counted(page: Page, count: int) -> None:
    said = "One product" if count == 1 else f"{count} products"
    expect(page.locator("#count")).to_have_text(re.compile(f"(^|of ){said}$"))


def test_a_range_is_chosen_with_the_keyboard_and_in_fields(visit: Visit) -> None:
    page = visit.go("/?f.articleType=Dress&all=1")
    counted(page, 30)
    price = section(page, "Price")
    low, high = price.get_by_label("Price, at least").first, price.get_by_label("Price, at most").first
    expect(low).to_have_attribute("aria-valuetext", "€5.00")
    low.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"f\.price=\d+\.\."))
    expect(low).to_be_focused()  # the panel is made again
    expect(low).not_to_have_attribute("aria-valuetext", "€5.00")
    fields = price.locator("input[type=number]")
    fields.nth(0).fill("20")
    fields.nth(1).fill("29")
    fields.nth(1).press("Enter")
    expect(page).to_have_url(re.compile(r"f\.price=20\.\.29"))
    counted(page, 5)
    expect(page.locator("#active")).to_contain_text("Price: €20.00 – €29.00")
    expect(price.locator(".bars span")).not_to_have_count(0)  # all prices, whatever is chosen
    page.reload()
    counted(page, 5)
    expect(high).to_have_attribute("aria-valuetext", "€29.00")
    page.locator("#active .chip", has_text="Price").click()
    counted(page, 30)


def test_old_addresses_of_filters_go_on(visit: Visit) -> None:
    page = visit.go("/?f.price=20.00+EUR&f.baseColour=Black")
    counted(page, 1)
    page = visit.go("/?f.price=..19")
    counted(page, 15)
    expect(page.locator("#active")).to_contain_text("up to €19.00")


def test_colours_are_swatches_and_unknown_ones_text(visit: Visit) -> None:
    page = visit.go("/?f.articleType=Dress,Bag&f.articleType=Dress")
    colours = section(page, "Base colour").locator(".swatch")
    expect(colours).to_have_count(2)
    grounds = colours.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
    assert len(set(grounds)) == 2
    section(page, "Base colour").get_by_role("checkbox", name="Red").check()
    expect(page).to_have_url(re.compile("f.baseColour=Red"))
    visit.check_axe()


def test_a_long_list_is_searched_without_accents(visit: Visit) -> None:
    page = visit.go("/?f.gender=Women")
    brand = section(page, "Brand")
    expect(brand.get_by_role("checkbox")).to_have_count(7)
    brand.get_by_label("Search Brand").fill("eclair")
    expect(brand.get_by_role("checkbox")).to_have_count(1)
    brand.get_by_role("checkbox", name="Éclair").check()
    counted(page, 4)
    expect(brand.get_by_label("Search Brand")).to_have_value("eclair")
    expect(section(page, "Season").get_by_role("searchbox")).to_have_count(0)


def test_a_badge_filters_and_is_no_part_of_the_link(visit: Visit) -> None:
    page = visit.go("/?q=dress")
    visit.finds("Dress")
    badge = page.locator("#grid .card").first.locator(".badge[title^='Filter by Base colour']")
    colour = badge.inner_text()
    assert badge.evaluate("one => one.closest('a')") is None
    badge.click()
    expect(page).to_have_url(re.compile(f"f.baseColour={colour}"))
    expect(page.locator("dialog.drawer")).to_have_count(0)
    page.locator("#grid .card").first.locator(".badge[title^='Remove the filter Base colour']").click()
    expect(page).not_to_have_url(re.compile("f.baseColour"))


def test_the_most_useful_attribute_is_first_and_stays_while_one_chooses(visit: Visit) -> None:
    page = visit.go("/?f.articleType=Bag")
    legends = page.locator("#facets legend")
    expect(legends.first).to_have_text("Brand")
    order = legends.all_inner_texts()
    assert order.index("Season") < order.index("Base colour")  # of bags there are two colours
    assert "Gender" not in order  # all have the same
    section(page, "Brand").get_by_role("checkbox").first.check()
    expect(page.locator("#active .chip")).to_have_count(2)
    counted(page, 2)
    now = legends.all_inner_texts()
    assert now[0] == "Brand"
    assert now == [name for name in order if name in now]


def test_what_excludes_each_other_can_be_taken_off(visit: Visit) -> None:
    page = visit.go("/?f.articleType=Bag&f.baseColour=Red")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("No product matches all filters. Remove one:")
    notice.get_by_role("button", name="Red").click()
    counted(page, 30)


STOP = """() => { let one = document.activeElement; while (one?.shadowRoot) one = one.shadowRoot.activeElement;
  return Boolean(one?.closest(".grid")); }"""


def test_few_stops_from_the_field_to_the_first_result(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&f.season=Summer")
    visit.finds("Dress")
    page.locator("#text").focus()
    stops = 0
    while not page.evaluate(STOP):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 6
    expect(page.locator("#grid .card a").first).to_be_focused()
    page.locator("#chips .chip").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#chips .chip").nth(1)).to_be_focused()
    box = section(page, "Season").get_by_role("checkbox")
    box.first.focus()
    page.keyboard.press("ArrowDown")
    expect(box.nth(1)).to_be_focused()
    page.keyboard.press("Space")
    expect(box.nth(1)).to_be_checked()
    assert section(page, "Brand").locator("input[type=checkbox]:not([tabindex='-1'])").count() == 1


def test_every_shortcut_is_told(visit: Visit) -> None:
    page = visit.go("/?q=dress")
    visit.finds("Dress")
    page.locator("#text").focus()
    page.keyboard.type("?")
    expect(page.locator("dialog.keys")).to_have_count(0)
    page.locator("#results").focus()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    expect(sheet.locator("dt")).to_have_count(9)
    visit.check_axe()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(sheet).to_be_visible()
    page.go_back()
    expect(sheet).to_be_hidden()


def test_a_phone_shows_products_first_and_counts_in_the_sheet(phone: Visit, browser: Browser) -> None:
    page = phone.go(
        "/?q=red+dress&f.season=Summer&f.season=Winter&f.brand=Nordwind&f.brand=Brand+A&f.gender=Women&all=1"
    )
    phone.finds("Dress")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("#filters-open").click()
    show = page.locator("#filters-show")
    expect(show).to_have_text(re.compile(r"^Show \d+ products?$"))
    before = show.inner_text()
    section(page, "Season").get_by_role("checkbox", name="Winter").uncheck()
    expect(show).not_to_have_text(before)
    count = int(re.findall(r"\d+", show.inner_text())[0])
    show.click()
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator("#grid .card")).to_have_count(count)
    page.locator("#filters-open").click()
    expect(page.locator("#filters")).to_be_visible()
    page.go_back()
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator("#active .chip")).to_have_count(4)
