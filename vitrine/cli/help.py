"""The look of the help: plain lines, commands below headings in the order of the work, an example that can be copied.

Without rich, which takes longer to import than the rest of the command line.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from vitrine.cli.output import coloured

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
else:
    HelpFormatter = typer.Context.formatter_class  # Click's; releases of Typer differ in where it is

Function = TypeVar("Function", bound=Callable[..., Any])
WIDEST = 120
"""Columns that a line of help takes at most."""


class Formatter(HelpFormatter):
    """Writes headings in bold where it is a terminal, and no wider than can be read."""

    def __init__(self, **_: Any) -> None:
        super().__init__(max_width=WIDEST)

    def write_heading(self, heading: str) -> None:
        """Write the heading of a list."""
        self.write(f"{coloured(heading, 'green', bold=True)}:\n")


class HelpContext(typer.Context):
    """Uses that formatter."""

    formatter_class = Formatter


def _write_epilog(epilog: str | None, formatter: HelpFormatter) -> None:
    """Write what follows the lists; an example stays one line, so that it can be copied."""
    for paragraph in inspect.cleandoc(epilog or "").split("\n\n"):
        example = re.fullmatch(r"Example: `(.*)`", paragraph)
        formatter.write_paragraph()
        if example:
            formatter.write(f"{coloured('Example', 'green', bold=True)}:\n  {example.group(1)}\n")
        elif paragraph:
            formatter.write_text(paragraph)


class Command(TyperCommand):
    """A command whose help looks so."""

    context_class = HelpContext

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the example."""
        _write_epilog(self.epilog, formatter)


class Group(TyperGroup):
    """Commands below the headings of their panels, in the order of `order`; those that it lacks come last."""

    context_class = HelpContext
    order: tuple[str, ...] = ()

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read a command line; one without a command asks for the help."""
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["--help"])

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the commands in their order."""
        places = {name: place for place, name in enumerate(self.order)}
        return sorted(self.commands, key=lambda name: places.get(name, len(places)))

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each panel's commands below its heading."""
        panels: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands), default=0)
        for name in self.list_commands(ctx):
            command = self.commands[name]
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                sentence = re.match(r".*?[^.](?=[.:](\s|$)|$)", " ".join((command.help or "").split()))
                panels.setdefault(panel, []).append((name.ljust(width), sentence.group() if sentence else ""))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write what follows the lists."""
        _write_epilog(self.epilog, formatter)


class Commands(typer.Typer):
    """A Typer application whose commands and groups have such a help."""

    def __init__(self, *, order: tuple[str, ...] = (), **options: Any) -> None:
        options.setdefault("cls", type("Ordered", (Group,), {"order": order}))
        super().__init__(rich_markup_mode=None, pretty_exceptions_enable=False, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Register a command, as Typer's."""
        return super().command(name, **{"cls": Command, **options})
