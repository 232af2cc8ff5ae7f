"""The plan and the maps of the house in docs/structure.md are those of the code, and no file outgrows its limit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools import house
from tests.tools.imports import ROOMS, docstring, source_files
from tests.tools.root import ROOT

FILES = source_files()
LIMITS = {"source": 300, "test": 400}


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def over_the_limits() -> set[str]:
    """Return the files that are longer than their limit; what others wrote (vendor) is left out."""
    found = set()
    for top in (*ROOMS[1:], "tests"):
        for path in (ROOT / top).rglob("*"):
            ours = path.suffix in {".py", ".js", ".css", ".html"} and "vendor" not in path.parts
            if ours and lines_of(path) > LIMITS["test" if top == "tests" else "source"]:
                found.add(path.relative_to(ROOT).as_posix())
    return found


def allowed_to_be_long() -> set[str]:
    """Return the files that the table "Files over the limits" names."""
    page = (ROOT / "DECISIONS.md").read_text(encoding="utf-8")
    section = page.partition("## Files over the limits")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \| [\d,]+ \| \S.* \|$", section, re.MULTILINE))


def test_the_picture_and_the_maps_are_those_of_the_code() -> None:
    page = (ROOT / house.PAGE).read_text(encoding="utf-8")
    assert all(page.count(f"<!-- {section} -->") == 1 for section in house.SECTIONS)
    assert house.rendered(page) == page, "run `python -m tests.tools.house`"


def test_the_map_names_every_source_file() -> None:
    names = re.findall(r"^(?: {4}- `|- \*?\*?`)([\w/.]+)`", house.file_map(), re.MULTILINE)
    expected = [path.name for path in FILES.values() if path.name != "__init__.py"]
    assert sorted(name for name in names if name.endswith(".py")) == sorted(expected)


@pytest.mark.parametrize("name", FILES)
def test_every_module_says_what_it_owns_in_its_first_line(name: str) -> None:
    line, _, _ = docstring(FILES[name]).partition("\n")
    assert line, f"{name} has no docstring"
    assert line.endswith("."), f"the first line of {name} is no sentence"


def test_every_station_of_a_corridor_is_a_package() -> None:
    for work, stations in house.CORRIDORS.items():
        assert set(stations) <= set(house.packages()), work


def test_no_file_is_over_its_limit() -> None:
    over, listed = over_the_limits(), allowed_to_be_long()
    assert sorted(over - listed) == [], f"split them, or give the reason in DECISIONS.md; the limits are {LIMITS}"
    assert sorted(listed - over) == [], "within the limit now: take them out of DECISIONS.md"
