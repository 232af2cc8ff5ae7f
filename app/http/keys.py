"""API keys: made, kept as hashes in one file, recognised in a request, demanded by a route. Knows no route.

A key is shown once, when it is made; the file holds its SHA-256. A key has 256 random bits, so a plain hash cannot be
searched backwards, and there is nothing to salt. What a key for pages must come from: `app.http.publishable`.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers

from app.errors import ForbiddenError, UnauthorizedError, UnavailableError
from app.http.publishable import check_bounds
from common import ConfigError, InputError, NotFoundError, VitrineError, atomic_file

logger = logging.getLogger("vitrine.app")

ScopeName = Literal["search", "read", "write", "admin"]
SCOPES: tuple[ScopeName, ...] = get_args(ScopeName)
"""Each one includes those before it."""

FORMAT = 1
PAGES = "publishable"
"""Where the keys for pages are in the file."""
OF_ALL = ("name", "scope", "sha256", "created", "last4")
PREFIX = "vtr_"
PUBLISHABLE_PREFIX = "vtp_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_KEY = 256
"""What is sent as a key is looked at up to this many characters; ours have 47."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is stored of a key: everything but the key."""

    name: str
    scope: ScopeName
    sha256: str
    created: str
    last4: str
    origins: tuple[str, ...] = ()
    """Of the pages that may use it; only a key of scope search has some."""
    limit: str = ""
    """Most requests with it, by all visitors together, as a rate; empty for no limit of its own."""

    @property
    def publishable(self) -> bool:
        """Whether it stands in a page that everybody can read."""
        return self.scope == "search"

    def allows(self, scope: ScopeName) -> bool:
        """Whether this key may do what needs `scope`."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def read_keys(path: Path) -> list[Key]:
    """Return the keys in the file; none when there is no file.

    Raises:
        ConfigError: the file cannot be read, or does not hold keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the keys in {path} cannot be read ({error}); see to the file and its rights") from error
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this version reads {FORMAT}")
        entries = [*content["keys"], *content.get(PAGES, ())]
        keys = [Key(**{**entry, "origins": tuple(entry.get("origins", ()))}) for entry in entries]
        for key in keys:
            if key.scope not in SCOPES or not re.fullmatch(r"[0-9a-f]{64}", key.sha256):
                raise ValueError(f"the key {key.name!r} has no known scope or no SHA-256")
            check_bounds(key.scope, key.origins, key.limit)
    except (ValueError, KeyError, TypeError, AttributeError, VitrineError) as error:
        raise ConfigError(f"{path} is no file of keys ({error}); move it away and make new keys") from error
    return keys


def create_key(
    path: Path, name: str, scope: ScopeName, origins: Sequence[str] = (), limit: str = ""
) -> tuple[Key, str]:
    """Add a key to the file, which is made if need be; return what is kept of it, and the key itself.

    Args:
        path: of the file.
        name: of the key.
        scope: what it may do.
        origins: of the pages that may use a key of scope search, such as https://shop.example.
        limit: of such a key, such as 600/minute.

    Raises:
        InputError: a name that does not fit or is taken, or origins or a limit that do not fit the scope.
        ConfigError: as `read_keys`.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a key; use up to 64 letters, digits, dots, dashes and underscores, a letter or digit"
            " first"
        )
    origins = tuple(dict.fromkeys(origin.strip().removesuffix("/") for origin in origins))
    check_bounds(scope, origins, limit)
    with _alone(path):
        keys = read_keys(path)
        if any(key.name == name for key in keys):
            raise InputError(f"there is a key {name!r} in {path} already; choose another name, or revoke that one")
        secret = (PUBLISHABLE_PREFIX if scope == "search" else PREFIX) + secrets.token_urlsafe(32)
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        key = Key(name, scope, _hash(secret), created, secret[-4:], origins, limit)
        _write_keys(path, [*keys, key])
    return key, secret


def revoke_key(path: Path, name: str) -> Key:
    """Remove a key from the file and return what was kept of it; services refuse it from their next request on.

    Raises:
        NotFoundError: there is no key of that name.
        ConfigError: as `read_keys`.
    """
    with _alone(path):
        keys = read_keys(path)
        found = next((key for key in keys if key.name == name), None)
        if found is None:
            known = ", ".join(key.name for key in keys) or "none"
            raise NotFoundError(f"there is no key {name!r} in {path}; there is: {known}")
        _write_keys(path, [key for key in keys if key is not found])
    return found


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
        sha256 = _hash(sent)
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


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _write_keys(path: Path, keys: Sequence[Key]) -> None:
    with atomic_file(path) as beside:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # An older version knows no keys for pages and reads the others: they are apart, and as they always were.
            others = [{k: v for k, v in asdict(key).items() if k in OF_ALL} for key in keys if not key.publishable]
            content: dict[str, Any] = {"format": FORMAT, "keys": others}
            if len(others) < len(keys):
                content[PAGES] = [asdict(key) for key in keys if key.publishable]
            json.dump(content, file, indent=2)
            file.write("\n")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lock the folder of the file, so that of two changes at once neither is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
