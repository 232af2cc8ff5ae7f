"""Which pages of other origins may search from a visitor's browser (CORS), and what they are told. Knows no route.

Only reads are for them: a browser does not send a change, since the answer to its question before does not allow it.
Cookies are never part of it, as the service has none; keys in headers are.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers

from common import ConfigError

READS = ("/v1/search/", "/v1/embeddings", "/v1/classify", "/v1/explain")
"""Where POST reads."""
SENT = "authorization, content-type, if-none-match, traceparent, tracestate, x-api-key, x-request-id"
"""Headers that a page may send."""
SEEN = "etag, retry-after, x-request-id"
"""Headers of an answer that a page may see beside the usual ones."""
REMEMBERED_S = 600
"""How long a browser need not ask again, in seconds."""
ORIGIN = re.compile(r"(https?)://(\*\.)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?/?", re.IGNORECASE)
PORTS = {"http": "80", "https": "443"}
Parts = tuple[str, str, str]
"""Scheme, host and port."""


class Origins:
    """The origins in `allowed`, with commas between; `*` stands for all, `https://*.shop.example` for all below it.

    Raises:
        ConfigError: one is no origin.
    """

    def __init__(self, allowed: str) -> None:
        self._all = False
        self._exact: set[Parts] = set()
        self._below: set[Parts] = set()
        for text in filter(None, map(str.strip, allowed.split(","))):
            match = ORIGIN.fullmatch(text)
            if text == "*":
                self._all = True
            elif match is None:
                raise ConfigError(
                    f"VITRINE_ORIGINS: {text[:100]!r} is no origin; give one such as https://shop.example, with no path"
                )
            else:
                (self._below if match[2] else self._exact).add(_parts(match))

    def __bool__(self) -> bool:
        """Return whether any page of another origin is let in."""
        return self._all or bool(self._exact) or bool(self._below)

    def allows(self, origin: str) -> bool:
        """Return whether pages of this origin may search."""
        if self._all:
            return True
        match = ORIGIN.fullmatch(origin)
        if match is None or match[2]:  # such as `null`
            return False
        parts = scheme, host, port = _parts(match)
        return parts in self._exact or any(
            (scheme, port) == (below[0], below[2]) and host.endswith(f".{below[1]}") for below in self._below
        )

    def headers(self, headers: Headers, method: str, path: str) -> list[tuple[bytes, bytes]]:
        """Return what the answer to a request says of its origin; nothing of a change."""
        found = [(b"vary", b"Origin")]  # a cache must not give one origin's answer to another
        origin = headers.get("origin", "")
        if origin and is_read(method, path) and self.allows(origin):
            found += [
                (b"access-control-allow-origin", b"*" if self._all else origin.encode("latin-1")),
                (b"access-control-expose-headers", SEEN.encode()),
                # The pictures, too, are for its pages.
                (b"cross-origin-resource-policy", b"cross-origin"),
            ]
        return found

    def preflight(self, headers: Headers, path: str) -> list[tuple[bytes, bytes]] | None:
        """Return the answer's headers to what a browser asks before a request; None where it may not be sent."""
        method = headers.get("access-control-request-method", "")
        if not is_read(method, path) or not self.allows(headers.get("origin", "")):
            return None
        return [
            *self.headers(headers, method, path),
            (b"access-control-allow-methods", b"GET, HEAD, POST"),
            (b"access-control-allow-headers", SENT.encode()),
            (b"access-control-max-age", str(REMEMBERED_S).encode()),
        ]


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a browser asks whether it may send a request."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def is_read(method: str, path: str) -> bool:
    """Return whether a request changes nothing."""
    return method in ("GET", "HEAD") or (method == "POST" and path.startswith(READS))


def _parts(match: re.Match[str]) -> Parts:
    """Return what tells an origin from others, of a match of `ORIGIN`; with a `*` that of the name behind it."""
    scheme = match[1].lower()
    return scheme, match[3].lower(), match[4] or PORTS[scheme]
