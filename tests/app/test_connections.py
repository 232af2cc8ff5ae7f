"""What the server bounds before a request comes to the application; every case stopped or slowed others before."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.http import Connections, Proxies, connections, possible_connections, protocol
from app.telemetry import Telemetry
from tests.tools.shop import IMAGES, DrawnEncoder, ask, served, shop_open, until

HOST = b"host: localhost\r\n"


def connect(client: httpx.Client, first: bytes = b"") -> socket.socket:
    raw = socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60)
    raw.sendall(first)
    return raw


def all_of(raw: socket.socket) -> bytes:
    """Return all that comes until the other side closes or resets."""
    parts = []
    with suppress(ConnectionResetError):
        while part := raw.recv(65536):
            parts.append(part)
    return b"".join(parts)


def refused(answer: bytes, status: int, code: str) -> str:
    """Check that an answer is the server's own, in the one shape and with the headers of all; return its message."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    error = json.loads(body)["error"]
    assert error["code"] == code
    assert b"x-request-id: " + error["request_id"].encode() in head
    assert b"x-content-type-options: nosniff" in head
    assert b"connection: close" in head
    assert error["details"] == []
    return str(error["message"])


def is_open(raw: socket.socket) -> bool:
    raw.setblocking(False)
    try:
        return raw.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 20_000_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 300 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 1_000_000 + b"\r\n",
        b"GET /?" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=["100 kB", "20 MB", "300 headers", "1 M headers", "address"],
)
def test_a_head_is_bounded(client: httpx.Client, head: bytes) -> None:
    """One header of 200 MB was accepted after 49.7 s of CPU, and others waited up to 15.8 s."""
    with connect(client) as raw, ThreadPoolExecutor(1) as people:

        def send() -> None:
            with suppress(OSError):  # the server reads no more
                raw.sendall(head)

        people.submit(send)
        assert "65,536 bytes or 256 headers" in refused(all_of(raw), 431, "headers_too_large")


def test_a_head_of_some_size_is_taken(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"x": "a" * 60_000}).status_code == 200
    assert client.get("/healthz", headers={f"x-{n}": "a" for n in range(200)}).status_code == 200


@pytest.mark.parametrize("rest", [b"1;" + b"a" * 200_000, b"0\r\nx: " + b"a" * 200_000], ids=["extension", "trailer"])
def test_what_follows_a_head_is_bounded_too(client: httpx.Client, rest: bytes) -> None:
    """A trailer is put together as a header is: again with every piece."""
    head = b"POST " + IMAGES.encode() + b" HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
    with connect(client, head + b"transfer-encoding: chunked\r\n\r\n" + rest) as raw:
        refused(all_of(raw), 400, "malformed_request")


def test_a_trailer_does_not_become_a_header(client: httpx.Client) -> None:
    head = b"POST " + IMAGES.encode() + b" HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
    body = b'{"text": "red dress"}'
    chunks = b"%x\r\n%s\r\n0\r\nx: y\r\n\r\n" % (len(body), body)
    with connect(client, head + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + chunks) as raw:
        assert all_of(raw).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_refused_in_the_one_shape(
    client: httpx.Client, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The server answered in plain text, without id, security headers, count or line in the log."""
    with caplog.at_level("INFO", "vitrine.access"), connect(client, request_) as raw:
        refused(all_of(raw), 400, "malformed_request")
    assert "code=malformed_request key=- client=127.0.0.1" in caplog.text
    assert 'vitrine_refused_total{code="malformed_request"}' in client.get("/metrics").text


@pytest.fixture
def quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Yield a client of a service that waits for a head for half a second."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.5)
    with shop_open(folder) as client:
        yield client


def test_a_head_has_a_time_that_trickling_does_not_lengthen(quick: httpx.Client) -> None:
    """5,000 connections with unfinished heads, and 500 that sent nothing, were open for as long as they liked."""
    with connect(quick) as silent, connect(quick, b"GET / HTTP/1.1\r\n") as slow:
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.05):
                with suppress(OSError):
                    slow.sendall(b"a: b\r\n")

        with ThreadPoolExecutor(1) as people:
            people.submit(trickle)
            try:
                assert "headers took more than" in refused(all_of(slow), 408, "header_timeout")
            finally:
                stop.set()
        assert all_of(silent) == b""
    assert quick.get("/healthz").status_code == 200


def test_the_rest_of_a_body_is_waited_for_a_while_only(quick: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "DRAIN_S", 0.2)
    with connect(quick, b"POST /nothing HTTP/1.1\r\n" + HOST + b"content-length: 1000000\r\n\r\na") as raw:
        assert all_of(raw).startswith(b"HTTP/1.1 404 ")


def test_who_only_holds_connections_shuts_nobody_out(folder: Path) -> None:
    """Attacker and customer may share one address: the house is full of the former, and the latter still comes in."""
    body = b"POST " + IMAGES.encode() + b" HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
    unfinished = [b"", b"GET / HTTP/1.1\r\nhost: lo", body + b"content-length: 30\r\n\r\n{"]
    with shop_open(folder, max_connections=20) as client, ExitStack() as stack:
        held = []
        for number in range(60):
            held.append(stack.enter_context(connect(client, unfinished[number % 3])))
            if number % 10 == 9:
                with httpx.Client(base_url=client.base_url, timeout=60, trust_env=False) as customer:
                    assert ask(customer, IMAGES, text="red dress")["results"]
        until(lambda: sum(map(is_open, held)) <= 10)


def test_a_small_body_that_does_not_come_does_not_reach_the_application(folder: Path) -> None:
    """256 callers who sent one byte of theirs each took all places: every search was refused for 29 of 36 s."""
    head = b"POST " + IMAGES.encode() + b" HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
    with shop_open(folder, upload_timeout_s=0.5, queue_limit=8) as client, ExitStack() as stack:
        held = [stack.enter_context(connect(client, head + b"content-length: 30\r\n\r\n{")) for _ in range(20)]
        assert ask(client, IMAGES, text="red dress")["results"]
        for raw in held:
            assert "took more than 0.5 s" in refused(all_of(raw), 408, "body_timeout")
        asked = re.findall(rf'vitrine_requests_total.*"{IMAGES}".* (\d+)', client.get("/metrics").text)
        assert asked == ["1"]


def test_all_at_work_is_said_so(folder: Path) -> None:
    door, entered = threading.Event(), threading.Event()

    class Slow(DrawnEncoder):
        def encode_text(self, texts: Any) -> Any:
            entered.set()
            assert door.wait(60)
            return super().encode_text(texts)

    with shop_open(folder, Slow(), max_connections=2) as client, ThreadPoolExecutor(1) as people:
        at_work = people.submit(client.post, IMAGES, json={"text": "x"})
        assert entered.wait(60)
        with connect(client) as raw:
            assert "all connections are at work" in refused(all_of(raw), 503, "overloaded")
        door.set()
        assert at_work.result().status_code == 200
        until(lambda: client.get("/healthz").status_code == 200)


def test_so_many_requests_at_once_are_too_many(client: httpx.Client) -> None:
    """Each request of a line of them took memory for itself before the first was answered."""
    with connect(client, (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 1000) as raw:
        refused(all_of(raw), 400, "malformed_request")
    with connect(client, (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 20) as raw:
        raw.shutdown(socket.SHUT_WR)


class Reads:
    """An application whose answer is 20 MB, for at most `limit` connections."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            house = self.house = Connections(self.limit, Proxies(""), Telemetry(), 30)
            scope["state"][protocol.LIFESPAN_STATE] = house
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000000")]})
        await send({"type": "http.response.body", "body": b"a" * 20_000_000})


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 callers who did not read their answers held 548 MB for as long as they liked."""
    monkeypatch.setattr(protocol, "UNREAD_S", 0.5)
    app = Reads()
    with served(app) as client:  # type: ignore[arg-type]
        assert len(client.get("/").content) == 20_000_000
        with connect(client, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") as raw:
            until(lambda: len(app.house) >= 1)
            client.close()
            until(lambda: len(app.house) == 0)
            assert len(all_of(raw)) < 20_000_000


def test_unread_answers_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_BYTES", 45_000_000)
    app = Reads()
    with served(app) as client, ExitStack() as stack:  # type: ignore[arg-type]
        for _ in range(6):
            stack.enter_context(connect(client, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"))
        until(lambda: app.house.unread_bytes() > 15_000_000)
        time.sleep(0.2)
        assert app.house.unread_bytes() <= 45_000_000
        assert len(client.get("/").content) == 20_000_000


def test_who_does_not_read_makes_room_too() -> None:
    app = Reads(8)
    with served(app) as client, ExitStack() as stack:  # type: ignore[arg-type]
        for _ in range(4):
            stack.enter_context(connect(client, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"))
        until(lambda: len(app.house) == 4)
        assert len(client.get("/").content) == 20_000_000


class Held:
    """A connection of this address, which does what it is told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_cut = False

    def fileno(self) -> int:
        return -1

    def unread(self) -> int:
        return 0

    def overdue(self, now: float) -> bool:
        return False

    def cut(self) -> None:
        self.is_cut = True


def test_who_has_waited_longest_makes_room() -> None:
    async def main() -> None:
        house = Connections(8, Proxies("10.0.0.0/8"), Telemetry(), 30)
        crowd = [Held("203.0.113.1") for _ in range(4)]
        assert all(map(house.enter, crowd))
        house.waits(crowd[0])  # its bytes came
        house.works(crowd[1])
        fifth = Held("203.0.113.1")
        assert house.enter(fifth)
        assert [one.is_cut for one in crowd] == [False, False, True, False]
        proxied = [Held("10.0.0.1") for _ in range(6)]
        assert all(map(house.enter, proxied))  # more than half: a proxy speaks for many
        assert len(house) == 8
        assert sum(one.is_cut for one in [*crowd, fifth]) == 3
        assert not crowd[1].is_cut
        everybody = [*crowd, fifth, *proxied]
        for one in everybody:
            house.works(one)
        late = Held("2001:db8::1")
        assert not house.enter(late)
        house.leave(crowd[1])
        assert house.enter(late)
        for one in (late, *everybody):
            house.leave(one)
        assert len(house) == 0

    asyncio.run(main())


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    async def main() -> None:
        house = Connections(4, Proxies(""), Telemetry(), 30)
        crowd = [Held(f"2001:db8::{n}") for n in range(1, 4)]
        assert all(map(house.enter, crowd))
        assert [one.is_cut for one in crowd] == [True, False, False]

    asyncio.run(main())


def limited(soft: int, hard: int, results: Any) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    results.put((possible_connections(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


@pytest.mark.parametrize(
    ("soft", "hard", "connections_", "files"),
    [(64, 64, 16, 64), (512, 1024, 768, 1024), (512, 4096, 1000, 1256), (4096, 4096, 1000, 4096)],
)
def test_connections_leave_files_for_the_rest(soft: int, hard: int, connections_: int, files: int) -> None:
    """At `ulimit -n 64` new connections were reset, and the log said nothing."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=limited, args=(soft, hard, results))
    child.start()
    assert results.get(timeout=60) == (connections_, files)
    child.join()
