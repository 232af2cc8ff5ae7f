"""W3C trace context: whose trace a request belongs to (https://www.w3.org/TR/trace-context/). Exports nothing."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
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
    span_id = _random_hex(8)
    match = TRACEPARENT.fullmatch(parents[0].strip()) if len(parents) == 1 else None
    if match is not None:
        version, trace_id, parent_id, flags, more = match.groups()
        known = version != "ff" and not (version == "00" and more is not None)
        if known and trace_id.strip("0") and parent_id.strip("0"):
            return Trace(trace_id, span_id, int(flags, 16) & KNOWN_FLAGS, ",".join(states))
    return Trace(_random_hex(16), span_id, 0, "")


def _random_hex(size: int) -> str:
    """Return a random id of `size` bytes that is not all zero, which the specification forbids."""
    while not (chosen := secrets.token_hex(size)).strip("0"):
        pass
    return chosen
