"""The file of the API keys: made, kept as hashes, read, revoked. Knows no request.

A key is shown once, when it is made; the file holds its SHA-256. A key has 256 random bits, so a plain hash cannot be
searched backwards, and there is nothing to salt. What a key for pages must come from: `app.http.publishable`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from common import ConfigError, InputError, NotFoundError, VitrineError, atomic_file

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
            _check_bounds(key.scope, key.origins, key.limit)
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
    _check_bounds(scope, origins, limit)
    with _alone(path):
        keys = read_keys(path)
        if any(key.name == name for key in keys):
            raise InputError(f"there is a key {name!r} in {path} already; choose another name, or revoke that one")
        secret = (PUBLISHABLE_PREFIX if scope == "search" else PREFIX) + secrets.token_urlsafe(32)
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        key = Key(name, scope, hash_of(secret), created, secret[-4:], origins, limit)
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


def hash_of(secret: str) -> str:
    """Return what the file holds of a key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _check_bounds(scope: str, origins: Sequence[str], limit: str) -> None:
    """Refuse what does not fit the scope of a key; what most keys lack is not even imported."""
    if scope == "search" or origins or limit:
        from app.http.publishable import check_bounds

        check_bounds(scope, origins, limit)


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
