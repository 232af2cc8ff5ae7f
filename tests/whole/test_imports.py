"""The house's arrows: who may import whom, held by walking the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.tools.root import ROOT

MAY_IMPORT = {
    "common": set(),
    "models": {"common"},
    "index": {"common"},
    "training": {"common", "models", "index"},
    "app": {"common", "models", "index"},
}
HOUSE = {*MAY_IMPORT, "vitrine"}


def imported(path: Path) -> set[str]:
    """Return the top-level names that a file imports, at its head or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_the_house_allows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py")) or [ROOT / f"{package}.py"]
    house = {*HOUSE, "tests"}
    for path in files:
        strangers = (imported(path) & house) - MAY_IMPORT[package] - {package}
        assert not strangers, f"{path.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "sneaky.py"
    path.write_text("def f():\n    from training.train import train\n    import app.server\n")
    assert imported(path) >= {"training", "app"}


def faces() -> list[str]:
    """Return the packages and sub-packages that export names."""
    found = [path.parent for package in HOUSE for path in (ROOT / package).rglob("__init__.py")]
    return sorted(".".join(folder.relative_to(ROOT).parts) for folder in found)


def exports(package: str) -> set[str]:
    """Return the names that a package's `__init__` imports from its own modules."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    own = [node for node in nodes if f"{node.module}.".startswith(f"{package}.")]
    return {alias.asname or alias.name for node in own for alias in node.names}


@pytest.mark.parametrize("package", faces())
def test_every_name_that_a_package_exports_is_there(package: str) -> None:
    module = import_module(package)
    modules = {path.stem for path in (ROOT / package.replace(".", "/")).iterdir()}
    for name in exports(package):
        assert name not in modules, f"{package} exports {name}, which is also a module of it"
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = module.nothing_of_that_name


def test_a_rule_for_splits_needs_neither_faiss_nor_sqlite() -> None:
    code = (
        "import sys; from index import SplitRule; print(sorted({'faiss', 'sqlite3', 'index.metrics'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
