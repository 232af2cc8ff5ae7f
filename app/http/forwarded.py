"""Whose request it is when it comes through proxies: their headers are believed from those that are named, only."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}|([0-9A-Fa-f:.]+)")
"""An address, or one with a port: `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]:4711`."""


class Proxies:
    """The proxies that are trusted to say whom they speak for, by address or network; `*` for every peer.

    Raises:
        ValueError: an entry is neither.
    """

    def __init__(self, entries: str) -> None:
        named = [entry.strip() for entry in entries.split(",") if entry.strip()]
        self._networks = []
        for entry in [each for name in named for each in (("0.0.0.0/0", "::/0") if name == "*" else (name,))]:
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                raise ValueError(
                    f"{entry[:100]!r} is no address and no network; give such as 10.0.0.5 or 10.0.0.0/8, with commas"
                    " between, or nothing to believe no proxy"
                ) from None

    def trusts(self, host: str) -> bool:
        """Return whether a peer of this address is one of the proxies."""
        address = _address(host) if self._networks else None
        return address is not None and self._trusts(address)

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the address of the caller, given that of the peer and its `X-Forwarded-For` headers.

        Each proxy adds the address that it was called from at the end, so the list is walked from there for as long as
        the hop is trusted. What is no address ends the walk: anybody may have written it, and all before it.
        """
        found = peer
        if not self.trusts(peer):
            return found
        for entry in reversed(",".join(forwarded_for).split(",")):
            match = HOP.fullmatch(entry.strip(" \t"))
            address = _address(match[match.lastindex or 0]) if match else None
            if address is None:
                break
            found = str(address)
            if not self._trusts(address):
                break
        return found

    def scheme(self, peer: str, forwarded_proto: Sequence[str], spoken: str) -> str:
        """Return the scheme that the caller used: what one trusted proxy says in `X-Forwarded-Proto`, else `spoken`."""
        if len(forwarded_proto) == 1 and forwarded_proto[0] in ("http", "https") and self.trusts(peer):
            return forwarded_proto[0]
        return spoken

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """Return the address that a text is, one of IPv4 within IPv6 as the former; None if it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
