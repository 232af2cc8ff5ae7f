"""How many requests a caller may send, in a moving window. Knows no key and no route."""

from __future__ import annotations

import ipaddress
import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

MAX_HITS = 1_000_000
"""Most requests remembered at a time, over all callers; about 32 bytes each."""
RATE = re.compile(r"\s*(\d+)\s*(?:/|per)\s*(\d*)\s*(second|minute|hour|day|month|year)s?\s*", re.IGNORECASE)
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400, "year": 360 * 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` requests within `count` units of time."""

    amount: int
    count: int
    unit: str

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return self.count * SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.amount} per {self.count} {self.unit}"


def parse_rate(text: str) -> Rate:
    """Return the rate that a text such as `600/minute` or `10 per 5 seconds` stands for.

    Raises:
        ValueError: it stands for none, or for several.
    """
    match = RATE.fullmatch(text)
    if match:
        rate = Rate(int(match[1]), int(match[2] or 1), match[3].lower())
        if 1 <= rate.amount <= MAX_HITS and rate.count:
            return rate
    raise ValueError("give one limit of at least 1 request, such as 600/minute; empty for none")


class RateLimit:
    """Says of every request whether its caller has sent too many; to be asked on one thread.

    Exact: of any window, at most as many requests are admitted as the rate says. So the times of the admitted ones are
    kept. Beyond `max_hits` of them the callers who have not been admitted for longest are forgotten, which is in favour
    of callers who send little.
    """

    def __init__(self, rate: Rate, max_hits: int = MAX_HITS, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        # A caller is forgotten one window after its last admitted request: what is older counts no more.
        self._times: TTLCache[str, deque[float]] = TTLCache(max(1, max_hits // rate.amount), rate.seconds, clock)

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._times)

    def wait(self, caller: str) -> int | None:
        """Count a request of `caller`; None when it may go on, else the seconds until the next one may."""
        now = self._clock()
        times = self._times.get(caller) or deque()
        while times and times[0] <= now - self.rate.seconds:
            times.popleft()
        if len(times) >= self.rate.amount:
            return max(1, math.ceil(times[0] + self.rate.seconds - now))
        times.append(now)
        self._times[caller] = times  # moves the caller to the end of those to be forgotten
        return None


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
