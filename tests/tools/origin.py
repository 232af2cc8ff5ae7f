"""A tool: a host of pictures that answers as it is told, also in ways that no well-kept server would."""

from __future__ import annotations

import contextlib
import io
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import Parser
from typing import Any

from PIL import Image

Send = Callable[[bytes], Any]
Answer = Callable[["Asked", Send], None]


class Asked:
    """A request as it came."""

    def __init__(self, method: str, path: str, headers: dict[str, str], number: int) -> None:
        self.method, self.path, self.headers, self.number = method, path, headers, number


class Origin:
    """A server on 127.0.0.1; `answers` says what is sent for a path, by bytes."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.times: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def picture(self, path: str, data: bytes | None = None, *headers: str) -> str:
        """Answer `path` with a picture; return its address."""
        content = picture(path) if data is None else data
        return self.plain(path, 200, content, "Content-Type: image/jpeg", *headers)

    def plain(self, path: str, status: int, content: bytes = b"", *headers: str) -> str:
        """Answer `path` with a status, content and headers."""
        return self.says(path, lambda _asked, send: send(answer(status, content, *headers)))

    def says(self, path: str, what: Answer) -> str:
        """Answer `path` as `what` does; return its address."""
        self.answers[path] = what
        return self.url + path


def answer(status: int, content: bytes = b"", *headers: str) -> bytes:
    """Return a whole answer, well formed."""
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def picture(seed: str, size: tuple[int, int] = (24, 32)) -> bytes:
    """Return a JPEG whose colour depends on `seed`."""
    number = sum((place + 1) * ord(letter) for place, letter in enumerate(seed))
    file = io.BytesIO()
    Image.new("RGB", size, (number % 256, number * 7 % 256, number * 31 % 256)).save(file, "JPEG")
    return file.getvalue()


@contextmanager
def origin() -> Iterator[Origin]:
    """Run such a host on a free port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while line := self.rfile.readline().decode("latin-1").split():
                    lines = list(iter(lambda: self.rfile.readline().decode("latin-1").rstrip("\r\n"), ""))
                    headers = {n.lower(): v for n, v in Parser().parsestr("\n".join(lines)).items()}
                    path = line[1].removeprefix(host.url)  # a proxy is sent the whole address
                    with host.lock:
                        host.times[path] += 1
                        asked = Asked(line[0], path, headers, host.times[path])
                        host.asked.append(asked)
                        host.at_once += 1
                        host.most_at_once = max(host.most_at_once, host.at_once)
                    try:
                        missing: Answer = lambda _asked, send: send(answer(404))  # noqa: E731
                        host.answers.get(path, missing)(asked, self.request.sendall)
                    finally:
                        with host.lock:
                            host.at_once -= 1

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        host = Origin(server.server_address[1])
        thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()


def drip(asked: Asked, send: Send) -> None:
    """Send a picture a byte at a time, for ever."""
    send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(10_000):
        send(b"\xff")
        time.sleep(0.02)


def endless(asked: Asked, send: Send) -> None:
    """Send chunks without an end."""
    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100_000):
        send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
