"""The whole address of the service, as its callers write it: for what leaves the browser, such as a shared link."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import Request

from app.http.hosts import HOST

PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]{1,100}){1,8}")


def prefix_of(forwarded: Sequence[str]) -> str:
    """Return the path below which a trusted proxy serves us, by its `X-Forwarded-Prefix`; empty without a good one."""
    said = forwarded[0].strip().removesuffix("/") if len(forwarded) == 1 else ""
    return said if PREFIX.fullmatch(said) and ".." not in said else ""


def absolute_root(request: Request) -> str:
    """Return scheme, host and path of the service with a slash at the end; empty where the caller names no host.

    The host is that of the request, which `Hosts` has let in. The scheme and the path are a trusted proxy's, if any.
    """
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0].strip()):
        return ""
    prefix: str = getattr(request.state, "prefix", "")
    return f"{request.url.scheme}://{hosts[0].strip()}{prefix}/"
