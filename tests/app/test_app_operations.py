"""Running the service: readiness, overload, failures, shutdown, headers, the page and the description of the calls."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.http import UnavailableError
from app.live import Evaluations
from app.routes import PAGE
from app.server import create_app, serve
from app.settings import Settings
from app.telemetry import Telemetry
from common import ConfigError
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
        assert self.door.wait(20)
        if "explode" in texts:
            raise RuntimeError("secret: /srv/inside")
        if "exit" in texts:
            raise SystemExit(1)
        return super().encode_text(texts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.fixture(scope="module")
def moody() -> Moody:
    return Moody()


@pytest.fixture(scope="module")
def client(folder: Path, moody: Moody) -> Iterator[httpx.Client]:
    with shop_open(folder, moody) as client:
        yield client


# Health


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
    with served(app) as client:
        assert client.get("/readyz").status_code == 200
        worker = app.state.service.batcher._thread
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(SystemExit))
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


# Load and failures


def test_a_query_that_cannot_be_searched_costs_the_encoder_nothing(folder: Path) -> None:
    encoder = DrawnEncoder()
    with shop_open(folder, encoder) as client:
        error_of(client.post(IMAGES, json={"text": "x", "filters": {"colour": "Red"}}), 422, "bad_input")
    assert encoder.text_batches == []


def test_requests_that_wait_are_encoded_together_and_answered_apart(folder: Path) -> None:
    encoder = Moody()
    texts = [f"{colour} {kind}" for colour in ("red", "blue", "green") for kind in ("dress", "shirt", "shoes", "bag")]
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
        until(lambda: app.state.service.batcher.waiting == len(texts) + 3)
        encoder.door.set()
        assert first.result().status_code == 200
        for text in texts:
            assert together[text].result().json()["results"] == alone[text]
        for one in pictures:
            assert one.result().json()["results"] == alone_picture
        assert [len(batch) for batch in encoder.text_batches] == [1, len(texts)]
        assert encoder.pixel_batches == [3]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(folder: Path) -> None:
    encoder = Moody()
    app = create_app(Settings.read(catalogue=folder, queue_limit=2), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(3) as people:
        encoder.door.clear()
        taken = [people.submit(client.post, IMAGES, json={"text": "x"})]
        until(lambda: encoder.entered == 1)
        taken += [people.submit(client.post, IMAGES, json={"text": "x"}) for _ in range(2)]
        until(lambda: app.state.service.batcher.waiting == 2)
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
        until(lambda: app.state.service.batcher.waiting == 3)
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
                b"POST /v1/search/images HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b'content-length: 16\r\n\r\n{"text": "gone"}'
            )
            until(lambda: app.state.service.batcher.waiting == 1)
        until(lambda: app.state.service.batcher.waiting == 0)
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
            until(lambda: app.state.service.batcher.waiting == 1)
            threading.Timer(0.2, encoder.door.set).start()  # by then the server is shutting down
        assert [one.result().status_code for one in accepted] == [200, 200]
    assert not app.state.service.batcher.alive


def test_an_application_works_in_process_too(folder: Path) -> None:
    app = create_app(Settings.read(catalogue=folder), encoder=DrawnEncoder())

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
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1.*{port}"):
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
        assert process.wait(20) in (0, -signal.SIGTERM)


# Evaluation


def test_callers_share_one_evaluation_and_may_leave(folder: Path) -> None:
    state = 0
    telemetry = Telemetry()

    async def main() -> None:
        nonlocal state
        evaluations = Evaluations(folder, lambda: state, telemetry)
        leaving = asyncio.create_task(evaluations.of("test"))
        await asyncio.sleep(0)
        staying = [asyncio.create_task(evaluations.of("test")) for _ in range(5)]
        await asyncio.sleep(0)
        leaving.cancel()
        first, *others = await asyncio.gather(*staying)
        assert all(other is first for other in others)
        assert await evaluations.of("test") is first
        assert await evaluations.of("all") is not first
        assert b"vitrine_evaluations_total 2.0" in telemetry.text()
        state = 1  # the catalogue has changed
        again = await evaluations.of("test")
        assert again is not first
        assert again == first

    asyncio.run(main())


def test_an_evaluation_ends_with_the_service(folder: Path) -> None:
    async def main() -> None:
        evaluations = Evaluations(folder, lambda: 0, Telemetry())
        waiting = asyncio.create_task(evaluations.of("all"))
        await asyncio.sleep(0.05)
        await evaluations.close()
        with pytest.raises(UnavailableError, match="shutting down"):
            await waiting

    asyncio.run(main())


# Every answer


PATHS = ["/", "/healthz", "/docs", "/openapi.json", "/page/search.js", "/v1/products/1000/image", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers_and_an_id(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_sane_request_id_is_kept_and_any_other_replaced(client: httpx.Client) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "order-66_a.b:c"}).headers["x-request-id"] == "order-66_a.b:c"
    )
    for other in ("", "a b", "x" * 129, "<script>", "é"):
        given = client.get("/healthz", headers={b"x-request-id": other.encode()}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/search", "/page/nothing.js", "/page/../settings.py", "/page/"]
)
def test_an_unknown_path_is_a_404_in_the_one_shape(client: httpx.Client, path: str) -> None:
    error_of(client.get(path), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", IMAGES), ("DELETE", "/healthz"), ("POST", "/page/search.js")])
def test_a_wrong_method_is_a_405_in_the_one_shape(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    error_of(answer, 405, "method_not_allowed")
    if not path.startswith("/page"):
        assert answer.headers["allow"]


# The page and the description of the calls


class Links(HTMLParser):
    """Collects what a page loads, and what a strict policy forbids in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.forbidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.ids.update(filter(None, [names.get("id")]))
        if tag in ("script", "img", "link"):
            self.loaded += filter(None, [names.get("src"), names.get("href")])
        if tag == "style" or (tag == "script" and "src" not in names):
            self.forbidden.append(tag)
        self.forbidden += [name for name in names if name == "style" or name.startswith("on")]


PAGES = {"/": "index", "/evaluation": "evaluation", "/map": "map"}


@pytest.mark.parametrize("path", [*PAGES, "/docs"])
def test_pages_load_everything_from_this_host_and_have_nothing_inline(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    links = Links()
    links.feed(page.text)
    assert links.forbidden == []
    assert links.loaded
    for link in links.loaded:
        assert link.startswith("/")
        assert client.get(link).status_code == 200
    for file in (*PAGE.glob("*.js"), *PAGE.glob("*.css")):
        text = client.get(f"/page/{file.name}").text
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(|\beval\(|new Function", text)


def modules_of(page: str) -> set[Path]:
    """Return the scripts that a page runs: its own and what they import, but nothing that is vendored."""
    found: set[Path] = set()
    waiting = re.findall(r'<script type="module" src="/page/([\w.]+)"', page)
    while waiting:
        path = PAGE / waiting.pop()
        if path not in found:
            found.add(path)
            waiting += re.findall(r'from "/page/([\w.]+)"', path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", PAGES.values())
def test_scripts_find_every_element_they_look_for(name: str) -> None:
    page = (PAGE / f"{name}.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    scripts = [path.read_text(encoding="utf-8") for path in modules_of(page)]
    wanted = {one for script in scripts for one in re.findall(r'\bbyId\("([^"]+)"\)', script)}
    assert wanted
    assert wanted <= links.ids


@pytest.mark.parametrize("name", PAGES.values())
def test_a_page_preloads_every_module_that_it_runs(name: str) -> None:
    page = (PAGE / f"{name}.html").read_text(encoding="utf-8")
    preloaded = set(re.findall(r'rel="modulepreload" href="/page/([\w.]+)"', page))
    own = set(re.findall(r'<script type="module" src="/page/([\w.]+)"', page))
    assert preloaded | own == {path.name for path in modules_of(page)}


def test_the_openapi_document_describes_both_bodies_and_one_error(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path in (IMAGES, DESCRIPTIONS):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}
        by_json, by_form = (content[kind]["schema"]["properties"] for kind in content)
        assert set(by_form) == {*by_json, "image"}
        assert by_json["k"]["maximum"] == 1000
        assert by_json["text"]["description"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            for status, response in operation["responses"].items():
                if status not in ("200", "201", "204", "304"):
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, status)
    schemas = document["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


def test_the_examples_of_the_document_work(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path in (IMAGES, DESCRIPTIONS):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            assert client.post(path, json=example["value"]).status_code == 200
        for example in content["multipart/form-data"]["examples"].values():
            files: dict[str, Any] = {name: (None, str(value)) for name, value in example["value"].items()}
            files["image"] = ("shoe.png", encoded(draw("red", "shoes")))
            assert client.post(path, files=files).status_code == 200


def test_a_picture_that_will_find_the_queue_full_is_refused_before_it_is_decoded(folder: Path) -> None:
    encoder = Moody()
    decoded = []
    prepare = encoder.prepare_image
    encoder.prepare_image = lambda image: (decoded.append(image.size), prepare(image))[1]  # type: ignore[method-assign, func-returns-value]
    app = create_app(Settings.read(catalogue=folder, queue_limit=2, text_cache=0), encoder=encoder)
    with served(app) as client, ThreadPoolExecutor(4) as people:
        ask(client, IMAGES, text="first")
        encoder.entered = 0
        encoder.door.clear()
        held = [people.submit(client.post, IMAGES, json={"text": "held"})]
        until(lambda: encoder.entered == 1)
        held += [people.submit(client.post, IMAGES, json={"text": f"waits {number}"}) for number in range(2)]
        until(lambda: app.state.service.batcher.waiting == 2)
        before = len(decoded)
        answer = client.post(IMAGES, files={"image": ("x", encoded(draw("pink", "watch")))})
        error_of(answer, 503, "overloaded")
        assert answer.headers["retry-after"]
        assert len(decoded) == before
        encoder.door.set()
        assert [one.result().status_code for one in held] == [200, 200, 200]
