"""`vitrine evaluate --against`: two encoders on the same titles, and side by side on the shop's own queries."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from common import InputError
from index import Product, SplitRule, evaluate_split, open_catalogue
from index.metrics import Side, compare, paired_figures, verdict
from tests.tools.shop import DrawnEncoder, unit, write_catalogue
from training.reports import Own, evaluate_against, figures_csv, markdown
from training.reports.against import own_queries
from training.reports.sides import encoded_sides
from vitrine.cli import cli


class Blurred(DrawnEncoder):
    """An encoder that sees less: it knows few outlines."""

    encoder_id = "blurred-1"

    def _of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        rows = super()._of_pixels(pixels)
        rows[:, 40:116] = 1e-3
        return unit(rows)


@pytest.fixture
def other_checkpoint(checkpoint: Path, tmp_path: Path) -> Path:
    """Return a copy of a checkpoint whose weights are a little off."""
    folder = tmp_path / "other"
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    rng = np.random.default_rng(0)
    changed = {name: np.asarray(one + rng.normal(0, 0.01, one.shape), one.dtype) for name, one in weights.items()}
    with safe_open(folder / "model.safetensors", "np") as stored:
        save_file(changed, folder / "model.safetensors", stored.metadata())
    return folder


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("shops")
    return write_catalogue(folder / "a", DrawnEncoder()), write_catalogue(folder / "b", Blurred())


def test_the_figures_of_each_side_are_those_of_its_catalogue(shops: tuple[Path, Path]) -> None:
    result = evaluate_against(shops[0], None, shops[1], "all")
    assert json.loads(json.dumps(result)) == result
    for side, place in zip("ab", shops, strict=True):
        with open_catalogue(place) as catalogue:
            own = evaluate_split(catalogue.snapshot(), "all")
        for line in result["measures"]:
            figures = own["titles"] if line["direction"] == "titles" else own[line["direction"]][line["right"]]
            assert line[side] == figures[line["measure"]]
            both = line["b"]["value"] - line["a"]["value"]
            assert line["difference"]["value"] == pytest.approx(both, abs=2e-6)
    assert result["measures"][0]["measure"] == "recall10"
    assert result["verdict"] == verdict(result["measures"][0]["difference"])
    assert (result["a"], result["b"]) == ({"encoder_id": "drawn-1"}, {"encoder_id": "blurred-1"})
    assert set(result["slices"]) == {"gender", "baseColour", "title frequency"}
    for lines in result["slices"].values():
        assert sum(line["queries"] for line in lines) == result["titles"] == 40
    assert all(len(one["a"]) == len(one["b"]) == 10 for one in result["side_by_side"])
    assert evaluate_against(shops[0], None, shops[1], "all") == result


def test_pictures_that_are_encoded_now_give_what_their_catalogue_has(shops: tuple[Path, Path]) -> None:
    encoder: Any = Blurred()
    with open_catalogue(shops[0]) as first, open_catalogue(shops[1]) as second:
        snapshot, other = first.snapshot(), second.snapshot()
        sides = encoded_sides(snapshot, first, encoder, None)
    assert [product.id for product in sides.products] == [product.id for product in other.products]
    # The tool encodes what it draws, and every second picture is stored as JPEG, which is a little off.
    np.testing.assert_allclose(sides.b.images[::2], other.image_vectors[::2], atol=1e-5)
    assert np.einsum("nd,nd->n", sides.b.images, other.image_vectors).min() > 0.98
    np.testing.assert_allclose(sides.b.texts, other.text_vectors, atol=1e-5)
    np.testing.assert_array_equal(sides.a.images, snapshot.image_vectors)


def test_an_interval_of_pairs_finds_a_difference_that_two_intervals_hide() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(400)
    a, b = {"m": (hard < 0.5).astype(float)}, {"m": (hard < 0.53).astype(float)}
    found = paired_figures((a, b), np.ones(400))["m"]
    assert found["b"]["low"] < found["a"]["high"]  # the two overlap
    assert found["difference"]["low"] > 0
    assert found["difference"]["value"] == pytest.approx(found["b"]["value"] - found["a"]["value"], abs=2e-6)
    assert found == paired_figures((a, b), np.ones(400))["m"]
    with pytest.raises(InputError, match="different measures"):
        paired_figures((a, {"n": b["m"]}), np.ones(400))


def test_the_same_encoder_twice_differs_in_nothing() -> None:
    texts = unit(np.random.default_rng(1).normal(size=(60, 8)))
    images = unit(texts + np.random.default_rng(2).normal(size=(60, 8)) / 4)
    products = [Product(str(n), f"Thing {n}", {"size": n % 3}, SplitRule().of(f"Thing {n}")) for n in range(60)]
    side = Side(images, texts, None)
    result = compare(side, side, products, np.arange(60), resamples=50)
    assert all(line["difference"] == {"value": 0, "low": 0, "high": 0} for line in result["measures"])
    assert list(result["slices"]) == ["size", "title frequency"]


def test_the_verdict_says_which_is_better_or_that_nobody_can_tell() -> None:
    assert verdict({"value": 0.012, "low": 0.004, "high": 0.02}) == "B is better by 1.2 points (0.4 to 2.0)."
    assert verdict({"value": -0.03, "low": -0.05, "high": -0.01}) == "A is better by 3.0 points (1.0 to 5.0)."
    told = verdict({"value": 0.001, "low": -0.004, "high": 0.006})
    assert told == "No difference that can be told from chance: +0.1 points (-0.4 to +0.6)."


def test_queries_are_read_line_by_line_or_judged(tmp_path: Path) -> None:
    path = tmp_path / "queries.txt"
    path.write_text("﻿red dress\n\n blue shoes \nred dress\n", encoding="utf-8")
    assert own_queries(path) == ["red dress", "blue shoes"]
    path.write_text('{"text": "red dress", "kind": "own", "ids": ["1000"]}\n', encoding="utf-8")
    (query,) = own_queries(path)
    assert not isinstance(query, str)
    for text, said in (
        ("\n", "no queries"),
        ("q\n" * 2 + "\n".join(map(str, range(1001))), "1,000 at most"),
        ("q" * 1001, "1,000"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            own_queries(path)
    with pytest.raises(InputError, match="cannot be read"):
        own_queries(tmp_path / "none.txt")


def test_two_sides_that_cannot_be_compared_are_refused(shops: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both sides are encoder drawn-1"):
        evaluate_against(shops[0], None, shops[0])
    with pytest.raises(InputError, match="--against CHECKPOINT"):
        evaluate_against(shops[0], None)
    with pytest.raises(InputError, match="no split 'dev'"):
        evaluate_against(shops[0], None, shops[1], "dev")
    queries = tmp_path / "queries.txt"
    queries.write_text("red dress\n", encoding="utf-8")
    with pytest.raises(InputError, match="no half 'third'"):
        evaluate_against(shops[0], tmp_path, own=Own(queries, tmp_path, "third"))


def test_the_command_compares_and_writes(
    checkpoint: Path, catalogue: Path, other_checkpoint: Path, tmp_path: Path
) -> None:
    out, queries = tmp_path / "report.json", tmp_path / "queries.txt"
    queries.write_text("red ball\nblue box\n", encoding="utf-8")

    def say(*words: str | Path) -> str:
        done = CliRunner().invoke(cli, ["evaluate", *map(str, words)], catch_exceptions=False, env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
        return done.stdout if "--json" in words else done.output

    given = ("--catalogue", catalogue, "--against", other_checkpoint, "--split", "all")
    told = say(*given, "--checkpoint", checkpoint, "--queries", queries, "--out", out)
    assert re.search(r"(better by|told from chance)", told)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert [one["query"] for one in report["side_by_side"]] == ["red ball", "blue box"]
    assert "judged" not in report
    say("--from", out, "--out", tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == markdown(report)
    say("--from", out, "--out", tmp_path / "report.csv")
    table = (tmp_path / "report.csv").read_text(encoding="utf-8")
    assert table == figures_csv(report)
    lines = list(csv.DictReader(table.splitlines()))
    assert lines[0]["column"] == "A"
    assert float(lines[0]["value"]) == report["measures"][0]["a"]["value"]

    judged = {"text": "red ball", "kind": "own", "where": {"attributes": {"baseColour": ["Red"]}}}
    queries.write_text(json.dumps(judged), encoding="utf-8")
    figures = json.loads(say(*given, "--checkpoint", checkpoint, "--queries", queries, "--json"))
    assert figures["judged"]["queries"] == 1
    with pytest.raises(InputError, match="leave out --protocol"):
        say(*given, "--protocol", "kagl")
