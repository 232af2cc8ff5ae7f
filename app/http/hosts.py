"""Which names the service answers for, so that no foreign name can be made to lead a browser to it (DNS rebinding)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from app.errors import MisdirectedError
from app.http.access import WATCHED

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::\d{1,5})?", re.IGNORECASE)
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Hosts:
    """The names in `allowed`, with commas between; `*` stands for all, `*.shop.example` for all below a domain.

    Without any, a service that listens on loopback answers for the names of loopback, and any other one for all.
    """

    def __init__(self, allowed: str, listens_on: str) -> None:
        names = [name.strip().lower() for name in allowed.split(",") if name.strip()]
        if not names:
            names = [*LOOPBACK, listens_on.lower()] if _is_loopback(listens_on) else ["*"]
        self._all = "*" in names
        self._names = set(names)
        self._domains = tuple(name[1:] for name in names if name.startswith("*."))

    def check(self, hosts: Sequence[str], path: str) -> None:
        """Refuse a request by its `Host` headers.

        What machines poll may also be asked by an address, as they do who know none of the names: a browser that is
        led astray always has a name.

        Raises:
            MisdirectedError: none, several, or one that is not allowed.
        """
        if self._all:
            return
        if not hosts and path in WATCHED:
            return
        match = HOST.fullmatch(hosts[0].strip()) if len(hosts) == 1 else None
        name = match[1].lower().rstrip(".") if match else ""
        if name in self._names or (self._domains and name.endswith(self._domains)):
            return
        if path in WATCHED and name and _is_address(name.strip("[]")):
            return
        raise MisdirectedError(
            "the request is for a host that the service does not answer for; send one of the names in"
            " VITRINE_ALLOWED_HOSTS, by default localhost when it listens on loopback"
        )


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
