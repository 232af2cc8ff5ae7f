"""Who counts as one caller: set where a request comes in, and read wherever callers take turns. Knows no request."""

from __future__ import annotations

from contextvars import ContextVar

caller: ContextVar[str] = ContextVar("caller", default="")
"""`key:NAME`, or `address:GROUP` of who has no key; empty for what the service does of its own accord."""
