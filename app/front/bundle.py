"""Modules of ours put together when the service starts: a script brings all that it imports in one request.

Each module within another's file is a function that returns what it exports, so no name of one meets a name of another.
It is run once for a page, in whatever file it comes: all share `modules`, which the script with the elements exports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"\./([\w.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
OTHER = re.compile(
    r'^(?:import (?!(?:\{[^}]*\} from )?"\./[\w.-]+";$)|export (?!(?:async )?(?:function\*?|class|const) )).*', re.M
)
"""What the house writes of imports and exports, and what it does not."""


def with_bundles(files: Mapping[str, bytes], shared: str) -> dict[str, bytes]:
    """Return the files, where each module of ours brings what it imports.

    Args:
        files: by their paths; modules of ours are those at the top.
        shared: the module that all pages load: the others take from it what it has.

    Raises:
        ValueError: two modules import each other.
        KeyError: a module that is imported is missing.
    """
    texts = {path: data.decode() for path, data in files.items() if path.endswith(".js") and "/" not in path}
    common = _needed(texts, shared)
    made = {shared: _joined(["export const modules = {};"], texts, common)}
    for path in texts.keys() - set(common):
        needed = _needed(texts, path)
        head = [f'import {{ modules }} from "./{shared}";'] if IMPORT.search(texts[path]) else []
        made[path] = _joined(head, texts, [name for name in needed if name not in common])
    return {**files, **{path: text.encode() for path, text in made.items()}}


def _joined(head: list[str], texts: Mapping[str, str], names: list[str]) -> str:
    """Return the last of these modules, after what it and the others import."""
    *before, last = names
    body = _body(texts[last])
    parts = [_wrapped(name, texts[name]) for name in before]
    imported = dict.fromkeys(module for name in names for _, module in IMPORT.findall(texts[name]))
    apart = [module for module in imported if OTHER.search(texts[module])]
    linked = [
        f'import * as apart{row} from "./{name}";\nmodules["{name}"] ??= apart{row};' for row, name in enumerate(apart)
    ]
    return "\n".join([*head, *linked, *parts, body])


def _needed(texts: Mapping[str, str], entry: str) -> list[str]:
    """Return the modules that one imports before it runs, each after its own, and it last.

    What is vendored, or exports in another way, stays a file of its own.
    """
    order: list[str] = []

    def gather(name: str, path: list[str]) -> None:
        if name in path:
            raise ValueError(f"modules import each other: {' -> '.join([*path, name])}")
        if name in order:
            return
        for _, imported in IMPORT.findall(texts[name]):
            if not OTHER.search(texts[imported]):
                gather(imported, [*path, name])
        order.append(name)

    gather(entry, [])
    return order


def _taken(found: re.Match[str]) -> str:
    wanted = re.sub(r"(\w+) as (\w+)", r"\1: \2", " ".join((found[1] or "").split()))
    return f'const {wanted} = modules["{found[2]}"];' if wanted else ""


def _body(text: str) -> str:
    """Return a module with what it imports taken from `modules`."""
    return IMPORT.sub(_taken, text)


def _wrapped(name: str, text: str) -> str:
    exported = ", ".join(EXPORT.findall(text))
    return f'modules["{name}"] ??= (() => {{\n{EXPORT.sub("", _body(text))}return {{ {exported} }};\n}})();'
