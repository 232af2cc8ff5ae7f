"""How many requests a caller may send, in a moving window. Knows no key and no route."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import deque
from collections.abc import Callable

from cachetools import TTLCache

from app.settings import MAX_RATE, Rate

MAX_HITS = MAX_RATE
"""Most requests remembered at a time, over all callers; about 32 bytes each."""


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
