"""Notes what a Python process does beyond itself: other machines, other programs, files outside the folders allowed.

A process is guarded from its start by a `sitecustomize.py` in PYTHONPATH (`guarded` writes it). Python tells an audit
hook of what Python code does; strace, where there is one, sees the rest.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

LOG, FOLDERS = "GUARD_LOG", "GUARD_FOLDERS"
STRACE = shutil.which("strace")
PROGRAMS = ("ldconfig", "fc-list")
"""Programs that libraries ask where libraries and fonts are."""
DEVICES = ("/dev/", "/proc/self/")
"""What every program may write to."""
MEMORY = "/dev/shm/"
SYSCALLS = "connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat,rename,renameat2,execve"
CHANGING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|^(?:creat|mkdir|mkdirat|rename|renameat2)\(")
CALL = re.compile(r"^\d+ +(?P<call>(?P<name>\w+)\(.*)")
PATH = re.compile(r'(?:AT_FDCWD<(?P<here>[^>]*)>, )?"(?P<path>[^"]*)"')
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')


def guarded(work: Path, folders: Sequence[Path], root: Path) -> tuple[dict[str, str], Path]:
    """Return an environment whose Python processes are guarded, with a home and a folder for temporary files of its
    own, and the file that the guard's findings go to.

    Args:
        work: where home, temporary files and the log go.
        folders: where else the processes may write.
        root: where the code is.
    """
    for name in ("home", "tmp", "site"):
        (work / name).mkdir(parents=True, exist_ok=True)
    (work / "site" / "sitecustomize.py").write_text("from tests.tools.guard import install\n\ninstall()\n")
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
    allowed = [work / "home" / ".cache", work / "tmp", *folders]
    environment = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
        "PYTHONPATH": os.pathsep.join(map(str, (work / "site", root))),
        "PYTHONDONTWRITEBYTECODE": "1",
        LOG: str(work / "guard.log"),
        FOLDERS: os.pathsep.join(map(str, allowed)),
    }
    return environment, work / "guard.log"


def traced(command: Sequence[str], log: Path) -> list[str]:
    """Return the command, under strace where there is one; what it sees goes to `log`."""
    if STRACE is None:
        return list(command)
    return [STRACE, "-f", "--seccomp-bpf", "-y", "-s", "300", "-o", str(log), "-e", f"trace={SYSCALLS}", *command]


def install() -> None:
    """Write a line for everything that is not allowed, and refuse what would leave the machine.

    A process without the environment of the others is left to strace: a decoder of pictures gets none.
    """
    if LOG not in os.environ:
        return
    out = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    folders = os.environ[FOLDERS].split(os.pathsep)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        fault = _fault(event, arguments, folders)
        if fault:
            os.write(out, f"{fault}\n".encode())
            if event.startswith("socket."):
                raise PermissionError(fault)

    sys.addaudithook(hook)


def _fault(event: str, arguments: tuple[Any, ...], folders: Sequence[str]) -> str:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        return f"{event} {address}" if isinstance(address, tuple) and not _near(address[0]) else ""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return f"{event} {arguments[0]}" if not _near(arguments[0]) else ""
    if event == "open":
        path, mode, flags = arguments
        writes = any(sign in mode for sign in "wax+") if isinstance(mode, str) else flags & (os.O_WRONLY | os.O_RDWR)
        return f"open {path!r}" if writes and not _within(path, folders) else ""
    if event in ("os.mkdir", "os.rename"):
        return "" if _within(arguments[event == "os.rename"], folders) else f"{event} {arguments}"
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system"):
        program = os.path.basename(str(arguments[0]))
        return "" if program in (os.path.basename(sys.executable), *PROGRAMS) else f"{event} {arguments}"
    return ""


def _near(host: Any) -> bool:
    """Whether a host is this machine, without asking anybody."""
    if host is None or host in ("", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def _within(path: Any, folders: Iterable[str]) -> bool:
    """Whether a path is in one of the folders; a number is a file that is open already."""
    if isinstance(path, int):
        return True
    place = os.path.realpath(os.fsdecode(path))
    # Python keeps what it has compiled beside the source.
    return (
        "__pycache__" in place
        or (place.startswith(DEVICES) and not place.startswith(MEMORY))
        or place.startswith(f"{MEMORY}sem.")  # a lock between processes
        or any(place == folder or place.startswith(f"{folder}/") for folder in folders)
    )


def faults_in_trace(trace: Path, environment: Mapping[str, str], here: Path) -> list[str]:
    """Return the lines of strace that show another machine, another program, or a file outside the folders allowed.

    Args:
        trace: what strace wrote.
        environment: that of the process.
        here: its working folder.
    """
    folders = [environment[LOG], *environment[FOLDERS].split(os.pathsep)]
    programs = (os.path.basename(sys.executable), *PROGRAMS)
    found = []
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        call, name = match["call"], match["name"]
        if name in ("connect", "sendto", "sendmsg", "sendmmsg"):
            wrong = any(not _near(four or six) for four, six in ADDRESS.findall(call))
        elif name == "execve":
            program = PATH.search(call)
            wrong = call.endswith("= 0") and (program is None or os.path.basename(program["path"]) not in programs)
        else:
            places = [os.path.join(one["here"] or here, one["path"]) for one in PATH.finditer(call)]
            wrong = (
                CHANGING.search(call) is not None
                and re.search(r"= \d", call) is not None
                and not all(_within(place, folders) for place in places[:2])
            )
        if wrong:
            found.append(line)
    return found
