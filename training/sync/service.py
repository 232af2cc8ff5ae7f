"""A live service as a caller with a key sees it: the list of its products, and lines that change them.

A call that got no answer is sent again: each of them may be.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from common import InputError, OverloadedError, VitrineError, first_line

PAGE = 1000
"""Products listed by one call."""
TRIES = 6
"""How often a call is made when the service is busy, or the connection breaks."""
MAX_WAIT_S = 120.0
MAX_LOST = 3
"""Lines in a row for which the service was too busy: one may be too large for it, so many mean that it is busy."""
TIMEOUT_S = 600.0
"""Longest that the service may take for its next bytes: it encodes the pictures of a call before it answers."""
BUSY = frozenset({408, 429, 502, 503, 504})
NDJSON = "application/x-ndjson"

Fault = tuple[str, str]
"""The id of a product, and why its line failed."""


class RefusedError(VitrineError):
    """A line that the service does not take, or that never arrives."""


class Service:
    """Calls to one service.

    Args:
        client: with the service's address, and the key among its headers.
        backoff_s: wait before a call is made the second time, in seconds; it doubles.
    """

    def __init__(self, client: httpx.Client, backoff_s: float = 1.0) -> None:
        self._client = client
        self._backoff_s = backoff_s
        self._lost = 0
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.received = 0
        """Bytes of answers."""

    def products(self, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield every product with its id and these fields, in order of id.

        Raises:
            InputError: the service does not let us, or has no such call.
            VitrineError: it does not answer.
        """
        after: str | None = None
        while True:
            asked = {"limit": str(PAGE), "fields": ",".join(("id", *fields))}
            if after is not None:
                asked["after"] = after
            answer = self._call("GET", "/v1/products", params=asked, headers={"accept": NDJSON})
            page = [json.loads(line) for line in answer.content.splitlines() if line.strip()]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]["id"]

    def write(self, lines: Sequence[Mapping[str, Any]]) -> tuple[dict[str, int], list[Fault]]:
        """Send lines of a bulk call; return how many were created, replaced, …, and those that failed.

        Raises:
            InputError: the service does not let us.
            VitrineError: it does not answer, or stays busy.
        """
        body = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        try:
            answer = self._call("POST", "/v1/products", content=body, headers={"content-type": NDJSON})
        except (RefusedError, OverloadedError) as error:
            if len(lines) == 1:
                self._lost += 1
                if isinstance(error, OverloadedError) and self._lost >= MAX_LOST:
                    raise
                return {"failed": 1}, [(str(lines[0]["id"]), str(error))]
            # One of them is too large, or breaks the connection: the others need not suffer.
            half = len(lines) // 2
            (counts, faults), (more, further) = self.write(lines[:half]), self.write(lines[half:])
            return {name: counts.get(name, 0) + more.get(name, 0) for name in {*counts, *more}}, [*faults, *further]
        self._lost = 0
        self.sent += len(body)
        found = answer.json()
        counts = {
            name: value for name, value in found.items() if isinstance(value, int) and name != "catalogue_version"
        }
        faults = [(str(one.get("id") or lines[one["line"] - 1]["id"]), one["message"]) for one in found["errors"]]
        return counts, faults

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Make one call, again while the service is busy.

        Raises:
            RefusedError: it is too large, or the connection broke each time.
            InputError: the service does not take it.
            OverloadedError: the service stays busy.
            VitrineError: there is no service.
        """
        where = f"{str(self._client.base_url).rstrip('/')}{path}"
        problem: VitrineError = OverloadedError("")
        for number in range(TRIES):
            wait = self._backoff_s * 2**number
            try:
                answer = self._client.request(method, path, timeout=TIMEOUT_S, **request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = VitrineError(f"{where} does not answer ({first_line(error)}); is it the service's address?")
            except httpx.TransportError as error:
                problem = RefusedError(
                    f"the connection to {where} broke ({first_line(error)}); run it again, it goes on"
                )
            else:
                self.received += answer.num_bytes_downloaded
                if answer.is_success:
                    return answer
                if answer.status_code not in BUSY:
                    raise _complaint(where, answer)
                asked = answer.headers.get("retry-after", "")
                wait = max(wait, float(asked) if asked.isdecimal() else 0.0)
                problem = OverloadedError(f"{where} stays busy ({_said(answer)}); run it again later, it goes on")
            if number + 1 < TRIES:
                time.sleep(min(wait, MAX_WAIT_S))
        raise problem


def _said(answer: httpx.Response) -> str:
    """Return what an answer says is wrong."""
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = answer.reason_phrase
    return f"{answer.status_code}: {message}"


def _complaint(where: str, answer: httpx.Response) -> VitrineError:
    """Return what the user can do about an answer."""
    said = _said(answer)
    if answer.status_code == 413:
        return RefusedError(
            f"larger than {where} takes ({said}); make the picture smaller, or set VITRINE_MAX_UPLOAD_MB"
        )
    if answer.status_code in (401, 403):
        return InputError(
            f"{where} answers {said}; give a key that may write in VITRINE_API_KEY or with --key-file: "
            "vitrine key create NAME --scope write makes one"
        )
    if answer.is_redirect:
        return InputError(f"{where} leads on to {answer.headers.get('location', '')!r}; give that address to --url")
    if answer.status_code in (404, 405):
        return InputError(f"{where} answers {said}; give the address of a service of this version to --url")
    kind = InputError if answer.status_code < 500 else VitrineError
    return kind(f"{where} answers {said}")


def read_key(given: Path | None, variable: str | None) -> str | None:
    """Return the key in a file, else that of the environment; None where there is neither.

    Raises:
        InputError: the file cannot be read, or holds no key.
    """
    if given is None:
        return (variable or "").strip() or None
    try:
        key = given.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"the key file {given} cannot be read ({reason}); give one that holds the key alone"
        ) from error
    if not key or len(key.split()) != 1:
        raise InputError(f"the key file {given} holds {len(key.split())} words; give one that holds the key alone")
    return key
