"""`vitrine evaluate --queries`: the same figures from a catalogue and from a service, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from common import InputError, UnreachableError
from index import open_catalogue, open_search
from index.metrics import judged_figures, read_queries
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue
from training.reports import evaluate_queries, markdown
from training.reports.queries import ask_all, judged_queries, offline
from vitrine.cli import cli

QUERIES: list[dict[str, Any]] = [
    {"text": "red dress", "kind": "plain", "where": {"attributes": {"articleType": ["Dress"], "baseColour": ["Red"]}}},
    {"text": "blue shoes", "kind": "plain", "where": {"title": ["blue shoes"]}},
    {"text": "pink wtach", "kind": "typo", "where": {"title": ["pink watch"]}, "clean": "pink watch"},
    {
        "text": "robe rouge",
        "kind": "french",
        "language": "fr",
        "where": {"title": ["red dress"]},
        "english": "red dress",
    },
    {"text": "1000", "kind": "code", "half": "tune", "ids": ["1000"]},
    {"text": "zxqv wkpj", "kind": "nonsense", "nothing": True},
    {"draw": "titles", "kind": "title", "count": 6, "seed": 1},
]


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    path = tmp_path / "queries.jsonl"
    path.write_text("\n".join(map(json.dumps, QUERIES)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.mark.parametrize("mode", ["hybrid", "vector", "lexical"])
def test_a_service_has_the_figures_of_its_catalogue(mode: Any, queries: Path, shop: Path) -> None:
    with open_catalogue(shop) as catalogue:
        wanted = judged_queries(read_queries(queries), ("report",), catalogue.snapshot().products)
        here = judged_figures(ask_all(offline(open_search(catalogue), DrawnEncoder()), wanted, mode))
    with shop_open(shop) as client:
        there = evaluate_queries(queries, None, shop, mode=mode, url=str(client.base_url))
    assert there["modes"] == {mode: here}
    assert (there["queries"], there["gallery"], there["encoder_id"]) == (8, 48, "drawn-1")
    if mode == "hybrid":
        assert here["kinds"]["plain"]["p10"]["value"] == 1
        assert here["ratios"]["typo"]["value"] == 1


def test_a_service_with_another_catalogue_and_one_that_is_away_are_refused(
    queries: Path, shop: Path, tmp_path: Path
) -> None:
    other = DrawnEncoder()
    other.encoder_id = "drawn-2"
    write_catalogue(tmp_path / "other", other)
    with shop_open(shop) as client:
        url = str(client.base_url)
        with pytest.raises(InputError, match=r"serves a catalogue of encoder drawn-1, .* one of encoder drawn-2"):
            evaluate_queries(queries, None, tmp_path / "other", url=url)
    with pytest.raises(UnreachableError, match=r"does not answer .* vitrine serve"):
        evaluate_queries(queries, None, shop, url=url)


def test_what_cannot_be_measured_is_refused(tmp_path: Path, shop: Path) -> None:
    def measured(line: dict[str, Any], **more: Any) -> None:
        path = tmp_path / "queries.jsonl"
        path.write_text(json.dumps(line), encoding="utf-8")
        evaluate_queries(path, None, shop, url="http://127.0.0.1:9", **more)

    with pytest.raises(InputError, match=r"right for 1 queries, such as 'green hat'"):
        measured({"text": "green hat", "kind": "plain", "where": {"title": ["hat"]}})
    with pytest.raises(InputError, match="no query is of half tune"):
        measured(QUERIES[0], half="tune")
    with pytest.raises(InputError, match="there is no mode 'words'; choose one of hybrid, vector, lexical, all"):
        measured(QUERIES[0], mode="words")
    with pytest.raises(InputError, match="there is no half 'first'; choose one of tune, report, all"):
        measured(QUERIES[0], half="first")


def test_the_command_measures_and_shows(checkpoint: Path, catalogue: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "queries.jsonl", tmp_path / "figures.json"
    red = {
        "text": "red ball",
        "kind": "plain",
        "where": {"attributes": {"articleType": ["Ball"], "baseColour": ["Red"]}},
    }
    path.write_text(json.dumps(red), encoding="utf-8")

    def say(*words: str | Path) -> str:
        done = CliRunner().invoke(cli, ["evaluate", *map(str, words)], catch_exceptions=False, env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
        return done.stdout if "--json" in words else done.output

    given = ("--queries", path, "--checkpoint", checkpoint, "--catalogue", catalogue)
    figures = json.loads(say(*given, "--mode", "all", "--json", "--out", out))
    assert list(figures["modes"]) == ["hybrid", "vector", "lexical"]
    assert figures["modes"]["lexical"]["kinds"]["plain"]["p10"]["value"] == 1
    assert figures == json.loads(out.read_text(encoding="utf-8"))
    shown = say("--from", out, "--out", tmp_path / "figures.md")
    assert "1 judged queries, half report, 120 products" in shown
    table = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert table == markdown(figures)
    assert "| mode hybrid | P@10 | nDCG@10 |" in table

    path.write_text(json.dumps({**red, "text": "flooble"}), encoding="utf-8")
    (tmp_path / "lexicons").mkdir()
    own = tmp_path / "lexicons" / "en.toml"
    own.write_text('language = "en"\nname = "English"\n[product]\n"red ball" = ["flooble"]\n', encoding="utf-8")
    words = json.loads(say(*given, "--mode", "lexical", "--json", "--lexicons", own.parent))
    assert words["modes"]["lexical"]["kinds"]["plain"]["p10"]["value"] == 1

    with pytest.raises(InputError, match="give --queries FILE with them"):
        say("--mode", "vector")
    with pytest.raises(InputError, match="leave out one of --url and --lexicons"):
        say("--queries", path, "--catalogue", catalogue, "--url", "http://127.0.0.1:9", "--lexicons", own.parent)
    with pytest.raises(InputError, match="which has its own; leave out --checkpoint"):
        say(*given, "--url", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="leave them out with --queries"):
        say(*given, "--split", "test")
