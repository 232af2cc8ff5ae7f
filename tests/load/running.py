"""The real service as the load tests run it, `vitrine serve` in a process group, and what their programs share."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from app.http import create_key
from common import write_json
from index import Database, Location
from tests.load.products import write_shop
from tests.tools.root import ROOT

SHIPPED = ROOT / "checkpoints" / "minilm-dinov2"
START_S = 180.0


@dataclass(frozen=True)
class Service:
    """A service as an operator has it: a process, its children, its log, its address."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str
    secret: str

    def client(self, **options: Any) -> httpx.Client:
        """Return a client with a connection of its own, which stays with one worker as long as it is used."""
        headers = {"authorization": f"Bearer {self.secret}"}
        return httpx.Client(**{"base_url": self.url, "timeout": 60, "trust_env": False, "headers": headers, **options})

    def said(self, message: str) -> int:
        """Return how often a line of the log has `message` in it."""
        return self.log.read_text(encoding="utf-8").count(message)

    def processes(self) -> list[int]:
        """Return the processes of the group that live."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                except OSError:
                    continue
                if int(group) == self.process.pid and state != "Z":
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill every process of the group at once, and wait until none is left."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until(lambda: not self.processes(), 20)

    def stop(self) -> None:
        """Stop the service as an operator does; kill it where that takes more than a minute."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def serving(
    checkpoint: Path, catalogue: Location, log: Path, workers: int = 1, **environment: str
) -> Iterator[Service]:
    """Serve a catalogue, and yield when all workers are ready; what is left of the service is ended at the end."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    keys = log.with_suffix(".keys.json")
    secret = create_key(keys, f"load-{time.time_ns()}", "admin")[1]
    places = ["--checkpoint", str(checkpoint), "--device", "cpu"]
    command = [sys.executable, "-m", "vitrine", "serve", *places, "--port", str(port), "--workers", str(workers)]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")},
        "VITRINE_LOG_FORMAT": "json",
        "VITRINE_LOG_LEVEL": "info",
        "VITRINE_KEYS": str(keys),
        "VITRINE_CATALOGUE": catalogue.url if isinstance(catalogue, Database) else str(catalogue),
        "TMPDIR": str(log.parent),
        **environment,
    }
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=variables, cwd=ROOT, stdout=file, stderr=file, process_group=0)
    service = Service(process, log, f"http://127.0.0.1:{port}", secret)
    try:
        until(lambda: process.poll() is not None or service.said("Application startup complete") == workers, START_S)
        if process.poll() is not None:
            raise RuntimeError(f"the service did not start:\n{log.read_text(encoding='utf-8')}")
        with service.client() as client:
            until(lambda: client.get("/readyz").status_code == 200, START_S)
        yield service
    finally:
        service.stop()


@contextmanager
def serving_shop(checkpoint: Path, products: int, **environment: str) -> Iterator[Service]:
    """Serve so many drawn products from a temporary folder, in one process."""
    with work_folder() as work:
        folder = write_shop(checkpoint, work / "catalogue", products)
        with serving(checkpoint, folder, work / "log", 1, **environment) as service:
            yield service


def until(holds: Callable[[], object], seconds: float) -> None:
    """Wait until `holds()`, leaving the cores to the processes that are waited for."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {seconds:g} s")
        time.sleep(0.05)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all are not above, 0 for none; milliseconds come out with two decimals."""
    return round(float(np.quantile(values, part, method="inverted_cdf")), 2) if len(values) else 0.0


def options(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with what all of these programs take."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="[default: the one of the repository]")
    parser.add_argument("--out", type=Path, required=True, help="where the figures go, as JSON")
    return parser


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a temporary folder on a disk; what is in it goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="vitrine-load-") as folder:
        yield Path(folder)


def save(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures, with what they were measured on."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    write_json(path, {"machine": machine, **figures})
    say(json.dumps(figures, ensure_ascii=False))


def say(text: str) -> None:
    """Print how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
