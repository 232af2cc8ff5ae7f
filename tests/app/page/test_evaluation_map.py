"""The evaluation page."""

from __future__ import annotations

import re

import httpx
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
