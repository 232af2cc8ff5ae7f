"""The newest of many wishes: what is done, when, and what is left out. The clock is the test's own."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.tools.browser import needs_browser

pytestmark = needs_browser

PREPARE = """async () => {
  const {Latest} = await import("/latest.js");
  Object.assign(window, {begun: [], ended: [], most: 0, open: 0});
  const run = async (wish, signal) => {
    begun.push([wish, performance.now()]);
    most = Math.max(most, ++open);
    try {
      await new Promise((resolve, reject) => {
        setTimeout(resolve, took);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      ended.push(wish);
    } catch { /* given up */ } finally { open--; }
  };
  window.latest = new Latest(run, {apart: 60, patience: 3000});
}"""


@pytest.fixture
def latest(stopped: Page) -> Page:
    stopped.evaluate(PREPARE)
    return stopped


def typed(page: Page, count: int, every: int, took: int) -> Any:
    """Wish for 0, 1, 2 … so often, with work that takes so long; return what had begun and when, and what ended."""
    page.evaluate("took => { window.took = took; window.zero = performance.now(); }", took)
    for wish in range(count):
        page.evaluate("wish => latest.ask(wish)", wish)
        page.clock.run_for(every)
    page.clock.run_for(5 * took + 200)
    begun = page.evaluate("begun.map(([wish, at]) => [wish, Math.round(at - zero)])")
    assert page.evaluate("[most, open, latest.busy]") == [1, 0, False]
    return begun, page.evaluate("ended")


def test_the_first_wish_starts_at_once_and_work_that_is_quick_is_done_for_each(latest: Page) -> None:
    begun, ended = typed(latest, count=5, every=130, took=50)
    assert begun == [[0, 0], [1, 130], [2, 260], [3, 390], [4, 520]]
    assert ended == [0, 1, 2, 3, 4]


def test_of_those_that_wait_the_newest_is_done_when_its_turn_comes(latest: Page) -> None:
    begun, ended = typed(latest, count=6, every=100, took=250)
    assert begun == [[0, 0], [2, 250], [4, 500], [5, 750]]
    assert ended == [0, 2, 4, 5]


def test_two_never_start_within_sixty_milliseconds(latest: Page) -> None:
    begun, _ = typed(latest, count=12, every=20, took=5)
    times = [at for _, at in begun]
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times)), times
    assert begun[0] == [0, 0]
    assert begun[-1][0] == 11


def test_what_cannot_wait_gives_up_what_is_on_its_way(latest: Page) -> None:
    latest.evaluate("window.took = 500")
    latest.evaluate("latest.ask('typed'); latest.ask('typed more'); latest.now('pressed')")
    latest.clock.run_for(2000)
    assert latest.evaluate("begun.map(([wish]) => wish)") == ["typed", "pressed"]
    assert latest.evaluate("ended") == ["pressed"]
    latest.evaluate("latest.ask('again'); latest.ask('and again'); latest.cancel()")
    latest.clock.run_for(2000)
    assert latest.evaluate("ended") == ["pressed"]
    assert latest.evaluate("latest.busy") is False


def test_a_connection_that_is_dead_does_not_hold_the_newest_up(latest: Page) -> None:
    latest.evaluate("window.took = 1e9")
    latest.evaluate("latest.ask('lost')")
    latest.clock.run_for(10_000)
    latest.evaluate("latest.ask('newer')")  # what runs has had its time
    assert latest.evaluate("begun.map(([wish]) => wish)") == ["lost", "newer"]
    latest.evaluate("latest.ask('newest')")
    latest.clock.run_for(2900)
    assert latest.evaluate("begun.length") == 2
    latest.clock.run_for(200)
    assert latest.evaluate("begun.map(([wish]) => wish)") == ["lost", "newer", "newest"]
