"""Which addresses a mirror may ask: of a form that is safe to follow, and of a host in the public network.

The form is checked in the text, the host when it is connected to (see transport.py): a name may change its meaning.
"""

from __future__ import annotations

import ipaddress

import httpx

MAX_ADDRESS = 4096
"""Characters of an address."""
PORTS = frozenset({80, 443, *range(1024, 65536)})
"""Others are of services of other kinds, such as mail, that a request must not be sent to."""
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that gateways turn into the IPv4 address at their end (RFC 6052)."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedError(Exception):
    """An address that is not asked; its text says why."""


def checked_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return an address as a URL whose form is safe to follow.

    Args:
        text: as a feed or a redirect has it; `//host/…` stands for https.
        base: what a relative address counts from; without one it is refused.

    Raises:
        RefusedError: it is no http or https address, holds a password, or is not well-formed.
    """
    text = text.strip()
    if len(text) > MAX_ADDRESS:
        raise RefusedError(f"an address of {len(text):,} characters; at most {MAX_ADDRESS:,} are followed")
    if text.startswith("//") and base is None:
        text = f"https:{text}"
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise RefusedError(f"an address that is not well-formed ({error})") from error
    if url.scheme not in ("http", "https"):
        raise RefusedError(f"an address of the scheme {url.scheme[:20]!r}; only http and https are followed")
    if url.userinfo:
        raise RefusedError("an address with a user name or password; no credentials are sent")
    if not url.host:
        raise RefusedError("an address without a host")
    if url.port is not None and url.port not in PORTS:
        raise RefusedError(f"an address with the port {url.port}; 80, 443 and 1024 to 65535 are asked")
    return url.copy_with(fragment=None)


def host_of(url: httpx.URL) -> str:
    """Return the host and port of a URL, which share one limit and one robots.txt."""
    return f"{url.scheme}://{url.netloc.decode('ascii').lower()}"


def is_public(address: IpAddress) -> bool:
    """Return whether an IP address is of the public network, also the IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in TRANSLATED:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if int(address) >> 32 == 0:  # ::a.b.c.d, the old way to write an IPv4 address (RFC 4291, 2.5.5.1)
            inner.append(ipaddress.IPv4Address(int(address)))
        found = [one for one in inner if one is not None]
        if found:
            return all(is_public(one) for one in found)
        if address.is_site_local:  # fec0::/10, which RFC 3879 took back
            return False
    return address.is_global and not address.is_multicast
