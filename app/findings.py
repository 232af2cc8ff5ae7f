"""What `vitrine doctor` says of one thing. Knows no check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]
"""note: something is less than it could be, or not yet there; problem: the service would not run as it is set up, or
is open to whom it should not be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one thing."""

    check: str
    state: State
    found: str
    fix: str = ""
    """What to do; empty where there is nothing to do."""
