"""What happens to every request: ids, the rate limit, headers, metrics and the access log. Knows no route.

An answer comes even when the code fails, and HEAD is answered as GET is, without the body.
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import RateLimitedError
from app.http.keys import Key, KeyRing
from app.http.rate import RateLimit, address_group
from app.http.responses import internal_error, named_response
from app.http.trace import Trace, trace_of
from app.logs import Origin, origin
from app.telemetry import Telemetry
from common import resource_error

logger = logging.getLogger("vitrine.app")
access = logging.getLogger("vitrine.access")

REQUEST_ID = "X-Request-ID"
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MAX_PATH = 500
NO_ROUTE = "none"
"""The label of a request that came to no route: an unknown path, or over the rate limit."""

WATCHED = {"/healthz", "/readyz", "/metrics"}
"""Polled by machines: never limited, and logged at debug."""

# Scripts, styles and calls from this host only; blob: is the picture that a visitor is about to send.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCS_POLICY = POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""The policy of the API page: the style sheet of Swagger UI has its icons in data URIs."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-cache",
}
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID_RAW = REQUEST_ID.lower().encode()
HEADERS_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
SECURE_RAW = [*HEADERS_RAW, (b"strict-transport-security", HTTPS_ONLY.encode())]


class RequestScope:
    """ASGI middleware that wraps the whole application.

    Every answer carries `X-Request-ID` (the caller's own when it is sane), `traceparent` and the security headers.
    The key of a request is found here, and a request over the limit is refused before its body is read. An unforeseen
    exception is logged with the id and answered with a 500 that tells nothing of the inside. Every request is
    counted and leaves one line in the log, without the query of its address: it is what the caller looked for.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing, telemetry: Telemetry, limit: RateLimit | None) -> None:
        self.app = app
        self.keys = keys
        self.telemetry = telemetry
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - the ASGI signature
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        asked = headers.get(REQUEST_ID, "")
        request_id = asked if SANE_ID.fullmatch(asked) else uuid.uuid4().hex
        trace = trace_of(headers.getlist("traceparent"), headers.getlist("tracestate"))
        key = self.keys.find(headers)
        # A copy, as the server must go on to know a HEAD as such.
        head = scope["method"] == "HEAD"
        scope = {**scope, "method": "GET"} if head else scope
        scope.setdefault("state", {}).update(request_id=request_id, key=key, head=head)
        secure = scope.get("scheme") == "https"
        status, sent = 0, 0

        async def send_ours(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id, trace, secure)
            elif message["type"] == "http.response.body":
                message = {**message, "body": b""} if head else message
                sent += len(message.get("body", b""))
            await send(message)

        token = origin.set(Origin(request_id, trace.trace_id, trace.span_id))
        try:
            refusal = self._refusal(scope, request_id, key)
            await (refusal or self.app)(scope, receive, send_ours)
        except ClientDisconnect:
            logger.debug("request %s: the caller left", request_id)
        except Exception as error:
            resource = resource_error(error)
            if status or resource is None:
                logger.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            if status:
                raise  # half an answer is out: the server must cut the connection
            answer = internal_error(request_id) if resource is None else named_response(request_id, resource)
            await answer(scope, receive, send_ours)
        finally:
            self._account(scope, key, status or 499, sent, time.perf_counter() - begun)
            origin.reset(token)

    def _refusal(self, scope: Scope, request_id: str, key: Key | None) -> JSONResponse | None:
        """Return the answer to a request over the limit; None when it may go on."""
        if self.limit is None or scope["path"] in WATCHED:
            return None
        wait_s = self.limit.wait(f"key:{key.name}" if key else f"address:{address_group(_client(scope))}")
        if wait_s is None:
            return None
        return named_response(
            request_id,
            RateLimitedError(
                f"more than {self.limit.rate} from {'this key' if key else 'this address'}; come back in {wait_s} s",
                wait_s,
            ),
        )

    def _account(self, scope: Scope, key: Key | None, status: int, sent: int, seconds: float) -> None:
        """Count a request and write its line to the log; status 499: the caller left before there was an answer."""
        state = scope["state"]
        method = "HEAD" if state["head"] else scope["method"]
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        self.telemetry.request(route, method, status, seconds)
        code = state.get("error_code")
        if code:
            self.telemetry.refused(code)
        level = logging.DEBUG if scope["path"] in WATCHED else logging.INFO
        if not access.isEnabledFor(level):
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        fields = {
            "method": method,
            "path": raw.split(b"?")[0].decode("latin-1")[:MAX_PATH],
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 1),
            "bytes": sent,
            "code": code or "-",
            "key": key.name if key else "-",
            "client": _client(scope),
        }
        access.log(
            level,
            "%(method)s %(path)s %(status)d %(ms).1f ms %(bytes)d bytes code=%(code)s key=%(key)s client=%(client)s",
            fields,
            extra=fields,
        )


def _client(scope: Scope) -> str:
    """Return the address that a request came from; a proxy that is trusted says it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _add_headers(message: Message, request_id: str, trace: Trace, secure: bool) -> None:
    """Add what every answer carries; a security header that the answer already has stays as it is."""
    theirs: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    present = {name.lower() for name, _ in theirs}
    ours = [(REQUEST_ID_RAW, request_id.encode("latin-1")), (b"traceparent", trace.parent.encode("latin-1"))]
    if trace.state:
        ours.append((b"tracestate", trace.state.encode("latin-1")))
    ours += [pair for pair in (HEADERS_RAW if not secure else SECURE_RAW) if pair[0] not in present]
    message["headers"] = theirs + ours
