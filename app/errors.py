"""The errors of the service's own. Knows no HTTP: `app.http.responses` says how each is answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from common import InputError, NotFoundError, VitrineError
from index import did_you_mean

if TYPE_CHECKING:
    from fastapi.exceptions import RequestValidationError

MAX_DETAILS = 20
MAX_FIELD = 100
MAX_MESSAGE = 500
UNKNOWN = "unknown field"
REPLACED = "the model was just replaced; send it again"


class MalformedError(InputError):
    """The body is not what its content type says."""

    code = "malformed_body"


class InvalidError(InputError):
    """The body was read, and some of its fields cannot be used; `details` names them."""

    code = "invalid_request"

    def __init__(self, message: str, details: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.details = list(details)


class UnknownModelError(NotFoundError):
    """The model asked for is not the one that is served."""

    code = "model_not_found"


class TooLargeError(InputError):
    """The body has more bytes than allowed."""

    code = "too_large"


class MediaTypeError(InputError):
    """The body is of a content type that this call does not take."""

    code = "unsupported_media_type"


class CountError(InputError):
    """There are not as many products as a deletion says or may take out; nothing is deleted."""

    code = "count_differs"


class SlowBodyError(InputError):
    """The body did not arrive in time."""

    code = "body_timeout"


class MisdirectedError(InputError):
    """The request is for a host that the service does not answer for."""

    code = "misdirected"


class UpgradeError(InputError):
    """The request asks for another protocol than HTTP."""

    code = "upgrade_refused"


class UnauthorizedError(InputError):
    """The call needs a key, and the request has none that is known."""

    code = "unauthorized"


class ForbiddenError(InputError):
    """The request's key may not do this."""

    code = "forbidden"


class RateLimitedError(VitrineError):
    """The caller has sent too many requests; the next one is allowed after `wait_s` seconds."""

    code = "rate_limited"

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class DeadlineError(VitrineError):
    """The answer was not there in time."""

    code = "deadline_exceeded"


class UnavailableError(VitrineError):
    """The service cannot answer: it shuts down, its worker died, or it is not ready."""

    code = "unavailable"


class AddressTakenError(VitrineError):
    """Another process listens at the address."""

    code = "address_taken"


class ReloadError(VitrineError):
    """The artefacts in place cannot be served; those from before are. Its message names folders: only for operators."""

    code = "reload_refused"


def invalid(
    error: ValidationError | RequestValidationError,
    known: Callable[[Sequence[int | str]], Mapping[str, str]] = lambda _: {},
    sent_as: Mapping[str, str] = {},
) -> InvalidError:
    """Return `error` in our words: one line, and one detail per field; what was sent is not repeated.

    `known` returns the names that there are where an unknown field is, each with the field that it stands for;
    `sent_as` has the names that some fields were sent under.
    """
    if isinstance(error, ValidationError):
        problems: Sequence[Any] = error.errors(include_url=False)
        above = 0
    else:
        problems = error.errors()
        above = 1  # each begins with where it was: in the path, the query or a header
    details = []
    for problem in problems[:MAX_DETAILS]:
        # A field's name may be the caller's own, of any length.
        first, *inner = [str(part)[:MAX_FIELD] for part in problem["loc"][above:]] or [""]
        where = ".".join([sent_as.get(first, first), *inner])
        message = _message(problem, known)
        details.append({"field": where[:MAX_FIELD], "message": message[:MAX_MESSAGE]})
    shown = "; ".join(
        d["message"] if not d["field"] or d["message"].startswith(UNKNOWN) else f"{d['field']}: {d['message']}"
        for d in details[:3]
    )
    more = f"; and {len(details) - 3} more" if len(details) > 3 else ""
    return InvalidError(f"the request cannot be used: {shown}{more}", details)


def _message(problem: Mapping[str, Any], known: Callable[[Sequence[int | str]], Mapping[str, str]]) -> str:
    """Return what is wrong with a field, and what was probably meant."""
    if problem["type"] == "extra_forbidden":
        name, names = str(problem["loc"][-1]), known(problem["loc"])
        meant = names.get(name.casefold())
        hint = f"; did you mean {meant!r}?" if meant else did_you_mean(name, dict.fromkeys(names.values()))
        return f"{UNKNOWN} {name[:MAX_FIELD]!r}{hint}"
    message = str(problem["msg"]).removeprefix("Value error, ")  # what we say ourselves needs no label
    if problem["type"] == "literal_error" and isinstance(problem.get("input"), str):
        return message + did_you_mean(problem["input"], re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
    return message
