"""`vitrine index` and `vitrine copy` over a catalogue that callers have edited, as an operator sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from index import Catalogue, Delete, Entry, Product, Put
from models import load_encoder
from tests.conftest import draw_shape
from tests.tools.command import refused
from tests.tools.shop import encoded
from vitrine.cli import cli


def called(*words: str | Path) -> Result:
    done = CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def said(*words: str | Path) -> str:
    return " ".join(called(*words).output.split())


def figures_of(*words: str | Path) -> Any:
    return json.loads(called(*words, "--json").stdout)  # how far it is, where that takes long, goes to stderr


def contents(folder: Path) -> dict[str, str]:
    with Catalogue.open(folder) as catalogue:
        return {product.id: product.title for product in catalogue.snapshot().products}


@pytest.fixture
def edited(catalogue: Path, checkpoint: Path, tmp_path: Path) -> Path:
    """Return a catalogue with two new products, one that was changed, and one that was deleted."""
    folder = shutil.copytree(catalogue, tmp_path / "catalogue", symlinks=True)
    encoder = load_encoder(checkpoint, "cpu")
    image = draw_shape("Red", "Ball")
    (vector,) = encoder.encode_image([image])
    (words,) = encoder.encode_text(["Acme Red Ball"])
    picture = encoded(image, "PNG")
    with Catalogue.open(folder, writable=True) as live:
        new = [Entry(Product(name, "Acme Red Ball"), picture, vector, words) for name in ("n0", "n1", "p3")]
        live.write([*map(Put, new), Delete("p5")])
    return folder


def test_an_index_over_edits_keeps_them_and_says_how_many(edited: Path, checkpoint: Path, shapes: Path) -> None:
    """It said "120 products encoded", and the edits were gone."""
    there = contents(edited)
    index = ("index", "--checkpoint", checkpoint, "--data", shapes, "--out", edited)
    for _ in range(2):
        assert "kept 4 edits: 3 products added or changed, 1 deleted; --discard-edits leaves them out" in said(*index)
        assert contents(edited) == there
    assert "kept" not in said(*index, "--discard-edits")
    assert set(contents(edited)) == {f"p{number}" for number in range(120)}
    assert figures_of(*index)["edits"] == {"changed": 0, "deleted": 0}


def test_a_copy_says_of_which_version_it_is(edited: Path, tmp_path: Path) -> None:
    to = tmp_path / "backup"
    assert "121 products copied" in (text := said("copy", "--catalogue", edited, "--to", to))
    assert "as it is at version 4" in text
    assert contents(to) == contents(edited)
    assert (to / "map.json").is_file()
    with Catalogue.open(to, writable=True) as copy:
        copy.write([Delete("p7")])
    assert "kept 1 edit: 0 products added or changed, 1 deleted" in said("copy", "--catalogue", edited, "--to", to)
    figures = figures_of("copy", "--catalogue", edited, "--to", to, "--discard-edits")
    assert (figures["products"], figures["version"], figures["edits"]["deleted"]) == (121, 4, 0)
    assert contents(to) == contents(edited)


def test_a_catalogue_is_not_copied_onto_itself(edited: Path, tmp_path: Path) -> None:
    (tmp_path / "same").symlink_to(edited)
    for to in (edited, tmp_path / "same"):
        assert f"{to} is the catalogue itself" in refused("copy", "--catalogue", edited, "--to", to)


def test_a_copy_puts_its_pictures_where_it_is_told(edited: Path, tmp_path: Path) -> None:
    for where, files in (("folder", True), ("inside", False)):
        said("copy", "--catalogue", edited, "--to", tmp_path / where, "--pictures", where)
        assert (tmp_path / where / "pictures").exists() == files
        with Catalogue.open(tmp_path / where) as copy, Catalogue.open(edited) as source:
            assert copy.image("p8") == source.image("p8")
    for place, why in ((tmp_path / "x", "'outside'; choose inside or folder"), ("postgresql://nowhere/x", "inside it")):
        choice = "outside" if place == tmp_path / "x" else "folder"
        refused = CliRunner().invoke(
            cli, ["copy", "--catalogue", str(edited), "--to", str(place), "--pictures", choice]
        )
        assert why in str(refused.exception or refused.output)
