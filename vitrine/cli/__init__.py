"""The command line. Each command imports what it needs when it runs, so that `vitrine --help` answers at once.

`cli` is the Typer application, `main` runs it and turns errors into exit codes.
"""

from __future__ import annotations

from importlib import import_module

from vitrine.cli.app import cli, main

MODULES = "start search tag training catalogue map evaluation data feeds experiments operate mcp version"
"""A module registers its commands when it is imported; `vitrine.cli.app.ORDER` is the order of the help."""
for _module in MODULES.split():
    import_module(f"{__name__}.{_module}")

__all__ = [
    "cli",
    "main",
]
