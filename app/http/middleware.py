"""What happens to every request: ids, the rate limit, headers, metrics and the access log. Knows no route.

An answer comes even when the code fails, and HEAD is answered as GET is, without the body.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.caller import below, caller
from app.errors import ForbiddenError, MisdirectedError, RateLimitedError, UpgradeError
from app.http.absolute import path_below, prefix_of
from app.http.access import NO_ROUTE, WATCHED, account
from app.http.answers import send_in_pieces
from app.http.forwarded import Proxies
from app.http.headers import ALONE, HEADERS_RAW, REQUEST_ID, REQUEST_ID_RAW, SECURE_RAW
from app.http.hosts import Hosts
from app.http.key_file import Key
from app.http.keys import KeyRing
from app.http.origins import Origins, is_preflight
from app.http.packing import Packing
from app.http.people import ErrorPage, reads_pages, with_pages
from app.http.publishable import PageKeys
from app.http.rate import RateLimit, address_group
from app.http.responses import error_response, internal_error, is_foreign, local_redirect, named_response, reworded
from app.http.trace import Trace, random_hex, trace_of
from app.logs import Origin, origin
from app.telemetry import METHODS, Telemetry
from app.tracing import RequestSpan
from common import resource_error

logger = logging.getLogger("vitrine.app")

SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestScope:
    """ASGI middleware that wraps the whole application.

    Every answer carries `X-Request-ID` (the caller's own when it is sane), `traceparent` and the security headers.
    The caller and the key of a request are found here, and a request for a foreign host or over the limit is refused
    before its body is read. An unforeseen exception is logged with the id and answered with a 500 that tells nothing
    of the inside; errors of the framework get the one shape, and its redirects stay on this host. Every request is
    counted and leaves one line in the log, without the query of its address: it is what the caller looked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        telemetry: Telemetry,
        limit: RateLimit | None,
        hosts: Hosts,
        proxies: Proxies,
        origins: Origins,
        pages: ErrorPage | None,
        page_keys: PageKeys,
        root_path: str = "",
    ) -> None:
        self.app = app
        self.keys = keys
        self.telemetry = telemetry
        self.limit = limit
        self.hosts = hosts
        self.proxies = proxies
        self.origins = origins
        self.pages = pages
        self.page_keys = page_keys
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - the ASGI signature
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        asked = headers.get(REQUEST_ID, "")
        request_id = asked if SANE_ID.fullmatch(asked) else random_hex(16)
        key = self.keys.find(headers)
        # A copy, as the server must go on to know a HEAD as such.
        head = scope["method"] == "HEAD"
        scope = {**scope, **self._caller(scope, headers), **({"method": "GET"} if head else {})}
        prefix: str = scope.pop("prefix", "") or self.root_path
        scope.update(path_below(scope, self.root_path))
        span, trace = self._trace(scope, headers)
        scope.setdefault("state", {}).update(request_id=request_id, key=key, head=head)
        secure = scope.get("scheme") == "https"
        status, sent = 0, 0
        foreign: list[Message] = []
        method, path = scope["method"], scope["path"]
        of_origin = self.origins.headers(headers, method, path) if self.origins else []

        async def send_ours(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                local_redirect(message, prefix)
                _add_headers(message, request_id, trace, secure, of_origin)
            elif message["type"] == "http.response.body":
                message = {**message, "body": b""} if head else message
                sent += len(message.get("body", b""))
                await send_in_pieces(send, message)
                return
            await send(message)

        async def send_theirs(message: Message) -> None:
            if foreign or is_foreign(message):
                foreign.append(message)
                if len(foreign) == 2:  # all that there is to their answers
                    await reworded(request_id, *foreign)(scope, receive, send_answer)
                return
            await send_answer(message)

        send_answer: Send = Packing(send_ours, headers, path)
        if self.pages is not None and reads_pages(method, path, headers):
            send_answer = with_pages(send_answer, self.pages, scope, request_id)

        token = origin.set(Origin(request_id, trace.trace_id, trace.span_id))
        # All visitors of a page share its key: each of them is a caller.
        named = key is not None and not key.publishable
        who = caller.set(f"key:{key.name}" if key and named else f"address:{address_group(_client(scope))}")
        where = below.set(prefix)
        try:
            refusal = self._refusal(scope, headers, request_id, key)
            if refusal is None and self.origins and is_preflight(method, headers):
                refusal = self._preflight(headers, path, request_id)
            if refusal is None and not path:  # the addresses in pages are relative to the slash
                refusal = RedirectResponse(f"/?{query}" if (query := scope["query_string"].decode("latin-1")) else "/")
            if refusal:
                await refusal(scope, receive, send_answer)
            else:
                await self.app(scope, receive, send_theirs)
        except ClientDisconnect:
            logger.debug("request %s: the caller left", request_id)
        except Exception as error:
            resource = resource_error(error)
            if status or resource is None:
                logger.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            if status:
                raise  # half an answer is out: the server must cut the connection
            answer = internal_error(request_id) if resource is None else named_response(request_id, resource)
            await answer(scope, receive, send_answer)
        finally:
            self._account(scope, key, status or 499, sent, time.perf_counter() - begun, span)
            origin.reset(token)
            caller.reset(who)
            below.reset(where)

    def _trace(self, scope: Scope, headers: Headers) -> tuple[RequestSpan | None, Trace]:
        """Return the span of a request, where traces are on, and the trace that it belongs to."""
        parents, states = headers.getlist("traceparent"), headers.getlist("tracestate")
        tracing = self.telemetry.tracing
        if tracing is None or scope["path"] in WATCHED:
            return None, trace_of(parents, states)
        span = tracing.begin(scope["method"], parents, states)
        return span, Trace(span.trace_id, span.span_id, span.flags, span.state)

    def _caller(self, scope: Scope, headers: Headers) -> dict[str, object]:
        """Return whose request it is, and by which scheme and path it came, as far as proxies are believed."""
        peer = scope.get("client")
        if not peer or not self.proxies.trusts(peer[0]):
            return {}
        client = self.proxies.client(peer[0], headers.getlist("x-forwarded-for"))
        return {
            "client": peer if client == peer[0] else (client, 0),
            "prefix": prefix_of(headers.getlist("x-forwarded-prefix")),
            "scheme": self.proxies.scheme(peer[0], headers.getlist("x-forwarded-proto"), scope["scheme"]),
        }

    def _refusal(self, scope: Scope, headers: Headers, request_id: str, key: Key | None) -> Response | None:
        """Return the answer to a request that goes no further; None when it may go on."""
        try:
            self.hosts.check(headers.getlist("host"), scope["path"])
            if self.limit is not None and scope["path"] not in WATCHED:
                self._count(self.limit, key)
            if key is not None and key.publishable and scope["path"] not in WATCHED:
                self.page_keys.check(key, headers)
            if "websocket" in headers.get("upgrade", "").lower():
                raise UpgradeError("the request asks for a WebSocket; there is none here, send it as plain HTTP")
        except (MisdirectedError, RateLimitedError, UpgradeError, ForbiddenError) as error:
            return named_response(request_id, error)
        return None

    def _preflight(self, headers: Headers, path: str, request_id: str) -> Response:
        """Return the answer to a browser that asks for a page of another origin; it needs no key."""
        allowed = self.origins.preflight(headers, path)
        if allowed is None:
            message = "pages of this origin may not send this; VITRINE_ORIGINS names those that may search"
            return error_response(request_id, 403, "forbidden", message)
        answer = Response(status_code=204)
        answer.raw_headers += allowed
        return answer

    def _count(self, limit: RateLimit, key: Key | None) -> None:
        wait_s = limit.wait(caller.get())
        if wait_s is not None:
            who = "this key" if key and not key.publishable else "this address"
            raise RateLimitedError(f"more than {limit.rate} from {who}; come back in {wait_s} s", wait_s)

    def _account(
        self, scope: Scope, key: Key | None, status: int, sent: int, seconds: float, span: RequestSpan | None
    ) -> None:
        state = scope["state"]
        method = "HEAD" if state["head"] else scope["method"]
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        if span is not None:
            span.end(
                method if method in METHODS else "_OTHER", route, status, state.get("error_code"), state["request_id"]
            )
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        account(
            self.telemetry,
            method=method,
            path=raw.split(b"?")[0].decode("latin-1"),
            route=route,
            status=status,
            seconds=seconds,
            sent=sent,
            code=state.get("error_code"),
            key=key.name if key else None,
            client=_client(scope),
        )


def _client(scope: Scope) -> str:
    """Return the address that a request came from; a proxy that is trusted says it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _add_headers(
    message: Message, request_id: str, trace: Trace, secure: bool, of_origin: Sequence[tuple[bytes, bytes]]
) -> None:
    """Add what every answer carries; a security header that the answer already has stays as it is."""
    theirs: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    present = {name.lower() for name, _ in theirs}
    if any(name == b"content-security-policy" and ALONE not in value for name, value in theirs):
        present.add(b"x-frame-options")  # it knows no origins
    ours = [(REQUEST_ID_RAW, request_id.encode("latin-1")), (b"traceparent", trace.parent.encode("latin-1"))]
    if trace.state:
        ours.append((b"tracestate", trace.state.encode("latin-1")))
    # An answer may vary by more: then there are several such headers.
    ours += [pair for pair in of_origin if pair not in theirs]
    ours += [pair for pair in (HEADERS_RAW if not secure else SECURE_RAW) if pair[0] not in present]
    message["headers"] = theirs + ours
