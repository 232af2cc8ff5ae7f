"""The benchmarks run, on a size that takes seconds; they do not judge how fast anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from index import open_catalogue
from index.metrics import HALVES
from models import load_encoder
from tests.benchmarks import collages, languages, search_edits, search_parts, service, shown, sync, tag, typing
from tests.benchmarks.client import percentile, upload
from tests.benchmarks.peers import side_by_side
from tests.benchmarks.performance import FOLDER, SECTIONS, machine, page
from training.languages import WRITTEN


def test_the_service_s_benchmark_runs_and_makes_its_section(exported: Path, catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "service.json"
    places = ["--checkpoint", str(exported), "--catalogue", str(catalogue), "--out", str(out)]
    command = [sys.executable, "-m", "tests.benchmarks.service", *places, "--rounds", "1", "--seconds", "0.2"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["text"]["text"]["answered"] > 0
    assert found["large pictures"]["large"]["answered"] > 0
    assert set(found["ratios"]) == set(service.GOALS)
    section = service.markdown(found)
    assert str(tmp_path) not in section
    assert section.strip().startswith("## ")


def test_the_benchmark_of_pictures_runs_and_makes_its_section() -> None:
    modes = {mode: shown.measure_mode(30_000, mode, 300_000) for mode in shown.MODES}
    page_of_results = shown.measure_page(300, 400)
    assert page_of_results["320 wide, WebP"]["kB"] < page_of_results["originals kB"]
    found = {"machine": machine(), "pixels": "300×400", "page": page_of_results, "modes": {"30 kB": modes}}
    assert shown.markdown(found).startswith("## Pictures on a page")


def test_what_peers_are_compared_by(tmp_path: Path) -> None:
    def one(rate: float, late: float) -> dict[str, float]:
        return {"per second of 32 clients": rate, "p99 ms of 32 clients": late, "p50 ms of one client": 1.0}

    servers = {"Vitrine": {"x": one(60, 20), "memory MB": 1}, "a": {"x": one(30, 40)}, "b": {"x": one(10, 10)}}
    assert side_by_side.ratios(servers) == {
        "x": {"best peer": "a", "queries per second": 2.0, "p99": 2.0, "p50 of one client": 1.0}
    }


def test_percentiles_and_medians() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], part) for part in (0.5, 0.99)] == [2.0, 4.0]
    assert percentile([], 0.5) == 0
    assert service.medians([{"a": 1.0, "b": "x"}, {"a": 3.0, "b": "y"}, {"a": 2.0, "b": "z"}]) == {"a": 2.0, "b": "x"}
    assert b"a picture" in upload("/", b"a picture", k="1")


def test_the_record_of_the_machine_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--catalogue", "/somewhere/else", "--rounds", "2"])
    found = machine()
    assert found["command"].endswith("--catalogue PATH --rounds 2")
    assert found["packages"]["numpy"]


def test_the_page_has_every_section_there_are_figures_for() -> None:
    there = [path.stem for path in FOLDER.glob("*.json")]
    assert set(there) <= set(SECTIONS)
    assert page().count("\n## ") >= len(there)


def test_what_the_parts_of_a_search_are_worth(checkpoint: Path, catalogue: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    ball = {"attributes": {"articleType": ["Ball"], "baseColour": ["Red"]}}
    lines = [
        {"text": "red ball", "kind": "plain", "where": ball},
        {"text": "red blal", "kind": "typo", "clean": "red ball", "where": ball},
    ]
    queries.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = search_parts.measured(queries, checkpoint, catalogue, "report")
    assert list(found["parts"]) == list(search_parts.PARTS)
    typo = {name: part["kinds"]["typo"]["p10"]["value"] for name, part in found["parts"].items()}
    assert typo["all"] > typo["no correction"]
    table = search_parts.table(found)
    assert f"| plain | 1 | {100 * found['parts']['all']['kinds']['plain']['p10']['value']:.1f} |" in table
    assert len(table.splitlines()) == 2 + 3


def test_how_well_the_things_in_a_picture_are_found(checkpoint: Path, catalogue: Path) -> None:
    found = collages.measured(checkpoint, catalogue, collages=2)
    assert 0 <= found["known"]["kind"] <= found["known"]["dot"] <= 1
    assert found["known"]["regions"] >= 1
    assert f"| it has a dot within, % | {100 * found['known']['dot']:.1f} |" in collages.table(found)


def test_what_the_parts_of_an_edit_are_worth(checkpoint: Path, catalogue: Path, tmp_path: Path) -> None:
    with open_catalogue(catalogue) as opened:
        products = opened.snapshot().products
    ball = next(one for one in products if one.attributes["articleType"] == "Ball")
    colour = next(str(one.attributes["baseColour"]) for one in products if one.attributes != ball.attributes)
    line = {"text": f"in {colour}", "like": [ball.id], "kind": "edit: colour"}
    where = {"attributes": {"baseColour": [colour]}}
    queries = tmp_path / "queries.jsonl"
    queries.write_text("".join(json.dumps({**line, "half": half, "where": where}) + "\n" for half in HALVES))
    found = search_edits.measured(queries, checkpoint, catalogue)
    assert found["halves"]["report"]["no kind kept"]["all"]["value"] == 1
    assert set(found["ms"]) == {"modify", "picture", "one text"}
    table = search_edits.table(found)
    assert table.splitlines()[2].startswith("| colour | 1 | ")
    assert "| text alone |" in table.splitlines()[0]


def test_how_typing_is_helped(catalogue: Path) -> None:
    found = typing.measured(catalogue, draws=50, large=200)
    assert found["completions"]["lead to nothing"] == 0
    assert found["spelling"]["changed"]["words of the catalogue"] == 0
    assert found["spelling"]["any letter"]["corrected"] > 0.5
    assert "| words of titles, any letter |" in typing.table(found)


def test_a_nightly_sync_sends_what_changed(exported: Path, catalogue: Path) -> None:
    found = sync.measured(catalogue, exported)
    assert sum(found["changed"].values()) == len(sync.KINDS)
    assert found["nothing"]["bytes_sent"] == found["some"]["failed"] == 0
    assert found["some"]["created"] == found["changed"]["new"]
    assert found["some"]["deleted"] == found["changed"]["gone"]
    assert 0 < found["some"]["bytes_sent"] < found["whole"]["bytes_sent"]
    assert sync.markdown({**found, "machine": machine()}).strip().startswith("## ")


def test_the_benchmark_of_tags_runs_and_makes_its_table(exported: Path, catalogue: Path) -> None:
    found = tag.measured(exported, catalogue, most=40)
    assert found["attributes"]
    for figures in found["attributes"].values():
        assert 0 <= figures["right"]["low"] <= figures["right"]["value"] <= figures["right"]["high"] <= 1
    assert tag.table(found).splitlines()[-1].startswith("| mean |")


def test_titles_in_other_languages_are_measured_beside_english(exported: Path, catalogue: Path) -> None:
    found = languages.measure(load_encoder(exported, "cpu"), catalogue)
    assert found["gallery"] == 120
    kept = found["written, validation"]["tower"]
    assert kept["English"]["kept"]["value"] == 1
    assert set(languages.NAMES.values()) <= kept.keys()
    assert "| written, validation" in languages.markdown(found)
    by_hand = languages.translations()
    assert all(set(texts) == set(WRITTEN) and all(texts.values()) for texts in by_hand.values())
    assert len(by_hand) == 240
