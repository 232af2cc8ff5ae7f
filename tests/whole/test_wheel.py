"""A wheel, built here and unpacked: all of ours is below `vitrine`, and works from there, with nothing of the clone."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from packing.imports import ROOMS
from tests.tools.root import ROOT

SOURCES = (*(room for room in ROOMS if room != "common"), "vitrine", "packing", "checkpoints")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "common.py", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE")
BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]
build_meta.build_wheel(out)
build_meta.build_sdist(out)
"""

USED = """
import json, runpy, sys
from importlib.util import find_spec

checkpoint, catalogue, picture = sys.argv[1:]
import app
assert app.MINE == 1, app

import vitrine
with vitrine.open_catalogue(catalogue) as opened:
    products = len(opened)
assert vitrine.shipped_checkpoint().parts[-3:] == ("vitrine", "checkpoints", "minilm-dinov2")
encoder = vitrine.load_encoder(checkpoint)
assert encoder.encode_text(["red ball"]).shape == (1, encoder.dim)

from fastapi.testclient import TestClient
from vitrine.app import Settings, create_app
settings = Settings.read(checkpoint=checkpoint, catalogue=catalogue, allowed_hosts="*")
with TestClient(create_app(settings)) as client:
    page = client.get("/")
    assert page.status_code == 200 and "<html" in page.text, page.text
    with open(picture, "rb") as file:  # a process of ours decodes it
        answer = client.post("/v1/search/images", files={"image": file}, data={"k": "1"})
    assert len(answer.json()["results"]) == 1, answer.text
    assert client.get("/v1/evaluation", params={"split": "all"}).status_code == 200  # another one measures

from vitrine.training.config import load_config
assert load_config("tiny").preset == "tiny"
assert [name for name in ("index", "models", "training", "common") if name in sys.modules or find_spec(name)] == []

places = ["--checkpoint", checkpoint, "--catalogue", catalogue]
sys.argv = ["vitrine", "search", "red ball", "-k", "2", "--json", *places]
try:
    runpy.run_module("vitrine", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
"""
"""What a user's program does, in a folder that has a package `app` of the user's own."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what distributions are made of; the weights, which nothing here reads, are a few bytes."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    weights = folder / "checkpoints" / "minilm-dinov2" / "model.safetensors"
    weights.write_bytes(b"weights")
    left = folder / "build" / "lib" / "vitrine" / "left.py"  # of an earlier build
    left.parent.mkdir(parents=True)
    left.write_text("import app\n")
    whole = weights.parent / "onnx" / "text.onnx"  # of an older export
    whole.write_bytes(b"weights again")
    return folder


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a wheel and a source distribution of this code, built offline."""
    out = tmp_path_factory.mktemp("built")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", BUILD, str(out)]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the wheel is unpacked in."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_an_installation_takes_one_name(installed: Path) -> None:
    """Packages called `app`, `models` and `common` in everybody's site-packages hid, or were hidden by, others."""
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"vitrine"}
    [information] = installed.glob("*.dist-info")
    assert (information / "top_level.txt").read_text() == "vitrine\n"
    assert {path.name for path in (information / "licenses").iterdir()} == {"LICENSE", "NOTICE"}


def test_every_import_of_ours_leads_to_a_file_of_the_wheel(installed: Path) -> None:
    for path in installed.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in filter(None, named):
                parts = module.split(".")
                assert parts[0] not in ROOMS, f"{path} imports {module}"
                home = installed.joinpath(*parts)
                assert parts[0] != "vitrine" or home.with_suffix(".py").is_file() or home.is_dir(), (path, module)


def test_every_file_that_the_code_reads_is_in_the_wheel(source: Path, wheel: Path) -> None:
    held = names(wheel)
    for folder in ("app/page", "index/language", "index/ranking", "index/words", "training/configs"):
        for path in (source / folder).rglob("*"):
            assert path.is_dir() or f"vitrine/{path.relative_to(source)}" in held, path
    files = (path for path in (source / "checkpoints").rglob("*") if path.is_file() and path.suffix != ".onnx")
    shipped = {f"vitrine/{path.relative_to(source)}" for path in files}
    assert {Path(name).name for name in shipped} >= {"config.json", "model.safetensors", "tokenizer.json", "text.graph"}
    assert {name for name in held if name.startswith("vitrine/checkpoints/")} == shipped
    assert "vitrine/left.py" not in held


def test_the_wheel_is_used_from_another_folder_by_somebody_who_has_an_app_of_her_own(
    installed: Path, exported: Path, catalogue: Path, shapes: Path, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("MINE = 1\n")
    # Without `site`, so that an editable installation in this environment does not offer the clone.
    path = os.pathsep.join((str(tmp_path), str(installed), sysconfig.get_path("purelib")))
    picture = next(shapes.parent.rglob("*.png"))
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-c", USED, str(exported), str(catalogue), str(picture)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["results"]
    assert [("Red" in one["title"], "Ball" in one["title"]) for one in found] == [(True, True)] * 2


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built: Path, wheel: Path) -> None:
    [found] = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for name in names(wheel):
        inside = name.removeprefix("vitrine/")
        assert {name, inside} & held or ".dist-info/" in name, name
    assert {*FILES, "packing/layout.py", "packing/imports.py", "vitrine/commit.txt"} <= held
    assert not [name for name in held if name.endswith(".onnx")]
