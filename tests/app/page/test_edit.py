"""Words beside a picture on the page: what they say filters, and is shown with what is kept of the picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.tools.browser import Visit, needs_browser, picture

pytestmark = needs_browser


def test_words_beside_a_picture_change_it(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/")
    page.locator("#file").set_input_files(picture(tmp_path, "blue", "shirt"))
    visit.finds("Blue Shirt")
    expect(page.locator("#text")).to_have_attribute("placeholder", re.compile("in blue"))
    page.locator("#text").fill("in yellow")
    visit.finds("Yellow Shirt")
    expect(page.locator("#suggestions")).to_be_hidden()  # they complete titles, and would lie over the chips
    chips = page.locator("#conditions button")
    expect(chips).to_have_count(2)
    expect(chips.first).to_contain_text("Yellow")
    expect(chips.last).to_contain_text(re.compile("As in the picture: Shirt"))
    expect(page.locator("#grid h3").filter(has_not_text="Yellow")).to_have_count(0)
    # Other yellow things come as well, where the kind need not stay.
    chips.last.click()
    expect(page).to_have_url(re.compile("keep=0"))
    visit.finds("Yellow Shirt")
    expect(page.locator("#grid h3").filter(has_text="Yellow Bag")).not_to_have_count(0)
    expect(page.locator("#strict")).to_be_hidden()


def test_a_condition_that_is_taken_off_goes_on_as_a_word(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/?q=yellow")
    page.locator("#file").set_input_files(picture(tmp_path, "blue", "shirt"))
    visit.finds("Yellow Shirt")
    page.get_by_role("button", name="Remove Base colour: Yellow").click()
    expect(page.locator("#conditions button")).to_have_count(1)
    slider = page.get_by_label("Closer to the picture or to the words")
    slider.fill("0")
    visit.finds("Blue Shirt")
    expect(slider).to_have_attribute("aria-valuetext", "much closer to the picture")
    slider.fill("1")
    visit.finds("Yellow Shirt")
    expect(slider).to_have_attribute("aria-valuetext", "much closer to the words")
    expect(page).to_have_url(re.compile(r"words=1&"))
    page.reload()
    visit.finds("Yellow Shirt")
    expect(slider).to_have_value("1")


def test_products_that_are_liked_are_changed_as_a_picture_is(visit: Visit) -> None:
    visit.go("/?like=1000&q=in+green&words=0.8")
    visit.finds("Green Dress")


@pytest.mark.parametrize("text", ["https://example.com/shoes/red.JPG?size=2", "data:image/png;base64,iVBOR"])
def test_the_address_of_a_picture_is_not_searched_for(visit: Visit, text: str) -> None:
    page = visit.go("/")
    page.locator("#text").fill(text)
    expect(page.locator("#notice")).to_contain_text("Save the picture, then drop it here")
    expect(page.locator("#grid li")).to_have_count(0)
    page.locator("#text").fill("red dress")
    visit.finds("Red Dress")
    expect(page.locator("#notice")).to_be_hidden()
