"""What a command says when it fails, and how it ends: 2 for a mistake in what was given, 1 for any other failure.

With `--json` the error is JSON on standard output as well: `{"error": {"code", "message"}}`.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence
from typing import Any

from common import InputError, VitrineError, first_line, resource_error
from vitrine.cli.output import label

USAGE, FAULT, INTERRUPTED = 2, 1, 130
MISTAKES = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
}
"""What the system says of a path that another path, or other rights, would put right."""


def wants_json(words: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON; also one that cannot be read."""
    return "--json" in words[: words.index("--") if "--" in words else None]


def report(error: Exception, as_json: bool) -> int:
    """Say in one line what went wrong, and return the exit code; raise again what nobody foresaw."""
    code, message, status = _meaning(error)
    if as_json:
        sys.stdout.write(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    if code == "internal":
        raise error
    label("error:", "red")
    sys.stderr.write(f" {message}\n")
    return status


def _meaning(error: Exception) -> tuple[str, str, int]:
    """Return the code, the message and the exit code of an error."""
    if (resource := resource_error(error)) is not None:
        named = getattr(error, "filename", None)
        return resource.code, f"{named}: {resource}" if named else str(resource), FAULT
    if isinstance(error, VitrineError):
        return error.code, str(error), USAGE if isinstance(error, InputError) else FAULT
    if callable(getattr(error, "format_message", None)):
        return "usage", _usage(error), USAGE
    if isinstance(error, OSError) and error.filename is not None:
        said = f"{error.filename}: {error.strerror}; check the path, its rights and the space left on the disk"
        return "file", said, USAGE if error.errno in MISTAKES else FAULT
    httpx = sys.modules.get("httpx")
    if httpx is not None and isinstance(error, httpx.TransportError):
        return "unreachable", f"the other side does not answer ({first_line(error)}); try again", FAULT
    return "internal", f"{type(error).__name__}: {first_line(error)}", FAULT


def _usage(error: Any) -> str:
    """Return what is wrong with a command line, and where its help is; `error` is one of Typer's."""
    options = getattr(error, "possibilities", None)
    message = error.message if options else error.format_message()
    message = (message[:1].lower() + message[1:].rstrip(".")).replace(". Did you mean ", ", did you mean ")
    if options:
        message += f", did you mean {options[0]}?"
    context = getattr(error, "ctx", None)
    see = "" if context is None else f" see {context.command_path} --help"
    return f"{message}{see}" if message.endswith("?") or not see else f"{message};{see}"
