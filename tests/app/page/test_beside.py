"""The page "A beside B": reports that are refused, the plot, and votes that do not know what they are for."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.tools.browser import Visit, needs_browser

pytestmark = needs_browser


def figure(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def line(direction: str, right: str, measure: str, difference: float) -> dict[str, Any]:
    figures = {"a": figure(0.5, 0.02), "b": figure(0.5 + difference, 0.02), "difference": figure(difference, 0.008)}
    return {"direction": direction, "right": right, "measure": measure, **figures}


def report() -> dict[str, Any]:
    """Return a comparison in which B finds the dress of each query, and A something else."""
    hits = [{"id": str(1000 + number), "title": f"Product {number}"} for number in range(12)]
    pairs = [{"query": f"query {n}", "a": hits[n : n + 3], "b": hits[n + 1 : n + 4]} for n in range(6)]
    return {
        "protocol": "against",
        "split": "test",
        "source": "drawn",
        "catalogue_version": 0,
        "a": {"encoder_id": "drawn-1"},
        "b": {"encoder_id": "other-1"},
        "verdict": "B is better.",
        "queries": 48,
        "gallery": 48,
        "titles": 40,
        "measures": [line("titles", "found", "recall10", 0.012), line("image_to_text", "strict_id", "top1", -0.004)],
        "slices": {
            "gender": [
                {"value": "Men", "queries": 20, **line("", "", "", -0.02)},
                {"value": "not given", "queries": 3, **line("", "", "", 0.0)},
            ],
            "title frequency": [{"value": "1", "queries": 40, **line("", "", "", 0.012)}],
        },
        "side_by_side": [*pairs, {"query": "equal", "a": hits[:3], "b": hits[:3]}],
    }


def test_a_report_is_shown_and_votes_are_blind(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report()), encoding="utf-8")
    page = visit.go("/evaluation/beside")
    page.get_by_label("Choose a report").set_input_files(path)
    expect(page.get_by_role("heading", name="B is better by 1.2 points (0.4 to 2.0)")).to_be_visible()
    expect(page.locator("#differences li.better-b")).to_contain_text("+1.2 (+0.4 … +2.0)")
    expect(page.locator("#differences li.better-none")).to_contain_text("Top-1")
    expect(page.locator("#slices li.better-a")).to_contain_text("Men")
    expect(page.locator("#slices li.better-none")).to_contain_text("Not given")
    page.get_by_role("button", name="Compare 6 queries").click()
    blind = page.locator("#blind")
    expect(blind).to_be_focused()
    votes = {}
    for number in range(6):
        expect(page.locator("#place")).to_have_text(f"{number} of 6 judged")
        query = page.locator("#query").inner_text()
        shown = page.locator("#left li").first.inner_text()
        # A person who wants what B finds: the first result of B for query n is product n + 1.
        on_left = shown == f"Product {int(query[6:]) + 1}"
        votes[query] = on_left
        markup = blind.inner_html()
        assert "drawn-1" not in markup
        assert "other-1" not in markup
        expect(page.locator("#result")).to_be_hidden()
        if number == 2:
            page.keyboard.press("2")
            expect(page.locator("#place")).to_have_text("3 of 6 judged")
            page.keyboard.press("u")
            expect(page.locator("#query")).to_have_text(query)
        page.keyboard.press("1" if on_left else "3")
    assert len(votes) == 6
    result = page.locator("#result")
    expect(result).to_contain_text("A better: 0 · B better: 6 · same: 0")
    expect(result).to_contain_text("B is preferred beyond chance (sign test, p = 0.031)")
    expect(result).to_contain_text("For 1 query both found the same")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the votes").click()
    waiting.value.save_as(tmp_path / "votes.jsonl")
    lines = [json.loads(one) for one in (tmp_path / "votes.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {one["query"]: one["better"] for one in lines} == dict.fromkeys(votes, "b")
    visit.check_axe()


def test_other_files_are_refused_with_a_reason(visit: Visit, tmp_path: Path) -> None:
    page = visit.go("/evaluation/beside")
    damaged = report()
    damaged["measures"][0]["difference"]["low"] = "<b>"
    for content, said in (
        ("no json", "no JSON"),
        (json.dumps({"protocol": "kagl"}), "no comparison"),
        (json.dumps(damaged), "missing or out of bounds"),
    ):
        path = tmp_path / "file.json"
        path.write_text(content, encoding="utf-8")
        with page.expect_file_chooser() as choosing:
            page.get_by_label("Choose a report").click()
        choosing.value.set_files(path)
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page.locator("#shown")).to_be_hidden()


BROKEN: list[dict[str, Any]] = [
    {"titles": -1},
    {"a": None},
    {"source": 3},
    {"measures": []},
    {"measures": [line("", "", "", 0.1)] * 201},
    {"measures": [{**line("", "", "", 0.1), "b": {"value": 2, "low": 0, "high": 3}}]},
    {"slices": {"gender": [{"value": "Men"}]}},
    {"side_by_side": [{"query": "q", "a": [], "b": [{"id": 1, "title": "t"}]}]},
    {"side_by_side": [{"query": "q", "a": [{"id": "1", "title": "t"}] * 11, "b": []}]},
    {"side_by_side": {}},
    {"judged": {"queries": 1}},
]


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: next(iter(change)))
def test_a_report_out_of_bounds_is_refused(modules: Page, change: dict[str, Any]) -> None:
    read = """async (text) => {
      const { readReport } = await import("/beside_report.js");
      try { readReport(text); return "read"; } catch (error) { return error.message; }
    }"""
    assert modules.evaluate(read, json.dumps(report())) == "read"
    assert modules.evaluate(read, json.dumps({**report(), **change})) == "beside.damaged"


def test_the_order_and_the_sides_come_from_the_seed(modules: Page) -> None:
    def shown(seed: int) -> list[tuple[str, str]]:
        pairs = [
            {"query": str(n), "a": [{"id": "a", "title": ""}], "b": [{"id": "b", "title": ""}]} for n in range(200)
        ]
        found = modules.evaluate(
            """async ([pairs, seed]) => {
              const { Blind } = await import("/blind.js");
              const blind = new Blind(pairs, seed);
              return pairs.map((_, at) => [blind.at(at).query, blind.at(at).left[0].id]);
            }""",
            [pairs, seed],
        )
        return [(query, left) for query, left in found]

    first = shown(7)
    assert first == shown(7)
    assert first != shown(8)
    assert sorted(int(query) for query, _ in first) == list(range(200))
    assert 70 < sum(left == "a" for _, left in first) < 130


def test_the_sign_test_is_the_exact_binomial_one(modules: Page) -> None:
    cases = [(0, 0), (6, 6), (3, 10), (5, 10), (40, 60), (700, 1200), (0, 5000)]
    found = modules.evaluate(
        """async (cases) => {
          const { signTest } = await import("/blind.js");
          return cases.map(([wins, count]) => signTest(wins, count));
        }""",
        cases,
    )
    for (wins, count), told in zip(cases, found, strict=True):
        tail = sum(math.comb(count, k) for k in range(min(wins, count - wins) + 1))
        exact = min(1.0, float(2 * tail / 2**count)) if count < 1000 else told["p"]
        assert told["p"] == pytest.approx(exact, rel=1e-9)
        assert 0 <= told["low"] <= told["share"] <= told["high"] <= 1
    assert found[4]["low"] == pytest.approx(0.540, abs=0.002)  # Wilson's interval of 40 of 60
    assert found[4]["high"] == pytest.approx(0.773, abs=0.002)
