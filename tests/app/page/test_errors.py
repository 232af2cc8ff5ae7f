"""What the pages say when something is wrong: errors, bad files and addresses, an empty catalogue, keys."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from app.http import create_key
from tests.tools.browser import Visit, hand_over, needs_browser, visiting
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue

pytestmark = needs_browser


def test_a_file_that_is_no_picture_is_refused(failing: Visit) -> None:
    page = failing.go("/")
    hand_over(page, "drop", b"plain words", "text/plain")
    expect(page.get_by_role("alert")).to_contain_text("not a picture")
    hand_over(page, "drop", b"\x89PNG but not really", "image/png")
    expect(page.get_by_role("alert")).to_contain_text("cannot be read as a picture")
    page.get_by_label("What are you looking for?").fill("blue bag")
    failing.finds("Blue Bag")


def test_addresses_that_lead_nowhere(failing: Visit) -> None:
    page = failing.go("/?q=dress&f.gender=Martian")
    expect(page.get_by_role("alert")).to_contain_text("Nothing fits “dress” with these filters.")
    page.get_by_role("alert").get_by_role("button", name="Martian").click()
    failing.finds("Dress")
    failing.go("/?picture=00000000.AAAA")
    expect(page.get_by_role("alert")).to_contain_text("older model")
    failing.go("/?q=dress&f.nothing=1")
    expect(page.get_by_role("alert")).to_contain_text("unknown filter")
    failing.go("/?q=dress&product=nobody")
    expect(page.locator("dialog.drawer h2")).to_have_text("Product not found")
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
