"""Modules of ours in one file, put together when the service starts: a first view asks once instead of thirty times.

Each module is a function that returns what it exports, so no name of one meets a name of another. What is loaded later,
by an `import()`, takes what it shares from the same file: a class is there once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"\./([\w.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
OTHER = re.compile(r'^(?:import [^{"]|export ).*', re.MULTILINE)
"""What the house writes of imports and exports, and what it does not."""


def with_bundle(files: Mapping[str, bytes], entry: str) -> dict[str, bytes]:
    """Return the files with the module `entry` and all that it imports in one, and the others importing from that one.

    Raises:
        ValueError: a module imports or exports in a way that is not understood here, or two import each other.
        KeyError: a module that is imported is missing.
    """
    order: list[str] = []
    _gather(files, entry, order, [])
    parts = [_wrapped(name, files[name].decode()) for name in order]
    bundle = "\n".join(["export const modules = {};", *parts]) + "\n"
    ours = {path for path in files if path.endswith(".js") and "/" not in path and path not in order}
    return {
        **files,
        **{path: _linked(files[path].decode(), entry, order).encode() for path in ours},
        entry: bundle.encode(),
    }


def _gather(files: Mapping[str, bytes], name: str, order: list[str], open_ones: list[str]) -> None:
    """Append a module to `order`, after all that it imports."""
    if name in order:
        return
    if name in open_ones:
        raise ValueError(f"modules import each other: {' -> '.join([*open_ones, name])}")
    for _, imported in IMPORT.findall(files[name].decode()):
        _gather(files, imported, order, [*open_ones, name])
    order.append(name)


def _taken(names: str, module: str) -> str:
    wanted = re.sub(r"(\w+) as (\w+)", r"\1: \2", " ".join(names.split()))
    return f'const {wanted} = modules["{module}"];' if names else ""


def _wrapped(name: str, text: str) -> str:
    exported = EXPORT.findall(text)
    body = EXPORT.sub("", IMPORT.sub(lambda found: _taken(found[1] or "", found[2]), text))
    other = OTHER.search(body)
    if other:
        raise ValueError(f"{name} has what cannot be put into one file with others: {other[0]}")
    return f'modules["{name}"] = (() => {{\n{body}return {{ {", ".join(exported)} }};\n}})();'


def _linked(text: str, entry: str, order: list[str]) -> str:
    """Return a module with what it imports of `order` taken from the one file."""
    inside = {module for _, module in IMPORT.findall(text)} & set(order)
    if not inside:
        return text
    replaced = IMPORT.sub(lambda found: _taken(found[1] or "", found[2]) if found[2] in inside else found[0], text)
    return f'import {{ modules }} from "./{entry}";\n{replaced}'
