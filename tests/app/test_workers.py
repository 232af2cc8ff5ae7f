"""Processes that serve: one or several, told to reload, killed and stopped while they work."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from app.http.starts import AT_ONCE
from app.server import serve
from app.settings import Settings
from app.workers import listen
from common import ConfigError
from tests.tools.root import ROOT
from tests.tools.shop import IMAGES, DrawnEncoder, ask, write_catalogue

START_S = 120


def until(holds: Callable[[], object], seconds: float) -> None:
    """Wait until `holds()`, leaving the cores to the processes that are waited for."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@dataclass(frozen=True)
class Serving:
    """A service as an operator has it: a process, its log, its address."""

    process: subprocess.Popen[bytes]
    log: Path
    client: httpx.Client

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Return the lines of the log that have `message` in theirs; every line is JSON."""
        found = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [line for line in found if message in line["message"]]

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def serving(command: list[str], log: Path, **environment: str) -> Iterator[Serving]:
    """Run a command that serves on the port that is put for PORT, and end it if it has not ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [str(port) if word == "PORT" else word for word in command]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")},
        "OMP_NUM_THREADS": "1",
        "VITRINE_LOG_FORMAT": "json",
        "TMPDIR": str(log.parent),
        **environment,
    }
    with (
        log.open("wb") as file,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=file) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client,
    ):
        try:
            yield Serving(process, log, client)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def vitrine_serve(checkpoint: Path, catalogue: Path, workers: int) -> list[str]:
    places = ["--checkpoint", str(checkpoint), "--catalogue", str(catalogue), "--device", "cpu"]
    return [sys.executable, "-m", "vitrine", "serve", *places, "--port", "PORT", "--workers", str(workers)]


def pids(service: Serving) -> set[str]:
    """Return the processes that /metrics has figures of."""
    text = service.client.get("/metrics").text
    return set(re.findall(r'^vitrine_resident_memory_bytes\{pid="(\d+)"\} [1-9]', text, re.MULTILINE))


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_finishes_what_was_accepted(exported: Path, catalogue: Path, tmp_path: Path, workers: int) -> None:
    with serving(vitrine_serve(exported, catalogue, workers), tmp_path / "log") as service:
        until(service.is_ready, START_S)
        body = b'{"text": "red ball"}'
        url = service.client.base_url
        with socket.create_connection((url.host, url.port or 80), timeout=60) as raw:
            head = f"POST {IMAGES} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            raw.sendall(f"{head}expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode())
            assert raw.recv(1000).startswith(b"HTTP/1.1 100")  # the service waits for the body now
            raw.sendall(body[:5])
            service.process.terminate()
            until(lambda: service.lines("Waiting for connections to close"), 60)
            raw.sendall(body[5:])
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b'"results":[{' in answer
        assert service.process.wait(60) in (0, -signal.SIGTERM)
        assert len([line for line in service.lines() if line.get("path") == IMAGES and line["status"] == 200]) == 1
    assert not list(tmp_path.glob("vitrine-metrics-*"))


def test_workers_share_figures_reload_and_are_started_again(exported: Path, catalogue: Path, tmp_path: Path) -> None:
    """A worker that is lost is replaced, and callers do not see it (clip-as-service 850)."""
    with serving(vitrine_serve(exported, catalogue, 2), tmp_path / "log") as service:
        until(lambda: service.log.exists() and service.lines("Started parent process"), START_S)
        service.process.send_signal(signal.SIGHUP)  # before any worker listens: it ends none and is not lost
        until(lambda: len(service.lines("the artefacts are reloaded")) == 2, START_S)
        until(service.is_ready, START_S)
        until(lambda: len(pids(service)) == 2, 60)
        first = {str(line["process"]) for line in service.lines("the artefacts are reloaded")}
        assert first == pids(service)

        for _ in range(20):
            ask(service.client, IMAGES, text="red ball")
        counted = re.compile(
            rf'^vitrine_requests_total{{method="POST",route="{IMAGES}",status="200"}} 20.0$', re.MULTILINE
        )
        assert counted.search(service.client.get("/metrics").text)

        service.process.send_signal(signal.SIGHUP)
        until(lambda: len(service.lines("the artefacts are reloaded")) == 4, 60)
        assert {str(line["process"]) for line in service.lines("the artefacts are reloaded")} == first

        killed = min(first)
        os.kill(int(killed), signal.SIGKILL)
        until(lambda: service.lines(f"Child process [{killed}] died"), 60)
        until(lambda: len(service.lines("Application startup complete")) == 3, START_S)
        until(lambda: len(pids(service)) == 2, 60)
        assert killed not in pids(service)
        assert counted.search(service.client.get("/metrics").text), "a counter never falls"

        service.process.terminate()
        assert service.process.wait(60) == 0


def test_workers_that_cannot_start_end_the_service_with_the_reason(exported: Path, tmp_path: Path) -> None:
    """It neither hangs nor dies without a word (marqo 796, clip-as-service 835)."""
    foreign = write_catalogue(tmp_path / "foreign", DrawnEncoder())
    with serving(vitrine_serve(exported, foreign, 2), tmp_path / "log") as service:
        assert service.process.wait(START_S) == 2
    text = service.log.read_text(encoding="utf-8")
    assert "drawn-1" in text
    assert "a worker could not start" in text
    assert "Traceback" not in text
    assert text.count('"level": "CRITICAL"') <= 2


def test_a_reload_that_fails_is_logged_and_what_was_served_stays(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    program = (
        "import sys; from pathlib import Path; from tests.tools.shop import DrawnEncoder;"
        "from app import Settings, serve;"
        "serve(Settings.read(catalogue=Path(sys.argv[1]), port=int(sys.argv[2])), encoder=DrawnEncoder())"
    )
    with serving(
        [sys.executable, "-c", program, str(folder), "PORT"], tmp_path / "log", PYTHONPATH=str(ROOT)
    ) as service:
        until(service.is_ready, START_S)
        other = DrawnEncoder()
        other.encoder_id = "drawn-2"
        write_catalogue(folder, other)
        for number in (1, 2):
            service.process.send_signal(signal.SIGHUP)
            until(lambda: len(service.lines("could not be reloaded")) == number, 60)  # noqa: B023
        assert "drawn-2" in service.lines("could not be reloaded")[0]["message"]
        assert ask(service.client, IMAGES, text="red dress")["results"]
        # More than twice: it tries by itself too, once it sees that the catalogue was replaced.
        assert re.search(r'vitrine_reloads_total{result="failed"} [2-9]', service.client.get("/metrics").text)
        service.process.terminate()
        assert service.process.wait(60) in (0, -signal.SIGTERM)


def test_answers_of_several_workers_do_not_wait_for_the_caller_to_confirm_their_headers() -> None:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(one) for one in listen(uvicorn.Config("app:create_app", port=0, log_config=None))
        ]
        assert len(sockets) > AT_ONCE, "connections wait in the system's line, where callers do not take turns"
        sockets[0].listen()
        for listening in sockets:
            with socket.create_connection(sockets[0].getsockname()):
                connection, _ = listening.accept()
                with connection:
                    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_encoder_in_memory_has_one_worker(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="several workers"):
        serve(Settings.read(catalogue=tmp_path, port=0, workers=2), encoder=DrawnEncoder())


def test_settings_reach_another_process_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings.read(port=1234, rate_limit="10/minute", max_upload_mb=2.5, reads="keyed", workers=3)
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.read() == given
    for name, value in Settings.read().environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VITRINE_RATE_LIMIT", "")
    assert Settings.read().rate_limit == ""
