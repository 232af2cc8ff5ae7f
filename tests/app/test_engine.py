"""From jobs to vectors and hits: what is remembered, what a replaced model changes, what fails alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest

from app.errors import InvalidError, UnavailableError
from app.query import Engine, Job, JobResult, Service, Serving
from app.query.engine import SEARCHES_AHEAD
from app.routes import Components
from app.server import create_app
from app.settings import Settings
from app.telemetry import Telemetry
from common import DatabaseUnavailableError, InputError
from index import Catalogue, Filter, Search, SearchIndex, SearchQuery
from tests.tools.darkroom import HELD, Darkroom
from tests.tools.shop import (
    IMAGES,
    DrawnEncoder,
    ask,
    draw,
    encoded,
    error_of,
    served,
    shop_open,
    until,
)


class Large(DrawnEncoder):
    """Another model: other weights, and pictures of another size."""

    encoder_id = "drawn-large"
    image_size = (96, 72)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape[1:] == (96, 72, 3)
        return super().encode_pixels(pixels[:, ::2, ::2])

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(-DrawnEncoder().encode_text(texts), dtype=np.float32)


@pytest.fixture(scope="module")
def index(folder: Path) -> SearchIndex:
    with Catalogue.open(folder) as catalogue:
        return SearchIndex(catalogue.snapshot())


def texts_of(*texts: str, cached: bool = True) -> Job:
    return Job(texts, query=SearchQuery(k=3), cached=cached)


def found(answer: object) -> JobResult:
    assert isinstance(answer, JobResult), answer
    return answer


def test_a_text_asked_again_costs_no_encoding(index: SearchIndex) -> None:
    encoder = DrawnEncoder()
    engine = Engine(lambda: Serving(encoder, index), 2, Telemetry())
    first = found(engine.answer([texts_of("a"), texts_of("b"), texts_of("a")])[0])
    again = found(engine.answer([texts_of("a")])[0])
    assert encoder.text_batches == [["a", "b"]]
    assert again.page == first.page
    engine.answer([texts_of("c")])  # the cache has two places: b was used longest ago
    engine.answer([texts_of("a"), texts_of("b")])
    assert encoder.text_batches[1:] == [["c"], ["b"]]


def test_what_is_not_to_be_cached_is_encoded_each_time(index: SearchIndex) -> None:
    encoder = DrawnEncoder()
    engine = Engine(lambda: Serving(encoder, index), 10, Telemetry())
    for _ in range(2):
        engine.answer([texts_of("a", cached=False), texts_of("a")])
    assert encoder.text_batches == [["a", "a"], ["a"]]


def test_without_a_cache_every_batch_is_encoded(index: SearchIndex) -> None:
    encoder = DrawnEncoder()
    engine = Engine(lambda: Serving(encoder, index), 0, Telemetry())
    for _ in range(2):
        engine.answer([texts_of("a")])
    assert encoder.text_batches == [["a"], ["a"]]


def test_another_encoder_starts_with_an_empty_cache(index: SearchIndex) -> None:
    serving = [Serving(DrawnEncoder(), index), Serving(Large(), index)]
    engine = Engine(lambda: serving[0], 10, Telemetry())
    before = found(engine.answer([texts_of("red")])[0])
    serving.reverse()
    after = found(engine.answer([texts_of("red")])[0])
    np.testing.assert_array_equal(after.texts, -before.texts)
    assert after.serving is serving[0]


def test_a_picture_prepared_for_another_model_fails_alone(index: SearchIndex) -> None:
    serving = Serving(Large(), index)
    engine = Engine(lambda: serving, 10, Telemetry())
    old, new = (encoder.prepare_image(draw("red", "bag")) for encoder in (DrawnEncoder(), Large()))
    answers = engine.answer([Job(pixels=(new,)), Job(pixels=(new, old)), texts_of("red"), Job(pixels=(new,))])
    assert isinstance(answers[1], UnavailableError)
    assert "just replaced" in str(answers[1])
    np.testing.assert_array_equal(found(answers[0]).images, found(answers[3]).images)
    assert found(answers[2]).page


def test_jobs_of_all_kinds_share_a_batch(index: SearchIndex) -> None:
    encoder = DrawnEncoder()
    engine = Engine(lambda: Serving(encoder, index), 10, Telemetry())
    pixels = encoder.prepare_image(draw("red", "bag"))
    answers = engine.answer(
        [
            Job(("x", "y"), (pixels,)),
            Job(("red bag",), (pixels,), SearchQuery(k=1)),
            Job(query=SearchQuery(k=1, like=("nope",))),
            Job(("red bag",), query=SearchQuery(k=1), side="texts"),
            Job(query=SearchQuery(k=1), side="texts", vector=np.eye(128, dtype=np.float32)[0]),
            Job(("never encoded",), query=SearchQuery(k=1, filters={"colour": Filter(any=("red",))})),
        ]
    )
    assert encoder.text_batches == [["x", "y", "red bag"]]
    assert encoder.pixel_batches == [2]
    assert isinstance(answers[2], InvalidError)
    assert answers[2].details == [{"field": "like", "message": str(answers[2]).removeprefix("like: ")}]
    assert isinstance(answers[5], InputError)
    encodings = found(answers[0])
    assert (encodings.texts.shape, encodings.images.shape, encodings.page) == ((2, 128), (1, 128), None)
    for answer in (answers[1], answers[3], answers[4]):
        page = found(answer).page
        assert page is not None
        assert len(page.hits) == 1


def test_readiness_never_comes_from_the_cache_of_texts(folder: Path) -> None:
    encoder = DrawnEncoder()
    with shop_open(folder, encoder) as client:
        assert client.get("/readyz").status_code == 200
        until(lambda: client.get("/readyz").status_code == 200 and len(encoder.text_batches) == 3)
    assert encoder.text_batches == [["red dress"]] * 3


def test_the_service_encodes_for_others_in_pieces(folder: Path) -> None:
    encoder = DrawnEncoder()
    with Catalogue.open(folder) as catalogue:
        serving = Serving(encoder, SearchIndex(catalogue.snapshot()))
    service = Service(lambda: serving, Settings.read(catalogue=folder, max_batch=4), Telemetry())
    pictures = [draw("red", "bag"), draw("blue", "shirt"), draw("pink", "watch")]

    async def main() -> tuple[np.ndarray, np.ndarray]:
        service.start()
        try:
            encoded = await service.encode(
                [f"text {n}" for n in range(6)], [encoder.prepare_image(picture) for picture in pictures]
            )
            return encoded.texts, encoded.images
        finally:
            await service.close()

    texts, images = asyncio.run(main())
    np.testing.assert_array_equal(texts, DrawnEncoder().encode_text([f"text {n}" for n in range(6)]))
    np.testing.assert_array_equal(images, DrawnEncoder().encode_image(pictures))
    assert [len(batch) for batch in encoder.text_batches] == [4, 2]
    assert encoder.pixel_batches == [2, 1]


def test_a_model_replaced_under_load_never_mixes_with_the_old_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    darkroom = Darkroom(tmp_path / "darkroom", monkeypatch)
    app = create_app(Settings.read(catalogue=folder, deadline_s=60), encoder=DrawnEncoder())
    components: Components = app.state.components
    with served(app) as client, ThreadPoolExecutor(1) as people:
        before = ask(client, IMAGES, text="red dress", k=48, mode="vector")
        picture = encoded(HELD)
        between = people.submit(client.post, IMAGES, files={"image": ("x", picture)})
        until(lambda: darkroom.held == 1, 60)
        components.state.serving = Serving(Large(), components.state.serving.index)
        darkroom.open()
        late: httpx.Response = between.result()
        assert "just replaced" in error_of(late, 503, "unavailable")["message"]
        assert client.post(IMAGES, files={"image": ("x", picture)}).status_code == 200
        after = ask(client, IMAGES, text="red dress", k=48, mode="vector")
    assert (before["encoder_id"], after["encoder_id"]) == ("drawn-1", "drawn-large")
    assert after["results"][0]["id"] == before["results"][-1]["id"]  # the new model sees it the other way round


def test_a_search_in_a_database_does_not_hold_the_thread_that_encodes(index: SearchIndex) -> None:
    door = threading.Event()

    class Remote:
        """An index that answers when the door is open, as a slow database does."""

        def __getattr__(self, name: str) -> Any:
            return getattr(index, name)

        def search(self, *asked: Any) -> Any:
            assert door.wait(60)
            if asked[2][0].k == 13:
                raise DatabaseUnavailableError("gone")
            return index.search(*asked)

    encoder = DrawnEncoder()
    engine = Engine(lambda: Serving(encoder, cast(Search, Remote())), 10, Telemetry(), remote=True)
    jobs = [texts_of("red bag"), Job(("x",)), Job(("y",), query=SearchQuery(k=13))]
    answers = engine.answer(jobs)
    assert [len(batch) for batch in encoder.text_batches] == [3]  # though no search has ended
    assert [isinstance(answer, Future) for answer in answers] == [True, False, True]
    owed = [answers[0], *(engine.answer([texts_of(f"text {number}")])[0] for number in range(SEARCHES_AHEAD - 2))]
    with ThreadPoolExecutor(1) as worker:
        late = worker.submit(engine.answer, [texts_of("one too many")])
        with pytest.raises(TimeoutError):
            late.result(0.1)  # the encoder does not run away from a database that is too slow
        door.set()
        owed += late.result(60)
    pages = [cast("Future[JobResult]", answer).result(60).page for answer in owed]
    local = Engine(lambda: Serving(encoder, index), 10, Telemetry()).answer([texts_of("red bag")])[0]
    assert pages[0] == found(local).page
    assert all(pages)
    with pytest.raises(DatabaseUnavailableError, match="gone"):
        cast("Future[JobResult]", answers[2]).result(60)
    engine.close()


def test_vectors_for_another_model_are_refused_before_they_are_searched_with(index: SearchIndex) -> None:
    engine = Engine(lambda: Serving(DrawnEncoder(), index), 10, Telemetry())
    answer = engine.answer([Job(query=SearchQuery(k=1), vector=np.ones(3, dtype=np.float32))])[0]
    assert isinstance(answer, UnavailableError)
    assert "just replaced" in str(answer)
