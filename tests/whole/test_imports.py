"""The plan of the house in tests/tools/house.py, held by reading the imports of every module."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.tools import house
from tests.tools.imports import Import, circles, exports, imports, package_of, source_files
from tests.tools.root import ROOT

FILES = source_files()
IMPORTS = imports(FILES)
PACKAGES = sorted(name for name, path in FILES.items() if path.name == "__init__.py")


def room(module: str) -> str:
    return module.split(".")[0]


def arrow(found: Import) -> tuple[str, set[str]]:
    """Return the package that imports, and the names in its row that would allow the import."""
    package = package_of(found.source, FILES)
    if room(package) != room(found.target):
        return package, {room(found.target)}
    return package, {found.target, package_of(found.target, FILES)}


def against_the_plan() -> Iterator[tuple[Import, str, set[str]]]:
    for found in IMPORTS:
        if found.target == "tests":
            yield found, found.source, set()
            continue
        package, target = arrow(found)
        if package not in target and "common" not in target and not target & house.allowed(found.source, package):
            yield found, package, target


def test_every_package_has_a_row_in_the_plan() -> None:
    assert set(PACKAGES) | {"common"} <= house.ARROWS.keys()


def test_packages_import_only_what_the_plan_allows() -> None:
    known = {package: set(row.split()) for package, row in house.KNOWN.items()}
    for found, package, target in against_the_plan():
        names = " or ".join(sorted(target))
        assert target & known.get(package, set()), f"{found.source} imports {found.target}: {package} may not ({names})"


def test_what_is_known_to_be_against_the_plan_still_is() -> None:
    needed: dict[str, set[str]] = defaultdict(set)
    for _, package, target in against_the_plan():
        needed[package] |= target
    for package, row in house.KNOWN.items():
        over = set(row.split()) - needed[package]
        assert not over, f"{package} no longer imports {', '.join(sorted(over))}: take it out of KNOWN in house.py"


def test_rooms_import_each_other_by_their_faces() -> None:
    """Within a room any module may be imported; other rooms import from a package, or from a public module."""
    inner, public = set(), set()
    for found in IMPORTS:
        if room(found.source) == room(found.target) or found.face in {"common", *PACKAGES} or found.target == "tests":
            continue
        pair = room(found.source), room(found.target)
        if found.face in house.PUBLIC:
            public.add(found.face)
        else:
            inner.add(pair)
            assert pair in house.INNER, f"{found.source} imports {found.face}, which is no face"
    assert public == house.PUBLIC, "take what no other room imports out of PUBLIC in house.py"
    assert inner == house.INNER, "take what is no longer needed out of INNER in house.py"


def test_no_module_imports_itself_in_a_circle() -> None:
    assert circles([(found.source, found.target) for found in IMPORTS if found.at_load]) == []


def test_the_plan_has_no_circle_between_sub_packages() -> None:
    """A room's own modules are left out: some are below all its sub-packages, some above."""
    beneath = [name for name in house.packages() if "." in name]
    assert circles([(name, one) for name in beneath for one in house.ARROWS[name].split() if one in beneath]) == []


def test_forbidden_imports_and_circles_would_be_seen(tmp_path: Path) -> None:
    for room_, code in {
        "models": "from common import InputError\n",
        "index": "def f():\n    from models import decode_image\n",
        "app": "import index\nfrom training.train import train\n",
        "training": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.a\n",
        "vitrine": "",
    }.items():
        (tmp_path / room_).mkdir()
        (tmp_path / room_ / "__init__.py").write_text("")
        (tmp_path / room_ / "a.py").write_text(code)
    (tmp_path / "training" / "train.py").write_text("from app import a\n")
    (tmp_path / "common.py").write_text("")
    found = imports(source_files(tmp_path))
    seen = {(one.source, one.target, one.at_load) for one in found}
    assert seen >= {("index.a", "models", False), ("app.a", "training.train", True), ("training.a", "app.a", False)}
    assert circles([(one.source, one.target) for one in found if one.at_load]) == [["app.a", "training.train"]]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_exports_is_there(package: str) -> None:
    module = import_module(package)
    modules = {path.stem for path in FILES[package].parent.iterdir()}
    for name, home in exports(FILES[package]).items():
        assert home != package
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
