"""The Typer application, `main`, which turns errors into exit codes, and how a command prints. Knows no command.

The modules of commands register their functions here; `vitrine/cli/__init__` imports them.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console

from common import InputError, VitrineError, resource_error

START, OWN, LAB, RUNNING = "Start here", "Your own products", "Experiments", "Running it"
"""The panels of `vitrine --help`."""

cli = typer.Typer(
    name="vitrine",
    help="Image-text retrieval for a product catalogue: train a dual encoder, index the products, serve the search.\n\n"
    "New here? `vitrine demo` does all of it on a drawn catalogue, offline, in about two minutes. "
    "Your own products: `vitrine data info PATH`, `vitrine index --data PATH`, `vitrine serve`. "
    "Something is wrong: `vitrine doctor`.",
    epilog="Every command has its own `--help` with an example. Results go to standard output, as JSON with `--json`; "
    "progress and errors go to standard error. Exit code 2 is a mistake in what was given, 1 any other failure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_cli = typer.Typer(help="Look at a data set, or get one.", no_args_is_help=True)
cli.add_typer(data_cli, name="data", rich_help_panel=OWN)
key_cli = typer.Typer(help="Make, list and revoke the keys that the service asks for.", no_args_is_help=True)
cli.add_typer(key_cli, name="key", rich_help_panel=RUNNING)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    # Threads that spin at a barrier slow torch down many times when another process takes a core. libgomp reads this
    # once, when torch is first imported. An operator's own choice stands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Pillow warns of damaged EXIF blocks in the middle of a progress bar; the report says which pictures are unusable.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        with safe_children():
            cli()
    except Exception as error:
        _report(error)


@contextmanager
def safe_children() -> Iterator[None]:
    """Keep the working folder out of the path of every Python process that starts within the block.

    `python -c`, which also starts the children of multiprocessing, would put that folder first: a `json.py` there would
    run in them.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONSAFEPATH", None)
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _report(error: Exception) -> None:
    """Say in one line what went wrong, and exit; raise again what we did not foresee."""
    if (resource := resource_error(error)) is not None:
        named = getattr(error, "filename", None)
        _fail(f"{named}: {resource}" if named else str(resource), 1)
    if isinstance(error, VitrineError):
        _fail(str(error), 2 if isinstance(error, InputError) else 1)
    if isinstance(error, OSError) and error.filename is not None:
        _fail(f"{error.filename}: {error.strerror}; check the path, its rights and the space left on the disk", 2)
    raise error


def say(value: Any, as_json: bool) -> None:
    """Print a table or another renderable, or plain data as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    else:
        Console().print(value)


def tell(line: str, highlight: bool = True) -> None:
    """Print one line without wrapping it; `highlight` colours numbers and paths."""
    Console(soft_wrap=True, highlight=highlight).print(line)


def warn(line: str) -> None:
    """Print a line that does not stop the command, on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print("[bold yellow]warning:[/] ", end="")
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(line)


def _fail(message: str, code: int) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print("[bold red]error:[/] ", end="")
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(message)
    sys.exit(code)
