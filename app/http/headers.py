"""The headers that every answer carries."""

from __future__ import annotations

from collections.abc import Iterable

REQUEST_ID = "X-Request-ID"

# Scripts, styles and calls from this host only; blob: is the picture that a visitor is about to send.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCS_POLICY = POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""The policy of the API page: the style sheet of Swagger UI has its icons in data URIs."""
STUDIO_POLICY = POLICY.replace("base-uri", "frame-src 'self'; base-uri")
"""The policy of the page that shows what a frame of the search looks like."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Private: what was answered to a key in X-API-Key must not lie in a cache that others share.
    "Cache-Control": "private, no-cache",
}
FOREVER = "public, max-age=31536000, immutable"
"""`Cache-Control` at an address that names the content: it never gives another one."""
ALONE = b"frame-ancestors 'none'"
"""What a policy says of a page that no other page may frame."""
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID_RAW = REQUEST_ID.lower().encode()
HEADERS_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
SECURE_RAW = [*HEADERS_RAW, (b"strict-transport-security", HTTPS_ONLY.encode())]


def framed_policy(sources: Iterable[str]) -> str:
    """Return the policy of a page that pages of these origins may show in a frame, and those of this host."""
    return POLICY.replace("frame-ancestors 'none'", " ".join(["frame-ancestors 'self'", *sources]))
