"""Modules of ours put together when the service starts: a script brings all that it imports in one request.

Each module within another's file is a function that returns what it exports, so no name of one meets a name of another.
It is run once for a page, in whatever file it comes: all share `modules`, which the script with the elements exports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"\./([\w.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
OTHER = re.compile(
    r'^(?:import (?!(?:\{[^}]*\} from )?"\./[\w.-]+";$)|export (?!(?:async )?(?:function\*?|class|const) )).*', re.M
)
"""What the house writes of imports and exports, and what it does not."""


@dataclass(frozen=True, slots=True)
class _Module:
    """A module, read once for all the files that it goes into."""

    imports: list[str]
    apart: bool
    """Whether it stays a file of its own: it exports in another way, or takes what is vendored."""
    body: str
    """Its text with what it imports taken from `modules`."""
    wrapped: str
    """The same as a part of another file."""


def with_bundles(files: Mapping[str, bytes], shared: str) -> dict[str, bytes]:
    """Return the files, where each module of ours brings what it imports.

    Args:
        files: by their paths; modules of ours are those at the top.
        shared: the module that all pages load: the others take from it what it has.

    Raises:
        ValueError: two modules import each other.
        KeyError: a module that is imported is missing.
    """
    ours = {
        path: _read(path, data.decode()) for path, data in files.items() if path.endswith(".js") and "/" not in path
    }
    common = _needed(ours, shared)
    made = {shared: _joined(["export const modules = {};"], ours, common)}
    for path in ours.keys() - set(common):
        head = [f'import {{ modules }} from "./{shared}";'] if ours[path].imports else []
        made[path] = _joined(head, ours, [name for name in _needed(ours, path) if name not in common])
    return {**files, **{path: text.encode() for path, text in made.items()}}


def _read(name: str, text: str) -> _Module:
    body = IMPORT.sub(_taken, text)
    exported = ", ".join(EXPORT.findall(text))
    wrapped = f'modules["{name}"] ??= (() => {{\n{EXPORT.sub("", body)}return {{ {exported} }};\n}})();'
    return _Module([module for _, module in IMPORT.findall(text)], bool(OTHER.search(text)), body, wrapped)


def _joined(head: list[str], ours: Mapping[str, _Module], names: list[str]) -> str:
    """Return the last of these modules, after what it and the others import."""
    *before, last = names
    imported = dict.fromkeys(module for name in names for module in ours[name].imports)
    apart = [module for module in imported if ours[module].apart]
    linked = [
        f'import * as apart{row} from "./{name}";\nmodules["{name}"] ??= apart{row};' for row, name in enumerate(apart)
    ]
    return "\n".join([*head, *linked, *(ours[name].wrapped for name in before), ours[last].body])


def _needed(ours: Mapping[str, _Module], entry: str) -> list[str]:
    """Return the modules that one imports before it runs, each after its own, and it last."""
    order: list[str] = []

    def gather(name: str, path: list[str]) -> None:
        if name in path:
            raise ValueError(f"modules import each other: {' -> '.join([*path, name])}")
        if name in order:
            return
        for imported in ours[name].imports:
            if not ours[imported].apart:
                gather(imported, [*path, name])
        order.append(name)

    gather(entry, [])
    return order


def _taken(found: re.Match[str]) -> str:
    wanted = re.sub(r"(\w+) as (\w+)", r"\1: \2", " ".join((found[1] or "").split()))
    return f'const {wanted} = modules["{found[2]}"];' if wanted else ""
