"""Readiness, overload, failures and shutdown: everybody is answered, and nothing of the inside is told."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.errors import AddressTakenError
from app.server import create_app, serve
from app.settings import Settings
from tests.tools.root import ROOT
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    draw,
    encoded,
    error_of,
    served,
    shop_open,
    until,
    write_catalogue,
)


class Moody(DrawnEncoder):
    """Fails on the text "explode", exits on "exit", and can be held at the door."""

    def __init__(self) -> None:
        super().__init__()
        self.door = threading.Event()
        self.door.set()
        self.entered = 0

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        self.entered += 1
        assert self.door.wait(60)
        if "explode" in texts:
            raise RuntimeError("secret: /srv/inside")
        if "exit" in texts:
            raise SystemExit(1)
        return super().encode_text(texts)


@pytest.fixture(scope="module")
def moody() -> Moody:
    return Moody()


@pytest.fixture(scope="module")
def client(folder: Path, moody: Moody) -> Iterator[httpx.Client]:
    with shop_open(folder, moody) as client:
        yield client


def test_a_picture_that_will_find_the_queue_full_is_refused_before_it_is_decoded(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder, queue_limit=2, text_cache=0), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(4) as people:
        ask(client, IMAGES, text="first")
        encoder.entered = 0
        encoder.door.clear()
        held = [people.submit(client.post, IMAGES, json={"text": "held"})]
        until(lambda: encoder.entered == 1)
        held += [people.submit(client.post, IMAGES, json={"text": f"waits {number}"}) for number in range(2)]
        until(lambda: app.state.components.service.batcher.waiting == 2)
        answer = client.post(IMAGES, files={"image": ("x", encoded(draw("pink", "watch")))})
        error_of(answer, 503, "overloaded")
        assert answer.headers["retry-after"]
        assert 'vitrine_stage_seconds_count{stage="decode"} 0.0' in client.get("/metrics").text
        encoder.door.set()
        assert [one.result().status_code for one in held] == [200, 200, 200]


def test_a_healthy_service_is_ready_and_says_what_it_serves(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready.pop("took_ms") > 0
    expected = {"encoder_id": "drawn-1", "catalogue_version": 0, "products": 48, "device": "cpu"}
    assert ready == {"status": "ready", **expected}


def test_a_stuck_worker_is_not_ready_but_alive_and_recovers(folder: Path) -> None:
    encoder = Moody()
    with shop_open(folder, encoder, ready_timeout_s=0.1, deadline_s=0.3) as client, ThreadPoolExecutor(1) as people:
        encoder.door.clear()
        stuck = people.submit(client.post, IMAGES, json={"text": "x"})
        until(lambda: encoder.entered == 1)
        error = error_of(client.get("/readyz"), 503, "unavailable")
        assert error["message"].startswith("not ready: no answer within 0.1 s")
        assert client.get("/healthz").status_code == 200
        error_of(stuck.result(), 504, "deadline_exceeded")
        encoder.door.set()
        until(lambda: client.get("/readyz").status_code == 200)


def test_a_dead_worker_is_not_ready_and_nobody_waits_for_it(folder: Path) -> None:
    app = create_app(Settings.read(catalogue=folder), encoder=DrawnEncoder())
    others = threading.enumerate()
    with served(app) as client:
        assert client.get("/readyz").status_code == 200
        (worker,) = {thread for thread in threading.enumerate() if thread.name == "vitrine-encode"} - {*others}
        assert worker.ident
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(SystemExit))
        until(lambda: client.get("/readyz").status_code == 503)  # the good answer is given for a second
        for _ in range(2):
            assert "the worker died" in error_of(client.get("/readyz"), 503, "unavailable")["message"]
        error_of(client.post(IMAGES, json={"text": "x"}), 503, "unavailable")
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/products/1000").status_code == 200


def test_a_failing_encoder_is_not_ready(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = Moody()
    with shop_open(folder, encoder) as client:
        encoder.dim = 7  # as when the wrong weights are swapped in
        error = error_of(client.get("/readyz"), 503, "unavailable")
        assert error["message"].startswith("not ready")
        assert "not ready" in caplog.text


@pytest.mark.parametrize("damage", ["overwritten", "missing", "of another encoder"])
def test_a_catalogue_that_cannot_be_served_again_is_not_ready_and_nothing_inside_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    folder = write_catalogue(tmp_path / "shop", DrawnEncoder())
    file = folder / "catalogue.sqlite"
    with shop_open(folder) as client:
        if damage == "overwritten":
            file.write_bytes(b"overwritten by accident" * 10_000)
        elif damage == "missing":
            file.unlink()
        else:
            other = DrawnEncoder()
            other.encoder_id = "drawn-2"
            write_catalogue(folder, other)
        assert ask(client, IMAGES, text="red dress")["results"]  # vectors are in memory
        answer = client.get("/readyz")
        message = error_of(answer, 503, "unavailable")["message"]
        assert message.startswith("not ready")
        assert str(tmp_path) not in answer.text
        assert "sqlite" not in answer.text
        assert client.get("/healthz").status_code == 200
    if damage == "of another encoder":
        assert "drawn-1" in message
        assert "drawn-2" in message
    else:
        assert "catalogue.sqlite" in caplog.text


def test_a_query_that_cannot_be_searched_costs_the_encoder_nothing(folder: Path) -> None:
    encoder = DrawnEncoder()
    with shop_open(folder, encoder) as client:
        error_of(client.post(IMAGES, json={"text": "x", "filters": {"colour": "Red"}}), 422, "bad_input")
    assert encoder.text_batches == []


def test_requests_that_wait_are_encoded_together_and_answered_apart(folder: Path) -> None:
    encoder = Moody()
    kinds = ("dress", "shirt", "shoes", "bag", "coat", "belt", "scarf")
    texts = [f"{colour} {kind}" for colour in ("red", "blue", "green") for kind in kinds]
    app = create_app(Settings.read(catalogue=folder, text_cache=0), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(30) as people:
        alone = {text: ask(client, IMAGES, text=text)["results"] for text in texts}
        picture = encoded(draw("pink", "watch"))
        alone_picture = client.post(DESCRIPTIONS, files={"image": ("x", picture)}).json()["results"]
        encoder.text_batches.clear()
        encoder.pixel_batches.clear()
        encoder.entered = 0
        encoder.door.clear()
        first = people.submit(client.post, IMAGES, json={"text": "held"})
        until(lambda: encoder.entered == 1)
        together = {text: people.submit(client.post, IMAGES, json={"text": text}) for text in texts}
        pictures = [people.submit(client.post, DESCRIPTIONS, files={"image": ("x", picture)}) for _ in range(3)]
        until(lambda: app.state.components.service.batcher.waiting == len(texts) + 3)
        encoder.door.set()
        assert first.result().status_code == 200
        for text in texts:
            assert together[text].result().json()["results"] == alone[text]
        for one in pictures:
            assert one.result().json()["results"] == alone_picture
        first_batch, *others = [len(batch) for batch in encoder.text_batches]
        assert (first_batch, sum(others)) == (1, len(texts))
        assert len(others) == 2  # as many at a time as the work of a batch allows
        assert (sum(encoder.pixel_batches), len(encoder.pixel_batches)) == (3, 2)


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder, queue_limit=2), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(3) as people:
        encoder.door.clear()
        taken = [people.submit(client.post, IMAGES, json={"text": "x"})]
        until(lambda: encoder.entered == 1)
        taken += [people.submit(client.post, IMAGES, json={"text": "x"}) for _ in range(2)]
        until(lambda: app.state.components.service.batcher.waiting == 2)
        refused = client.post(IMAGES, json={"text": "x"})
        error_of(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert error_of(client.get("/readyz"), 503, "unavailable")["message"].startswith("not ready")
        encoder.door.set()
        assert [one.result().status_code for one in taken] == [200] * 3


def test_a_failure_tells_the_caller_nothing_and_the_log_everything(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("explode", "exit"):
        answer = client.post(IMAGES, json={"text": text}, headers={"x-request-id": f"case-{text}"})
        error_of(answer, 500, "internal")
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert f"case-{text}" in caplog.text
    assert "secret: /srv/inside" in caplog.text
    assert ask(client, IMAGES, text="red dress")["results"]


def test_a_bad_query_fails_alone(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(4) as people:
        encoder.door.clear()
        held = people.submit(client.post, IMAGES, json={"text": "held"})
        until(lambda: encoder.entered == 1)
        texts = ["red dress", "explode", "blue bag"]
        together = [people.submit(client.post, IMAGES, json={"text": text}) for text in texts]
        until(lambda: app.state.components.service.batcher.waiting == 3)
        encoder.door.set()
        assert held.result().status_code == 200
        assert [one.result().status_code for one in together] == [200, 500, 200]
        assert together[2].result().json()["results"] == ask(client, IMAGES, text="blue bag")["results"]


def test_text_and_picture_that_cancel_out_are_told_so(folder: Path) -> None:
    class Opposite(DrawnEncoder):
        def encode_text(self, texts: Sequence[str]) -> np.ndarray:
            return np.asarray(-self.encode_image([draw("red", "dress")] * len(texts)), dtype=np.float32)

    with shop_open(folder, Opposite()) as client:
        picture = encoded(draw("red", "dress"))
        error = error_of(client.post(IMAGES, files={"image": ("x", picture)}, data={"text": "not"}), 422, "bad_input")
        assert "weights" in error["message"]


def test_a_caller_who_hangs_up_is_not_worked_for(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(1) as people:
        encoder.door.clear()
        held = people.submit(client.post, IMAGES, json={"text": "held"})
        until(lambda: encoder.entered == 1)
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
            raw.sendall(
                b"POST /v1/search/images HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b'content-length: 16\r\n\r\n{"text": "gone"}'
            )
            until(lambda: app.state.components.service.batcher.waiting == 1)
        until(lambda: app.state.components.service.batcher.waiting == 0)
        encoder.door.set()
        assert held.result().status_code == 200
        assert ["gone"] not in encoder.text_batches


def test_shutdown_answers_what_was_accepted(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder), encoder=encoder)
    with ThreadPoolExecutor(3) as people:
        with served(app) as client:
            encoder.door.clear()
            accepted = [people.submit(httpx.post, f"{client.base_url}{IMAGES}", json={"text": "x"}, trust_env=False)]
            until(lambda: encoder.entered == 1)
            accepted.append(
                people.submit(httpx.post, f"{client.base_url}{IMAGES}", json={"text": "y"}, trust_env=False)
            )
            until(lambda: app.state.components.service.batcher.waiting == 1)
            threading.Timer(0.2, encoder.door.set).start()  # by then the server is shutting down
        assert [one.result().status_code for one in accepted] == [200, 200]
    assert not app.state.components.service.batcher.alive


def test_an_application_works_in_process_too(folder: Path) -> None:
    app = create_app(Settings.read(catalogue=folder, allowed_hosts="shop"), encoder=DrawnEncoder())

    async def main() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
        ):
            answers = await asyncio.gather(*(client.post(IMAGES, json={"text": "red dress"}) for _ in range(50)))
            assert {answer.status_code for answer in answers} == {200}
            assert len({json.dumps(answer.json()["results"]) for answer in answers}) == 1

    asyncio.run(main())


def test_the_process_serves_until_it_is_told_to_stop(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTakenError, match=f"port {port} is taken"):
            serve(Settings.read(catalogue=folder, port=port), encoder=DrawnEncoder())
    program = (
        "import sys; from pathlib import Path; from tests.tools.shop import DrawnEncoder;"
        "from app import Settings, serve;"
        "serve(Settings.read(catalogue=Path(sys.argv[1]), port=int(sys.argv[2])), encoder=DrawnEncoder())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program, folder, str(port)], env=environment, cwd=ROOT) as process:

        def answers() -> bool:
            assert process.poll() is None
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(answers, 60)
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)
        assert answer.status_code == 200
        assert "server" not in answer.headers
        process.terminate()
        assert process.wait(60) in (0, -signal.SIGTERM)
