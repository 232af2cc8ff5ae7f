"""The two lines before the worker: light jobs do not wait for what is heavy, and heavy ones get their turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from app.caller import caller
from app.query import LIGHT, MicroBatcher, QueuedJob
from app.query.cost import BATCH_WORK, encoding_work, search_work
from app.query.service import CALLS
from app.server import create_app
from app.settings import Settings
from common import OverloadedError
from index import SearchQuery
from tests.tools.shop import DESCRIPTIONS, IMAGES, DrawnEncoder, ask, error_of, served, shop_open, until


@dataclass(slots=True, eq=False)
class Named(QueuedJob[str]):
    name: str


class Recorder:
    """A handler that records its batches, and can be held at the door."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.door = Event()

    def __call__(self, jobs: Sequence[Named]) -> list[str]:
        self.batches.append([job.name for job in jobs])
        assert self.door.wait(60)
        return [job.name for job in jobs]


def batches_of(jobs: Sequence[tuple[str, float, bool]], refused: Sequence[str] = (), **bounds: Any) -> list[list[str]]:
    """Return the batches in which jobs (name, work, heavy) are done that came while the worker was busy."""

    async def main() -> list[list[str]]:
        handler = Recorder()
        options = {"max_batch": 100, "queue_limit": 100, "deadline_s": 60.0, **bounds}
        batcher: MicroBatcher[Named, str] = MicroBatcher(handler, name="worker-under-test", **options)
        batcher.start()
        tasks = [asyncio.create_task(batcher.submit(Named("first")))]
        while not handler.batches:
            await asyncio.sleep(0.001)
        for name, work, heavy in jobs:
            tasks.append(asyncio.create_task(batcher.submit(Named(name, work=work, heavy=heavy))))
            await asyncio.sleep(0)
        handler.door.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.close()
        assert [job[0] for job, one in zip(jobs, answers[1:], strict=True) if isinstance(one, OverloadedError)] == [
            *refused
        ]
        return handler.batches[1:]

    return asyncio.run(main())


def test_a_light_job_waits_for_one_batch_of_heavy_ones_at_most() -> None:
    """It waited for all that came before it: for 100 searches of 0.1 s each, ten seconds."""
    heavy = [(f"heavy {number}", 30.0, True) for number in range(6)]
    batches = batches_of([*heavy, ("light", 1.0, False)], max_work=50)
    assert ["light"] in batches[:2]
    assert [batch for batch in batches if batch != ["light"]] == [[name] for name, _, _ in heavy]


def test_heavy_jobs_have_every_other_turn_however_many_light_ones_there_are() -> None:
    light = [(f"light {number}", 1.0, False) for number in range(6)]
    batches = batches_of([*light, ("heavy a", 30.0, True), ("heavy b", 30.0, True)], max_work=50, max_batch=1)
    assert sorted(batches.index([name]) for name in ("heavy a", "heavy b")) == [0, 2]


def test_a_batch_is_bounded_in_work_and_one_job_always_fits() -> None:
    jobs = [("a", 20.0, False), ("b", 20.0, False), ("c", 20.0, False), ("d", 70.0, False), ("e", 1.0, False)]
    assert batches_of(jobs, max_work=50) == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_is_heavy_is_refused_before_it_piles_up_and_light_jobs_are_taken() -> None:
    heavy = [(f"heavy {number}", 40.0, True) for number in range(4)]
    batches = batches_of([*heavy, ("light", 1.0, False)], ["heavy 2", "heavy 3"], waiting_work=100)
    assert ["light"] in batches


def test_heavy_jobs_find_no_place_where_light_ones_fill_the_line() -> None:
    light = [(f"light {number}", 1.0, False) for number in range(3)]
    batches_of([*light, ("heavy", 1.0, True)], ["heavy"], queue_limit=3)


def test_a_text_is_light_and_what_takes_long_is_heavy() -> None:
    def work(length: int = 12, pictures: int = 0, device: str = "cpu", **query: Any) -> float:
        return encoding_work(["x" * length], pictures, device) + search_work(SearchQuery(**query))

    facets = tuple(f"attribute {number}" for number in range(8))
    assert work(mode="hybrid") < work(mode="hybrid", k=24, facets=facets) < LIGHT
    assert work(pictures=1, device="cuda") < LIGHT < work(pictures=1)
    for heavy in (
        work(2000),
        work(k=1000, offset=9000),
        work(collapse="image", k=1000),
        work(collapse="image", collapse_threshold=0.2),
    ):
        assert LIGHT < heavy < 2 * BATCH_WORK


class Held(DrawnEncoder):
    """Encodes when the door is open."""

    def __init__(self) -> None:
        super().__init__()
        self.door = Event()

    def encode_text(self, texts: Sequence[str]) -> Any:
        vectors = super().encode_text(texts)
        assert self.door.wait(60)
        return vectors


def test_a_caller_who_fills_the_line_makes_room_for_others_and_they_take_turns() -> None:
    """400 callers of one address had three of four texts of another one refused, and the fourth waited for theirs."""

    async def main() -> None:
        handler = Recorder()
        batcher: MicroBatcher[Named, str] = MicroBatcher(
            handler, name="worker-under-test", max_batch=2, queue_limit=6, deadline_s=60.0
        )
        batcher.start()

        def submit(who: str, name: str) -> asyncio.Task[str]:
            token = caller.set(who)
            try:
                return asyncio.create_task(batcher.submit(Named(name)))
            finally:
                caller.reset(token)

        first = submit("crowd", "first")
        while not handler.batches:
            await asyncio.sleep(0.001)
        crowd = [submit("crowd", f"crowd {number}") for number in range(7)]
        others = [submit("other", f"other {number}") for number in range(4)]
        await asyncio.sleep(0.01)
        assert batcher.crowd(0) == 0  # for a third one
        token = caller.set("other")
        assert batcher.crowd(0) == 6
        caller.reset(token)
        handler.door.set()
        answers = await asyncio.gather(first, *crowd, *others, return_exceptions=True)
        await batcher.close()
        refused = [isinstance(one, OverloadedError) for one in answers]
        assert refused == [False, *[False] * 3, *[True] * 4, *[False] * 3, True]
        assert handler.batches[1:] == [[f"crowd {number}", f"other {number}"] for number in range(3)]

    asyncio.run(main())


def test_calls_with_many_queries_are_finished_or_refused_at_once(folder: Path) -> None:
    """60 of them took turns and were refused in the middle, so that nobody had an answer; single texts waited, too."""
    encoder = Held()
    app = create_app(Settings.read(catalogue=folder, max_batch=5), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(CALLS + 2) as people:
        waiting = app.state.components.service.batcher

        def call(number: int) -> httpx.Response:
            body = {"queries": [{"text": f"q {number} {one}", "k": 1} for one in range(30)]}
            return client.post(f"{IMAGES}/batch", json=body, timeout=60)

        calls = [people.submit(call, number) for number in range(CALLS)]
        until(lambda: waiting.waiting == 5 * (CALLS - 1))
        refused = call(CALLS)
        assert "large calls are at work" in error_of(refused, 503, "overloaded")["message"]
        assert refused.headers["retry-after"]
        single = people.submit(ask, client, IMAGES, text="single")
        until(lambda: waiting.waiting == 5 * (CALLS - 1) + 1)
        encoder.door.set()
        assert single.result()["results"]
        assert [len(one.result().json()["answers"]) for one in calls] == [30] * CALLS
    place = next(at for at, batch in enumerate(encoder.text_batches) if "single" in batch)
    assert place <= 2


def test_a_call_with_many_queries_has_one_deadline(folder: Path) -> None:
    """Each of its batches had one of its own: a call of 6 kB for `/v1/explain` worked for 40 s."""

    class Slow(DrawnEncoder):
        def encode_text(self, texts: Sequence[str]) -> Any:
            time.sleep(0.15)
            return super().encode_text(texts)

    words = {"descriptions": [" ".join(f"word{number}" for number in range(150))], "like": ["1000"]}
    encoder = Slow()
    with shop_open(folder, encoder, deadline_s=1.0, max_batch=2) as client:
        error = error_of(client.post("/v1/explain", json=words), 504, "deadline_exceeded")
        assert "send less in one call" in error["message"]
        assert len(encoder.text_batches) < 75
        body = {"queries": [{"text": f"q {number}", "k": 1} for number in range(100)]}
        error_of(client.post(f"{IMAGES}/batch", json=body), 504, "deadline_exceeded")
        assert ask(client, IMAGES, text="red dress")["results"]


def test_facets_and_completions_take_their_turn_in_a_bounded_line(folder: Path) -> None:
    """400 calls for facets ran in 40 threads at once, and /healthz took two seconds."""
    encoder = Held()
    app = create_app(Settings.read(catalogue=folder, queue_limit=2), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(3) as people:
        everything = client.get("/v1/facets")
        paths = ['/v1/facets?filters={"gender": "Women"}', "/v1/suggest?q=re"]
        waiting = app.state.components.service.batcher
        held = people.submit(ask, client, DESCRIPTIONS, text="held")
        until(lambda: encoder.text_batches)
        calls = [people.submit(client.get, path) for path in paths]
        until(lambda: waiting.waiting == 2)
        for path in paths:
            error_of(client.get(path), 503, "overloaded")
        assert client.get("/v1/facets").content == everything.content  # counted once per version
        encoder.door.set()
        assert held.result()["results"]
        assert [one.result().status_code for one in calls] == [200, 200]


@pytest.mark.parametrize("names", [[], ["gender"], ["gender", "baseColour"]])
def test_facets_that_were_counted_before_are_those_of_now(client: httpx.Client, names: list[str]) -> None:
    asked: dict[str, Any] = {"attribute": names, "limit": 3}
    first, second = (client.get("/v1/facets", params=asked).json() for _ in range(2))
    filtered = client.get("/v1/facets", params={**asked, "filters": '{"gender": {"not": "nobody"}}'}).json()
    assert first == second == filtered
    assert list(first) == ["facets", "total", "catalogue_version", "types"]
