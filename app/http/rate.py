"""How many requests a caller may send, in a moving window. Knows no key and no route."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

MAX_HITS = 1_000_000
"""Most requests remembered at a time, over all callers; about 32 bytes each."""


def parse_rate(text: str) -> RateLimitItem:
    """Return the limit that a text such as `600/minute` or `10 per 5 seconds` stands for.

    Raises:
        ValueError: it stands for none, or for several.
    """
    try:
        limits = parse_many(text)
    except ValueError:
        limits = []
    if len(limits) != 1 or not 1 <= limits[0].amount <= MAX_HITS:
        raise ValueError("give one limit of at least 1 request, such as 600/minute; empty for none")
    return limits[0]


class RateLimit:
    """Says of every request whether its caller has sent too many; to be asked on one thread."""

    def __init__(self, limit: RateLimitItem) -> None:
        self.limit = limit
        self._limiter = MovingWindowRateLimiter(_Hits(max(1, MAX_HITS // limit.amount)))

    def wait(self, caller: str) -> int | None:
        """Count a request of `caller`; None when it may go on, else the seconds until the next one may."""
        if self._limiter.hit(self.limit, caller):
            return None
        reset = self._limiter.get_window_stats(self.limit, caller).reset_time
        return max(1, math.ceil(reset - time.time()))


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


class _Hits(MemoryStorage):
    """The times of each caller's requests; the store that `limits` has in memory keeps every caller it has ever seen.

    Beyond `max_callers`, those who have not been seen for longest are forgotten: who sends much is remembered.
    """

    STORAGE_SCHEME = None  # type: ignore[assignment]  # has no address that would lead to it

    def __init__(self, max_callers: int) -> None:
        super().__init__()
        self._max_callers = max_callers
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` requests of `key` now, unless that makes more than `limit` within `expiry` seconds."""
        now = time.time()
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while len(self._times) > self._max_callers or self._is_over(now - expiry):
            self._times.popitem(last=False)
        while times and times[0] <= now - expiry:
            times.popleft()
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        return True

    def _is_over(self, start: float) -> bool:
        """Whether the caller who was not seen for longest has sent nothing since `start`."""
        times = next(iter(self._times.values()))
        return len(self._times) > 1 and (not times or times[-1] <= start)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest request of the window came, and how many there are."""
        times = self._times.get(key)
        return (times[0], len(times)) if times else (time.time(), 0)
