"""The front door as a Python package: what it exports, and what an import of it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import vitrine
from tests.tools.root import ROOT


def loaded_by(code: str) -> set[str]:
    """Return the heavy modules that a fresh interpreter has after `code`."""
    heavy = ("torch", "transformers", "onnxruntime", "faiss", "fastapi", "typer", "sqlite3")
    program = f"import sys\n{code}\nprint(*({set(heavy)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_front_door_imports_nothing_before_it_is_used() -> None:
    assert loaded_by("import vitrine") == set()


@pytest.mark.parametrize("name", ["open_catalogue", "load_encoder", "main"])
def test_a_name_of_the_front_door_is_there_without_torch(name: str) -> None:
    assert not loaded_by(f"import vitrine; assert callable(vitrine.{name})") & {"torch", "transformers"}


def test_help_needs_neither_torch_nor_a_service() -> None:
    code = "from typer.testing import CliRunner; from vitrine.cli import cli; CliRunner().invoke(cli, ['--help'])"
    assert loaded_by(code) <= {"typer"}


def test_a_catalogue_and_an_encoder_open_from_the_front_door(checkpoint: Path, catalogue: Path) -> None:
    encoder = vitrine.load_encoder(checkpoint, device="cpu")
    with vitrine.open_catalogue(str(catalogue), encoder_id=encoder.encoder_id) as opened:
        assert opened.info.encoder_id == encoder.encoder_id


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = vitrine.nothing_of_that_name
