"""A tool: which of our modules imports which, read from the source with `ast`; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tools.root import ROOT

Statement = ast.Import | ast.ImportFrom
ROOMS = ("common", "models", "index", "training", "app", "vitrine")


@dataclass(frozen=True)
class Import:
    """One import of one of our modules by another; a name from a face counts as its module.

    `at_load` is false inside a function, and under TYPE_CHECKING.
    """

    source: str
    target: str
    face: str
    """The package or module that the statement names."""
    at_load: bool
    typing_only: bool


def source_files(root: Path = ROOT) -> dict[str, Path]:
    """Return the path of each of our modules by its dotted name; a package has the name of its folder."""
    found = {"common": root / "common.py"}
    for room in ROOMS[1:]:
        for path in sorted((root / room).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def parsed(path: Path) -> ast.Module:
    """Return the tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def docstring(path: Path) -> str:
    """Return the docstring of a module, empty if it has none."""
    return ast.get_docstring(parsed(path)) or ""


def package_of(module: str, files: dict[str, Path]) -> str:
    """Return the package that a module belongs to; a package belongs to itself."""
    return module if module == "common" or files[module].name == "__init__.py" else module.rpartition(".")[0]


def imports(files: dict[str, Path]) -> list[Import]:
    """Return every import of one of our modules by another, in the order of the files."""
    faces = {name: exports(path) for name, path in files.items() if path.name == "__init__.py"}
    found = []
    for source, path in files.items():
        for statement, at_load, typing_only in _statements(path):
            for face, name in _named(statement):
                target = _resolved(face, name, files, faces)
                if target is not None and target != source:
                    found.append(Import(source, target, face, at_load, typing_only))
    return found


def exports(path: Path) -> dict[str, str]:
    """Return the names that a package's face gives, each with the module that holds it."""
    found = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = node.module
    return {name: module for name, module in found.items() if module.split(".")[0] in ROOMS and module != "common"}


def circles(edges: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> list[list[str]]:
    """Return the strongly connected components of two modules or more (Tarjan 1972)."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
        after.setdefault(target, [])
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for target in after[node]:
            if target not in order:
                visit(target)
            if target in path:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == order[node]:
            start = path.index(node)
            component = path[start:]
            del path[start:]
            if len(component) > 1:
                found.append(sorted(component))

    for node in list(after):
        if node not in order:
            visit(node)
    return found


def _statements(path: Path) -> Iterator[tuple[Statement, bool, bool]]:
    """Yield each import statement, whether it runs when the module is loaded, and whether it is for types only."""

    def walk(
        node: ast.AST, at_load: bool, typing_only: bool
    ) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child, at_load, typing_only
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from walk(child, False, typing_only)
            elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                yield from walk(child, False, True)
            elif not isinstance(child, ast.expr):  # which holds no statement
                yield from walk(child, at_load, typing_only)

    yield from walk(parsed(path), True, False)


def _named(statement: Statement) -> Iterator[tuple[str, str | None]]:
    if isinstance(statement, ast.Import):
        yield from ((alias.name, None) for alias in statement.names)
    elif statement.level == 0 and statement.module:
        yield from ((statement.module, alias.name) for alias in statement.names)


def _resolved(face: str, name: str | None, files: dict[str, Path], faces: dict[str, dict[str, str]]) -> str | None:
    """Return the module of ours that `from face import name` leads to; None where it is not ours."""
    if face.split(".")[0] not in ROOMS:
        return "tests" if face.split(".")[0] == "tests" else None
    if name is not None and f"{face}.{name}" in files:
        return f"{face}.{name}"
    target = faces.get(face, {}).get(name or "", face)
    # A face may export a name that another face exports.
    while name and target in faces and name in faces[target] and faces[target][name] != target:
        target = faces[target][name]
    return target
