"""Words beside a picture as two searches through an engine: over a database, and while the model is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.errors import UnavailableError
from app.query import Engine, Job, JobResult, Modify, Serving
from app.query.modified import answer_modified
from app.telemetry import Telemetry
from index import Catalogue, SearchIndex, SearchQuery
from tests.tools.shop import DrawnEncoder

BLUE_SHIRT = "1006"


@pytest.fixture(scope="module")
def index(folder: Path) -> SearchIndex:
    with Catalogue.open(folder) as catalogue:
        return SearchIndex(catalogue.snapshot())


def in_yellow() -> Job:
    query = SearchQuery(4, like=(BLUE_SHIRT,), exclude=frozenset([BLUE_SHIRT]), mode="hybrid", text_share=0.6)
    return Job(query=query, modify=Modify("in yellow", 1.5), render=lambda result: repr(result.kept).encode())


def answered(engine: Engine, job: Job) -> JobResult:
    """Return the result of a job with `modify`, by an engine that may answer with futures."""

    async def search(one: Job) -> JobResult:
        (answer,) = engine.answer([one])
        if isinstance(answer, Future):
            answer = await asyncio.wrap_future(answer)
        assert isinstance(answer, JobResult), answer
        return answer

    assert job.modify is not None
    return asyncio.run(answer_modified(job, job.modify, search))


def titles(result: JobResult) -> list[str]:
    assert result.page is not None
    return [hit.product.title for hit in result.page.hits]  # type: ignore[union-attr]


def test_a_database_answers_as_a_folder_does(index: SearchIndex) -> None:
    results = []
    for remote in (False, True):
        serving = Serving(DrawnEncoder(), index)
        engine = Engine(lambda serving=serving: serving, 10, Telemetry(), remote=remote)  # type: ignore[misc]
        results.append(answered(engine, in_yellow()))
        engine.close()
    here, there = results
    assert titles(here) == titles(there)
    assert {*titles(here)} == {"Yellow Shirt for Men"}
    assert here.kept == there.kept == {"articleType": ("Shirt",)}
    assert here.body == there.body == repr(here.kept).encode()
    assert here.understand_s > 0
    assert here.parsed is not None
    assert [one.values for one in here.parsed.conditions] == [("Yellow",)]


def test_a_model_that_is_replaced_between_both_searches_is_said(index: SearchIndex) -> None:
    models: Iterator[DrawnEncoder] = iter([DrawnEncoder(), DrawnEncoder()])
    engine = Engine(lambda: Serving(next(models), index), 10, Telemetry())
    with pytest.raises(UnavailableError):
        answered(engine, in_yellow())
