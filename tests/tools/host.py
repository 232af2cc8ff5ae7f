"""A tool: the page of a shop on a port of its own, with a strict content security policy, that holds the elements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = {".js": "text/javascript", ".css": "text/css"}


@contextmanager
def hosted(pages: dict[str, str], policy: str) -> Iterator[str]:
    """Serve documents by their paths under this policy, and yield the origin that they are at.

    A document is HTML; what ends in .js is a script, in .css a style sheet.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            data = (page or "").encode()
            self.send_response(200 if page is not None else 404)
            kind = KINDS.get(self.path[self.path.rfind(".") :], "text/html; charset=utf-8")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
