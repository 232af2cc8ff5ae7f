"""The Typer application and `main`, which runs it. Knows no command.

The modules of commands register their functions here; `vitrine/cli/__init__` imports them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from vitrine.cli.errors import report, wants_json
from vitrine.cli.help import Commands
from vitrine.cli.output import say, tell, warn

__all__ = [
    "ABOUT",
    "MORE",
    "OWN",
    "RUNNING",
    "START",
    "cli",
    "data_cli",
    "key_cli",
    "main",
    "safe_children",
    "say",
    "tell",
    "warn",
]

START, OWN, RUNNING, MORE = "Start here", "Your own products, in this order", "Running it", "More"
"""The headings of `vitrine --help`."""
ORDER = (
    *("demo", "search", "doctor"),
    *("data", "train", "index", "evaluate", "serve"),
    *("key", "sync", "tag", "mcp", "copy", "settings"),
    *("map", "calibrate", "export", "pack", "sweep", "compare", "version"),
)
"""The order of the commands there."""

ABOUT = (
    "Image-text retrieval for a product catalogue: index the products, search them, serve the search, train on "
    "them.\n\n"
    "\b\n"
    "The first four:\n"
    "  vitrine demo                draw a shop, train on it, serve it: offline, in minutes\n"
    "  vitrine index shop.csv      encode your own products; the model comes along\n"
    '  vitrine search "red dress"  ask them\n'
    "  vitrine serve               search page and API on http://127.0.0.1:8000"
)
"""What `vitrine --help` begins with."""

cli = Commands(
    name="vitrine",
    help=ABOUT,
    epilog="Every command has its own --help with an example. Results go to standard output: tables in a terminal, "
    "lines with tabs in a pipe, JSON with --json, errors too. Progress and errors go to standard error. Exit code 2 is "
    "a mistake in what was given, 1 any other failure.",
    order=ORDER,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_cli = Commands(help="Look at a data set, or get one.")
cli.add_typer(data_cli, name="data", rich_help_panel=OWN)
key_cli = Commands(help="Make, list and revoke the keys that the service asks for.")
cli.add_typer(key_cli, name="key", rich_help_panel=RUNNING)


def main() -> None:
    """Run the command line; an error is one line on standard error, and an exit code."""
    # Threads that spin at a barrier slow torch down many times when another process takes a core. libgomp reads this
    # once, when torch is first imported. An operator's own choice stands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Pillow warns of damaged EXIF blocks in the middle of a progress bar; the report says which pictures are unusable.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    words = sys.argv[1:]
    try:
        with safe_children():
            status = cli(words, prog_name="vitrine", standalone_mode=False)
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        status = report(error, wants_json(words))
    if status:
        sys.exit(status)


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
