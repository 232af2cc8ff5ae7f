"""The download, against a stand-in for the hub: a small HTTP server in a thread, named by HF_ENDPOINT."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.tools.root import ROOT
from training.data import open_dataset

REPO = "ashraq/fashion-product-images-small"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
RUN = """
import json, sys, time
from pathlib import Path
from common import DataError, UnreachableError
from training.data import download_dataset
from huggingface_hub import HfApi, snapshot_download  # imported before the clock starts: that may take seconds
for folder, repo in json.loads(sys.argv[1]):
    started = time.monotonic()
    try:
        outcome = {"path": str(download_dataset(Path(folder), repo)), "error": None}
    except (DataError, UnreachableError) as error:
        outcome = {"path": None, "error": str(error)}
    print(json.dumps(outcome | {"seconds": time.monotonic() - started}))
"""


def shard(first: int, padding: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (6, 8), "red").save(out, "JPEG")
    columns = {
        "id": pa.array([first, first + 1]),
        "productDisplayName": pa.array(["A shirt", "A hat"]),
        "image": pa.array([{"bytes": out.getvalue(), "path": None}] * 2),
        "padding": pa.array([random.Random(first).randbytes(padding), b""]),
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


class Hub(ThreadingHTTPServer):
    """Serves one data set of two shards and a page about it; breaks off the first transfer of the second, long one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files = {
            "README.md": b"# A data set\n",
            "data/train-00000-of-00002.parquet": shard(1),
            "data/train-00001-of-00002.parquet": shard(3, padding=12 * 2**20),
        }
        self.asked: list[tuple[str, str, str | None]] = []
        self.broken_off = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def transfers(self) -> list[tuple[str, str | None]]:
        return [(path, span) for method, path, span in self.asked if method == "GET" and "/resolve/" in path]


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        span = self.headers.get("Range")
        self.server.asked.append((self.command, path, span))
        resolve = f"/datasets/{REPO}/resolve/{COMMIT}/"
        if path in (f"/api/datasets/{REPO}", f"/api/datasets/{REPO}/revision/main"):
            self.answer(json.dumps({"id": REPO, "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/datasets/{REPO}/tree/{COMMIT}":
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha256(data).hexdigest()}
                for name, data in self.server.files.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith(resolve) and path.removeprefix(resolve) in self.server.files:
            self.send_file(path.removeprefix(resolve), span)
        else:
            self.answer(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"})

    def send_file(self, name: str, span: str | None) -> None:
        data = self.server.files[name]
        start = int(re.fullmatch(r"bytes=(\d+)-", span)[1]) if span else 0  # type: ignore[index]
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        broken = self.command == "GET" and "00001" in name and not self.server.broken_off
        self.server.broken_off |= broken
        self.answer(data[start:], 206 if span else 200, headers, cut=11 * 2**20 if broken else None)

    def answer(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def downloads(home: Path, endpoint: str, *calls: tuple[Path, str], offline: bool = False) -> list[dict[str, Any]]:
    """Call `download_dataset` in a process of its own, as the hub's library reads its environment at import."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith("HF_") and "proxy" not in name.lower()
    }
    env |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "PYTHONPATH": str(ROOT)}
    arguments = json.dumps([(str(folder), repo) for folder, repo in calls])
    done = subprocess.run(
        [sys.executable, "-c", RUN, arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    for outcome in outcomes:
        assert outcome["seconds"] < 25
        assert "\n" not in (outcome["error"] or "")
    return outcomes


def test_a_data_set_is_fetched_resumed_kept_and_read(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "fashion"
    first, again, unknown = downloads(
        tmp_path / "home", hub.url, (folder, REPO), (folder, REPO), (tmp_path / "other", "nobody/nothing")
    )

    assert first["path"] == str(folder), first
    for name, data in hub.files.items():
        assert not name.endswith(".parquet") or (folder / name).read_bytes() == data
    assert not (folder / "README.md").exists()
    assert [item.id for item in open_dataset(folder).items] == ["1", "2", "3", "4"]

    one, two = (f"/datasets/{REPO}/resolve/{COMMIT}/data/train-0000{n}-of-00002.parquet" for n in (0, 1))
    rest = "bytes=10485760-"  # the hub's library writes to disk by 10 MiB
    assert again["path"] == str(folder)
    assert set(hub.transfers()) == {(one, None), (two, None), (two, rest)}
    assert len(hub.transfers()) == 3

    assert "gives us no data set 'nobody/nothing'" in unknown["error"]
    assert "check the name" in unknown["error"]

    # Without a network, what was fetched still does; what was not, or not wholly, is told in one line.
    requests = len(hub.asked)
    kept, nothing = downloads(tmp_path / "home", hub.url, (folder, REPO), (tmp_path / "new", REPO), offline=True)
    assert kept["path"] == str(folder)
    assert "HF_HUB_OFFLINE is set" in nothing["error"]
    assert len(hub.asked) == requests
    (folder / "data" / "train-00001-of-00002.parquet").unlink()
    (cut,) = downloads(tmp_path / "home", hub.url, (folder, REPO), offline=True)
    assert f"{folder} does not hold all of {REPO}" in cut["error"]


def test_a_hub_that_is_not_there_is_reported_at_once(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"  # bound, but nobody listens
        (outcome,) = downloads(tmp_path / "home", endpoint, (tmp_path / "new", REPO))
    assert f"the hub {endpoint} cannot be reached" in outcome["error"]
    assert "fetch the .zip from https://www.kaggle.com/datasets/paramaggarwal/" in outcome["error"]
    assert outcome["seconds"] < 10


def test_a_hub_that_never_answers_is_given_up_within_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (outcome,) = downloads(tmp_path / "home", endpoint, (tmp_path / "new", "someone/else"))
    assert f"fetch the files from {endpoint}/datasets/someone/else" in outcome["error"]
    assert outcome["seconds"] < 20
