"""The whole address of the service, as its callers write it: for what leaves the browser, such as a shared link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from fastapi import Request
from starlette.types import Scope

from app.caller import below
from app.http.hosts import HOST

PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]{1,100}){1,8}")
"""Without a comma: proxies put one between the prefixes of several of them."""


def prefix_of(forwarded: Sequence[str]) -> str:
    """Return the path below which a trusted proxy serves us, by its `X-Forwarded-Prefix`; empty without a good one."""
    said = forwarded[0].strip().removesuffix("/") if len(forwarded) == 1 else ""
    return said if PREFIX.fullmatch(said) and ".." not in unquote(said) else ""


def path_below(scope: Scope, root_path: str) -> dict[str, object]:
    """Return what the path of a request is without `root_path`, as parts of its scope; nothing where it lacks it.

    A proxy may leave that path in or cut it off, and what polls the service directly does not know it. The part is left
    as it is when the caller has percent-encoded it, so that `path` and `raw_path` go on to say the same.
    """
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or b""
    if not root_path or not f"{path}/".startswith(f"{root_path}/") or (raw and not raw.startswith(root_path.encode())):
        return {}
    return {"path": path[len(root_path) :], "raw_path": raw[len(root_path) :] or None}


def absolute_root(request: Request) -> str:
    """Return scheme, host and path of the service with a slash at the end; empty where the caller names no host.

    The host is that of the request, which `Hosts` has let in. The scheme and the path are a trusted proxy's, if any;
    else the path is that of the settings.
    """
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0].strip()):
        return ""
    return f"{request.url.scheme}://{hosts[0].strip()}{below.get()}/"
