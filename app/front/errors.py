"""The page about an error: what happened, in the visitor's words and language, and a way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fastapi import Response

from app.front.documents import document_response
from app.front.front import Front
from app.front.words import language_of
from app.http import Trouble, framed_policy

KINDS = {
    401: "locked",
    403: "locked",
    404: "missing",
    410: "gone",
    421: "host",
    429: "many",
    503: "busy",
    504: "busy",
    507: "busy",
}
"""What is said of a status; of other ones that we are at fault, or that the address is wrong."""

FRAMED = "/embed"
"""The document that pages of other origins may frame."""


def error_pages(front: Front, origins: Callable[[], Iterable[str]]) -> Callable[[Trouble], Response]:
    """Return what makes the page of an error.

    Args:
        front: what pages are made of.
        origins: returns those that may frame the embedded search: they may frame its errors, too.
    """

    def page(trouble: Trouble) -> Response:
        kind = KINDS.get(trouble.status, "broken" if trouble.status >= 500 else "wrong")
        language = language_of(None, trouble.headers.get("accept-language", ""))
        document = front.documents.render(
            "error",
            language,
            root=trouble.root,
            kind=kind,
            wait=trouble.wait_s if trouble.status == 429 else "",
            request_id=trouble.request_id if trouble.status >= 500 else "",
        )
        headers = {"Cache-Control": "no-store"}
        if trouble.path == FRAMED:
            headers["Content-Security-Policy"] = framed_policy(origins())
        return document_response(document, trouble.headers, status=trouble.status, headers=headers)

    return page
