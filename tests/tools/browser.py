"""A tool: a real Chromium for the tests of the pages: a visit notes what goes wrong, and axe looks at what is shown.

Uses the `chromium` that is installed (or the one that CHROMIUM names) and downloads none.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.tools.root import ROOT
from tests.tools.shop import draw, encoded

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser: install Debian's chromium, or name one in CHROMIUM, to test the pages"
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
AXE = ROOT / "tests" / "vendor" / "axe-core-4.14.1" / "axe.min.js"
VIOLATIONS = """() => axe.run(document, {
  resultTypes: ["violations"],  // the selectors of every node that passes take as long as the checks
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}).then((found) => found.violations)"""
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 640}
PATIENCE_MS = 60_000
"""How long to wait for what must come: the machine may be busy, and measuring has the lowest priority."""
SEEN = """() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))"""


@dataclass
class Visit:
    """A page at a shop, and everything that went wrong on it."""

    page: Page
    base: str
    wrong: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def titles(self) -> list[str]:
        return self.page.locator(".card:not(.ghost) h3").all_inner_texts()

    def finds(self, title: str) -> None:
        """Wait until the first result has this title."""
        expect(self.page.locator("#grid .card h3").first).to_have_text(re.compile(title))
        expect(self.page.locator("#results")).not_to_have_attribute("aria-busy", "true")

    def check_axe(self) -> None:
        """Refuse what axe finds serious."""
        self.page.evaluate(SEEN)
        # A script of the page's own address is what the content security policy allows; evaluate runs beside it.
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
        serious = [
            (one["id"], [node["html"][:160] + " :: " + node["failureSummary"][:200] for node in one["nodes"][:3]])
            for one in self.page.evaluate(VIOLATIONS)
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, serious


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, base: str, **options: Any) -> Iterator[Visit]:
    """Open a page that must neither complain nor ask another host."""
    context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), base)
    visit.page.on("console", lambda message: visit.wrong.append(message.text) if message.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.wrong.append(str(error)))

    def note(url: str) -> None:
        visit.asked.append(url)
        if not url.startswith((base, "blob:", "data:")):
            visit.strangers.append(url)

    visit.page.on("request", lambda request: note(request.url))
    try:
        yield visit
        assert not visit.wrong, visit.wrong
        assert not visit.strangers, visit.strangers
    finally:
        context.close()


def picture(tmp_path: Path, colour: str, kind: str) -> Path:
    path = tmp_path / f"{colour}-{kind}.png"
    path.write_bytes(encoded(draw(colour, kind)))
    return path


HAND_OVER = """async ([kind, bytes, type]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], "picture", {type}));
  const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true})
    : new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true});
  document.body.dispatchEvent(event);
}"""


def hand_over(page: Page, kind: str, data: bytes, media_type: str = "image/png") -> None:
    page.locator("#view").wait_for(state="attached")
    page.evaluate(HAND_OVER, [kind, list(data), media_type])
