"""Makes docs/performance.md from the benchmarks' JSON in docs/performance/, and describes the machine of a figure.

    python -m tests.benchmarks.performance docs/performance.md

Each benchmark is a module here with a `markdown(result) -> str`: a section that begins with a heading of level two. Its
figures are docs/performance/NAME.json, with `machine()` under "machine". The page has a section for each such file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common import atomic_file

FOLDER = Path(__file__).parents[2] / "docs" / "performance"
SECTIONS = {
    "service": "service",
    "peers": "peers.side_by_side",
    "encoders": "encoders",
    "search": "search",
    "postgres": "postgres",
    "groups": "groups",
    "shown": "shown",
    "pictures": "pictures",
    "map": "map",
    "indexing": "indexing",
    "photos": "photos",
    "sync": "sync",
}
"""The benchmarks whose figures are on the page, in this order: the name of the figures, and the module."""
PACKAGES = (
    "torch",
    "onnxruntime",
    "faiss-cpu",
    "numpy",
    "tokenizers",
    "pillow",
    "fastapi",
    "uvicorn",
    "pydantic",
)
"""Packages that most benchmarks depend on; a module adds its own."""


def machine(*packages: str) -> dict[str, Any]:
    """Return what a figure depends on: processor, memory, system, versions, and the command.

    Absolute paths in the command become PATH, so that the figures tell nothing of the user's folders.
    """
    spec = sys.modules["__main__"].__spec__
    words = ["python", "-m", spec.name] if spec else ["python", Path(sys.argv[0]).name]
    words += ["PATH" if argument.startswith("/") else argument for argument in sys.argv[1:]]
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: found for name in (*PACKAGES, *packages) if (found := _version(name))},
        "command": " ".join(words),
    }


def machine_line(found: dict[str, Any]) -> str:
    """Return what `machine()` found as a paragraph."""
    versions = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    return (
        f"Measured with `{found['command']}` on {found['cores']} cores of {found['cpu']}, {found['memory GB']:g} GB, "
        f"{found['system']}, Python {found['python']}, {versions}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown; the first column to the left, the others to the right."""
    lines = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def page(folder: Path = FOLDER) -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    for name, place in SECTIONS.items():
        path = folder / f"{name}.json"
        if path.exists():
            module = importlib.import_module(f"tests.benchmarks.{place}")
            parts.append(module.markdown(json.loads(path.read_text(encoding="utf-8"))))
    return "\n\n".join(part.strip() for part in parts) + "\n"


INTRODUCTION = """
# Performance

Every figure here is a ratio, or two figures from one run on one machine. Such ratios carry over to other machines;
milliseconds do not. `make bench` repeats the measurements, `make bench-peers` also those of other projects, and
`make docs` makes this page from the figures in `docs/performance/`. No test of the suite compares a duration.
"""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with atomic_file(arguments.out) as beside:
        beside.write_text(page(), encoding="utf-8")
