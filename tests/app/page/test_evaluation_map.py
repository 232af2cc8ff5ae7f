"""The evaluation page and the map."""

from __future__ import annotations

import base64
import re

import httpx
import numpy as np
from playwright.sync_api import expect

from tests.tools.browser import Visit, needs_browser

pytestmark = needs_browser


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
    expect(page.locator("#queries-title")).to_contain_text("Failures among 48 queries")
    page.get_by_role("button", name="Successes", exact=True).click()
    expect(page.locator("#queries > li").first).to_contain_text("Rank 1,")
    page.go_back()
    expect(page.locator("#queries-title")).to_contain_text("Failures")
    page.locator("#queries a").first.click()
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.reload()
    expect(page.locator("dialog.drawer h2")).to_contain_text("for")
    page.keyboard.press("Escape")
    expect(page.locator("#queries-title")).to_contain_text("Failures among 48 queries")


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
    assert page.locator("#canvas").screenshot() != before
    page.locator("#legend button", has_text="Red").click()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator("#view-count")).to_contain_text("in view")
    expect(page).to_have_url(re.compile(r"z=2\.56"))
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
    expect(page.locator("#view-count")).to_contain_text("in view")
    expect(page.locator("dialog.drawer")).to_be_hidden()


def test_a_product_is_shown_on_the_map(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&product=1000")
    page.get_by_role("link", name="On the map").click()
    expect(page).to_have_url(re.compile("/map.*at=1000"))
    expect(page.locator("#view-count")).to_contain_text("in view")
