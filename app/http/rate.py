"""How many requests a caller may send, in a moving window, also when several workers count. Knows no key and no route.

The times are those of the monotonic clock, which all processes of a machine share: a wall clock that is set back would
lock callers out.
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import math
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from app.settings import MAX_RATE, Rate

MAX_HITS = MAX_RATE
"""Most requests remembered at a time, over all callers; 8 bytes each."""
WAYS = 16
"""Callers that share the places of one set; of these, who has not asked for longest is forgotten for a new one."""


class RateLimit:
    """Says of every request whether its caller has sent too many; to be asked on one thread of each process.

    Exact: of any window, at most as many requests are admitted as the rate says. So the times of the last admitted
    ones are kept, as many as the rate allows, in a ring: the oldest of them decides. Beyond `max_hits` of them, callers
    who have not asked for longest are forgotten, which is in favour of callers who send little.

    With `shared`, a file, all processes that name it count together.
    """

    def __init__(
        self,
        rate: Rate,
        shared: Path | None = None,
        max_hits: int = MAX_HITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self._clock = clock
        places = max(1, max_hits // rate.amount)
        self._ways = min(WAYS, places)
        self._sets = places // self._ways
        places = self._sets * self._ways
        callers = np.dtype([("name", "<u8"), ("asked", "<f8"), ("admitted", "<u8")])
        size = places * (callers.itemsize + 8 * rate.amount)
        self._file = _file(shared, size) if shared else None
        memory = mmap.mmap(self._file if self._file is not None else -1, size)  # zero, and no memory until it is used
        self._callers = np.frombuffer(memory, callers, places).reshape(self._sets, self._ways)
        self._times = np.frombuffer(memory, "<f8", offset=places * callers.itemsize)
        self._times = self._times.reshape(self._sets, self._ways, rate.amount)

    def __len__(self) -> int:
        """Return how many callers are remembered who have asked within the last window."""
        asked = self._callers["asked"]
        return int(np.count_nonzero((self._callers["name"] > 0) & (asked > self._clock() - self.rate.seconds)))

    def wait(self, caller: str) -> int | None:
        """Count a request of `caller`; None when it may go on, else the seconds until the next one may."""
        name = int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest(), "little") or 1
        number = name % self._sets
        with self._alone():
            now = self._clock()
            crowd = self._callers[number]
            place = self._place(crowd, name)
            here, times = crowd[place], self._times[number, place]
            here["asked"] = now
            turn = int(here["admitted"])
            oldest = float(times[turn % self.rate.amount])
            if turn >= self.rate.amount and oldest > now - self.rate.seconds:
                return max(1, math.ceil(oldest + self.rate.seconds - now))
            times[turn % self.rate.amount] = now
            here["admitted"] = turn + 1
        return None

    def _place(self, crowd: np.ndarray, name: int) -> int:
        """Return the place of the caller of this name, a new one if it has none."""
        found = np.flatnonzero(crowd["name"] == name)
        if len(found):
            return int(found[0])
        place = int(np.where(crowd["name"] == 0, -np.inf, crowd["asked"]).argmin())
        crowd[place] = (name, 0.0, 0)
        return place

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes out; one that dies within lets go."""
        if self._file is None:
            yield
            return
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


@lru_cache(maxsize=4096)
def address_group(host: str) -> str:
    """Return what counts as one caller: an IPv4 address, or the /64 that an IPv6 caller can choose addresses from."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _file(path: Path, size: int) -> int:
    """Return the open file of this size; the first process makes it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.ftruncate(file, size)
    return file
