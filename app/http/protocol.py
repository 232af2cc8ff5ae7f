"""HTTP/1.1 as uvicorn speaks it, within bounds, and with our own answers to what it refuses.

uvicorn has no bound on the bytes and the time of a head, on silent connections and on answers that nobody reads.
"""

from __future__ import annotations

from asyncio import Transport
from collections.abc import Iterable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.http.access import WATCHED, account
from app.http.connections import Connections
from app.http.presence import put_presence, tell_leaving
from app.http.responses import raw_error

HEAD_BYTES = 65_536
"""Most bytes of a request's line and headers, of a body's trailers, or of what precedes a chunk."""
HEADERS = 256
"""Most headers of a request."""
HEAD_S = 10.0
"""Longest from a connection, or from the first byte of a request, to the end of its headers."""
DRAIN_S = 5.0
"""Longest that the rest of a body is read after its answer."""
LINGER_S = 2.0
"""Longest that a refused caller may go on sending: a reset in the middle could cost it the answer."""
UNREAD_S = 20.0
SLOWEST = 1000
"""Fewest bytes a second, over `UNREAD_S`, that a caller must read of its answer."""
PROGRESS = 16_384
"""Bytes of a body that count as a sign of life; also what is parsed of a head at a time."""
PIPELINED = 64
"""Most requests that wait on one connection for those before them."""
SMALL_BODY = 65_536
"""A JSON body of at most so many bytes is waited for before the application hears of its request."""
LIFESPAN_STATE = "connections"
"""Where the application's lifespan leaves its `Connections` for the protocol."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection; give it to uvicorn as `http=BoundedProtocol`.

    The application's lifespan yields `{LIFESPAN_STATE: Connections(...)}`.
    """

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.house: Connections = app_state[LIFESPAN_STATE]
        self.address = ""
        self._begun = self._deadline = self.loop.time()
        self._in_head = self._in_body = self._overfull = False
        self._refused = self._deaf = False
        self._moved = False  # the parser has come to the end of something
        self._pending = 0  # bytes fed since then
        self._body = 0  # bytes of the body since the last sign of life
        self._read_window: tuple[int, float] | None = None
        self._cycles: list[RequestResponseCycle] = []  # requests without their whole answer
        self._held: tuple[RequestResponseCycle, Any] | None = None  # a request whose small body is not there yet

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # noqa: D102 - of asyncio
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._deadline = self.loop.time() + HEAD_S
        if not self.house.enter(self):
            self._refuse(503, "overloaded", "all connections are at work; try again in a second")
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 - of asyncio
        self.house.leave(self)
        self._leave_requests()  # uvicorn tells the last one only
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser piece by piece: what it has not yet understood must never grow beyond `HEAD_BYTES`."""
        self._unset_keepalive_if_required()
        size = len(data) if self._in_body else PROGRESS
        for start in range(0, len(data), size):
            if self._refused or self._deaf or self.transport.is_closing():
                return
            piece = data[start : start + size]
            self._moved = False
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                # The request is answered as one of HTTP; what follows is of a protocol that nobody speaks here.
                self._deaf = True
                if self._cycles:
                    self._cycles[-1].keep_alive = False
                return
            except httptools.HttpParserError:
                self._refuse(400, "malformed_request", "this is not HTTP/1.1; send a request line, headers and a body")
                return
            self._pending = 0 if self._moved else self._pending + len(piece)
            if self._pending > HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:  # noqa: D102 - of the parser, as all below
        if self._refused:
            return
        super().on_message_begin()
        self._in_head = self._moved = True
        self._overfull = False
        self._begun = self.loop.time()
        self._deadline = self._begun + HEAD_S

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        if self._refused or self._in_body:
            return  # a trailer comes when the request is with the application
        if len(self.headers) >= HEADERS:
            self._overfull = True
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:  # noqa: D102
        if self._refused:
            return
        self._in_head = False
        self._in_body = self._moved = True
        self._body = 0
        self._deadline = float("inf")
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self._overfull or size > HEAD_BYTES:
            self._refuse_head()
        elif len(self.pipeline) >= PIPELINED:
            self._refuse(400, "malformed_request", f"more than {PIPELINED} requests wait; read some answers first")
        else:
            super().on_headers_complete()
            self._cycles.append(self.cycle)
            self.house.waits(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start the application, but not before a small body is there: who never sends it costs a tenth."""
        if cycle.more_body and not cycle.waiting_for_100_continue and _is_small(cycle.scope["headers"]):
            self._held = cycle, app
            self._deadline = self.loop.time() + self.house.body_s
        else:
            self._begin(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start the application when it is this caller's turn."""
        start = super()._start_asgi_task
        put_presence(cycle.scope, None if cycle.more_body else bytes(cycle.body))

        def begin() -> None:
            if not cycle.disconnected:
                start(cycle, app)

        path = cycle.scope["path"]
        self.house.starts.begin("watched" if path in WATCHED else self.house.caller(self), path, begin)

    def on_body(self, body: bytes) -> None:  # noqa: D102
        if self._refused:
            return
        self._moved = True
        super().on_body(body)
        self._body += len(body)
        if self._body >= PROGRESS:
            self._body = 0
            self.house.waits(self)

    def on_message_complete(self) -> None:  # noqa: D102
        if self._refused:
            return
        self._in_body = False
        self._moved = True
        super().on_message_complete()
        if self._held:
            held, self._held = self._held, None
            self._deadline = float("inf")
            self._begin(*held)
        if not self.cycle.response_complete:
            self.house.works(self)
        else:
            self._await_request()

    def on_response_complete(self) -> None:  # noqa: D102
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self.cycle.response_complete and self._in_body:
            self._deadline = self.loop.time() + DRAIN_S
            self.house.waits(self)
        elif self.cycle.response_complete:
            self._await_request()

    def pause_writing(self) -> None:  # noqa: D102
        super().pause_writing()
        self.house.writes(self)
        self.house.waits(self)

    def resume_writing(self) -> None:  # noqa: D102
        super().resume_writing()
        self.house.reads(self)
        if self._cycles and not self._in_body:
            self.house.works(self)

    def fileno(self) -> int:  # noqa: D102 - as all below, of Connection
        sock = self.transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    def unread(self) -> int:  # noqa: D102
        return self.transport.get_write_buffer_size()

    def overdue(self, now: float) -> bool:  # noqa: D102
        if self._stalled(now):
            self.cut()
        elif now <= self._deadline:
            return False
        elif self._in_head and not self._refused:
            self._refuse(408, "header_timeout", f"the headers took more than {HEAD_S:.0f} s; send them at once")
        elif self._held and not self._refused:
            self._refuse(408, "body_timeout", f"the body took more than {self.house.body_s:g} s; send it faster")
        elif self._refused or self.transport.is_closing():
            self.cut()
        else:
            self.transport.close()
        return True

    def cut(self) -> None:  # noqa: D102
        self._leave_requests()
        self.transport.abort()

    def _await_request(self) -> None:
        """Wait for the next request; uvicorn's own time for it starts again with every byte, ours does not."""
        wait_s = HEAD_S if self._in_head else self.timeout_keep_alive + HEAD_S
        self._deadline = self.loop.time() + wait_s
        self.house.waits(self)

    def _stalled(self, now: float) -> bool:
        """Return whether the caller reads its answer more slowly than anybody would."""
        size = self.unread()
        if not size:
            self._read_window = None
        elif self._read_window is None or size > self._read_window[0]:
            self._read_window = size, now  # more was written, and that is done only after some was read
        elif now - self._read_window[1] > UNREAD_S:
            before, self._read_window = self._read_window[0], (size, now)
            return before - size < UNREAD_S * SLOWEST
        return False

    def _leave_requests(self) -> None:
        """Tell the application that nobody waits for its answers any more."""
        self._held = None
        self.pipeline.clear()
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
            tell_leaving(cycle.scope)
        self._cycles.clear()

    def _refuse_head(self) -> None:
        if self._in_body and not self._overfull and self.cycle is not None:
            self._refuse(400, "malformed_request", f"chunk extensions or trailers of more than {HEAD_BYTES:,} bytes")
        else:
            self._refuse(
                431,
                "headers_too_large",
                f"the request's line and headers have more than {HEAD_BYTES:,} bytes or {HEADERS} headers; send less",
            )

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer in place of the application, and read no more."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._in_head = self._in_body = False
        if any(cycle.response_started for cycle in self._cycles):
            self.cut()
            return
        self._leave_requests()
        answer, sent = raw_error(status, code, message, self.server_state.default_headers)
        self.transport.write(answer)
        now = self.loop.time()
        account(
            self.house.telemetry,
            method="-",
            path="-",
            status=status,
            seconds=now - self._begun,
            sent=sent,
            client=self.address or "unknown",
            code=code,
        )
        self._deadline = now + LINGER_S
        self.flow.resume_reading()
        self.transport.write_eof()


def _is_small(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether headers announce a JSON body of a few bytes."""
    of = dict(headers)
    length = of.get(b"content-length", b"")
    if not length.isdigit() or len(length) > len(str(SMALL_BODY)) or int(length) > SMALL_BODY:
        return False
    return of.get(b"content-type", b"").startswith(b"application/json")
