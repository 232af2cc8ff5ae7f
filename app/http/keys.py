"""The API keys of a running service: recognised in a request, demanded by a route. Knows no route.

How they are kept: `app.http.key_file`.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers

from app.errors import ForbiddenError, UnauthorizedError, UnavailableError
from app.http.key_file import Key, ScopeName, hash_of, read_keys
from common import ConfigError

logger = logging.getLogger("vitrine.app")

MAX_KEY = 256
"""What is sent as a key is looked at up to this many characters; ours have 47."""


class KeyRing:
    """The keys of a running service; a change of the file is seen by the next request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = (0, 0, 0)  # no file's
        self._keys: list[Key] = []
        self._origins: tuple[str, ...] = ()
        self._problem = ""
        self._refresh()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, headers: Headers) -> Key | None:
        """Return the key of a request's `Authorization: Bearer KEY` or `X-API-Key: KEY`; None without a known one."""
        kind, _, sent = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            sent = headers.get("x-api-key", "")
        sent = sent.strip()
        if not sent or len(sent) > MAX_KEY:
            return None
        self._refresh()
        sha256 = hash_of(sent)
        found = None
        for key in self._keys:  # all of them: the time taken must not tell which one fits
            if hmac.compare_digest(key.sha256, sha256):
                found = key
        return found

    def origins(self) -> tuple[str, ...]:
        """Return the origins of all keys for pages."""
        self._refresh()
        return self._origins

    def check_readable(self) -> None:
        """Raise UnavailableError when the file is there and cannot be used."""
        self._refresh()
        if self._problem:
            raise UnavailableError(self._problem)

    def _refresh(self) -> None:
        """Read the file when it is another one than before; one that cannot be read opens nothing."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._keys, self._problem = read_keys(self._path), ""
        except ConfigError as error:
            logger.error("no key is accepted: %s", error)
            self._keys, self._problem = [], "the service cannot read its keys; the log has the reason"
        self._origins = tuple(dict.fromkeys(origin for key in self._keys for origin in key.origins))


BEARER = HTTPBearer(scheme_name="Bearer", description="`Authorization: Bearer vtr_...`", auto_error=False)
HEADER = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", description="`X-API-Key: vtr_...`", auto_error=False)


def require(scope: ScopeName, *, always: bool = False) -> Callable[..., Awaitable[str | None]]:
    """Return the dependency of a route that needs `scope`; it gives the name of the caller's key.

    Reads need no key unless the setting `reads` is keyed or they are `always` to have one; their caller's name may
    then be None.

    Raises:
        UnauthorizedError: no key, or none that is known.
        ForbiddenError: a key that may not do this.
    """
    bearer, header = (Security(one, scopes=[scope]) for one in (BEARER, HEADER))

    async def caller(request: Request, _bearer: Any = bearer, _header: Any = header) -> str | None:
        # The middleware has found the key; the two schemes are here for the OpenAPI document.
        key: Key | None = request.state.key
        if scope in ("search", "read") and not always and request.app.state.settings.reads == "open":
            return key.name if key else None
        if key is None:
            ring: KeyRing = request.app.state.keys
            ring.check_readable()
            if not len(ring):
                raise UnauthorizedError(
                    f"this needs a key and the service has none yet; its operator makes one with"
                    f" `vitrine key create NAME --scope {scope}`"
                )
            raise UnauthorizedError(
                f"this needs a key of scope {scope}, and there is no known one in the request; send it as"
                " `Authorization: Bearer KEY` or `X-API-Key: KEY`"
            )
        if not key.allows(scope):
            raise ForbiddenError(f"this needs a key of scope {scope}, the key {key.name!r} has {key.scope}")
        return key.name

    return caller
