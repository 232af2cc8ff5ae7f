"""Requests that are broken at random: each is answered or cut, and nothing of it stays behind."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.http import protocol
from app.server import create_app
from app.settings import Settings
from tests.tools.shop import DrawnEncoder, served, until

HOST = b" HTTP/1.1\r\nhost: localhost\r\n"
JSON = b"POST /v1/search/images" + HOST + b"content-type: application/json\r\n"
BODY = b'{"text":"red dress"}'
WHOLE = [
    b"GET /healthz" + HOST + b"\r\n",
    JSON + b"content-length: 20\r\n\r\n" + BODY,
    JSON + b"transfer-encoding: chunked\r\n\r\n14;a=b\r\n" + BODY + b"\r\n0\r\nx: y\r\n\r\n",
    b"GET /" + HOST + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x05hello",
    b"POST /nothing" + HOST + b"content-length: 100000\r\n\r\n" + b"a" * 10,
    b"HEAD /assets/x/search.js" + HOST + b"range: bytes=a-b\r\n\r\n",
    b"POST /v1/products" + HOST + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\nabcde",
]
PIECES = [
    *(b"\r\n", b"\0", b": ", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"A" * 70_000, b"a:b\r\n" * 400, bytes(range(256))),
]


def broken(dice: random.Random) -> bytes:
    """Return a request with up to five bytes or pieces changed, taken out, put in or repeated."""
    data = bytearray(dice.choice(WHOLE))
    for _ in range(dice.choice([0, 1, 1, 2, 5])):
        place = dice.randrange(len(data))
        changes: list[Callable[[], bytes]] = [
            lambda: bytes([dice.randrange(256)]),
            lambda: b"",
            lambda: dice.choice(PIECES),
            lambda: bytes(data[: dice.randrange(len(data))]),  # noqa: B023 - called at once
        ]
        data[place : place + dice.choice([0, 1, 1, 20])] = dice.choice(changes)()
        data = data or bytearray(b"x")
    return bytes(data)


def test_broken_requests_leave_nothing_behind(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests in line behind a refused one, or of a caller who had left, were answered to nobody with a traceback."""
    for name in ("HEAD_S", "DRAIN_S", "LINGER_S"):
        monkeypatch.setattr(protocol, name, 0.2)
    dice = random.Random(20261126)
    app = create_app(Settings.read(catalogue=folder, upload_timeout_s=0.2), encoder=DrawnEncoder())
    with caplog.at_level("WARNING"), served(app) as client:
        address = (client.base_url.host, client.base_url.port or 80)
        for _ in range(400):
            with suppress(OSError), socket.create_connection(address, timeout=5) as raw:
                data = b"".join(broken(dice) for _ in range(dice.choice([1, 1, 2, 5])))
                while data:
                    size = dice.choice([1, 100, 100_000, len(data)])
                    raw.sendall(data[:size])
                    data = data[size:]
                leaving = dice.random()
                if leaving < 0.5:
                    continue
                if leaving < 0.7:
                    raw.shutdown(socket.SHUT_WR)
                raw.settimeout(0.005)
                with suppress(TimeoutError):
                    while raw.recv(65536):
                        pass
        client.close()
        until(lambda: len(app.state.connections) == 0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
