"""Nothing leaves the machine, and no file is written outside artefacts, cache and temporary files."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.guard import STRACE, faults_in_trace, guarded, traced
from tests.tools.root import ROOT

MADE = """
from pathlib import Path
import training.demo.run as run
from app.http import create_key
from training.config import parse_config

recipe = {"epochs": 1, "batch_size": 16, "precision": "float32"}
run.load_config = lambda path: parse_config({"preset": "tiny", "train": recipe})
run.prepare_demo(Path("artefacts"), products=40, device="cpu")
print("key", create_key(Path("artefacts/keys.json"), "guard", "admin")[1])
"""
SERVED = """
import os, signal, sys, threading, time
import httpx
from tests.load.products import picture_of
from vitrine import main

port, secret = sys.argv.pop(), sys.argv.pop()

def use() -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        while True:
            try:
                client.get("/healthz")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        picture = ("x.png", picture_of("guard"))
        key = {"Authorization": f"Bearer {secret}"}
        answers = [
            client.get("/readyz"),
            client.post("/v1/search/images", json={"text": "red shoe"}),
            client.post("/v1/search/images", files={"image": picture}),
            client.get("/v1/evaluation?split=all"),
            client.get("/v1/map"),
            client.get("/metrics"),
            client.put("/v1/products/new", data={"title": "A red shoe"}, files={"image": picture}, headers=key),
            client.post("/v1/admin/reload", headers=key),
        ]
        print(*(f"{answer.url.path} {answer.status_code}" for answer in answers), sep="\\n", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=use).start()
main()
"""


def run(program: str, *words: str, folder: Path, trace: Path, environment: dict[str, str]) -> str:
    command = traced([sys.executable, "-P", "-c", program, *words], trace)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -15), done.stderr[-3000:]
    return done.stdout


@pytest.mark.timeout(900)  # two processes under strace, on a machine that may be busy
def test_nothing_leaves_and_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    """onnxruntime asked for its maker's address as soon as a service started, and kept a device id under the home.

    The demo (which draws, trains, encodes and evaluates), its export, and a service that is asked for whatever starts
    a process or opens a file.
    """
    artefacts, work = tmp_path / "artefacts", tmp_path / "work"
    environment, log = guarded(work, [artefacts], ROOT)
    artefacts.mkdir()
    secret = run(MADE, folder=tmp_path, trace=work / "made", environment=environment).rpartition("key ")[2].strip()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = ("serve", "--port", str(port), secret, str(port))
    answers = run(SERVED, *words, folder=tmp_path, trace=work / "served", environment=environment)
    assert [line for line in answers.splitlines() if not line.endswith((" 200", " 201"))] == []
    assert answers.count("\n") == 8
    assert log.read_text(encoding="utf-8") == ""
    if STRACE is not None:
        found = [line for name in ("made", "served") for line in faults_in_trace(work / name, environment, tmp_path)]
        assert found == []


@pytest.mark.parametrize(
    ("program", "seen"),
    [
        ("import socket; socket.getaddrinfo('example.com', 80)", "example.com"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 0.1)", "192.0.2.1"),
        ("open('elsewhere', 'w')", "elsewhere"),
        ("import subprocess; subprocess.run(['true'])", "true"),
    ],
)
def test_the_guard_sees_what_leaves(tmp_path: Path, program: str, seen: str) -> None:
    environment, log = guarded(tmp_path / "work", [], ROOT)
    trace = tmp_path / "trace"
    command = traced([sys.executable, "-c", f"try: {program}\nexcept PermissionError: pass"], trace)
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert seen in log.read_text(encoding="utf-8")


@pytest.mark.skipif(STRACE is None, reason="there is no strace")
def test_the_trace_shows_what_python_does_not_see(tmp_path: Path) -> None:
    """A library written in C tells no audit hook; that of onnxruntime asked for names and wrote files."""
    program = """
import ctypes, os, socket, struct
c = ctypes.CDLL(None)
made = c.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
c.connect(made, struct.pack("=HH4s8x", socket.AF_INET, socket.htons(53), socket.inet_aton("192.0.2.1")), 16)
os.close(c.creat(b"elsewhere", 0o600))
"""
    environment, log = guarded(tmp_path / "work", [], ROOT)
    command = traced([sys.executable, "-c", program], tmp_path / "trace")
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    found = faults_in_trace(tmp_path / "trace", environment, tmp_path)
    assert "192.0.2.1" in found[0]
    assert "elsewhere" in found[1]
    assert len(found) == 2
    assert log.read_text(encoding="utf-8") == ""
