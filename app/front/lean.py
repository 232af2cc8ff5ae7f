"""Scripts and style sheets of ours as browsers get them: without comments and spaces that mean nothing."""

from __future__ import annotations

from rcssmin import cssmin
from rjsmin import jsmin

LEAN = {".js": jsmin, ".css": cssmin}
VENDORED = "vendor/"


def lean(path: str, data: bytes) -> bytes:
    """Return the file at `path` as browsers get it; what is not ours stays byte for byte."""
    shorter = LEAN.get(path[path.rfind(".") :])
    return data if shorter is None or path.startswith(VENDORED) else str(shorter(data.decode())).encode()
