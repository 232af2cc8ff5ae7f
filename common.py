"""What every package shares: the exception tree, atomic files, JSON files, lazy exports and the check for an extra.

Importing it keeps libraries from reporting to their makers; it imports nothing of ours. How an error becomes an HTTP
status is in app/http/errors.py, and an exit code in vitrine/cli. Every message says what we got, need, and what to do.

    VitrineError                    something went wrong that we can name
    ├── InputError                  the user's mistake
    │   ├── ConfigError             a setting or a training config
    │   ├── DataError               a data set
    │   ├── ImageError              one image that cannot be used
    │   ├── ArtefactError           a checkpoint or catalogue that is missing, damaged or of another kind
    │   ├── NotFoundError           no product of that id
    │   ├── ConflictError           a product is not in the state that a change expects
    │   └── ReadOnlyError           a catalogue that cannot be written
    ├── ReplacedError               another catalogue is in its place now: try again
    ├── UnreachableError            a hub, service or feed that does not answer: try again later
    │   └── DatabaseUnavailableError    a database that does not
    ├── DamagedProductError         one product that the catalogue does not hold as it was stored
    ├── NoSpaceError                a disk that is full
    ├── OutOfMemoryError            memory that the system does not give
    └── OverloadedError             too much work at once: try again later
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REPORTS_OFF = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: a device id and events from the moment it is imported (release 1.32)
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""Variables that keep libraries from reporting to their makers; they read them when they are imported."""
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")

# Every package imports this module first, so that this comes before the libraries.
if "onnxruntime" in sys.modules and not os.environ.get("ORT_DISABLE_TELEMETRY"):
    warnings.warn(
        "onnxruntime was imported before Vitrine, so its telemetry is on; import vitrine first, or set "
        "ORT_DISABLE_TELEMETRY=1 in the environment",
        stacklevel=2,
    )
os.environ.update(REPORTS_OFF)
os.environ.setdefault("MPLCONFIGDIR", os.path.join(CACHE, "vitrine", "matplotlib"))

UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
"""Characters of texts that nobody sees, such as soft hyphens, as the inside of a class of a regular expression."""


class VitrineError(Exception):
    """Base of every error that Vitrine raises on purpose; its text is fit for a user."""

    code = "error"


class InputError(VitrineError):
    """The request, command or file given cannot be used as it is."""

    code = "bad_input"


class ConfigError(InputError):
    """A setting or a training config has an unknown, missing or contradictory field."""

    code = "bad_config"


class DataError(InputError):
    """A data set cannot be read."""

    code = "bad_data"


class ImageError(InputError):
    """One image cannot be decoded, or is larger than allowed."""

    code = "bad_image"


class ArtefactError(InputError):
    """A checkpoint or catalogue is missing, damaged or belongs to something else."""

    code = "bad_artefact"


class NotFoundError(InputError):
    """The catalogue has no product of that id."""

    code = "not_found"


class ConflictError(InputError):
    """A product is not, or no longer, in the state that a change expects."""

    code = "conflict"


class ReadOnlyError(InputError):
    """The catalogue cannot be written."""

    code = "read_only"


class ReplacedError(VitrineError):
    """Another catalogue has replaced the one that is open; the caller should try again."""

    code = "unavailable"


class UnreachableError(VitrineError):
    """A hub, a service or a feed does not answer; the caller should try again later."""

    code = "unreachable"


class DatabaseUnavailableError(UnreachableError):
    """The database that holds the catalogue does not answer; the caller should try again later."""

    code = "unavailable"


class DamagedProductError(VitrineError):
    """What the catalogue holds of one product is not what was stored; the others are fine."""

    code = "damaged"


class NoSpaceError(VitrineError):
    """The disk is full or a quota is used up; nothing was changed. The caller may try again when there is room."""

    code = "no_space"


class OutOfMemoryError(VitrineError):
    """The system gave no memory for the work; the caller may try again later. It says nothing of what was sent."""

    code = "out_of_memory"


class OverloadedError(VitrineError):
    """More work is waiting than the queue admits; the caller should try again later."""

    code = "overloaded"


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # a disk, a quota or a limit of files leaves no room
FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large", "os error 28", "os error 122")
MEMORY_TEXTS = ("can't allocate memory", "bad allocation", "bad_alloc", "Failed to allocate memory")  # of libraries
SQLITE_UNWRITTEN = (13, 778)  # SQLITE_FULL and SQLITE_IOERR_WRITE; `sqlite3` itself is not imported for them
LIBRARY_ERRORS = {"RuntimeException", "Fail", "SafetensorError"}  # of onnxruntime and safetensors: not imported here


def resource_error(error: BaseException | None) -> NoSpaceError | OutOfMemoryError | None:
    """Return what an error means when it, or what caused it, is a full disk or no memory; None: something else."""
    while error is not None:
        if isinstance(error, (NoSpaceError, OutOfMemoryError)):
            return error
        memory = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        library = isinstance(error, RuntimeError) or type(error).__name__ in LIBRARY_ERRORS
        said = str(error) if library else ""  # texts of other types may hold words of a caller's
        if memory or any(text in said for text in MEMORY_TEXTS):
            return OutOfMemoryError("the system has no memory left for this; free some, or ask for less at once")
        state = getattr(error, "sqlstate", None)  # of PostgreSQL: disk_full, out_of_memory
        if state == "53200":
            return OutOfMemoryError("the database has no memory left for this; ask for less at once")
        full = state == "53100" or (isinstance(error, OSError) and error.errno in FULL)
        # SQLite names a full disk. A quota and a limit of files come as a write that failed.
        unwritten = getattr(error, "sqlite_errorcode", None) in SQLITE_UNWRITTEN
        if full or unwritten or any(text in said for text in FULL_TEXTS):
            return NoSpaceError("the disk is full or a quota is used up; make room, then try again")
        error = error.__cause__
    return None


def reserve(descriptor: int, size: int) -> None:
    """Make an open file `size` bytes long and take its room on the disk, where the system can; OSError: it has none.

    Before a file is written through a mapping: there a full disk would end the process (SIGBUS).
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it replaces `path` when the block succeeds, else it is removed.

    The content is synced to disk before the rename, so a crash leaves the old file or the new one, never half.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`; it replaces `path` when the block succeeds, else it is removed.

    A folder cannot be replaced in one step: a crash between the two renames leaves the old one as `*.old`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    beside.mkdir()
    old = beside.with_suffix(".old")
    try:
        yield beside
        if path.exists():
            path.rename(old)
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented UTF-8 JSON, atomically."""
    with atomic_file(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path, remedy: str, *, file_format: int | None = None) -> dict[str, Any]:
    """Return the JSON object in `path`, a file that one of our commands wrote.

    `remedy` ends each message: what the user does about a file that cannot be used. `file_format` is the number that
    the object must hold under "format"; none: it has no number.

    Raises:
        ArtefactError: there is no file, it is damaged, or of another format.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object")
    except OSError as reason:
        raise ArtefactError(f"{path} cannot be read ({reason.strerror}); {remedy}") from reason
    except ValueError as reason:  # no JSON, or no UTF-8
        raise ArtefactError(f"{path} is damaged ({reason}); {remedy}") from reason
    if file_format is not None and value.get("format") != file_format:
        raise ArtefactError(f"{path} is of format {value.get('format')}; this version reads {file_format}: {remedy}")
    return value


def compute_threads() -> int:
    """Return how many calls compute at once: OMP_NUM_THREADS, or one more than cores, since some wait for the lock."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # what follows is for teams within teams
    cores = len(os.sched_getaffinity(0))
    return int(asked) if asked.isdecimal() and int(asked) else cores + (cores > 1)


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text that is not blank, or the name of its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def require(extra: str, *modules: str, what: str) -> None:
    """Check, without importing them, that modules of an extra are there; ConfigError: one that `what` needs is not."""
    for name in modules:
        try:
            found = find_spec(name)
        except (ImportError, ValueError):  # ValueError: None stands in its place among the loaded modules
            found = None
        if found is None:
            raise ConfigError(f"{what} needs {name}, which is not installed; run pip install 'vitrine[{extra}]'")


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of `package`, which imports each exported name on first use (PEP 562).

    `modules` lists the names that each module gives, separated by spaces. No name may be that of a submodule: Python
    sets a submodule as an attribute of its package, and then `__getattr__` is not called.
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def resolve(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return resolve
