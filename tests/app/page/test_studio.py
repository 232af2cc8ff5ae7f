"""The studio: the elements as a shop sets them up, and the markup that it copies."""

from __future__ import annotations

import html
import re

from playwright.sync_api import expect

from tests.tools.browser import Visit, needs_browser

pytestmark = needs_browser


def test_a_shop_sets_the_search_up_and_copies_what_it_sees(visit: Visit) -> None:
    page = visit.go("/embed/studio")
    shown = page.locator("#preview vitrine-search")
    expect(shown.locator("#tiles li")).to_have_count(5)
    expect(page.get_by_role("group", name="Fields on a card").get_by_role("checkbox")).to_have_count(3)
    visit.check_axe()
    page.get_by_label("Accent colour").fill("#0a7d55")
    assert shown.evaluate("one => getComputedStyle(one).getPropertyValue('--vitrine-accent')") == "#0a7d55"
    page.get_by_label("Language", exact=True).and_(page.locator("select")).select_option("fr")
    expect(shown.get_by_role("combobox", name="Que cherchez-vous")).to_be_visible()
    page.get_by_label("Search with pictures").uncheck()
    expect(shown.locator("#choose-file")).to_be_hidden()
    page.get_by_role("checkbox", name="Gender").check()
    expect(page.get_by_role("checkbox", name="Gender")).to_be_focused()  # the form is not made again
    page.get_by_label("Address of a product page").fill('/a?b="{id}"&c')
    page.get_by_label("Address of a product page").press("Tab")
    page.get_by_label("State of the search").select_option("off")
    page.get_by_label("Address of your shop").fill("https://shop.example")
    page.get_by_label("Address of your shop").press("Tab")
    lines, style, frame, setting = page.locator("#snippets code").all_inner_texts()
    assert lines.splitlines() == [
        f'<script type="module" src="{visit.base}/embed.js"></script>',
        '<vitrine-search lang="fr" href="/a?b=&quot;{id}&quot;&amp;c" show="gender" address="off"></vitrine-search>',
    ]
    assert style == "vitrine-search {\n  --vitrine-accent: #0a7d55;\n}"
    assert setting == "VITRINE_ORIGINS=https://shop.example"
    (address,) = re.findall(r'src="([^"]*)"', frame)
    page.goto(html.unescape(address.replace("%2Fa%3Fb%3D%22%7Bid%7D%22%26c", "%2Fa%2F%7Bid%7D")))
    expect(page.get_by_role("combobox", name="Que cherchez-vous")).to_be_visible()
    expect(page.locator("#choose-file")).to_be_hidden()
    expect(page.locator("body")).to_have_attribute("data-accent", "#0a7d55")


def test_similar_products_are_set_up_beside_it(visit: Visit) -> None:
    page = visit.go("/embed/studio?lang=de")
    page.get_by_role("button", name="Ähnliche Produkte").click()
    expect(page.get_by_role("button", name="Ähnliche Produkte")).to_be_focused()
    shown = page.locator("#preview vitrine-similar")
    expect(page.get_by_role("checkbox", name="Geschlecht")).to_be_visible()
    expect(shown.locator(".card:not(.ghost)").first).to_be_visible()
    expect(shown.locator('a[href$="/p/1000"]')).to_have_count(0)  # the first product is not similar to itself
    page.get_by_label("Produkt", exact=True).fill("1003")
    page.get_by_label("Produkt", exact=True).press("Tab")
    expect(page.locator("#snippets code").first).to_contain_text('<vitrine-similar lang="de" product="1003">')
    expect(shown.locator('a[href$="/p/1000"]').first).to_be_visible()
    expect(shown.locator('a[href$="/p/1003"]')).to_have_count(0)
