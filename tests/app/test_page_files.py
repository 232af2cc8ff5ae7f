"""The files of the pages: nothing from elsewhere, nothing inline, every script and element there."""

from __future__ import annotations

import re
from html.parser import HTMLParser

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
        lines = file.read_text(encoding="utf-8").splitlines()
        code = "\n".join(line for line in lines if not re.match(r"\s*(//|/?\*)", line))  # a comment may name a source
        assert not re.search(
            r"https?://(?!www\.w3\.org/|[\w.]*shop\.example)|@import|url\(|\beval\(|new Function", code
        ), file


def scripts_of(page: str) -> dict[str, str]:
    """Return the text of the scripts that a page runs by name: its own and what they import; nothing vendored."""
    waiting = re.findall(r'"{{ assets }}/([\w.]+\.js)"', page) + re.findall(r'modules\("([\w.]+)"\)', page)
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = (PAGE / name).read_text(encoding="utf-8")
            waiting += re.findall(r'"\./([\w-]+\.js)";', found[name])
    return found


@pytest.mark.parametrize("name", PAGES.values())
def test_scripts_find_every_element_they_look_for(name: str) -> None:
    page = (PAGE / f"{name}.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    scripts = scripts_of(page)
    wanted = {one for script in scripts.values() for one in re.findall(LOOKUPS, script)}
    made = set(re.findall(r'"([\w-]+)"', scripts.get("template.js", "")))
    wanted -= set() if made else {"view"}  # of elements, where there are any
    assert wanted
    assert wanted <= links.ids | made


@pytest.mark.parametrize("path", PAGES)
def test_a_page_preloads_every_module_that_it_runs(client: httpx.Client, path: str) -> None:
    page = client.get(path).text
    preloaded = re.findall(r'rel="modulepreload" href="assets/\w+/([\w./-]+)"', page)
    assert len(preloaded) == len(set(preloaded)) >= 1
    folder = re.search(r"assets/\w+/", page)
    assert folder
    for name in preloaded:
        script = client.get(f"/{folder[0]}{name}").text
        assert set(re.findall(r'^import [^;(]*"\./([\w./-]+)";', script, re.MULTILINE)) <= set(preloaded), name
