"""What the connection tells of a request beside its head: the body, where it is there as a whole, and who has left.

Kept in the request's scope. A server that tells none of it is asked in ASGI's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Scope

KEY = "vitrine.presence"


class Presence:
    """Whether the caller of one request is still there; to be used on the event loop.

    Args:
        body: of the request, as it was sent; None where it is still to come.
    """

    __slots__ = ("_told", "body", "left")

    def __init__(self, body: bytes | None = None) -> None:
        self.body = body
        self.left = False
        self._told: Callable[[], None] | None = None

    def leave(self) -> None:
        """Note that the caller has hung up."""
        self.left = True
        if self._told is not None:
            self._told()

    @contextmanager
    def tells(self, told: Callable[[], None]) -> Iterator[None]:
        """Call `told` when the caller leaves within the block."""
        before, self._told = self._told, told
        try:
            yield
        finally:
            self._told = before


def put_presence(scope: Any, body: bytes | None) -> None:
    """Let the application know that a request's connection tells of it; `body` is None where it is still to come."""
    scope[KEY] = Presence(body)


def tell_leaving(scope: Any) -> None:
    """Let the application know that the caller of a request has hung up."""
    if (found := presence_of(scope)) is not None:
        found.leave()


def presence_of(scope: Scope) -> Presence | None:
    """Return what the connection tells of a request; None for a server that tells nothing."""
    found: Presence | None = scope.get(KEY)
    return found
