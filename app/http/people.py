"""Who opens an address in a browser reads a page about an error; programs get the one shape. Knows no page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

DOCUMENTS = "/p/"
"""Below it everybody gets documents, also who does not say that a person reads them."""
CALLS = ("/v1/", "/assets/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/embed.js")
"""What programs ask for: their errors are never pages."""
KEPT = (b"retry-after", b"www-authenticate", b"allow", b"vary")
"""Headers of an error that its page has as well."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, for the page about it."""

    status: int
    request_id: str
    wait_s: str
    """Seconds after which it may go better; empty where nobody knows."""
    root: str
    """The address of the service from the one that was opened."""
    path: str
    headers: Headers
    """Of the request."""


ErrorPage = Callable[[Trouble], Response]


def reads_pages(method: str, path: str, headers: Headers) -> bool:
    """Return whether a person opened this address in a browser.

    Browsers say so in `Sec-Fetch-Mode`, but over plain HTTP not to every host: there they ask for HTTPS by
    `Upgrade-Insecure-Requests`. `Accept` alone tells nothing, since some programs name text/html in every request.
    """
    if method not in ("GET", "HEAD") or path.startswith(CALLS):
        return False
    accepted = headers.get("accept", "")
    if path.startswith(DOCUMENTS) and "json" not in accepted:
        return True
    mode = headers.get("sec-fetch-mode")
    navigates = mode == "navigate" if mode else headers.get("upgrade-insecure-requests") == "1"
    return navigates and "text/html" in accepted


def root_from(scope: Scope) -> str:
    """Return the address of the service from that of a request, as its browser sees it: `./`, `../`, ..."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return "../" * (raw.partition(b"?")[0].count(b"/") - 1) or "./"


def with_pages(send: Send, page: ErrorPage, scope: Scope, request_id: str) -> Send:
    """Return a `send` that puts a page in the place of each error's JSON; other answers pass."""
    held: Message | None = None

    async def send_page(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and message["status"] >= 400 and _is_json(message):
            held = message
        elif held is None:
            await send(message)
        elif not message.get("more_body", False):
            start, held = held, None
            theirs = [(name, value) for name, value in start["headers"] if name in KEPT]
            wait_s = dict(theirs).get(b"retry-after", b"").decode("latin-1")
            answer = page(
                Trouble(start["status"], request_id, wait_s, root_from(scope), scope["path"], Headers(scope=scope))
            )
            answer.raw_headers += theirs
            await answer(scope, _nothing, send)

    return send_page


def _is_json(start: Message) -> bool:
    return dict(start.get("headers", ())).get(b"content-type") == b"application/json"


async def _nothing() -> Message:  # pragma: no cover - an answer of one piece does not read
    return {"type": "http.disconnect"}
