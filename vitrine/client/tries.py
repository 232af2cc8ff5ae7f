"""How a call is sent: to which address, with which headers, and when and after how long again. Sends nothing."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from common import InputError, first_line
from vitrine.client.call import Call
from vitrine.client.errors import ServiceError, UnreachableError, error_of

ADDRESS = "http://127.0.0.1:8000"
FIRST_WAIT_S = 0.5
"""Wait before the second try; it doubles with each."""
MAX_WAIT_S = 60.0
CONNECT_S = 10.0
"""Longest that a connection may take."""
UNSEEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What says that the service has seen nothing of a call."""
REFUSED_EARLY = frozenset({429, 503})
"""Answers of a service that has not begun with a call."""
AGAIN = frozenset({408, 429, 502, 503, 504})
RECEIVED = "received"
"""The extension of an answer that says how many bytes its body had on the way."""
OF_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client talks to its service.

    Attributes:
        timeout: seconds that a call may take, with all of its tries.
        retries: how often a call is sent again.
        first_wait: seconds before it is sent again the first time; doubles with each try, and varies by a quarter.
    """

    timeout: float = 60.0
    retries: int = 4
    first_wait: float = FIRST_WAIT_S

    def __post_init__(self) -> None:
        if not self.timeout > 0 or self.retries < 0 or self.first_wait < 0:
            raise InputError(
                f"timeout is {self.timeout:g}, retries {self.retries} and first_wait {self.first_wait:g}; give a "
                "timeout above 0, and none of the others below 0"
            )

    def changed(self, timeout: float | None, retries: int | None) -> Manner:
        """Return the same with another timeout and number of retries; None keeps what there is."""
        return replace(
            self,
            timeout=self.timeout if timeout is None else timeout,
            retries=self.retries if retries is None else retries,
        )


class Tries:
    """The tries of one call: what each may take, and whether another one follows."""

    def __init__(self, call: Call[Any], manner: Manner) -> None:
        self._call = call
        self._left = manner.retries
        self._wait = manner.first_wait
        self._timeout = max(manner.timeout, call.patience_s)
        self._end = time.monotonic() + self._timeout

    def remaining(self) -> float:
        """Return how many seconds this call still has."""
        return max(0.0, self._end - time.monotonic())

    def limits(self) -> httpx.Timeout:
        """Return what one try may take of the network."""
        remaining = max(0.001, self.remaining())
        return httpx.Timeout(remaining, connect=min(CONNECT_S, remaining))

    def check(self) -> None:
        """Raise an error when the time is over while an answer comes.

        Raises:
            httpx.ReadTimeout: it is.
        """
        if not self.remaining():
            raise httpx.ReadTimeout("the answer is not complete in time")

    def after_answer(self, answer: httpx.Response) -> float:
        """Return how many seconds to wait before the next try after an answer that is no success.

        Raises:
            ServiceError: no other try follows.
        """
        error = error_of(answer)
        seen = answer.status_code not in REFUSED_EARLY
        return self._next(error, again=answer.status_code in AGAIN, seen=seen)

    def after_error(self, error: httpx.RequestError, url: httpx.URL) -> float:
        """Return how many seconds to wait before the next try after no answer.

        Raises:
            UnreachableError: no other try follows.
        """
        where = f"{self._call.method} {url}"
        reason = first_line(error)
        seen = not isinstance(error, UNSEEN)
        if not seen:
            code = "unreachable"
            message = f"{where} does not answer ({reason}); is it the service's address, and does the service run?"
        elif isinstance(error, httpx.TimeoutException):
            code = "timeout"
            message = f"{where} has not answered in {self._timeout:g} s ({reason}); give a longer timeout"
        else:
            code = "connection_lost"
            message = f"the connection to {where} broke ({reason}); send it again"
        return self._next(UnreachableError(message, code=code), again=True, seen=seen)

    def _next(self, error: ServiceError, *, again: bool, seen: bool) -> float:
        wait = self._wait * random.uniform(0.75, 1.25)  # noqa: S311 - callers that wait shall not come back at once
        wait = min(MAX_WAIT_S, max(wait, error.retry_after_s or 0.0))
        safe = self._call.repeat == "always" or not seen
        if not again or not safe or not self._left or (error.retry_after_s or 0.0) > MAX_WAIT_S:
            raise error
        if wait >= self.remaining():
            raise error
        self._left -= 1
        self._wait *= 2
        return wait


def address(given: str | None) -> str:
    """Return the address of the service: the given one, VITRINE_URL, or the one on this machine.

    Raises:
        InputError: it is none.
    """
    url = given or os.environ.get("VITRINE_URL", "").strip() or ADDRESS
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
        credentials = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        good = credentials = False
    if not good:
        raise InputError(f"{url!r} is no address of a service; give `url`, --url or VITRINE_URL one such as {ADDRESS}")
    if credentials:
        raise InputError(
            "the address (`url`, --url or VITRINE_URL) holds a user name or password; give the key as `key`, "
            "--key-file or VITRINE_KEY"
        )
    return url


def headers(key: str | None) -> dict[str, str]:
    """Return the headers of every call, with the given key or that of VITRINE_KEY.

    Raises:
        InputError: the key is none.
    """
    key = key if key is not None else os.environ.get("VITRINE_KEY") or os.environ.get("VITRINE_API_KEY")
    key = (key or "").strip()
    if not key.isascii() or len(key.split()) > 1:
        raise InputError("the key holds spaces or letters beyond ASCII; give it as `vitrine key create` shows it")
    return {"user-agent": f"vitrine/{own_version()}".rstrip("/"), **({"authorization": f"Bearer {key}"} if key else {})}


def key_of_file(path: Path) -> str:
    """Return the key in a file.

    Raises:
        InputError: the file cannot be read, or holds anything but one key.
    """
    try:
        words = path.expanduser().read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"the key file {path} cannot be read ({reason}); give one that holds the key alone") from error
    if len(words) != 1:
        raise InputError(f"the key file {path} holds {len(words)} words; give one that holds the key alone")
    return words[0]


def place(base: httpx.URL, path: str) -> httpx.URL:
    """Return the address of a path below that of the service."""
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))


def request(call: Call[Any], tries: Tries, of_client: Mapping[str, str]) -> dict[str, Any]:
    """Return what httpx is told of one try of a call."""
    return {
        "params": call.params or None,
        "headers": {**of_client, **call.headers},
        "content": call.content,
        "timeout": tries.limits(),
        "follow_redirects": False,
    }


def whole(answer: httpx.Response, parts: Sequence[bytes]) -> httpx.Response:
    """Return an answer with the body that came in parts, decoded already."""
    kept = [(name, value) for name, value in answer.headers.multi_items() if name not in OF_TRANSFER]
    return httpx.Response(
        answer.status_code,
        headers=kept,
        content=b"".join(parts),
        request=answer.request,
        extensions={RECEIVED: answer.num_bytes_downloaded},
    )


def own_version() -> str:
    """Return the version of Vitrine; empty where it is not installed."""
    try:
        return version("vitrine")
    except PackageNotFoundError:
        return ""
