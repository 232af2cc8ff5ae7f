"""Keys that stand in pages for everybody to read: where they work from, and how much may be asked with them.

Such a key keeps other sites from using the service in their visitors' browsers, which name the site. It is no secret: a
program can name any site. So a key for pages opens searches only, and has a limit of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from app.errors import ForbiddenError, RateLimitedError
from app.http.origins import rules_of
from app.http.rate import RateLimit
from app.settings import parse_rate
from common import ConfigError, InputError

if TYPE_CHECKING:
    from app.http.key_file import Key

MOST_ORIGINS = 50


def check_bounds(scope: str, origins: Sequence[str], limit: str) -> None:
    """Refuse what does not fit the scope of a key.

    Raises:
        InputError: a key for pages without origins, or for all; another one with origins or a limit; no rate.
    """
    if scope != "search":
        if origins or limit:
            raise InputError(f"origins and a limit are for keys of scope search; one of scope {scope} has none")
        return
    if not 1 <= len(origins) <= MOST_ORIGINS or "*" in origins:
        raise InputError(
            f"a key of scope search is for the pages of 1 to {MOST_ORIGINS} origins; name them, such as"
            " --origin https://shop.example"
        )
    try:
        rules_of(tuple(origins))
    except ConfigError as error:
        raise InputError(str(error)) from None
    try:
        _ = parse_rate(limit) if limit else None
    except ValueError as error:
        raise InputError(f"the limit is {limit[:100]!r}: {error}") from None


class PageKeys:
    """What keeps a key for pages to its pages and its limit; workers that share `folder` count together."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._limits: dict[tuple[str, str], RateLimit] = {}

    def check(self, key: Key, headers: Headers) -> None:
        """Count a request with this key.

        A page of the service itself counts as one of the key's: its frame is such a page.

        Raises:
            ForbiddenError: it comes from no page of the key's.
            RateLimitedError: too many requests came with it.
        """
        origin = headers.get("origin", "")
        own = headers.get("sec-fetch-site") == "same-origin"
        if not own and not (origin and rules_of(key.origins).allows(origin)):
            came = f"this one comes from {origin[:100]!r}" if origin else "this one names no origin"
            raise ForbiddenError(
                f"the key {key.name!r} is for pages of {', '.join(key.origins)} in a visitor's browser, and {came}; a"
                " program takes a key of scope read"
            )
        if not key.limit:
            return
        limit = self._limit(key)
        wait_s = limit.wait(key.name)
        if wait_s is not None:
            raise RateLimitedError(f"more than {limit.rate} with the key {key.name!r}; come back in {wait_s} s", wait_s)

    def _limit(self, key: Key) -> RateLimit:
        # Keys are the operator's: there are a few.
        named = key.sha256, key.limit
        if named not in self._limits:
            rate = parse_rate(key.limit)
            shared = self._folder / f"rate-limit-{key.sha256[:16]}-{rate.amount}" if self._folder else None
            self._limits[named] = RateLimit(rate, shared, max_hits=rate.amount)
        return self._limits[named]
