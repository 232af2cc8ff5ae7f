"""Indexes that find most of what a scan finds: chosen by measurement, filtered, refused when they do not belong."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import ArtefactError, ConfigError
from index import (
    DEPTH,
    Catalogue,
    CatalogueInfo,
    CatalogueWriter,
    Delete,
    Entry,
    Filter,
    IndexRequirements,
    Page,
    Product,
    Put,
    SearchIndex,
    SearchQuery,
    SplitRule,
    make_index,
    open_index,
)
from index.ann import AnnIndex, Choice, Trial, build, factories, queries_of, search_files, tuned
from index.ann.choose import AT, choose, exact
from index.ann.faiss_index import bytes_of

DIM = 32
COUNT = 12_000
INFO = CatalogueInfo("enc-1", DIM, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")


def clustered(count: int, seed: int) -> np.ndarray:
    """Return unit vectors (count, DIM) around a hundred centres, as those of products are."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((100, DIM))
    vectors = centres[rng.integers(0, 100, count)] + 0.8 * rng.standard_normal((count, DIM))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def entries(count: int, seed: int = 0) -> list[Entry]:
    images, texts = clustered(count, seed + 1), clustered(count, seed + 2)
    draws = np.random.default_rng(seed).integers(0, 1000, count)
    return [
        Entry(
            Product(f"p{row}", f"Title {row - row % 3}", {"draw": str(draws[row]), "half": str(row % 2)}),
            b"picture",
            images[row],
            texts[row - row % 3],
        )
        for row in range(count)
    ]


def write(folder: Path, count: int, info: CatalogueInfo = INFO, seed: int = 0) -> Path:
    with CatalogueWriter(folder, info) as writer:
        writer.add(entries(count, seed))
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalogue that is searched through an index with lists."""
    folder = write(tmp_path_factory.mktemp("large") / "catalogue", COUNT)
    # A flat scan, which is about as fast here, is too large for it.
    found = make_index(folder, IndexRequirements(budget_mb=1.2, recall=0.97))
    assert found is not None
    assert all(one["kind"] != "flat" and one["enough"] for one in found["chosen"].values())
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalogue of 300 products of which something was asked."""
    folder = write(tmp_path_factory.mktemp("indexed") / "catalogue", 300)
    make_index(folder, IndexRequirements(budget_mb=0.03, recall=0.9))
    return folder


@pytest.fixture
def small(indexed: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(indexed, tmp_path / "catalogue", symlinks=True))


def opened(folder: Path) -> SearchIndex:
    with Catalogue.open(folder) as catalogue:
        return open_index(catalogue)


def scanned(folder: Path) -> SearchIndex:
    with Catalogue.open(folder) as catalogue:
        return SearchIndex(catalogue.snapshot())


def same_part(found: list[Page[Any]], right: list[Page[Any]]) -> float:
    """Return which part of the right hits was found, after checking lengths, totals and scores."""
    same = total = 0
    for one, two in zip(found, right, strict=True):
        assert len(one.hits) == len(two.hits)
        assert one.total == two.total
        scores = {hit.product.id: hit.score for hit in two.hits}
        assert [hit.score for hit in one.hits] == sorted((hit.score for hit in one.hits), reverse=True)
        for hit in one.hits:
            if hit.product.id in scores:
                same += 1
                assert hit.score == scores[hit.product.id]  # to the last bit: scored with the vectors themselves
        total += len(two.hits)
    return same / total


def test_every_type_reaches_what_is_asked_of_it() -> None:
    vectors, others = clustered(COUNT, 1), clustered(500, 2)
    trial = Trial.of(vectors, others)
    kinds = factories(*vectors.shape)
    assert set(kinds) == {"flat", "fp16", "int8", "ivf", "ivf-int8", "hnsw", "pq"}
    for kind, factory in kinds.items():
        if kind != "flat":
            blank = Choice(kind, factory, 128, 0, COUNT, 0, 0, 0, 0, bytes_of(kind, *vectors.shape), 0)
            found = tuned(AnnIndex(build(factory, vectors), blank), trial, 0.95)
            assert found.choice.enough, kind
            assert min(found.choice.recall, found.choice.recall_other) >= 0.95
            assert found.choice.recall_deep >= 0.85, "of the fifty best, three times as many may be missing"
            rows = found.search(trial.own, None, 1.0)
            scores = np.where(rows >= 0, np.einsum("bwd,bd->bw", vectors[rows], trial.own), -2)
            best = np.take_along_axis(rows, np.argsort(-scores, axis=1)[:, :DEPTH], axis=1)
            same = [len(np.intersect1d(*pair)) for pair in zip(best, trial.truth_own, strict=True)]
            assert np.mean(same) / DEPTH >= found.choice.recall_deep - 1e-9


def test_the_choice_keeps_to_the_budget_and_says_when_it_cannot_reach_the_recall() -> None:
    vectors, others = clustered(COUNT, 1), clustered(500, 2)
    for budget in (bytes_of("int8", COUNT, DIM), bytes_of("pq", COUNT, DIM)):
        near, measured = choose(vectors, others, budget, 0.9)
        assert isinstance(near, AnnIndex)
        assert all(one.bytes <= 1.3 * budget for one in (*measured, near.choice))  # the formula leaves out FAISS's own
    none_fits, measured = choose(vectors, others, 1000, 1.0)
    assert isinstance(none_fits, AnnIndex)
    assert [one.kind for one in measured] == ["pq"]  # the smallest there is
    assert none_fits.choice.enough == (none_fits.choice.reached == 1)
    flat, _ = choose(vectors[:300], others, None, 1.0)
    assert (flat if isinstance(flat, Choice) else flat.choice).enough


def test_queries_are_like_the_vectors_and_none_of_them() -> None:
    vectors = clustered(2000, 1)
    own, other = queries_of(vectors, clustered(100, 2))
    best = np.take_along_axis(own @ vectors.T, exact(vectors, own)[:, :1], axis=1)
    assert 0.75 < float(np.median(best)) < 0.99
    assert own.shape == other.shape == (500, DIM)


def test_pages_fit_together_and_deep_ones_are_exact(large: Path) -> None:
    index, right = opened(large), scanned(large)
    queries, titles = queries_of(clustered(COUNT, 1), clustered(COUNT, 2), 100)
    for asked in (queries, titles):
        assert (
            same_part(
                index.search("images", asked, [SearchQuery()] * 100),
                right.search("images", asked, [SearchQuery()] * 100),
            )
            >= 0.97
        )
        hits = [p.hits for p in index.search("texts", asked, [SearchQuery()] * 100)]
        best = [p.hits for p in right.search("texts", asked, [SearchQuery()] * 100)]
        assert sum(len([h for h in a if h in b]) for a, b in zip(hits, best, strict=True)) >= 0.97 * 100 * AT
        last = [SearchQuery(offset=DEPTH - AT)] * 100
        assert same_part(index.search("images", asked, last), right.search("images", asked, last)) >= 0.85
    (whole,) = index.search("images", queries[:1], [SearchQuery(k=DEPTH)])
    parts = [index.search("images", queries[:1], [SearchQuery(k=10, offset=at)])[0].hits for at in range(0, DEPTH, 10)]
    assert [hit for part in parts for hit in part] == whole.hits
    for deep in (SearchQuery(k=1000), SearchQuery(k=10, offset=5000), SearchQuery(k=10, offset=COUNT - 5)):
        assert index.search("images", queries[:3], [deep] * 3) == right.search("images", queries[:3], [deep] * 3)
    likes = [
        SearchQuery(k=30, collapse="image", collapse_threshold=0.9),
        SearchQuery(k=30, collapse="title"),
        SearchQuery(min_score=0.8),
    ]
    for want in likes:
        found, best_page = (
            index.search("images", queries[:1], [want])[0],
            right.search("images", queries[:1], [want])[0],
        )
        assert len(found.hits) == len(best_page.hits)


def test_what_is_best_less_its_hubness_is_found_whatever_else_is_asked(large: Path) -> None:
    index, right = opened(large), scanned(large)
    queries, titles = queries_of(clustered(COUNT, 1), clustered(COUNT, 2), 100)
    parsed = index.understand("title 300")
    for asked in (queries, titles):
        for mode in ("vector", "hybrid"):
            want = SearchQuery(mode=mode, parsed=parsed, hub_weight=1.0)
            pages = [one.search("images", asked, [want] * 100) for one in (index, right)]
            found, best = ([{hit.product.id for hit in page.hits} for page in some] for some in pages)
            assert sum(len(a & b) for a, b in zip(found, best, strict=True)) >= 0.96 * 100 * AT
            plain = replace(want, hub_weight=0.0)
            assert pages[0] != index.search("images", asked, [plain] * 100)
            # Beside a query that is corrected, one that is not gets what it gets alone.
            mixed = [replace(want, k=DEPTH, hub_weight=number % 2) for number in range(100)]
            alone = [index.search("images", asked[at : at + 1], [one])[0] for at, one in enumerate(mixed)]
            assert index.search("images", asked, mixed) == alone
            assert index.search("texts", asked[:5], [want] * 5) == index.search("texts", asked[:5], [plain] * 5)


@pytest.mark.parametrize("limit", [1, 10, 100, 500])
def test_filters_keep_their_recall(large: Path, limit: int) -> None:
    index, right = opened(large), scanned(large)
    queries, titles = queries_of(clustered(COUNT, 1), clustered(COUNT, 2), 100)
    want = SearchQuery(filters={"draw": Filter(lt=limit)}, facets=("half",))
    for asked in (queries, titles):
        part = same_part(index.search("images", asked, [want] * 100), right.search("images", asked, [want] * 100))
        assert part == 1 if limit == 1 else part >= 0.97
        assert (
            index.search("images", asked[:1], [want])[0].facets == right.search("images", asked[:1], [want])[0].facets
        )
        (found,), (best,) = index.search("texts", asked[:1], [want]), right.search("texts", asked[:1], [want])
        assert (len(found.hits), found.total) == (len(best.hits), best.total)


def test_a_small_catalogue_of_which_nothing_was_asked_has_no_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "catalogue", 20)
    assert make_index(folder) is None
    assert len(opened(folder)) == 20
    assert [path.suffix for path in folder.iterdir() if path.name != "catalogue.sqlite"] == [".sqlite"]


def damage_index(files: Path, _: Path) -> None:
    with (files / "images.faiss").open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff\x00\xff\x00")


def cut_vectors(files: Path, _: Path) -> None:
    with (files / "images.npy").open("r+b") as file:
        file.truncate(2000)


def lose_records(files: Path, _: Path) -> None:
    (files / "records.bin").unlink()


def empty_manifest(files: Path, _: Path) -> None:
    (files / "manifest.json").write_text("")


def list_manifest(files: Path, _: Path) -> None:
    (files / "manifest.json").write_text("[]")


def edit_manifest(name: str, value: object) -> Callable[[Path, Path], None]:
    def edit(files: Path, _: Path) -> None:
        manifest = json.loads((files / "manifest.json").read_text(encoding="utf-8"))
        (files / "manifest.json").write_text(json.dumps(manifest | {name: value}), encoding="utf-8")

    return edit


def those_of_another(files: Path, tmp: Path) -> None:
    """Put the files of another catalogue there, of as many products by the same encoder, under this one's name."""
    other = write(tmp / "other", 300, seed=50)
    make_index(other, IndexRequirements(budget_mb=0.03, recall=0.9))
    (theirs,) = other.glob("search-*")
    shutil.rmtree(files)
    shutil.copytree(theirs, files)
    edit_manifest("build", files.name.removeprefix("search-"))(files, tmp)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(damage_index, "images.faiss is damaged", id="damaged"),
        pytest.param(cut_vectors, "images.npy is damaged", id="cut"),
        pytest.param(lose_records, "records.bin is missing", id="lost"),
        pytest.param(empty_manifest, "refused", id="no manifest"),
        pytest.param(list_manifest, "refused", id="no manifest of ours"),
        pytest.param(
            edit_manifest("format", 99), f"its format is 99, and {search_files.FORMAT} is needed", id="format"
        ),
        pytest.param(edit_manifest("encoder_id", "enc-2"), "its encoder_id is 'enc-2', and 'enc-1'", id="encoder"),
        pytest.param(edit_manifest("build", "catalogue-x"), "its build is 'catalogue-x'", id="build"),
        pytest.param(
            edit_manifest("hubs", False), "its hubs is False, and True is needed", id="older, without hubness"
        ),
        pytest.param(edit_manifest("near", {"images": {"kind": "?"}}), "refused", id="unknown type"),
        pytest.param(those_of_another, "are not the catalogue's", id="foreign"),
        pytest.param(lambda files, _: shutil.rmtree(files), "is not there", id="none"),
    ],
)
def test_files_that_are_no_good_are_refused_and_made_anew(
    small: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path, Path], None], said: str
) -> None:
    (files,) = small.glob("search-*")
    harm(files, tmp_path)
    queries, _ = queries_of(clustered(300, 1), clustered(300, 2), 20)
    right = scanned(small).search("images", queries, [SearchQuery()] * 20)
    with caplog.at_level(logging.INFO, "vitrine.index"):
        index = opened(small)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 1
    assert said in lines[0]
    assert same_part(index.search("images", queries, [SearchQuery()] * 20), right) >= 0.9
    caplog.clear()
    assert (
        same_part(opened(small).search("images", queries, [SearchQuery()] * 20), right) >= 0.9
    )  # what was made is good
    assert not caplog.records
    assert [path.name for path in small.glob("search-*")] == [files.name]
    assert not list(small.glob(".*partial"))


def test_where_nothing_can_be_written_the_files_are_temporary(
    small: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files,) = small.glob("search-*")
    shutil.rmtree(files)

    def read_only(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(search_files, "atomic_folder", read_only)
    index = opened(small)
    assert "kept in a temporary folder" in caplog.text
    assert not list(small.glob("search-*"))
    assert len(index.search("images", clustered(1, 1), [SearchQuery()])[0].hits) == AT
    with pytest.raises(ArtefactError, match="cannot be written"):
        make_index(small, IndexRequirements())


def test_what_was_changed_since_comes_from_the_change_log(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = entries(320, seed=7)[300:]
    with Catalogue.open(small, writable=True) as catalogue:
        index = open_index(catalogue)
        catalogue.write([Delete("p7"), Delete("p8"), *(Put(one) for one in more)])
        changes = catalogue.changes(index.version)
        assert changes is not None
        carried = index.updated(changes)
        exactly = SearchIndex(catalogue.snapshot())
    queries, _ = queries_of(clustered(300, 1), clustered(300, 2), 20)
    queries = np.concatenate([queries, [one.image_vector for one in more]])
    right = exactly.search("images", queries, [SearchQuery()] * len(queries))
    again = opened(small)
    assert not caplog.records
    for one in (carried, again):
        assert len(one) == 318
        assert same_part(one.search("images", queries, [SearchQuery()] * len(queries)), right) >= 0.9
        ids = [page.hits[0].product.id for page in one.search("images", queries[20:], [SearchQuery(k=1)] * len(more))]
        assert ids == [entry.product.id for entry in more]
        assert np.array_equal(one.vectors(["p300", "p9"]), exactly.vectors(["p300", "p9"]))
    with Catalogue.open(small, writable=True) as catalogue:
        catalogue.write([Put(entry) for entry in entries(1400, seed=9)[320:]])
    assert len(opened(small)) == 318 + 1080
    assert "too far behind" in caplog.text


def test_a_catalogue_that_is_replaced_keeps_what_was_asked_and_loses_old_files(small: Path) -> None:
    with CatalogueWriter(small, INFO) as writer:
        writer.add(entries(200, seed=3))
    old = {path.name for path in small.glob("search-*")}
    assert len(opened(small)) == 200
    new = {path.name for path in small.glob("search-*")} - old
    assert len(new) == 1
    manifest = json.loads((small / new.pop() / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["wants"] == {"budget_mb": 0.03, "recall": 0.9}


def test_what_cannot_be_is_refused() -> None:
    for wrong in ({"budget_mb": 0}, {"budget_mb": -1}, {"recall": 0}, {"recall": 1.5}):
        with pytest.raises(ConfigError, match="must be above 0"):
            IndexRequirements(**wrong)
