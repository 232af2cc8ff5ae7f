"""The evaluation page at work: waiting and giving up, slices and their failures, judgements, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import httpx
from playwright.sync_api import Page, Route, expect

from index.metrics import JudgedQuery, read_queries
from tests.tools.browser import Visit, needs_browser

pytestmark = needs_browser

MEASURING = {"state": "measuring", "stage": "text_to_image", "done": 0.42, "seconds": 21.3, "left_s": 29.4}


def saved(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_who_waits_sees_how_far_it_is_and_can_give_up(visit: Visit) -> None:
    """The page was a grey box for up to a minute, and could only be left."""
    page = visit.page
    held: list[Route] = []
    page.route("**/v1/evaluation?*", lambda route: held.append(route))
    page.route("**/v1/evaluation/progress?*", lambda route: route.fulfill(json=MEASURING))
    visit.go("/evaluation")
    bar = page.get_by_role("progressbar", name="Progress of the measurement")
    expect(bar).to_have_js_property("value", 0.42)
    expect(page.locator("#figures-wait")).to_contain_text("Texts look for their pictures")
    expect(page.locator("#figures-wait")).to_contain_text("21 seconds so far · about 29 seconds left")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("cancelled")
    expect(bar).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.locator("#queries > li")).not_to_have_count(0)
    expect(page.get_by_role("alert")).to_be_hidden()
    assert len(held) == 1


def test_a_bar_shows_the_failures_of_its_slice_and_judgements_are_queries(
    visit: Visit, shop: httpx.Client, tmp_path: Path
) -> None:
    page = visit.go("/evaluation?split=all&by=articleType")
    page.locator("#slices button", has_text="Dress").click()
    expect(page.locator("#queries-title")).to_have_text("Failures among 8 queries")
    expect(page.locator("#queries > li")).to_have_count(8)
    expect(page.locator("#queries-slice")).to_contain_text("Article type: Dress")
    details = shop.get("/v1/evaluation/details?split=all&slice=articleType:Dress").json()
    worst = details["text_to_image"]["worst"]
    expect(page.locator("#queries > li p").first).to_contain_text(worst[0]["title"])

    page.locator(".verdicts button").first.focus()
    for key in "123":
        page.keyboard.press(key)
    expect(page.locator("#judged-count")).to_have_text("3 judged")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#judged-count")).to_have_text("2 judged")
    page.reload()
    expect(page.locator("#judged-count")).to_have_text("2 judged")
    expect(page.locator("#queries > li").nth(1).get_by_role("button", name="Wrong")).to_have_attribute(
        "aria-pressed", "true"
    )
    found = read_queries(saved(page, "Save as queries (JSONL)", tmp_path))
    queries = [one for one in found if isinstance(one, JudgedQuery)]
    assert [(one.text, one.kind) for one in queries] == [(worst[0]["title"], "right"), (worst[1]["title"], "wrong")]
    own, doubted = worst[0], next(hit for hit in worst[0]["found"] if not hit["right"])
    right = [hit["id"] for hit in own["found"] if hit["right"]]
    assert set(queries[0].ids) == {own["id"], *right, doubted["id"]}
    assert worst[1]["id"] in queries[1].ids

    page.locator("#queries-slice button").click()
    expect(page.locator("#queries-title")).to_have_text("Failures among 40 queries")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#queries-pages")).to_contain_text("13–24 of 40")
    page.go_back()
    expect(page.locator("#queries-pages")).to_contain_text("1–12 of 40")


def test_figures_are_saved_as_json_csv_and_markdown(visit: Visit, shop: httpx.Client, tmp_path: Path) -> None:
    page = visit.go("/evaluation?split=all")
    expect(page.locator("#queries > li")).to_have_count(12)
    expect(page.locator("#origin")).to_contain_text("measured")
    figures = shop.get("/v1/evaluation?split=all").json()
    stored = json.loads(saved(page, "Save as JSON", tmp_path).read_text(encoding="utf-8"))
    assert stored["titles"] == figures["titles"]
    table = list(csv.DictReader(io.StringIO(saved(page, "Save as CSV", tmp_path).read_text(encoding="utf-8"))))
    (line,) = [one for one in table if (one["table"], one["column"]) == ("titles", "recall10")]
    assert [float(line[name]) for name in ("value", "low", "high")] == list(figures["titles"]["recall10"].values())
    corrected = figures["titles_hub_corrected"]["mrr10"]
    (line,) = [one for one in table if (one["table"], one["column"]) == ("titles_hub_corrected", "mrr10")]
    assert [float(line[name]) for name in ("value", "low", "high")] == list(corrected.values())
    expect(page.locator("#headline")).to_contain_text(f"with hub correction {100 * corrected['value']:.1f} %")
    text = saved(page, "Save as Markdown", tmp_path).read_text(encoding="utf-8")
    assert "| image_to_text | strict_id | top1 |" in text


def test_judgements_that_are_damaged_or_denied_do_not_stop_the_page(modules: Page) -> None:
    told = modules.evaluate(
        """async () => {
          const { Judgements } = await import("/judgements.js");
          const failure = {id: "1", title: "A", found: [{id: "2", title: "B", right: false}]};
          const denied = {getItem() { throw new Error(); }, setItem() { throw new Error(); }};
          const counts = [];
          for (const stored of ['{"no', '[{"text": 1}]', '[null]', '{}']) {
            const judgements = new Judgements("s", {getItem: () => stored, setItem() {}});
            counts.push(judgements.count);
            judgements.judge("text_to_image", failure, "duplicate");
            counts.push(judgements.count);
          }
          const own = new Judgements("s", denied);
          own.judge("text_to_image", failure, "wrong");
          own.judge("text_to_image", failure, "right");
          return [counts, own.lines(), own.undo(), own.undo()];
        }"""
    )
    assert told[0] == [0, 1] * 4
    assert json.loads(told[1]) == {"text": "A", "kind": "right", "ids": ["1", "2"]}
    assert told[2:] == [True, False]


def test_a_title_is_no_formula_in_a_spreadsheet(modules: Page) -> None:
    text = modules.evaluate(
        """async () => {
          const { figuresCsv, figuresMarkdown } = await import("/downloads.js");
          const figure = {value: .5, low: .25, high: .75};
          const answer = {image_to_text: {}, text_to_image: {}, titles: {queries: 1, recall10: figure}, source: "a|b",
            slices: {'=cmd|"x"': [{value: "@SUM(1)", queries: 2, recall10: figure}]}, measured: {at: "now"}};
          return figuresCsv(answer) + figuresMarkdown(answer);
        }"""
    )
    assert '"\'=cmd|""x""","\'@SUM(1) / 2","recall10",0.5,0.25,0.75' in text
    assert '| =cmd "x" | @SUM(1) / 2 | recall10 | 50.0 | 25.0–75.0 |' in text
