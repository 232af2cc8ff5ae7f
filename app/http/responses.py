"""How errors are answered: the status of each, and the one shape of all. Knows no route."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from app.caller import below
from app.errors import (
    CountError,
    DeadlineError,
    ForbiddenError,
    MalformedError,
    MediaTypeError,
    MisdirectedError,
    RateLimitedError,
    ReloadError,
    SlowBodyError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UpgradeError,
    invalid,
)
from app.http.headers import HEADERS_RAW, REQUEST_ID_RAW
from common import (
    ArtefactError,
    ConfigError,
    ConflictError,
    DamagedProductError,
    DatabaseUnavailableError,
    DataError,
    InputError,
    NoSpaceError,
    NotFoundError,
    OutOfMemoryError,
    OverloadedError,
    ReadOnlyError,
    ReplacedError,
    VitrineError,
    resource_error,
)

logger = logging.getLogger("vitrine.app")

# The nearest class wins. A checkpoint, a setting or a data set is the operator's: once the service runs, trouble with
# one is no mistake of the caller, and its message names folders.
STATUS: dict[type[Exception], int] = {
    InputError: 422,
    NotFoundError: 404,
    MalformedError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    MisdirectedError: 421,
    UpgradeError: 400,
    SlowBodyError: 408,
    CountError: 409,
    TooLargeError: 413,
    MediaTypeError: 415,
    RateLimitedError: 429,
    VitrineError: 500,
    ArtefactError: 500,
    ConfigError: 500,
    DataError: 500,
    DeadlineError: 504,
    OverloadedError: 503,
    UnavailableError: 503,
    ReplacedError: 503,
    DatabaseUnavailableError: 503,
    DamagedProductError: 410,
    OutOfMemoryError: 503,
    NoSpaceError: 507,
    ReloadError: 409,
    ConflictError: 412,
    ReadOnlyError: 403,
}
RETRY_AFTER_S = 1
MAX_FOREIGN = 200
MAX_MESSAGE = 2_000
"""Characters of an error's message: what was sent, an id or a path, may be a part of it, and of any length."""
INTERNAL = "something went wrong on our side; the log has the reason under this request id"


def error_response(
    request_id: str,
    status: int,
    code: str,
    message: str,
    details: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer of an error: `{"error": {"code", "message", "details", "request_id"}}`."""
    body = error_body(request_id, code, message, details)
    return CodedResponse(code, body, status_code=status, headers=dict(headers or {}))


def error_body(
    request_id: str, code: str, message: str, details: Sequence[Mapping[str, str]] = ()
) -> dict[str, dict[str, Any]]:
    """Return the one shape of errors as JSON data."""
    message = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}..."
    return {"error": {"code": code, "message": message, "details": list(details), "request_id": request_id}}


class CodedResponse(JSONResponse):
    """An answer that leaves its error's code in the request's state, where the middleware counts it."""

    def __init__(self, code: str, content: Mapping[str, object], **options: Any) -> None:
        super().__init__(content, **options)
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - the ASGI signature
        scope.setdefault("state", {})["error_code"] = self.code
        await super().__call__(scope, receive, send)


def raw_error(status: int, code: str, message: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> tuple[bytes, int]:
    """Return an error as the bytes of a last answer of HTTP/1.1 on a connection, and how many of them are its body."""
    request_id = uuid.uuid4().hex
    body = json.dumps(error_body(request_id, code, message)).encode()
    lines = [
        *headers,
        *HEADERS_RAW,
        (REQUEST_ID_RAW, request_id.encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *([(b"retry-after", str(RETRY_AFTER_S).encode())] if status == 503 else []),
        (b"connection", b"close"),
    ]
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return b"".join([first, *(b"%s: %s\r\n" % line for line in lines), b"\r\n", body]), len(body)


def internal_error(request_id: str) -> JSONResponse:
    """Return the answer of an error that we did not foresee; it tells nothing of the inside."""
    return error_response(request_id, 500, "internal", INTERNAL)


def error_entry(request_id: str, error: Exception) -> dict[str, Any]:
    """Return `error` in the one shape, as one answer among several that are sent together."""
    error = resource_error(error) or error
    if isinstance(error, VitrineError) and _status(error) != 500:
        code, message, details = error.code, str(error), getattr(error, "details", [])
    else:
        logger.error("a part of request %s failed", request_id, exc_info=error)
        code, message, details = "internal", INTERNAL, []
    return error_body(request_id, code, message, details)


def _status(error: VitrineError) -> int:
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


async def answer_named(request: Request, error: Exception) -> JSONResponse:
    """Answer an error that we raised on purpose."""
    assert isinstance(error, VitrineError)  # noqa: S101 - what it is registered for
    return named_response(request.state.request_id, error)


def named_response(request_id: str, error: VitrineError) -> JSONResponse:
    """Return the answer of an error that we raised on purpose."""
    error = resource_error(error) or error
    status = _status(error)
    if status == 500:
        logger.error("request %s failed", request_id, exc_info=error)
        return internal_error(request_id)
    headers = {}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    elif isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(error.wait_s)
    elif isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return error_response(request_id, status, error.code, str(error), getattr(error, "details", ()), headers=headers)


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of the framework: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    status = error.status_code
    path = below.get() + request.url.path
    shown = below.get() + ("/docs" if request.app.state.settings.pages == "lab" else "/openapi.json")
    known: dict[int, tuple[str, str]] = {
        404: ("not_found", f"there is nothing at {path}; GET {shown} lists what there is"),
        405: ("method_not_allowed", f"{path} does not take {request.method}; GET {shown} says what it takes"),
    }
    code, message = known.get(status, (HTTPStatus(status).name.lower(), str(error.detail)))
    headers = {**(error.headers or {}), **({"Allow": ", ".join(_allowed(request))} if status == 405 else {})}
    return error_response(request.state.request_id, status, code, message, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods that a path takes, by all of its routes: the framework names those of the first only."""
    included = [route for router in request.app.state.routers for route in router.routes]
    shown = [route for route in (*included, *request.app.routes) if hasattr(route, "methods")]
    first = next((route for route in shown if route.matches(request.scope)[0] is not Match.NONE), None)
    methods: set[str] = set()
    for route in shown:
        if first is not None and route.path == first.path and route.include_in_schema == first.include_in_schema:
            methods |= route.methods or set()
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def answer_validation(request: Request, error: Exception) -> JSONResponse:
    """Answer parameters that do not fit their types."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return await answer_named(request, invalid(error))


def is_foreign(message: Message) -> bool:
    """Return whether an error begins with this message that has another shape than ours."""
    if message["type"] != "http.response.start" or message["status"] < 400:
        return False
    return dict(message.get("headers", ())).get(b"content-type") != b"application/json"


def reworded(request_id: str, start: Message, body: Message) -> JSONResponse:
    """Return the answer that says in our shape what another part of the framework says in its own."""
    status = HTTPStatus(start["status"])
    said = bytes(body.get("body", b"")).decode("utf-8", "replace").strip()[:MAX_FOREIGN]
    kept = {b"content-range", b"allow", b"retry-after", b"www-authenticate"}
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"] if name in kept}
    return error_response(request_id, status, status.name.lower(), said or status.description, headers=headers)


def local_redirect(start: Message, prefix: str) -> None:
    """Leave only path and query of the place that a redirect names, below the path where the service is.

    The framework takes the host from the request, and knows no such path.
    """
    if 300 <= start["status"] < 400:
        start["headers"] = [
            (name, prefix.encode("latin-1") + _local(value) if name == b"location" else value)
            for name, value in start.get("headers", ())
        ]


def _local(location: bytes) -> bytes:
    parts = urlsplit(location)
    return urlunsplit((b"", b"", b"/" + parts.path.lstrip(b"/"), parts.query, b""))


def add_error_handlers(app: FastAPI) -> None:
    """Make every foreseen error of `app` come out in the one shape; `RequestScope` sees to the others."""
    app.add_exception_handler(VitrineError, answer_named)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
