"""Calls that go at a time: all are done, in order, and the first error is raised; searches answer as alone."""

from __future__ import annotations

from threading import Barrier, Event, get_ident

import pytest

from common import InputError, compute_threads
from index import SearchIndex, SearchQuery
from index.vectors.side_by_side import each
from tests.index.brute_force import snapshot, unit

WAIT_S = 60.0


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


def test_as_many_calls_go_at_a_time_as_there_are_threads_and_answers_keep_their_order() -> None:
    together = Barrier(3)

    def call(number: int) -> tuple[int, int]:
        if number < 3:
            together.wait(WAIT_S)  # passes when so many are at work
        return 2 * number, get_ident()

    found = each(call, range(100))
    assert [answer for answer, _ in found] == list(range(0, 200, 2))
    assert len({thread for _, thread in found[:3]}) == 3
    assert each(call, []) == []


def test_one_thread_is_the_callers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert set(each(lambda _: get_ident(), range(10))) == {get_ident()}


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_is_raised_whichever_thread_has_it_and_no_call_is_begun_after_it(bad: int) -> None:
    together, failed = Barrier(3), Event()
    begun = []

    def call(number: int) -> None:
        begun.append(number)
        if number < 3:
            together.wait(WAIT_S)
        if number == bad:
            failed.set()
            raise InputError("bad")
        assert failed.wait(WAIT_S)  # else the others may do all of it before that thread has its turn

    with pytest.raises(InputError, match="bad"):
        each(call, range(100_000))
    assert len(begun) < 100_000
    assert each(str, [1, 2]) == ["1", "2"]


@pytest.mark.parametrize("side", ["images", "texts"])
def test_searches_by_words_in_one_call_answer_as_each_alone(side: str) -> None:
    titles = [f"{colour} {kind} {n % 7}" for n in range(40) for colour in ("red", "blue") for kind in ("shirt", "shoe")]
    index = SearchIndex(snapshot(unit(640, 32, 0), unit(640, 32, 1), titles=titles))
    vectors = unit(48, 32, 2)
    texts = [" ".join(titles[n].split()[: 1 + n % 3]) for n in range(48)]
    wants = [SearchQuery(k=20, mode="hybrid", parsed=index.understand(text)) for text in texts]
    alone = [index.search(side, vectors[n : n + 1], [wants[n]])[0] for n in range(48)]  # type: ignore[call-overload]
    assert index.search(side, vectors, wants) == alone  # type: ignore[call-overload]
    assert len({page.hits[0].score for page in alone}) > 10


@pytest.mark.parametrize(("asked", "threads"), [("3", 3), ("4,2", 4), ("0", None), ("many", None), ("", None)])
def test_what_asks_for_no_number_of_threads_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, asked: str, threads: int | None
) -> None:
    """OpenMP takes such values too: a service that ends at its start because of them would be a surprise."""
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert compute_threads() == (threads or 3)
    assert each(abs, [-1, -2, -3]) == [1, 2, 3]
