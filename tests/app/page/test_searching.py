"""What is typed, shown as a picture and filtered on the search page, and the address that stands for it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Route, expect

from tests.tools.browser import Visit, hand_over, needs_browser, picture
from tests.tools.shop import IMAGES, draw, encoded

pytestmark = needs_browser


def test_the_search_follows_what_is_typed_and_is_in_the_address(visit: Visit) -> None:
    page = visit.go("/")
    expect(page.locator("#tiles li")).to_have_count(5)
    page.keyboard.press("/")
    page.keyboard.type("red dress", delay=20)
    visit.finds("Red Dress")
    expect(page).to_have_url(re.compile(r"\?q=red\+dress$"))
    expect(page).to_have_title("red dress · Vitrine")
    expect(page.locator("#count")).to_have_text(re.compile(r"^\d+ products$"))
    page.reload()
    visit.finds("Red Dress")
    expect(page.get_by_label("What are you looking for?")).to_have_value("red dress")
    page.get_by_label("What are you looking for?").fill("green bag")
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
    with page.expect_request(lambda request: '"red dress"' in (request.post_data or "")):
        page.get_by_label("What are you looking for?").fill("red dress")
    expect(page.locator(".card.ghost").first).to_be_visible()  # skeletons meanwhile
    page.get_by_label("What are you looking for?").fill("blue shoes")
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
    expect(page.locator("#view")).to_have_class(re.compile("dropping"))
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


def test_filters_count_combine_and_go_back(visit: Visit) -> None:
    page = visit.go("/?q=dress&all=1")
    visit.finds("Dress")
    red = page.get_by_role("checkbox", name="Red")
    expect(page.locator("label", has=red)).to_contain_text("6")
    red.check()
    expect(page.locator("#count")).to_contain_text("Best matches of 6 products")
    page.get_by_role("checkbox", name="Shoes").check()
    expect(page.locator("#count")).to_contain_text(re.compile("^(One product|Best matches of 2 products)$"))
    visit.finds("Red Shoes")
    expect(page).to_have_url(
        re.compile(r"f\.baseColour=Red.*f\.articleType=Shoes|f\.articleType=Shoes.*f\.baseColour=Red")
    )
    expect(page.locator("#active button")).to_have_count(2)
    page.go_back()
    expect(page.locator("#count")).to_contain_text("Best matches of 6 products")
    page.locator("#active button").click()
    expect(page.locator("#count")).to_contain_text("Best matches of 48 products")
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
