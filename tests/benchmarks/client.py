"""A client that costs little: keep-alive connections over plain sockets, one request at a time on each.

    python -m tests.benchmarks.client < PLAN

In a process of its own, so that what it costs can be told apart from what the server costs. Requests are made before
the clock runs; an answer is read as far as it must be: its status, its length, its last byte. Knows no service.
"""

from __future__ import annotations

import base64
import json
import math
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

READ = 1 << 16
GIVEN_UP_S = 30.0
"""How long an answer is waited for."""


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all are not above, 0 for none."""
    return round(sorted(values)[max(0, math.ceil(part * len(values)) - 1)], 3) if values else 0.0


def request(path: str, body: bytes, kind: str = "application/json") -> bytes:
    """Return a POST as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def post(path: str, value: Any) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    return request(path, json.dumps(value).encode())


def upload(path: str, picture: bytes, **fields: str) -> bytes:
    """Return a POST of a form with a picture as it goes over the wire."""
    edge = "a-benchmark-s-boundary"
    part = f"--{edge}\r\nContent-Disposition: form-data; name="
    texts = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head = f'{texts}{part}"image"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{edge}--\r\n".encode()
    return request(path, body, f"multipart/form-data; boundary={edge}")


@dataclass
class _Connection:
    """A connection with the request that is on its way, and how much of its answer is there."""

    socket: socket.socket
    kind: str
    requests: Iterator[bytes]
    unsent: bytes | memoryview = b""
    stuck: bool = False
    """Whether the socket took no more of the request."""
    begun: float = 0.0
    answer: bytearray | None = None
    """None: the next request has not begun."""
    length: int = -1
    """Of the whole answer; -1: its head is not there yet."""
    closes: bool = False
    """Whether the server closes the connection after this answer, as a few do: the next one takes a new one."""


def drive(
    address: tuple[str, int],
    requests: Mapping[str, Sequence[bytes]],
    clients: Mapping[str, int],
    seconds: float,
    pause_s: float,
) -> dict[str, Any]:
    """Ask for `seconds` with so many clients of each kind at once; return what each kind saw.

    Where a kind has no answer by then, as on a busy machine, all go on until it has one, or for `GIVEN_UP_S` at most.
    The clients of a kind take its requests in turn. Who gets an answer other than 200 pauses for `pause_s`.
    """
    poll = select.epoll()
    connections: dict[int, _Connection] = {}
    for kind, count in clients.items():
        turns = cycle(requests[kind])
        for _ in range(count):
            opened = _opened(address, poll)
            connections[opened.fileno()] = _Connection(opened, kind, turns)
    took: dict[str, list[float]] = {kind: [] for kind in clients}
    refused: dict[str, list[float]] = {kind: [] for kind in clients}
    statuses: dict[str, Counter[int]] = {kind: Counter() for kind in clients}
    pausing: list[tuple[float, _Connection]] = []
    spent, start = time.process_time(), time.perf_counter()
    for one in connections.values():
        _send(one, poll)
    end = last = start + seconds
    working = len(connections)

    def over(now: float) -> bool:
        return now >= end and (all(took.values()) or now >= end + GIVEN_UP_S)

    while working:
        wait = max(0.0, pausing[0][0] - time.perf_counter()) if pausing else GIVEN_UP_S
        ready = poll.poll(wait)
        if not ready and not pausing:
            raise TimeoutError(f"the server has not answered for {GIVEN_UP_S:g} s")
        while pausing and pausing[0][0] <= time.perf_counter():
            _send(pausing.pop(0)[1], poll)
        for number, event in ready:
            one = connections[number]
            if event & select.EPOLLOUT and one.unsent:
                _go_on(one, poll)
            if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) or not _answered(one):
                continue
            now = time.perf_counter()
            assert one.answer is not None
            status = int(one.answer[9:12])
            one.answer = None
            if not over(now):  # what comes later was not answered in this time
                last = max(last, now)
                statuses[one.kind][status] += 1
                (took if status == 200 else refused)[one.kind].append(1000 * (now - one.begun))
            if over(now) or one.closes:
                del connections[number]
                poll.unregister(number)
                one.socket.close()
            if over(now):  # closed at once: the server closes it in the end where others wait for long
                working -= 1
                continue
            if one.closes:
                one.socket = _opened(address, poll)
                connections[one.socket.fileno()] = one
            if status == 200 or not pause_s:
                _send(one, poll)
            else:
                pausing.append((now + pause_s, one))
        if over(time.perf_counter()):
            working -= len(pausing)
            pausing.clear()
    spent = time.process_time() - spent
    for one in connections.values():
        one.socket.close()
    found: dict[str, Any] = {"client CPU s": round(spent, 3)}
    for kind in clients:
        found[kind] = {
            "answered": len(took[kind]),
            "per second": round(len(took[kind]) / (last - start), 2),
            **{f"p{100 * part:.0f} ms": percentile(took[kind], part) for part in (0.5, 0.95, 0.99)},
            "refused": statuses[kind][503],
            "refused p50 ms": percentile(refused[kind], 0.5),
            "refused p99 ms": percentile(refused[kind], 0.99),
            "other statuses": {str(s): n for s, n in statuses[kind].items() if s not in (200, 503)},
        }
    return found


def _opened(address: tuple[str, int], poll: select.epoll) -> socket.socket:
    """Return a new connection, whose answers `poll` reports."""
    opened = socket.create_connection(address)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setblocking(False)
    poll.register(opened.fileno(), select.EPOLLIN)
    return opened


def _send(one: _Connection, poll: select.epoll) -> None:
    one.unsent = memoryview(next(one.requests))
    one.begun, one.answer, one.length, one.closes = time.perf_counter(), bytearray(), -1, False
    _go_on(one, poll)


def _go_on(one: _Connection, poll: select.epoll) -> None:
    """Send what the socket takes of a request; be told when it takes more."""
    stuck = False
    try:
        while one.unsent:
            one.unsent = one.unsent[one.socket.send(one.unsent) :]
    except BlockingIOError:
        stuck = True
    if stuck != one.stuck:
        poll.modify(one.socket.fileno(), select.EPOLLIN | (select.EPOLLOUT if stuck else 0))
        one.stuck = stuck


def _answered(one: _Connection) -> bool:
    """Read what there is of an answer; whether it is there as a whole."""
    data = one.socket.recv(READ)
    if not data or one.answer is None:
        raise ConnectionError("the server has closed a connection that it should keep")
    one.answer += data
    if one.length < 0:
        head = one.answer.find(b"\r\n\r\n")
        if head < 0:
            return False
        lines = bytes(one.answer[:head]).lower().split(b"\r\n")
        (length,) = [line.partition(b":")[2] for line in lines if line.startswith(b"content-length:")]
        one.length = head + 4 + int(length)
        one.closes = b"connection: close" in lines
    return len(one.answer) >= one.length


def load(
    url: str,
    requests: Mapping[str, Sequence[bytes]],
    clients: Mapping[str, int],
    seconds: float,
    pause_s: float = 0.0,
) -> dict[str, Any]:
    """Run `drive` in a process of its own, against `url`."""
    address = urlsplit(url)
    coded = {kind: [base64.b64encode(one).decode() for one in all_of] for kind, all_of in requests.items()}
    plan = [[address.hostname, address.port], coded, dict(clients), seconds, pause_s]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.client"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the client failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    where, given, how_many, how_long, pause = json.load(sys.stdin)
    decoded = {kind: [base64.b64decode(one) for one in all_of] for kind, all_of in given.items()}
    sys.stdout.write(json.dumps(drive((where[0], where[1]), decoded, how_many, how_long, pause)))
