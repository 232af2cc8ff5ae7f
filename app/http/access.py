"""One line in the log and one count for every request, also for those that never came to the application."""

from __future__ import annotations

import logging

from app.telemetry import Telemetry

access = logging.getLogger("vitrine.access")

NO_ROUTE = "none"
"""The label of a request that came to no route: an unknown path, over the rate limit, or refused by the server."""
WATCHED = {"/healthz", "/readyz", "/metrics"}
"""Polled by machines: never limited, and logged at debug."""
MAX_PATH = 500


def account(
    telemetry: Telemetry,
    *,
    method: str,
    path: str,
    status: int,
    seconds: float,
    sent: int,
    client: str,
    route: str = NO_ROUTE,
    code: str | None = None,
    key: str | None = None,
) -> None:
    """Count a request and write its line to the log.

    `path` is as it was sent, without its query; `sent` the bytes of the answer's body. Status 499: the caller left
    before there was an answer.
    """
    telemetry.request(route, method, status, seconds)
    if code:
        telemetry.refused(code)
    level = logging.DEBUG if path in WATCHED else logging.INFO
    if not access.isEnabledFor(level):
        return
    fields = {
        "method": method,
        "path": path[:MAX_PATH],
        "route": route,
        "status": status,
        "ms": round(1000 * seconds, 1),
        "bytes": sent,
        "code": code or "-",
        "key": key or "-",
        "client": client,
    }
    access.log(
        level,
        "%(method)s %(path)s %(status)d %(ms).1f ms %(bytes)d bytes code=%(code)s key=%(key)s client=%(client)s",
        fields,
        extra=fields,
    )
