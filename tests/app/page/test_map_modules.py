"""What the map computes: colours that can be told apart, what is inside an outline, names of regions."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.tools.browser import needs_browser
from tests.tools.colour_difference import Rgb, difference, lab_difference
from tests.tools.root import ROOT

pytestmark = needs_browser

GROUND: dict[bool, Rgb] = {False: (243, 241, 238), True: (32, 29, 31)}
FASHION = ROOT / "tests" / "index" / "language" / "fashion_values.json"
COLOURS = list(json.loads(Path(FASHION).read_text(encoding="utf-8"))["baseColour"])
GREYS = ["White", "Grey", "Silver", "Black", "Off White", "Steel", "Charcoal", "Grey Melange"]
SEEN = 6
"""Least CIEDE2000 between two colours that are found in a legend without a doubt."""
USUAL = 9.5
"""The same of a legend of usual length."""


def coloured(page: Page, attribute: str, values: list[str], dark: bool) -> dict[str, Any]:
    found = page.evaluate(
        'async ([name, values, dark]) => (await import("/map_colours.js")).coloursOf(name, values, dark)',
        [attribute, values, dark],
    )
    return dict(zip(values, found["colours"], strict=True))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("attribute", "values", "least"),
    [
        ("baseColour", COLOURS[:12], USUAL),
        ("baseColour", GREYS, SEEN),
        ("baseColour", [*COLOURS[:12], *(grey for grey in GREYS if grey not in COLOURS[:12])], SEEN),
        ("baseColour", COLOURS, SEEN),
        ("articleType", [f"Type {number}" for number in range(12)], USUAL),
        ("articleType", [f"Type {number}" for number in range(20)], SEEN),
    ],
)
def test_any_two_colours_of_a_legend_can_be_told_apart(
    modules: Page, attribute: str, values: list[str], least: float, dark: bool
) -> None:
    """White, grey and silver were one grey."""
    found = coloured(modules, attribute, values, dark)
    for one, other in combinations(values, 2):
        assert difference(tuple(found[one]["fill"]), tuple(found[other]["fill"])) >= least, (one, other)
    for value, colour in found.items():
        away = difference(tuple(colour["fill"]), GROUND[dark])
        assert away >= 10 or (colour["edge"] and difference(tuple(colour["edge"]), GROUND[dark]) >= 30), value


def test_the_difference_of_colours_is_that_of_the_paper() -> None:
    """Pairs of table 1 of Sharma, Wu and Dalal (2005)."""
    assert lab_difference((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert lab_difference((50, 2.5, 0), (50, 0, -2.5)) == pytest.approx(4.3065, abs=1e-4)
    assert lab_difference((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)
    assert lab_difference((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387)) == pytest.approx(1.2644, abs=1e-4)
    assert lab_difference((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514)) == pytest.approx(0.9082, abs=1e-4)
    assert difference((255, 255, 255), (0, 0, 0)) == pytest.approx(100, abs=0.01)


def test_a_colour_is_that_of_its_name_and_white_has_an_edge(modules: Page) -> None:
    light = coloured(modules, "baseColour", COLOURS[:12], dark=False)
    assert light["White"]["fill"] == [255, 255, 255]
    assert light["White"]["edge"]
    assert light["Red"]["edge"] is None
    red, green, blue = light["Red"]["fill"]
    assert red > 2 * max(green, blue)
    dark = coloured(modules, "baseColour", COLOURS[:12], dark=True)
    assert dark["White"]["edge"] is None
    assert dark["Black"]["edge"]


def test_every_value_that_is_chosen_has_a_colour_and_the_rest_is_counted(modules: Page) -> None:
    found = modules.evaluate(
        """async () => {
          const {colourDots} = await import("/map_colours.js");
          const values = Array.from({length: 20}, (_, row) => `v${row}`);
          const codes = Uint16Array.from({length: 41}, (_, row) => row === 40 ? 65535 : row % 20);
          const show = (selected, lit) => {
            const {legend, rest, words} = colourDots(41, "kind", {values, codes}, new Set(selected), lit);
            const shown = words.filter(word => word).length;
            return [legend.map(one => one.value), rest.values.length, rest.products, shown];
          };
          const lit = new Uint8Array(41);
          lit[3] = lit[40] = 1;
          return [show([], null), show(["v19"], null), show([], lit), show(["v3"], lit)];
        }"""
    )
    first = [f"v{row}" for row in range(12)]
    assert found == [[first, 8, 16, 41], [[*first, "v19"], 7, 14, 2], [first, 8, 16, 2], [first, 8, 16, 1]]


def test_an_outline_holds_what_is_inside_it(modules: Page) -> None:
    """A square with a notch; compared with the same question asked of the notch and the square."""
    found = modules.evaluate(
        """async () => {
          const {rowsWithin, byCentre, sharedValues} = await import("/map_region.js");
          const side = Array.from({length: 100}, (_, row) => row);
          const map = {
            ids: side.map(String),
            x: Uint16Array.from(side, row => row % 10),
            y: Uint16Array.from(side, row => Math.floor(row / 10)),
            attributes: {half: {values: ["left", "right"], codes: Uint16Array.from(side, row => row % 10 < 5 ? 0 : 1)},
                         none: {values: [], codes: new Uint16Array(100).fill(65535)}},
          };
          const outline = [[1.5, 1.5], [8.5, 1.5], [8.5, 8.5], [5, 4.5], [1.5, 8.5]];
          const rows = rowsWithin(map, outline, row => row !== 22);
          return [rows, byCentre(map, rows).slice(0, 1), sharedValues(map, rows), sharedValues(map, [])];
        }"""
    )

    def inside(x: int, y: int) -> bool:
        roof = 4.5 + abs(x - 5) * 4 / 3.5
        return 1.5 < x < 8.5 and 1.5 < y < roof

    rows = [row for row in range(100) if inside(row % 10, row // 10) and row != 22]
    assert found[0] == rows
    assert found[1][0] in rows
    left = sum(row % 10 < 5 for row in rows)
    most = ("left", left) if left >= len(rows) - left else ("right", len(rows) - left)
    assert found[2] == [{"attribute": "half", "value": most[0], "count": most[1]}]
    assert found[3] == []


LABELS = """async ([zoom, side]) => {
  const {ClusterLabels} = await import("/map_labels.js");
  const regions = [];
  for (const level of [0, 1, 2]) {
    const lines = 2 * 2 ** level;
    for (let row = 0; row < lines * lines; row += 1) {
      const [column, line] = [row % lines, Math.floor(row / lines)];
      const [x, y] = [column, line].map(at => Math.round(65535 * (0.5 + at) / lines));
      const own = {text: `kind ${row % 15}`, attribute: "kind"};
      regions.push({level, x, y, count: 1000 - level - row, words: level ? [own, {text: `part ${level}`}] : [own]});
    }
  }
  const say = (attribute, value) => `${attribute}: ${value}`;
  return new ClusterLabels(regions, say, text => text.length * 7).at(zoom, side);
}"""


@pytest.mark.parametrize("zoom", [1, 1.9, 2, 5, 16])
def test_names_of_regions_stand_in_them_and_never_touch(modules: Page, zoom: float) -> None:
    side = 700
    labels = modules.evaluate(LABELS, [zoom, side])
    assert labels == modules.evaluate(LABELS, [zoom, side])
    assert labels
    unit = side * zoom / 65535
    for one, other in combinations(labels, 2):
        apart = abs(one["x"] - other["x"]) * unit, abs(one["y"] - other["y"]) * unit
        assert apart[0] >= 7 * (len(one["text"]) + len(other["text"])) / 2 or apart[1] >= 18, (one, other)


def test_values_are_said_in_the_language_of_the_page_and_the_largest_regions_come_first(modules: Page) -> None:
    labels = [one["text"] for one in modules.evaluate(LABELS, [1, 700])]
    assert labels[:4] == ["kind: kind 0", "kind: kind 1", "kind: kind 2", "kind: kind 3"]
    assert "kind: kind 5 · part 1" in labels
    assert not any(text.endswith("part 2") for text in labels), "parts of parts wait until one zooms"


def test_more_regions_are_named_as_one_zooms(modules: Page) -> None:
    counts = [len(modules.evaluate(LABELS, [zoom, 200])) for zoom in (1, 2, 4)]
    assert counts[0] < counts[1] < counts[2]
