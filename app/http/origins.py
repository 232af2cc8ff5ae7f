"""Which pages of other origins may search from a visitor's browser (CORS), and what they are told. Knows no route.

Only reads are for them: a browser does not send a change, since the answer to its question before does not allow it.
Cookies are never part of it, as the service has none; keys in headers are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from starlette.datastructures import Headers

from common import ConfigError

READS = ("/v1/search", "/v1/embeddings", "/v1/classify", "/v1/explain", "/v1/regions", "/v1/tag")
"""Where POST reads."""
FILES = ("/assets/", "/embed.js")
PICTURES = "/image"
"""What elements of a page load beside the calls of its scripts."""
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


class Rules:
    """Which origins some texts name; `*` stands for all, `https://*.shop.example` for all below it.

    Raises:
        ConfigError: one is no origin.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.sources: list[str] = []
        """As a content security policy names them."""
        self.all = False
        self._exact: set[Parts] = set()
        self._below: set[Parts] = set()
        for text in filter(None, map(str.strip, texts)):
            match = ORIGIN.fullmatch(text)
            if text == "*":
                self.all = True
            elif match is None:
                raise ConfigError(f"{text[:100]!r} is no origin; give one such as https://shop.example, with no path")
            else:
                (self._below if match[2] else self._exact).add(_parts(match))
            self.sources.append(text.removesuffix("/"))

    def __bool__(self) -> bool:
        """Return whether any origin is named."""
        return bool(self.sources)

    def allows(self, origin: str) -> bool:
        """Return whether an origin, as browsers write it, is named."""
        if self.all:
            return True
        match = ORIGIN.fullmatch(origin)
        if match is None or match[2]:  # such as `null`
            return False
        parts = scheme, host, port = _parts(match)
        return parts in self._exact or any(
            (scheme, port) == (below[0], below[2]) and host.endswith(f".{below[1]}") for below in self._below
        )


@lru_cache(maxsize=64)
def rules_of(origins: tuple[str, ...]) -> Rules:
    """Return the rules that a key's origins are; raises as `Rules`."""
    return Rules(origins)


class Origins:
    """The origins in `allowed`, with commas between, and those of keys for pages, which may change.

    Raises:
        ConfigError: one is no origin.
    """

    def __init__(self, allowed: str, of_keys: Callable[[], tuple[str, ...]] = tuple) -> None:
        try:
            self._set = Rules(allowed.split(","))
        except ConfigError as error:
            raise ConfigError(f"VITRINE_ORIGINS: {error}") from None
        self._of_keys = of_keys

    def __bool__(self) -> bool:
        """Return whether any page of another origin is let in."""
        return bool(self._set) or bool(self._of_keys())

    def allows(self, origin: str) -> bool:
        """Return whether pages of this origin may search."""
        return self._set.allows(origin) or rules_of(self._of_keys()).allows(origin)

    def sources(self) -> list[str]:
        """Return all of them as a content security policy names them."""
        return list(dict.fromkeys([*self._set.sources, *rules_of(self._of_keys()).sources]))

    def headers(self, headers: Headers, method: str, path: str) -> list[tuple[bytes, bytes]]:
        """Return what the answer to a request says of its origin; nothing of a change."""
        found = [(b"vary", b"Origin")]  # a cache must not give one origin's answer to another
        origin = headers.get("origin", "")
        allowed = bool(origin) and is_read(method, path) and self.allows(origin)
        if allowed:
            found += [
                (b"access-control-allow-origin", b"*" if self._set.all else origin.encode("latin-1")),
                (b"access-control-expose-headers", SEEN.encode()),
            ]
        # An image element and a style sheet say no origin. What they load is no secret where some page may search.
        if allowed or (method == "GET" and (path.startswith(FILES) or path.endswith(PICTURES))):
            found.append((b"cross-origin-resource-policy", b"cross-origin"))
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
