"""A tool: the plan of the house as data, and the page that shows it.

`ARROWS` says which package may import which, `CORRIDORS` what passes through them. `python -m tests.tools.house` writes
the pictures and the maps of the folders and files between their markers; tests/whole/test_imports.py holds the
imports to the plan.
"""

from __future__ import annotations

import re
from pathlib import Path

from common import atomic_file
from tests.tools.imports import ROOMS, docstring, package_of, source_files
from tests.tools.root import ROOT

ARROWS = {
    "common": "",
    "models": "",
    "index": (
        "index.sqlite index.postgres index.vectors index.ann index.metrics index.words index.language index.ranking "
        "index.map"
    ),
    "index.sqlite": "index index.ranking",
    "index.postgres": "index index.map index.vectors index.words index.language index.ranking",
    "index.map": "index.product index.records index.values index.words",
    "index.vectors": "index index.ann index.words index.language index.ranking",
    "index.ann": "index index.sqlite index.words",
    "index.metrics": "index.pictures index.product index.ranking index.records index.values index.words",
    "index.words": "index.product index.values",
    "index.language": "index.words",
    "index.ranking": "index.query index.records index.words",
    "index.metrics.process": "index",
    "training": "models index training.data training.languages training.reports",
    "training.data": "models index",
    "training.languages": "index",
    "training.languages.teaching": "models training training.data",
    "training.reports": "models index training training.data training.indexing",
    "training.mirror": "models training.data",
    "training.sync": "index training.data",
    "training.indexing": "models index training training.data",
    "training.sweep": "models training training.data training.reports",
    "training.gpu": "models index training training.data training.languages training.reports",
    "training.demo": "models index training training.data training.indexing training.reports",
    "app": "models index app.query app.live app.routes app.front app.schemas app.http",
    "app.query": "models index app",
    "app.live": "models index app app.query app.http",
    "app.schemas": "models index app app.query",
    "app.http": "models index app app.schemas",
    "app.front": "index app app.http",
    "app.routes": "index app app.query app.live app.front app.schemas app.http",
    "vitrine": "models index vitrine.cli vitrine.client",
    "vitrine.cli": "models index training app vitrine.client vitrine.mcp vitrine.places vitrine.ready_demo",
    "vitrine.client": "training vitrine.client.answers",
    "vitrine.client.answers": "",
    "vitrine.mcp": "index app vitrine.client vitrine.client.answers",
}
"""The packages that each package may import, besides `common` and itself; a module's own row adds to its package's.

Within a room, a package stands for the modules in its folder without its sub-packages, and `index.product` for that
module alone. In the rows of other rooms, `index` stands for the whole room, of which they see the faces.
"""

PUBLIC = {
    "app.doctor",
    "app.settings",
    "models.decoder_process",
    "training.benchmark",
    "training.config",
    "training.config_files",
    "training.pack",
    "training.progress",
    "training.train",
}
"""Modules that other rooms import although they are no face.

Most hold a function of their own name, which a face cannot export: Python sets the module as that attribute.
"""

CORRIDORS = {
    "a query": ("app.routes", "app.query", "models", "index.vectors"),
    "an edit": ("app.routes", "app.live", "app.query", "index.sqlite"),
    "a training batch": ("training.data", "training", "models"),
    "indexing": ("training.data", "training.indexing", "models", "index.sqlite"),
}
"""The packages that each kind of work passes through, in order."""


def allowed(module: str, package: str) -> set[str]:
    """Return what a module may import by the plan, besides `common` and its own package."""
    rows = [ARROWS.get(package, ""), ARROWS.get(module, "") if module != package else ""]
    return {name for row in rows for name in row.split()}


def packages() -> list[str]:
    """Return the packages of the plan, without its rows for single modules."""
    files = source_files()
    return [name for name in ARROWS if name in files and files[name].name == "__init__.py"]


def picture() -> str:
    """Return the rooms and their arrows, and below them the corridors, as two Mermaid diagrams.

    The modules of a room outside its sub-packages are left out: they are what all its sub-packages share, or what puts
    them together.
    """
    lines = ["```mermaid", "flowchart TB"]
    for room in (room for room in ROOMS if room != "common"):
        beneath = [name for name in packages() if name.startswith(f"{room}.")]
        lines += [f"  subgraph {room}", *(f'    {_node(name)}["{_label(name)}"]' for name in beneath or [room])]
        for name in beneath:
            lines += [f"    {_node(name)} --> {_node(one)}" for one in ARROWS[name].split() if one in beneath]
        lines += ["  end"]
    rooms = {(name.split(".")[0], one.split(".")[0]) for name, row in ARROWS.items() for one in row.split()}
    lines += [f"  {source} --> {target}" for source, target in sorted(rooms) if source != target]
    lines += ["```", "", "What passes through them:", "", "```mermaid", "flowchart LR"]
    for number, (work, stations) in enumerate(CORRIDORS.items()):
        chain = " --> ".join(f'c{number}_{_node(name)}["{_label(name)}"]' for name in stations)
        lines += [f'  c{number}(["{work}"]) --> {chain}']
    return "\n".join([*lines, "```"])


def folder_map() -> str:
    """Return every folder as a list in Markdown, each with the first sentence of its docstring."""
    files = source_files()
    folders = [name for name, path in files.items() if path.name == "__init__.py"]
    return "\n".join(
        [
            f"- `common.py`: {_summary(files['common'])}",
            *(f"{'    ' * name.count('.')}- `{name.replace('.', '/')}/`: {_summary(files[name])}" for name in folders),
        ]
    )


def file_map() -> str:
    """Return every folder with its files as a list in Markdown, each with the first sentence of its docstring."""
    files = source_files()
    lines = [f"- `common.py`: {_summary(files['common'])}"]
    for package in (name for name, path in files.items() if path.name == "__init__.py"):
        lines.append(f"- **`{package.replace('.', '/')}/`**: {_summary(files[package])}")
        inside = [name for name in files if name != package and package_of(name, files) == package]
        lines += [f"    - `{files[name].name}`: {_summary(files[name])}" for name in inside if name.count(".")]
    return "\n".join(lines)


SECTIONS = {"house": picture, "folders": folder_map, "files": file_map}
PAGE = "docs/structure.md"
"""The page that has them."""


def rendered(text: str) -> str:
    """Return a page with its sections, from `<!-- name -->` to `<!-- /name -->`, written from the code."""
    for name, make in SECTIONS.items():
        between = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        text = between.sub(lambda _, make=make: f"\n{make()}\n\n", text)  # type: ignore[misc]
    return text


def _summary(path: Path) -> str:
    line = docstring(path).partition("\n")[0]
    return re.split(r"(?<=[.])\s", line)[0].rstrip(".")


def _node(name: str) -> str:
    return name.replace(".", "_") if "." in name else f"{name}_room"  # the name alone is that of the subgraph


def _label(name: str) -> str:
    return f"{name.replace('.', '/')}/"


if __name__ == "__main__":
    page = ROOT / PAGE
    made = rendered(page.read_text(encoding="utf-8"))
    with atomic_file(page) as beside:
        beside.write_text(made, encoding="utf-8")
