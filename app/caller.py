"""Who asks, and below which path: set where a request comes in, and read wherever it matters. Knows no request."""

from __future__ import annotations

from contextvars import ContextVar

caller: ContextVar[str] = ContextVar("caller", default="")
"""`key:NAME`, or `address:GROUP` of who has no key; empty for what the service does of its own accord."""

below: ContextVar[str] = ContextVar("below", default="")
"""The path below which this caller finds the service, such as `/search`; empty at the root of a site."""
