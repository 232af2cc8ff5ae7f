"""The part of `vitrine doctor` that asks who can reach what: files, addresses, proxies, host names, libraries' reports.

Changes nothing.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

from app.findings import Finding
from app.settings import Settings
from common import CACHE, REPORTS_OFF
from index import Location

WIDEST_NETWORK = {4: 8, 6: 7}
"""Length of the prefixes of the widest private networks, 10.0.0.0/8 and fc00::/7, by version of IP."""
DEVICE_ID = Path(CACHE) / "Microsoft" / "DeveloperTools" / ".onnxruntime"
"""Where onnxruntime keeps a device id and the events that it has not sent yet."""


def exposure(settings: Settings, catalogue: Location) -> list[Finding]:
    """Return what is open to whom, of the settings and of the files."""
    return [
        *_files(settings, catalogue),
        _network(settings),
        _pages(settings),
        _proxies(settings),
        _hosts(settings),
        _reports(),
    ]


def _files(settings: Settings, catalogue: Location) -> list[Finding]:
    """Look at what other users of the machine may read."""
    found = []
    if settings.keys.exists():
        mode = stat.S_IMODE(settings.keys.stat().st_mode)
        said = f"{settings.keys} has mode {mode:04o}"
        if mode & 0o077:
            found.append(Finding("key file", "problem", f"{said}: others may read it", f"chmod 600 {settings.keys}"))
        else:
            found.append(Finding("key file", "ok", said))
    if settings.reads == "keyed" and isinstance(catalogue, Path) and catalogue.is_dir():
        files = [path for path in catalogue.resolve().iterdir() if path.is_file() and not path.is_symlink()]
        wide = [path.name for path in files if path.stat().st_mode & 0o007]
        if wide and catalogue.resolve().stat().st_mode & 0o005:
            said = f"every user of the machine may read {wide[0]} and {len(wide) - 1} more, though searches need a key"
            found.append(Finding("files", "problem", said, f"chmod -R o-rwx {catalogue.resolve()}"))
        else:
            found.append(Finding("files", "ok", f"only owner and group may read {catalogue}"))
    return found


def _network(settings: Settings) -> Finding:
    if is_loopback(settings.host):
        return Finding("network", "ok", f"{settings.host}: this machine only")
    missing = [
        words
        for words, lacks in (
            ("VITRINE_READS=keyed, unless everybody may search", settings.reads == "open"),
            ("VITRINE_METRICS=keyed or off", settings.metrics == "open"),
            ("VITRINE_RATE_LIMIT, such as 600/minute", not settings.rate_limit),
        )
        if lacks
    ]
    said = f"{settings.host}: other machines"
    if missing:
        return Finding("network", "note", said, f"set {', '.join(missing)}; docs/security.md")
    return Finding("network", "ok", f"{said}, with keys and a limit")


def _pages(settings: Settings) -> Finding:
    said = {
        "lab": "lab: search, map and evaluation, with figures of the inside",
        "shop": "shop: what customers need",
        "off": "off: the API alone",
    }[settings.pages]
    if settings.pages == "lab" and settings.reads == "open" and not is_loopback(settings.host):
        return Finding("pages", "note", said, "set VITRINE_PAGES=shop for customers, or off")
    return Finding("pages", "ok", said)


def _proxies(settings: Settings) -> Finding:
    named = [part.strip() for part in settings.trusted_proxies.split(",") if part.strip()]
    wide = [part for part in named if _is_wide(part)]
    if wide:
        fix = "name your proxies in VITRINE_TRUSTED_PROXIES; who is trusted can pass for any caller"
        return Finding("proxies", "problem", f"trusted: {', '.join(wide)}, which is nearly everybody", fix)
    return Finding("proxies", "ok", f"trusted: {', '.join(named) or 'none'}")


def _is_wide(named: str) -> bool:
    if named == "*":
        return True
    try:
        network = ipaddress.ip_network(named, strict=False)
    except ValueError:
        return False
    return network.prefixlen < WIDEST_NETWORK[network.version]


def _hosts(settings: Settings) -> Finding:
    named = settings.allowed_hosts.strip()
    if named and named != "*":
        return Finding("hosts", "ok", named)
    if not named and is_loopback(settings.host):
        return Finding("hosts", "ok", "the names of this machine")
    fix = "name yours in VITRINE_ALLOWED_HOSTS, such as shop.example: a page of another name may ask the service too"
    return Finding("hosts", "note", "requests for any name are answered", fix)


def _reports() -> Finding:
    """Look whether libraries report to their makers. Here they do not; a program of one's own may import them first."""
    if DEVICE_ID.exists():
        fix = (
            f"remove it, and set ORT_DISABLE_TELEMETRY=1 for programs that import onnxruntime before vitrine: rm -r "
            f"{DEVICE_ID}"
        )
        return Finding("reports", "note", f"onnxruntime has kept a device id in {DEVICE_ID}", fix)
    return Finding("reports", "ok", "off: " + ", ".join(name for name in REPORTS_OFF if os.environ.get(name)))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is one that only this machine reaches."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
