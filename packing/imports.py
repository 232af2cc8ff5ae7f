"""One of our source files as it is in a wheel: `from app.x import y` becomes `from vitrine.app.x import y`.

Only insertions, at places that the parser names, so that every line keeps its number. What names a module in a way that
is not understood is refused, so that a wheel with a wrong import cannot be built.

Understood are import statements, the keys of `lazy_exports({...})`, and `-m MODULE` inside a text.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Set
from itertools import pairwise

WHEEL = "vitrine"
"""The package that holds everything in a wheel; its own modules keep their names."""
ROOMS = ("app", "common", "index", "models", "training")
"""The packages, and the module, that lie beside it in a clone."""
PREFIX = f"{WHEEL}."
LOADERS = {"import_module", "__import__", "find_spec", "run_module", "files"}
"""Functions that may take the name of a module as a text."""
NAMED = re.compile(rf"((?:{'|'.join(ROOMS)})(?:\.\w+)*)(:\w+)?")
"""A module, and behind a colon one of its names, as servers take it."""
RUN = re.compile(rf"(?<=-m )(?=((?:{'|'.join(ROOMS)})(?:\.\w+)*)\b)")
REMEDY = "names a module as a text; take its `__name__`, or `__package__`"

Place = tuple[int, int]
"""A line, from 1, and a column of it, in characters."""


class UndecidedError(Exception):
    """A source file names a module of ours in a way that cannot be rewritten."""


def in_wheel(source: str, modules: Set[str], path: str) -> str:
    """Return the text of a source file as a wheel has it.

    Args:
        source: its text in the clone.
        modules: the dotted name of every module of ours, as in the clone.
        path: the file, for messages.

    Raises:
        UndecidedError: it names a module in a way that is not understood.
    """
    lines = io.StringIO(source).readlines()  # `splitlines` would also split at a form feed
    tree = ast.parse(source, path)
    places: dict[Place, str] = {}
    known: set[int] = set()  # texts that have been decided
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            places[_module_of(node, lines, path)] = PREFIX
        elif isinstance(node, ast.Import):
            places.update(_imports(node, lines, path))
        elif isinstance(node, ast.Call):
            for key in _keys(node):
                known.add(id(key))
                if isinstance(key.value, str) and _is_ours(key.value):
                    places[_inside(key, key.value, lines, path)] = PREFIX
    known |= {id(text) for text in _docstrings(tree)}
    _refuse(tree, known, modules, path)
    if "-m " in source:
        places.update(_runs(source, modules))
    for (row, column), text in sorted(places.items(), reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + text + line[column:]
    made = "".join(lines)
    ast.parse(made, path)
    return made


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in ROOMS


def _column(lines: list[str], row: int, offset: int) -> int:
    """Return the column in characters of an offset in bytes."""
    return len(lines[row - 1].encode()[:offset].decode())


def _module_of(node: ast.ImportFrom, lines: list[str], path: str) -> Place:
    """Return where the name of the module begins in `from MODULE import …`."""
    start = _column(lines, node.lineno, node.col_offset)
    found = re.compile(rf"from[ \t]+(?={re.escape(node.module or '')}[ \t])").match(lines[node.lineno - 1], start)
    if found is None:
        raise UndecidedError(f"{path}:{node.lineno}: this import is written in an unusual way; put it on one line")
    return node.lineno, found.end()


def _imports(node: ast.Import, lines: list[str], path: str) -> Iterator[tuple[Place, str]]:
    """Yield the insertions in `import MODULE`, whose name goes on meaning the same."""
    for alias in node.names:
        if not _is_ours(alias.name):
            continue
        place = alias.lineno, _column(lines, alias.lineno, alias.col_offset)
        if alias.asname is None and "." in alias.name:
            raise UndecidedError(
                f"{path}:{alias.lineno}: `import {alias.name}` would name {WHEEL}; write `from … import …`"
            )
        yield place, PREFIX
        if alias.asname is None:
            yield (place[0], place[1] + len(alias.name)), f" as {alias.name}"


def _keys(node: ast.Call) -> list[ast.Constant]:
    """Return the keys of the table of `lazy_exports(package, {module: names})`."""
    if not (isinstance(node.func, ast.Name) and node.func.id == "lazy_exports"):
        return []
    tables = [argument for argument in node.args if isinstance(argument, ast.Dict)]
    return [key for table in tables for key in table.keys if isinstance(key, ast.Constant)]


def _inside(node: ast.Constant, text: str, lines: list[str], path: str) -> Place:
    """Return where a plain text begins, behind its quotation mark."""
    column = _column(lines, node.lineno, node.col_offset) + 1
    if lines[node.lineno - 1][column:].startswith(text):
        return node.lineno, column
    raise UndecidedError(f"{path}:{node.lineno}: {text!r} is written in an unusual way; write it plainly")


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield every text that is a statement of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value


def _refuse(tree: ast.Module, known: set[int], modules: Set[str], path: str) -> None:
    """Refuse texts that name a module of ours, and may be meant to be imported.

    Raises:
        UndecidedError: there is one.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in known:
            found = NAMED.fullmatch(node.value)
            named = found and found[1] in modules and ("." in found[1] or found[2])
            in_code = re.search(rf"\b(?:from|import) ({'|'.join(ROOMS)})\b[.\w]* ?(?:import|;|$)", node.value)
            if named or in_code:
                raise UndecidedError(f"{path}:{node.lineno}: {node.value!r} {REMEDY}")
        for argument in _loaded(node):
            if isinstance(argument, ast.Constant) and argument.value in modules:
                raise UndecidedError(f"{path}:{argument.lineno}: {argument.value!r} {REMEDY}")


def _loaded(node: ast.AST) -> list[ast.expr]:
    """Return what an expression loads or runs as a module, if it is one that does."""
    if isinstance(node, ast.Call):
        return node.args[:1] if getattr(node.func, "attr", getattr(node.func, "id", "")) in LOADERS else []
    if isinstance(node, ast.List | ast.Tuple):
        return [
            after for before, after in pairwise(node.elts) if isinstance(before, ast.Constant) and before.value == "-m"
        ]
    return []


def _runs(source: str, modules: Set[str]) -> Iterator[tuple[Place, str]]:
    """Yield the insertions before each MODULE of ours in `-m MODULE` inside a text."""
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in kinds:
            continue
        for found in RUN.finditer(token.string):
            if found[1] in modules:
                before = token.string[: found.start()]
                row = token.start[0] + before.count("\n")
                first = token.start[1] if row == token.start[0] else 0
                yield (row, first + len(before.rpartition("\n")[2])), PREFIX
