"""What a call to a service raises when it has no good answer.

ServiceError                the service answered with an error of its own, or could not be understood
├── UnreachableError        it does not answer: no connection, a connection that broke, no answer in time
├── BusyError               it has too much to do, or the caller has sent too much: try again later
└── RefusedError            it does not take what was sent
    ├── AccessError         it needs a key, or the key may not do this
    ├── MissingError        there is no such product, model or address
    ├── ChangedError        a product is not in the state that `if_match` expects
    └── TooLargeError       the body has more bytes than it takes
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import common
from common import ConflictError, InputError, NotFoundError, OverloadedError, VitrineError

if TYPE_CHECKING:
    import httpx

SHOWN = 300
"""Characters of an answer in another shape than ours that a message repeats."""


class ServiceError(VitrineError):
    """A call has no good answer.

    Attributes:
        status: of the answer over HTTP; None where there was none.
        code: what went wrong, for programs: the service's, such as `invalid_request`.
        message: what went wrong, for people.
        details: the fields that cannot be used, each with `field` and `message`.
        request_id: under which the service's log has it.
        retry_after_s: after how many seconds the service asks to be called again; None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "unavailable",
        said: str | None = None,
        details: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message if said is None else said
        self.details = list(details)
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class UnreachableError(ServiceError, common.UnreachableError):
    """The service does not answer, or the connection broke."""


class BusyError(ServiceError, OverloadedError):
    """The service has too much to do, or the caller has sent too many requests."""


class RefusedError(ServiceError, InputError):
    """The service does not take what was sent."""


class AccessError(RefusedError):
    """The call needs a key, or the key may not do this."""


class MissingError(RefusedError, NotFoundError):
    """There is no such product, model or address."""


class ChangedError(RefusedError, ConflictError):
    """A product is not in the state that the call expects."""


class TooLargeError(RefusedError):
    """The body has more bytes than the service takes."""


KINDS: dict[int, type[ServiceError]] = {
    401: AccessError,
    403: AccessError,
    404: MissingError,
    408: BusyError,
    409: ChangedError,
    410: MissingError,
    412: ChangedError,
    413: TooLargeError,
    429: BusyError,
    502: BusyError,
    503: BusyError,
    504: BusyError,
}
REMEDIES: dict[type[ServiceError], str] = {
    AccessError: "give a key that may do this, as `key`, --key-file or VITRINE_KEY: vitrine key create makes one",
    TooLargeError: "send less at once or a smaller picture, or raise VITRINE_MAX_UPLOAD_MB where the service runs",
}


def error_of(answer: httpx.Response) -> ServiceError:
    """Return what an answer that is no success means."""
    status = answer.status_code
    where = f"{answer.request.method} {answer.request.url.copy_with(query=None)}"
    if answer.is_redirect:
        place = answer.headers.get("location", "")
        return RefusedError(
            f"{where} leads on to {place!r}; give that address as the service's", status=status, code="redirected"
        )
    kind = KINDS.get(status, RefusedError if status < 500 else ServiceError)
    error = _ours(answer)
    said = str(error.get("message") or answer.text[:SHOWN].strip() or answer.reason_phrase)
    remedy = f"; {REMEDIES[kind]}" if kind in REMEDIES else ""
    if status in (404, 405) and not error:
        remedy = "; is it the address of a Vitrine service of this version?"
    return kind(
        f"{where} answers {status}: {said}{remedy}",
        status=status,
        code=str(error.get("code") or answer.reason_phrase.lower().replace(" ", "_") or status),
        said=said,
        details=[one for one in error.get("details") or () if isinstance(one, dict)],
        request_id=error.get("request_id") or answer.headers.get("x-request-id"),
        retry_after_s=retry_after(answer.headers.get("retry-after")),
    )


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a `Retry-After` asks to wait: a number, or a date (RFC 9110, section 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _ours(answer: httpx.Response) -> dict[str, Any]:
    """Return the error in the service's one shape; empty where it is of another one, such as a proxy's."""
    try:
        error = json.loads(answer.content)["error"]
    except (ValueError, LookupError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}
