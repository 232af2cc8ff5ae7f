"""Which process listens on a port of this machine, where the system says so (/proc on Linux). Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENS = "0A"
"""The state of a socket that listens, as /proc/net/tcp writes it."""
ROOT = Path("/proc")


def port_owner(port: int, root: Path = ROOT) -> str | None:
    """Return who listens on a port, such as `pid 4711 (vitrine serve)`; None where nobody says so.

    Processes of other users hide their sockets.
    """
    sockets = {f"socket:[{inode}]" for name in ("tcp", "tcp6") for inode in _listening(root / "net" / name, port)}
    if not sockets:
        return None
    for process in sorted((path for path in root.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name)):
        with suppress(OSError):
            if any(_target(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                return f"pid {process.name} ({_called(process)})"
    return None


def _listening(table: Path, port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on a port."""
    with suppress(OSError):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # it was closed meanwhile
        return ""


def _called(process: Path) -> str:
    """Return what a process is called: our command and its first word, else the program."""
    words = (process / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    ours = next((at for at, word in enumerate(words) if re.fullmatch(r"(.*/)?vitrine(/__main__\.py)?", word)), None)
    if ours is None:
        return Path(words[0]).name or "unnamed"
    return " ".join(["vitrine", *words[ours + 1 : ours + 2]])
