"""The files of the pages: nothing from elsewhere, nothing inline, every script and element there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from app.front import PAGE


class Links(HTMLParser):
    """Collects what a page loads, and what a strict policy forbids in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.forbidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.ids.update(filter(None, [names.get("id")]))
        if tag in ("script", "img", "link"):
            self.loaded += filter(None, [names.get("src"), names.get("href")])
        if tag == "style" or (tag == "script" and "src" not in names):
            self.forbidden.append(tag)
        self.forbidden += [name for name in names if name == "style" or name.startswith("on")]


PAGES = {"/": "index", "/evaluation": "evaluation", "/map": "map"}
LOOKUPS = r'(?:\bbyId|\$)\("([\w-]+)"\)'


@pytest.mark.parametrize("path", [*PAGES, "/docs"])
def test_pages_load_everything_from_this_host_and_have_nothing_inline(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    links = Links()
    links.feed(page.text)
    assert links.forbidden == []
    assert links.loaded
    for link in links.loaded:
        assert not re.match(r"/|\w+:", link), "below a proxy's path it would not be found"
        assert client.get(f"/{link}").status_code == 200
    for file in (*PAGE.glob("*.js"), *PAGE.glob("*.css")):
        text = client.get(f"/page/{file.name}").text
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(|\beval\(|new Function", text)


def modules_of(page: str) -> set[Path]:
    """Return the scripts that a page runs: its own and what they import, but nothing that is vendored."""
    found: set[Path] = set()
    waiting = re.findall(r'<script type="module" src="page/([\w.]+)"', page)
    while waiting:
        path = PAGE / waiting.pop()
        if path not in found:
            found.add(path)
            waiting += re.findall(r'from "\./([\w.]+)"', path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", PAGES.values())
def test_scripts_find_every_element_they_look_for(name: str) -> None:
    page = (PAGE / f"{name}.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    scripts = {path.stem: path.read_text(encoding="utf-8") for path in modules_of(page)}
    wanted = {one for script in scripts.values() for one in re.findall(LOOKUPS, script)}
    made = set(re.findall(r'"([\w-]+)"', scripts.get("template", "")))
    wanted -= set() if made else {"view"}  # of elements, where there are any
    assert wanted
    assert wanted <= links.ids | made


@pytest.mark.parametrize("name", PAGES.values())
def test_a_page_preloads_every_module_that_it_runs(name: str) -> None:
    page = (PAGE / f"{name}.html").read_text(encoding="utf-8")
    preloaded = set(re.findall(r'rel="modulepreload" href="page/([\w.]+)"', page))
    own = set(re.findall(r'<script type="module" src="page/([\w.]+)"', page))
    assert preloaded | own == {path.name for path in modules_of(page)}
