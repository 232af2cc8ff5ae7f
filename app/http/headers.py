"""The headers that every answer carries."""

from __future__ import annotations

REQUEST_ID = "X-Request-ID"

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
    # Private: what was answered to a key in X-API-Key must not lie in a cache that others share.
    "Cache-Control": "private, no-cache",
}
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID_RAW = REQUEST_ID.lower().encode()
HEADERS_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
SECURE_RAW = [*HEADERS_RAW, (b"strict-transport-security", HTTPS_ONLY.encode())]
