"""A photo is shown at once and kept until it is sent; then a part of it is chosen by hand, by key, or by a dot."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import FilePayload, Page, Route, expect

from tests.app.test_regions import COLLAGES
from tests.tools.browser import Visit, needs_browser
from tests.tools.photos import jpeg
from tests.tools.shop import encoded

pytestmark = needs_browser
COLLAGE = FilePayload(name="outfit.png", mimeType="image/png", buffer=encoded(COLLAGES["in a row"]))
EMBEDDINGS = "**/v1/embeddings"


def add(page: Page, photo: FilePayload = COLLAGE) -> None:
    page.locator("#file").set_input_files([photo])


def prepare(page: Page) -> None:
    """Be about to add a photo: what photos need is loaded then, and makes the place of one."""
    page.locator("#choose-file").hover()
    with page.expect_file_chooser():
        page.locator("#choose-file").click()
    expect(page.locator("#photo-stage")).to_be_attached()


def crop_of(page: Page) -> list[float]:
    (text,) = parse_qs(urlsplit(page.url).query)["crop"]
    return [float(side) for side in text.split(",")]


def test_a_dot_searches_with_its_part_and_back_with_the_whole(visit: Visit) -> None:
    page = visit.go("/")
    add(page)
    watch = page.locator("#lens-things").get_by_role("button", name="Watch")
    expect(watch).to_be_visible()
    expect(page.locator(".lens-dot")).to_have_count(3)
    visit.check_axe()
    with page.expect_request("**/v1/search/images") as asked:
        watch.click()
    assert '"vector"' in (asked.value.post_data or ""), "the part is encoded already"
    visit.finds("Blue Watch")
    left, _, width, _ = crop_of(page)
    assert left < (170 + 60) / 480 < left + width
    expect(page.locator("#lens-whole")).to_be_visible()
    page.locator(".lens-dot[title=Dress]").click()
    visit.finds("Red Dress")
    page.go_back()
    visit.finds("Blue Watch")
    page.go_back()
    expect(page).not_to_have_url(re.compile("crop="))
    expect(page.locator("#lens-frame")).to_have_class(re.compile("whole"))
    expect(page.locator("#photo-image")).to_be_visible()


def test_a_frame_is_drawn_moved_by_keys_and_given_up(visit: Visit) -> None:
    page = visit.go("/")
    add(page)
    frame = page.locator("#lens-frame")
    expect(frame).to_be_visible()
    expect(page.locator(".lens-dot")).to_have_count(3)
    expect(page.locator("#grid .card:not(.ghost)").first).to_be_visible()  # nothing more comes that moves the photo
    stage = page.locator("#photo-stage").bounding_box()
    assert stage is not None
    x, y, width, height = stage["x"], stage["y"], stage["width"], stage["height"]
    page.mouse.move(x + 0.33 * width, y + 0.02 * height)
    page.mouse.down()
    page.mouse.move(x + 0.5 * width, y + 0.5 * height)
    page.mouse.move(x + 0.63 * width, y + 0.98 * height)
    page.mouse.up()
    expect(page).to_have_url(re.compile("crop="))
    visit.finds("Blue Watch")
    before = crop_of(page)
    assert abs(before[0] - 0.33) < 0.03
    assert abs(before[2] - 0.3) < 0.04
    frame.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#lens-value")).to_contain_text("from the left")
    # A frame that rests for a moment is searched for: on the way there may be other addresses.
    page.wait_for_url(lambda _: crop_of(page)[0] < before[0] - 0.05 and crop_of(page)[2] < before[2])
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("crop="))
    expect(page.locator("#lens-whole")).to_be_hidden()


def test_a_part_on_its_way_is_given_up_with_its_photo(failing: Visit) -> None:
    page = failing.go("/")
    add(page)
    expect(page.locator("#lens-things").get_by_role("button", name="Watch")).to_be_visible()
    page.route(EMBEDDINGS, lambda _: None)
    with page.expect_request(EMBEDDINGS):
        page.locator("#lens-frame").press("Shift+ArrowLeft")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/embeddings")):
        page.locator("#picture-remove").click()
    expect(page.locator("#photo-panel")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/$"))


def test_a_frame_that_moved_when_its_photo_went_follows_the_next_search(visit: Visit) -> None:
    page = visit.go("/")
    add(page)
    page.locator("#lens-things").get_by_role("button", name="Watch").click()
    visit.finds("Blue Watch")
    page.locator("#lens-frame").evaluate("""(frame) => {
        frame.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
        frame.getRootNode().getElementById("picture-remove").click();
    }""")
    expect(page.locator("#photo-panel")).to_be_hidden()
    page.go_back()
    visit.finds("Blue Watch")
    expect(page.locator("#lens-frame")).to_be_visible()
    expect(page.locator("#lens-frame")).not_to_have_class(re.compile("whole"))
    expect(page.locator("#lens-whole")).to_be_visible()


def test_an_address_with_a_part_finds_the_same_without_the_photo(visit: Visit) -> None:
    page = visit.go("/")
    add(page)
    page.locator("#lens-things").get_by_role("button", name="Bag").click()
    visit.finds("Green Bag")
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)
    visit.finds("Green Bag")
    expect(page.locator("#photo-panel")).to_be_hidden()
    page.locator("#picture-remove").click()
    expect(page).to_have_url(re.compile(r"/$"))


def test_a_photo_that_did_not_arrive_is_kept_and_sent_again(failing: Visit) -> None:
    page = failing.go("/")
    page.route(EMBEDDINGS, lambda route: route.abort())
    add(page)
    expect(page.locator("#photo-status")).to_contain_text("not arrived")
    expect(page.locator("#photo-image")).to_have_js_property("naturalWidth", 448)
    failing.check_axe()
    with page.expect_request(EMBEDDINGS):
        page.locator("#photo-panel").get_by_role("button", name="Try again").click()
    page.unroute(EMBEDDINGS)
    expect(page.locator("#lens-things").get_by_role("button", name="Dress")).to_be_visible()


def test_a_photo_taken_offline_is_sent_when_the_network_is_back(failing: Visit) -> None:
    page = failing.go("/")
    prepare(page)
    page.context.set_offline(True)
    add(page)
    expect(page.locator("#photo-status")).to_contain_text("You are offline")
    page.context.set_offline(False)
    expect(page.locator("#lens-things").get_by_role("button", name="Dress")).to_be_visible()


def test_a_photo_on_its_way_can_be_given_up(visit: Visit) -> None:
    page = visit.go("/?q=red+dress")
    visit.finds("Red Dress")
    held: list[Route] = []
    page.route(EMBEDDINGS, lambda route: held.append(route))
    add(page)
    page.locator("#photo-panel").get_by_role("button", name="Cancel").click()
    expect(page.locator("#photo-panel")).to_be_hidden()
    visit.finds("Red Dress")
    assert "picture=" not in page.url
    for route in held:
        route.abort()


def test_a_photo_of_a_megabyte_finds_products_within_seconds_on_slow_3g(visit: Visit) -> None:
    """400 kbit/s and 400 ms there and back: the file itself takes more than 20 s."""
    page = visit.go("/")
    prepare(page)
    page.wait_for_load_state("networkidle")
    data = jpeg(1, 2_000, 2_600)
    assert len(data) > 1_000_000
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = 400_000 / 8
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": speed, "uploadThroughput": speed},
    )
    with page.expect_request(EMBEDDINGS) as sent:
        add(page, FilePayload(name="photo.jpg", mimeType="image/jpeg", buffer=data))
    assert int(sent.value.all_headers()["content-length"]) < 40_000, "a second on such a line"
    expect(page.locator("#grid .card:not(.ghost)").first).to_be_visible(timeout=20_000)
