"""Several queries in one call: each answered as it would be alone, beside single queries."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.server import create_app
from app.settings import Settings
from tests.app.helpers import LIMIT
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    data_uri,
    draw,
    error_of,
    served,
    shop_open,
    until,
)


def test_several_queries_are_answered_as_each_would_be_alone(client: httpx.Client) -> None:
    queries: list[dict[str, Any]] = [
        {"text": "red dress", "k": 3},
        {"image": data_uri(draw("blue", "watch")), "text": "for men", "k": 2},
        {"like": ["1000"], "filters": {"gender": "Women"}, "facets": ["gender"]},
        {"text": "red dress", "k": 3},
    ]
    for path in (IMAGES, DESCRIPTIONS):
        answers = ask(client, f"{path}/batch", queries=queries)["answers"]
        for query, answer in zip(queries, answers, strict=True):
            alone = ask(client, path, **query)
            assert {**answer, "timing_ms": {}} == {**alone, "timing_ms": {}}


def test_a_bad_query_of_several_fails_alone(client: httpx.Client) -> None:
    bad = [
        {},
        {"text": "x", "k": 0},
        {"text": "x", "filters": {"colour": "Red"}},
        {"like": ["nope"]},
        {"image": data_uri(b"no picture")},
        {"image": data_uri(bytes(LIMIT + 1))},
        {"image": "https://example.com/a.png"},
        {"text": "x", "weights": {"text": 0}},
        {"vector": [1.0]},
    ]
    codes = ["invalid_request"] * 2 + ["bad_input", "invalid_request", "bad_image", "too_large", "invalid_request"]
    codes += ["bad_input", "invalid_request"]
    good = {"text": "red dress", "k": 2}
    response = client.post(f"{IMAGES}/batch", json={"queries": [one for query in bad for one in (query, good)]})
    answers = response.json()["answers"]
    assert [answer["error"]["code"] for answer in answers[::2]] == codes
    for answer in answers[::2]:
        assert set(answer["error"]) == {"code", "message", "details", "request_id"}
        assert answer["error"]["request_id"] == response.headers["x-request-id"]
    for answer in answers[1::2]:
        assert answer["results"] == ask(client, IMAGES, **good)["results"]


@pytest.mark.parametrize(
    "body", [{}, {"queries": []}, {"queries": [{"text": "x"}] * 101}, {"queries": ["x"]}, {"queries": {}}, []]
)
def test_a_batch_of_no_queries_is_refused(client: httpx.Client, body: Any) -> None:
    error_of(client.post(f"{IMAGES}/batch", json=body), 422, "invalid_request")


def test_a_failure_in_a_batch_tells_nothing_of_the_inside(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Moody(DrawnEncoder):
        def encode_text(self, texts: Sequence[str]) -> np.ndarray:
            if "explode" in texts:
                raise RuntimeError("secret: /srv/inside")
            return super().encode_text(texts)

    with shop_open(folder, Moody()) as client:
        response = client.post(f"{IMAGES}/batch", json={"queries": [{"text": "explode"}, {"text": "red dress"}]})
    assert response.status_code == 200
    assert response.json()["answers"][0]["error"]["code"] == "internal"
    assert response.json()["answers"][1]["results"]
    assert "secret" not in response.text
    assert "secret" in caplog.text


def test_a_large_batch_lets_single_queries_through(folder: Path) -> None:
    """A call with 100 queries takes its place in the line again after every batch, so others wait for one at most."""

    class Slow(DrawnEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.door = threading.Semaphore(0)

        def encode_text(self, texts: Sequence[str]) -> np.ndarray:
            vectors = super().encode_text(texts)
            assert self.door.acquire(timeout=60)
            return vectors

    encoder = Slow()
    app = create_app(Settings.read(catalogue=folder, max_batch=10), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(2) as people:
        many = people.submit(client.post, f"{IMAGES}/batch", json={"queries": [{"text": f"q{n}"} for n in range(100)]})
        until(lambda: encoder.text_batches)
        single = people.submit(client.post, IMAGES, json={"text": "single"})
        until(lambda: app.state.components.service.batcher.waiting > 0)
        for _ in range(200):
            encoder.door.release()
        assert single.result().status_code == 200
        assert len(many.result().json()["answers"]) == 100
    place = next(at for at, batch in enumerate(encoder.text_batches) if "single" in batch)
    assert place <= 2
    assert max(map(len, encoder.text_batches)) <= 10


def test_a_batch_in_a_full_service_is_told_to_come_back(folder: Path) -> None:
    class Held(DrawnEncoder):
        door = threading.Event()

        def encode_text(self, texts: Sequence[str]) -> np.ndarray:
            vectors = super().encode_text(texts)
            assert self.door.wait(60)
            return vectors

    encoder = Held()
    app = create_app(Settings.read(catalogue=folder, queue_limit=2), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(3) as people:
        taken = [people.submit(client.post, IMAGES, json={"text": "a"})]
        until(lambda: encoder.text_batches)
        taken += [people.submit(client.post, IMAGES, json={"text": text}) for text in "bc"]
        until(lambda: app.state.components.service.batcher.waiting == 2)
        refused = client.post(f"{IMAGES}/batch", json={"queries": [{"text": "d"}, {"text": "e"}]})
        error_of(refused, 503, "overloaded")
        assert refused.headers["retry-after"]
        error_of(client.post("/v1/embeddings", json={"input": ["d", "e"]}), 503, "overloaded")
        encoder.door.set()
        assert [one.result().status_code for one in taken] == [200] * 3
