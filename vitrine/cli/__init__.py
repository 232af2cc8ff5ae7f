"""The command line. Each command imports what it needs when it runs, so that `vitrine --help` answers at once.

`cli` is the Typer application, `main` runs it and turns errors into exit codes.
"""

from __future__ import annotations

from vitrine.cli.app import cli, main

__all__ = [
    "cli",
    "main",
]
