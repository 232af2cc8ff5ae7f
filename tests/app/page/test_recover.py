"""Trying again: which errors, after how long, and what ends it. The clock is the test's own."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page, Route

from tests.tools.browser import needs_browser

pytestmark = needs_browser

PREPARE = """async () => {
  Object.assign(window, await import("/recover.js"));
  window.failure = (status, retryAfter) => Object.assign(new Error("no"), {status, retryAfter});
  window.start = (outcomes, signal) => {
    Object.assign(window, {tried: 0, told: [], end: "", zero: performance.now()});
    const action = async () => {
      const outcome = outcomes[Math.min(tried++, outcomes.length - 1)];
      if (outcome instanceof Error) throw outcome;
      return outcome;
    };
    const failed = (error, wait) => told.push(Math.round(wait));
    const ended = (error) => (end = `${error.name} ${error.status ?? ""}`);
    keepTrying(action, {signal, failed}).then((value) => (end = value), ended);
  };
}"""


@pytest.fixture
def recover(stopped: Page) -> Page:
    stopped.evaluate(PREPARE)
    return stopped


def test_what_may_pass_is_told_from_what_stays(recover: Page) -> None:
    may_pass = "status => mayPass(failure(status))"
    assert all(recover.evaluate(may_pass, status) for status in (408, 429, 500, 502, 503, 504))
    assert not any(recover.evaluate(may_pass, status) for status in (400, 401, 403, 404, 409, 413, 415, 422))
    assert recover.evaluate("mayPass(failure())")  # no answer
    assert not recover.evaluate("mayPass(new TypeError('a mistake of the page'))")
    assert not recover.evaluate("mayPass(Object.assign(new DOMException('', 'AbortError'), {status: undefined}))")


def test_pauses_grow_and_are_drawn(recover: Page) -> None:
    drawn = "attempt => Array.from({length: 40}, () => pauseAfter(failure(), attempt))"
    pauses = [recover.evaluate(drawn, attempt) for attempt in range(10)]
    assert all(len(set(draws)) > 20 for draws in pauses)
    means = [sum(draws) / len(draws) for draws in pauses]
    assert all(later > earlier for earlier, later in itertools.pairwise(means[:6]))
    assert all(500 <= one <= 10_000 for draws in pauses for one in draws)
    assert recover.evaluate("pauseAfter(failure(), 60)") is None
    assert recover.evaluate("[pauseAfter(failure(500), 2) > 0, pauseAfter(failure(500), 3)]") == [True, None]


def test_the_service_says_how_long_to_wait_within_a_bound(recover: Page) -> None:
    waits = recover.evaluate("Array.from({length: 20}, () => pauseAfter(failure(429, 30), 0))")
    assert all(30_000 <= wait <= 31_000 for wait in waits)
    assert recover.evaluate("pauseAfter(failure(503, 3600), 0)") is None
    assert recover.evaluate("pauseAfter(failure(503), 0)") <= 1000


def test_it_goes_on_until_it_succeeds_and_tells_of_each_failure(recover: Page) -> None:
    recover.evaluate("start([failure(), failure(503), failure(502), 'found'])")
    recover.clock.run_for(10_000)
    assert recover.evaluate("[end, tried, told.length]") == ["found", 4, 3]


def test_it_ends_with_an_error_that_stays_and_with_the_signal(recover: Page) -> None:
    recover.evaluate("start([failure(), failure(422), 'never'])")
    recover.clock.run_for(10_000)
    assert recover.evaluate("[end, tried]") == ["Error 422", 2]
    recover.evaluate("window.controller = new AbortController(); start([failure(), 'never'], controller.signal)")
    recover.clock.run_for(100)
    recover.evaluate("controller.abort()")
    recover.clock.run_for(10_000)
    assert recover.evaluate("[end, tried]") == ["AbortError ", 1]


def test_the_return_of_the_network_ends_the_pause(recover: Page) -> None:
    recover.evaluate("start([failure(429, 100), 'found'])")
    recover.clock.run_for(5000)
    assert recover.evaluate("tried") == 1
    recover.evaluate("dispatchEvent(new Event('online'))")
    recover.clock.run_for(600)
    assert recover.evaluate("[end, tried]") == ["found", 2]


def test_nothing_is_tried_while_nobody_sees_the_page(recover: Page) -> None:
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); "
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    recover.evaluate("start([failure(), 'found'])")
    recover.evaluate(hide, True)
    recover.clock.run_for(60_000)
    assert recover.evaluate("tried") == 1
    recover.evaluate(hide, False)
    recover.clock.run_for(1)
    assert recover.evaluate("[end, tried]") == ["found", 2]


def test_what_is_loaded_once_is_shared_and_loaded_again_after_a_failure(recover: Page) -> None:
    found = recover.evaluate("""async () => {
      let calls = 0;
      const kept = new Kept(async () => { calls += 1; if (calls === 1) throw failure(); return calls; });
      const first = await Promise.allSettled([kept.get(), kept.get()]);
      return [first.map((one) => one.status), kept.value, await kept.get(), await kept.get(), kept.value, calls];
    }""")
    assert found == [["rejected", "rejected"], None, 2, 2, 2, 2]


@pytest.mark.parametrize("lost", ["key_dialog.js", "elements.js"])
def test_a_module_that_was_lost_on_its_way_is_loaded_again(recover: Page, lost: str) -> None:
    """Also one that another module imports."""
    gone = []

    def lose(route: Route) -> None:
        gone.append(route.request.url)
        if len(gone) == 1:
            route.abort()
        else:
            route.fallback()

    recover.route(f"**/{lost}*", lose)
    recover.evaluate("""async () => {
      const {lazy} = await import("/lazy.js");
      lazy("key_dialog.js", new AbortController().signal).then(({askForKey}) => (window.loaded = typeof askForKey));
    }""")
    while len(gone) < 2:
        recover.clock.run_for(500)
    recover.wait_for_function("window.loaded === 'function'", polling=20)
