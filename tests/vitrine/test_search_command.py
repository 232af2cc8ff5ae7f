"""`vitrine search`: the whole query, with the same answer from a service, from one that is found, and from none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vitrine.cli.search as search_command
from common import InputError
from index.ann import search_files
from models import load_encoder
from tests.tools.command import refused, run
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue
from vitrine.cli.search import conditions, serving

QUERIES = [
    ["red ball", "-k", "3"],
    ["rde ball", "--filter", "baseColour=Red", "--filter", "baseColour=Blue", "--facet", "articleType"],
    ["rde ball", "--no-correct", "--mode", "lexical"],
    ["blue", "--filter", "articleType!=Ball", "--offset", "2", "--strict", "--cutoff", "0.2"],
    ["--like", "p0", "--unlike", "p3", "--sort", "baseColour:desc"],
    ["--like", "p0", "--modify", "in blue", "--cutoff", "auto"],
    ["--filter", "baseColour=Green", "--sort", "newest"],
    ["red ball on a green ground", "--mode", "vector", "--no-hub-correction"],
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a service on a loaded machine."""
    monkeypatch.setattr(search_command, "ANSWER_S", 120.0)
    monkeypatch.setattr(search_command, "PROBE_S", 120.0)


@pytest.fixture(scope="module")
def service(exported: Path, catalogue: Path) -> Iterator[str]:
    with shop_open(catalogue, load_encoder(exported)) as client:  # type: ignore[arg-type]
        yield str(client.base_url).rstrip("/")


def answer(*words: str | Path, **env: str) -> tuple[Any, str]:
    done = run("search", *words, "--json", env=env)
    assert done.returncode == 0, done
    said = json.loads(done.stdout)
    del said["timing_ms"]
    return said, done.stderr


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query))
def test_the_answer_is_the_same_wherever_it_comes_from(
    query: list[str], service: str, exported: Path, catalogue: Path
) -> None:
    asked, _ = answer(*query, "--url", service)
    assert asked["results"]
    here, _ = answer(*query, "--catalogue", catalogue, "--checkpoint", exported)
    assert here == asked
    found, said = answer(*query, "--catalogue", catalogue, VITRINE_PORT=service.rpartition(":")[2])
    assert found == asked
    assert f"asked {service}" in said


def test_several_words_are_one_text(service: str) -> None:
    assert answer("red", "ball", "-k", "3", "--url", service)[0] == answer("red ball", "-k", "3", "--url", service)[0]


def test_hub_correction_can_be_switched_off(service: str) -> None:
    query = ["red ball on a green ground", "--mode", "vector", "-k", "1000", "--url", service]
    on, off = (answer(*query, *more)[0]["results"] for more in ([], ["--no-hub-correction"]))
    scores = [hit["score"] for hit in off]
    assert scores == sorted(scores, reverse=True)
    assert [hit["id"] for hit in on] != [hit["id"] for hit in off]
    assert {hit["id"]: hit["score"] for hit in on} == {hit["id"]: hit["score"] for hit in off}


def test_a_picture_asks_too(service: str, exported: Path, catalogue: Path, shapes: Path) -> None:
    picture = ["--image", str(shapes.parent / "0.png"), "-k", "2"]
    asked, _ = answer(*picture, "red", "--url", service)
    assert answer(*picture, "red", "--catalogue", catalogue, "--checkpoint", exported)[0] == asked
    assert answer(*picture, "--catalogue", catalogue, "--checkpoint", exported)[0]["results"][0]["id"] == "p0"


def test_a_service_of_another_catalogue_is_not_asked(
    service: str, catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRINE_PORT", service.rpartition(":")[2])
    assert serving(catalogue) == service
    other = write_catalogue(tmp_path / "other", DrawnEncoder())
    assert serving(other) is None
    monkeypatch.setenv("VITRINE_PORT", "tcp://10.0.0.1:8000")
    assert serving(catalogue) is None


def test_files_that_are_derived_answer_as_the_catalogue_does(
    exported: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["red bal", "--filter", "baseColour=Red", "--facet", "articleType"]
    words += ["--catalogue", str(catalogue), "--checkpoint", str(exported)]
    whole, _ = answer(*words)
    assert not list(catalogue.glob("search-*"))
    monkeypatch.setattr(search_files, "SOME", 100)
    for _ in range(2):  # they are made, then read
        assert answer(*words)[0] == whole
    assert len(list(catalogue.glob("search-*/manifest.json"))) == 1


def test_conditions_are_read_as_they_are_written() -> None:
    assert conditions(["year>=2013", "year<2016", "brand!=Nike", "gender = Women", "gender=Girls", "note=a=b"]) == {
        "year": {"gte": "2013", "lt": "2016"},
        "brand": {"not": ["Nike"]},
        "gender": {"any": ["Women", "Girls"]},
        "note": {"any": ["a=b"]},
    }
    for wrong in (["gender"], ["=x"], ["gender="], ["year>=1", "year>=2"]):
        with pytest.raises(InputError, match="--filter"):
            conditions(wrong)


def test_mistakes_are_told_before_anything_is_opened(tmp_path: Path) -> None:
    for words, told in {
        (): "there is nothing to search for",
        ("--modify", "in blue"): "there is nothing to search for",
        ("red", "--mode", "hibrid"): "did you mean 'hybrid'?",
        ("red", "--cutoff", "much"): "cutoff",
        ("red", "--sort", "price:up"): "sort",
        ("red", "-k", "0"): "k",
        ("red", "--device", "gpu"): "there is no device 'gpu', did you mean 'cuda'? choose auto, cpu, cuda or cuda:0",
        ("red", "--key", "vtr_x"): "--key is for a service",
        ("red", "--url", "http://127.0.0.1:9", "--catalogue", "x"): "leave out --catalogue",
    }.items():
        assert told in refused("search", *words, folder=tmp_path), words
    assert "no catalogue here" in refused("search", "red", folder=tmp_path)


def test_a_service_that_is_away_is_a_fault_and_one_that_refuses_a_mistake(service: str) -> None:
    assert "http://127.0.0.1:9" in refused("search", "red", "--url", "http://127.0.0.1:9", status=1)
    assert "shade" in refused("search", "red", "--url", service, "--filter", "shade=Red")
