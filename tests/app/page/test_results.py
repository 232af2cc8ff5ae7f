"""What one does with results: more and less like this, more of them, the drawer, descriptions, the keyboard."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.tools.browser import Visit, needs_browser, picture

pytestmark = needs_browser


def test_more_and_less_like_this(visit: Visit) -> None:
    page = visit.go("/?q=red")
    visit.finds("Red")
    first = visit.titles()[0]
    page.get_by_role("button", name=f"Not this: {first}").first.click()
    expect(page.locator("#examples .unlike")).to_have_count(1)
    expect(page.locator("#grid .card h3").first).not_to_have_text(first)
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    kind = visit.titles()[3].split()[1]
    page.locator("#grid .card").nth(3).get_by_role("button", name="Similar").click()
    expect(page.locator("#examples li")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"like=.*unlike=|unlike=.*like="))
    page.get_by_label("What are you looking for?").fill("")
    visit.finds(kind)
    page.reload()
    visit.finds(kind)
    page.locator("#examples .unlike button").click()
    expect(page.locator("#examples li")).to_have_count(1)


def test_more_comes_as_one_scrolls_and_comes_back_with_the_address(visit: Visit) -> None:
    page = visit.go("/?q=blue&all=1")
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
    drawer.get_by_role("button", name="Similar").click()
    expect(drawer).to_be_hidden()
    expect(page.locator("#examples .like")).to_have_count(1)
    page.go_back()
    expect(page.locator("#examples .like")).to_have_count(0)


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
    expect(page.get_by_label("What are you looking for?")).to_have_value(re.compile("Blue Shirt for"))


def test_a_keyboard_is_enough(visit: Visit) -> None:
    page = visit.go("/?q=red")
    visit.finds("Red")
    page.keyboard.press("/")
    expect(page.get_by_label("What are you looking for?")).to_be_focused()
    page.keyboard.press("ArrowDown")
    cards = page.locator("#grid .card a")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    columns = page.locator("#grid .card").evaluate_all(
        "all => all.filter(one => one.offsetTop === all[0].offsetTop).length"
    )
    expect(cards.nth(1 + columns)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.drawer")).to_be_hidden()
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("What are you looking for?")).to_be_focused()
