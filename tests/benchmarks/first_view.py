"""What the pages weigh, and how long they take on a good line and on slow 3G: of a running service, in Chromium.

vitrine serve --port 8000
python -m tests.benchmarks.first_view now --url http://127.0.0.1:8000 --out docs/first-view.json

`now` and `before` are the columns of the table; `before` is a service of an earlier version.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FilePayload, Page, expect

from common import write_json
from tests.tools.browser import chromium
from tests.tools.photos import photo
from tests.tools.shop import encoded

SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""Slow 3G: 400 kbit/s in both directions, 400 ms from a request to its answer."""
GIVEN_UP_MS = 120_000
CARD = ".card:not(.ghost)"
ROWS = {
    "first view": "the first view, to the kinds of products",
    "visit again": "the same at the next visit",
    "search": "a typed search, to its first product",
    "photo": "a photo of {photo} kB, to its first product",
}


class Line:
    """A page, and what comes over its line."""

    def __init__(self, browser: Browser, url: str, slow: bool) -> None:
        self._context = browser.new_context(viewport={"width": 390, "height": 800}, reduced_motion="reduce")
        self._context.set_default_timeout(GIVEN_UP_MS)
        self.page = self._context.new_page()
        self.url = url
        self.requests = 0
        self.bytes = 0
        self._cached: set[str] = set()
        session = self._context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.requestServedFromCache", lambda event: self._cached.add(event["requestId"]))
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)
        if slow:
            session.send("Network.emulateNetworkConditions", SLOW)

    def _answered(self, event: dict[str, Any]) -> None:
        response = event["response"]
        kept = response.get("fromDiskCache") or event["requestId"] in self._cached
        if response["url"].startswith("http") and not kept:
            self.requests += 1

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def measured(self, act: Callable[[Page], None], shown: str) -> dict[str, float]:
        """Return the seconds until something is shown, and what had come when the line was quiet."""
        self.requests = self.bytes = 0
        begun = time.perf_counter()
        act(self.page)
        expect(self.page.locator(shown).first).to_be_visible(timeout=GIVEN_UP_MS)
        seconds = time.perf_counter() - begun
        self.page.wait_for_load_state("networkidle", timeout=GIVEN_UP_MS)
        self.page.wait_for_timeout(1_000)
        return {"seconds": round(seconds, 2), "requests": self.requests, "kB": round(self.bytes / 1_000, 1)}

    def open(self, page: Page) -> None:
        """Go to the search page."""
        page.goto(f"{self.url}/", wait_until="commit")

    def close(self) -> None:
        """Leave."""
        self._context.close()


def a_photo() -> bytes:
    """Return a JPEG of 3 megapixels with the grain of a camera, some 1.2 MB."""
    return encoded(photo(3, 1_500, 2_000), "JPEG", quality=97)


def once(browser: Browser, url: str, slow: bool, data: bytes) -> dict[str, dict[str, float]]:
    """Measure each row in turn, with an empty cache at first."""
    line = Line(browser, url, slow)
    found = {
        "first view": line.measured(line.open, "#tiles li"),
        "visit again": line.measured(line.open, "#tiles li"),
        "search": line.measured(lambda page: page.locator("#text").fill("red dress"), CARD),
    }
    line.close()
    line = Line(browser, url, slow)
    line.measured(line.open, "#tiles li")
    file = FilePayload(name="photo.jpg", mimeType="image/jpeg", buffer=data)
    try:
        found["photo"] = line.measured(lambda page: page.locator("#file").set_input_files([file]), CARD)
    except AssertionError:
        found["photo"] = {"seconds": float("inf"), "requests": line.requests, "kB": 0}
    line.close()
    return found


def measured(url: str, rounds: int) -> dict[str, Any]:
    """Return the median of some rounds on each line; a photo that was lost has no seconds."""
    data = a_photo()
    figures: dict[str, Any] = {"photo_kB": round(len(data) / 1_000), "rounds": rounds}
    with chromium() as browser:
        for name, slow in (("fast", False), ("slow", True)):
            runs = [once(browser, url, slow, data) for _ in range(rounds)]
            figures[name] = {row: _medians([run[row] for run in runs]) for row in runs[0]}
    return figures


def _medians(runs: list[dict[str, float]]) -> dict[str, float | None]:
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return {key: None if value == float("inf") else value for key, value in middle.items()}


def table(figures: dict[str, Any]) -> str:
    """Return both versions beside each other: weight and requests, and seconds on both lines."""
    sides = [figures[name] for name in ("before", "now")]
    head = "| | requests | kB | seconds | seconds on slow 3G |"
    lines = [f"{head}\n|---|---:|---:|---:|---:|"]
    for row, name in ROWS.items():
        cells = [" → ".join(_said(side["fast"][row][key]) for side in sides) for key in ("requests", "kB", "seconds")]
        cells.append(" → ".join(_said(side["slow"][row]["seconds"]) for side in sides))
        said = name.format(photo=f"{sides[1]['photo_kB']:,}")
        lines.append(f"| {said} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(value: float | None) -> str:
    return "lost" if value is None else f"{value:,.1f}" if value % 1 else f"{value:,.0f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", choices=("before", "now"))
    parser.add_argument("--url", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    kept = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    write_json(given.out, {**kept, given.version: measured(given.url, given.rounds)})
