"""Requests start a few at a time: hundreds that come at once do not hold up the next one. Knows no protocol."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

AT_ONCE = 4
"""Requests that start in one round of the event loop. Each costs some .4 ms, and every other connection has its turn
between two rounds. Fewer than the connections that are accepted in a round (`app.workers`): who waits, waits here,
where callers take turns, and not in the system's line of new connections."""


class Starts:
    """Starts requests round by round; callers take turns, and of one caller what it asks for. On the event loop only.

    The second helps who shares an address with a caller that asks for one thing hundreds of times.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, OrderedDict[str, deque[Callable[[], None]]]] = OrderedDict()
        self._room = AT_ONCE
        self._rounds = False

    def begin(self, caller: str, path: str, start: Callable[[], None]) -> None:
        """Call `start`, now or in one of the next rounds; `path` is what is asked for."""
        if self._room and not self._waiting:
            self._room -= 1
            start()
        else:
            self._waiting.setdefault(caller, OrderedDict()).setdefault(path, deque()).append(start)
        if not self._rounds:
            self._rounds = True
            asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        self._room = AT_ONCE
        while self._waiting and self._room:
            caller, paths = self._waiting.popitem(last=False)
            path, starts = paths.popitem(last=False)
            start = starts.popleft()
            if starts:
                paths[path] = starts  # behind all others
            if paths:
                self._waiting[caller] = paths
            self._room -= 1
            start()
        self._rounds = self._room < AT_ONCE
        if self._rounds:
            asyncio.get_running_loop().call_soon(self._round)
