"""How many connections there may be, in all and from one address, and which of them makes room for a new one.

Knows no protocol: a connection says itself what it waits for. One process counts for itself.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import select
from typing import Protocol

from app.http.forwarded import Proxies
from app.http.rate import address_group
from app.http.starts import Starts
from app.telemetry import Telemetry

logger = logging.getLogger("vitrine.app")

SWEEP_S = 0.25
"""How often the deadlines of all connections are looked at."""
ENDED_AT_ONCE = 50
"""Most connections that are ended at a time, so that others wait for some milliseconds only."""
RESERVE = 256
"""Files kept free of connections: the catalogue's, the database's, those of a reload."""
TRIES = 32
"""Most connections looked at for one that may make room."""
UNREAD_BYTES = 128_000_000
"""Most bytes of answers that wait for their callers to read them, of all connections together."""
TELL_S = 10.0
"""The log says at most so often that connections made room."""


class Connection(Protocol):
    """What is asked of a connection."""

    address: str

    def fileno(self) -> int:
        """Return the number of its socket."""

    def unread(self) -> int:
        """Return how many bytes of answers wait for the caller to read them."""

    def overdue(self, now: float) -> bool:
        """End it if its caller has taken too long, and return whether it did; `now` in the event loop's time."""

    def cut(self) -> None:
        """End it without another word."""


class Connections:
    """All connections of a process, at most `limit`, of which no address holds more than half.

    A trusted proxy is not one caller, so it may hold all. At the bound the connection that has waited longest for its
    caller, to send or to read, makes room: a caller who only holds connections shuts nobody out, not even those who
    share its address. To be used on the event loop. `body_s` is how long a body may take to arrive.
    """

    def __init__(self, limit: int, proxies: Proxies, telemetry: Telemetry, body_s: float) -> None:
        self.limit = limit
        self.per_address = max(1, limit // 2)
        self.proxies = proxies
        self.telemetry = telemetry
        self.body_s = body_s
        self.starts = Starts()
        self._open: dict[Connection, str] = {}  # with whom it counts
        self._sizes: dict[str, int] = {}
        self._waiting: dict[Connection, None] = {}  # longest first
        self._waiting_of: dict[str, dict[Connection, None]] = {}
        self._unread: dict[Connection, None] = {}
        self._made_room = 0
        self._told = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def enter(self, connection: Connection) -> bool:
        """Count a new connection, which waits for its caller; False when all are at work, and it must be refused."""
        group = "" if self.proxies.trusts(connection.address) else address_group(connection.address)
        if group and self._sizes.get(group, 0) >= self.per_address:
            crowd = self._waiting_of.get(group, {})
        elif len(self._open) >= self.limit:
            crowd = self._waiting
        else:
            crowd = None
        if crowd is not None and not self._make_room(crowd):
            return False
        self._open[connection] = group
        self._sizes[group] = self._sizes.get(group, 0) + 1
        self.waits(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
        return True

    def caller(self, connection: Connection) -> str:
        """Return whose connection it is: an address, or its group; empty for a trusted proxy's."""
        return self._open.get(connection, "")

    def leave(self, connection: Connection) -> None:
        """Count a connection no more."""
        group = self._open.pop(connection, None)
        if group is None:
            return
        self._waiting.pop(connection, None)
        self._unread.pop(connection, None)
        self._sizes[group] -= 1
        if self._sizes[group]:
            self._waiting_of[group].pop(connection, None)
        else:
            del self._sizes[group], self._waiting_of[group]

    def waits(self, connection: Connection) -> None:
        """Note that a connection waits for its caller to send or to read from now on, or that enough bytes came."""
        if connection in self._open:
            group = self._waiting_of.setdefault(self._open[connection], {})
            for order in (self._waiting, group):
                order.pop(connection, None)
                order[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that a connection waits for us."""
        if connection in self._waiting:  # else it is closed, or at work already
            del self._waiting[connection], self._waiting_of[self._open[connection]][connection]

    def writes(self, connection: Connection) -> None:
        """Note that a caller is behind in reading; beyond all bounds, who is so for longest is cut off."""
        if connection not in self._open:
            return
        self._unread.setdefault(connection)
        while self.unread_bytes() > UNREAD_BYTES:
            first = next(iter(self._unread))
            self.leave(first)
            first.cut()
            logger.warning("an answer that its caller did not read was given up: too many bytes wait to be read")

    def unread_bytes(self) -> int:
        """Return how many bytes wait for callers who are behind in reading."""
        return sum(each.unread() for each in self._unread)

    def reads(self, connection: Connection) -> None:
        """Note that a caller has caught up."""
        self._unread.pop(connection, None)

    def _make_room(self, crowd: dict[Connection, None]) -> bool:
        for _ in range(min(TRIES, len(crowd))):
            first = next(iter(crowd))
            if _has_bytes(first.fileno()):
                self.waits(first)  # they are here, and only not read yet
                continue
            self.leave(first)
            first.cut()  # an answer would cost more than what it answers, and there may be thousands
            self._made_room += 1
            return True
        return False

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        ended = 0
        for connection in list(self._open):
            ended += connection.overdue(now)
            if ended >= ENDED_AT_ONCE:
                break
        if self._made_room and now - self._told > TELL_S:
            logger.warning(
                "%d connections that waited for their callers were closed for new ones: at most %d are open, %d of one"
                " address (VITRINE_MAX_CONNECTIONS)",
                *(self._made_room, self.limit, self.per_address),
            )
            self._made_room, self._told = 0, now
        self._timer = loop.call_later(SWEEP_S, self._sweep) if self._open or self._made_room else None


def possible_connections(wanted: int) -> int:
    """Return how many connections of `wanted` this process may have, so that it never runs out of files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + RESERVE:
        ceiling = wanted + RESERVE if hard == resource.RLIM_INFINITY else min(wanted + RESERVE, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
        soft = ceiling
    possible = wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, max(soft - RESERVE, soft // 4)))
    if possible < wanted:
        logger.warning("at most %d connections instead of %d: the limit of open files is %d", possible, wanted, soft)
    return possible


def _has_bytes(fileno: int) -> bool:
    """Return whether bytes have arrived at a socket that nobody has read yet."""
    if fileno < 0:
        return False
    look = select.poll()
    look.register(fileno, select.POLLIN)
    return any(event & select.POLLIN for _, event in look.poll(0))
