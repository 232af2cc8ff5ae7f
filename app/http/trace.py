"""W3C trace context: whose trace a request belongs to (https://www.w3.org/TR/trace-context/). Exports nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
SUPPLY = 1024
"""Random bytes that are asked of the system at a time."""
_supply = ""
KNOWN_FLAGS = 0b11
"""Sampled, and random trace id; the other bits are reserved and must be sent as zero."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that a request belongs to, and our own span in it."""

    trace_id: str
    span_id: str
    flags: int
    state: str
    """`tracestate` as it came; empty when there was none or its `traceparent` was not valid."""

    @property
    def parent(self) -> str:
        """The `traceparent` that names our span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def trace_of(parents: Sequence[str], states: Sequence[str]) -> Trace:
    """Return the trace that these `traceparent` and `tracestate` headers name, else a new one."""
    span_id = random_hex(8)
    match = TRACEPARENT.fullmatch(parents[0].strip()) if len(parents) == 1 else None
    if match is not None:
        version, trace_id, parent_id, flags, more = match.groups()
        known = version != "ff" and not (version == "00" and more is not None)
        if known and trace_id.strip("0") and parent_id.strip("0"):
            return Trace(trace_id, span_id, int(flags, 16) & KNOWN_FLAGS, ",".join(states))
    return Trace(random_hex(16), span_id, 0, "")


def random_hex(size: int) -> str:
    """Return a random id of `size` bytes that is not all zero, which the specification forbids.

    Every request has three. They are taken from a supply, since each way to the system's source takes microseconds.
    """
    global _supply
    chosen = ""
    while not chosen.strip("0"):
        if len(_supply) < 2 * size:
            _supply = os.urandom(SUPPLY).hex()
        chosen, _supply = _supply[: 2 * size], _supply[2 * size :]
    return chosen


def _forget_supply() -> None:
    """A process that is forked must not give out the ids of the one it came from."""
    global _supply
    _supply = ""


os.register_at_fork(after_in_child=_forget_supply)
