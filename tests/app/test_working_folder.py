"""The folder that a command is started in is data: no Python file in it is run by a process that ours start."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.live import Evaluations
from app.processes import safe_path
from app.telemetry import Telemetry
from tests.tools.root import ROOT
from vitrine.cli.app import safe_children

NAMES = ("json", "index", "asyncio", "numpy", "multiprocessing", "socket", "common", "sitecustomize")


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose modules leave a file when one is imported; return that file's place."""
    mark = tmp_path / "imported"
    here = tmp_path / "here"
    here.mkdir()
    for name in NAMES:
        (here / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(here)
    return mark


def test_the_trap_works(trap: Path) -> None:
    subprocess.run([sys.executable, "-c", "import json"], check=True)
    assert trap.read_text() == "json"


@pytest.mark.parametrize("entry", ["", "."])
def test_an_evaluation_imports_nothing_from_the_working_folder(
    trap: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    """A json.py beside `vitrine serve` ran as the service on GET /v1/evaluation; an index.py broke that for good."""
    monkeypatch.setattr(sys, "path", [entry, os.getcwd(), *sys.path])
    figures = asyncio.run(Evaluations(folder, lambda: (0, 0), Telemetry(), 60).of("test"))
    assert figures["split"] == "test"
    assert not trap.exists()


def test_children_of_a_command_import_nothing_from_the_working_folder(trap: Path) -> None:
    """Workers and decoders are children of multiprocessing, which starts them with `python -c`."""
    with safe_children():
        for method in ("spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                assert pool.apply(os.getppid)
    assert not trap.exists()
    assert "PYTHONSAFEPATH" not in os.environ


def test_the_command_line_keeps_its_children_safe(trap: Path) -> None:
    program = (
        "import os, vitrine.cli.app as app; app.cli = lambda *_, **__: print(os.environ['PYTHONSAFEPATH']); app.main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert not trap.exists()


def test_a_clone_that_is_the_working_folder_stays_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", ["", str(ROOT), "lib", "/opt/elsewhere"])
    assert safe_path().split(os.pathsep) == [str(ROOT), "/opt/elsewhere"]
