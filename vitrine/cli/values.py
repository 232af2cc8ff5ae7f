"""Values that an option may take: checked as soon as they are read, and completed by the shell. Knows no command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from common import InputError

Names = Sequence[str] | Callable[[], Sequence[str]]
"""Values, or what returns them; a function, where it imports what a command line without the option does without."""

SPLITS = ("train", "validation", "test", "all")
PROTOCOLS = ("pairs", "kagl")
MODES = ("hybrid", "vector", "lexical")
HALVES = ("tune", "report", "all")
SCOPES = ("search", "read", "write", "admin")
PICTURE_PLACES = ("inside", "folder")
DEVICES = ("auto", "cpu", "cuda", "cuda:0")
"""Copies of names that packages have which take long to import; a test compares them."""


def unknown(what: str, value: str, names: Sequence[str]) -> InputError:
    """Return the error of a value that is none of `names`: with the nearest of them, and all."""
    from index import did_you_mean

    meant = did_you_mean(value, names) or ";"
    choose = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)
    return InputError(f"there is no {what} {value!r}{meant} choose {choose}")


def one_of(what: str, names: Names, *declarations: str, **option: Any) -> Any:
    """Return an option whose value is one of `names`; `what` they are called in an error."""

    def known() -> Sequence[str]:
        return names if isinstance(names, Sequence) else names()

    def check(ctx: typer.Context, value: str | None) -> str | None:
        if value is not None and not ctx.resilient_parsing and value not in known():
            raise unknown(what, value, known())
        return value

    return typer.Option(*declarations, callback=check, autocompletion=completer(known), **option)


def completer(names: Callable[[], Sequence[str]]) -> Callable[[str], list[str]]:
    """Return what completes the beginning of a value for the shell; a failure there must not disturb a prompt."""

    def complete(incomplete: str) -> list[str]:
        try:
            return [name for name in names() if name.startswith(incomplete)]
        except Exception:
            return []

    return complete


def checked_device(ctx: typer.Context, value: str | None) -> str | None:
    """Refuse a device that there is nowhere, before anything else is looked at."""
    if value is not None and not ctx.resilient_parsing and value not in DEVICES:
        from models import check_device

        check_device(value)
    return value


def device_option(about: str = "auto, cpu, cuda or cuda:N.") -> Any:
    """Return the option --device."""
    return typer.Option(callback=checked_device, autocompletion=completer(lambda: DEVICES), help=about)
