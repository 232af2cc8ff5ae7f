"""The KAGL protocol and the figures per slice, against slow versions that rank one query at a time."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from common import InputError
from index import (
    CatalogueInfo,
    Product,
    Snapshot,
    SplitRule,
    evaluate,
    evaluate_kagl,
    first_text,
    title_key,
    title_slices,
)
from index.metrics.kagl import precision
from index.metrics.labels import NOT_GIVEN, OTHER
from tests.tools.command import refused, run
from training.reports import KAGL_ROWS, markdown, read_result, terminal_table
from vitrine.cli import cli

COLOURS = ("Red", "Blue", "Green", "Black")
KINDS = ("Shirt", "Shoe", "Bag")


def unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.round(64 * vectors) / 64  # so that scores are exact, and no near-tie is left to rounding
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


@pytest.fixture(scope="module")
def shop() -> Snapshot:
    """Return 300 products of 120 titles, some shared by many; images somewhat like their texts."""
    rng = np.random.default_rng(0)
    drawn = np.minimum(rng.geometric(0.03, 300) - 1, 119)
    products = []
    for number, title in enumerate(drawn):
        colour, kind = COLOURS[title % 3], KINDS[title % 2]
        attributes = {"baseColour": colour, "masterCategory": "All", "articleType": kind}
        if title % 7 == 0:
            del attributes["baseColour"]  # not given
        if title % 11 == 0:
            attributes["articleType"] = ""  # given, but empty
        name = f"Maker{title}  {colour} {kind}"
        products.append(
            Product(str(number), name.upper() if number % 2 else name, attributes, "test" if title % 5 else "train")
        )
    words = rng.standard_normal((120, 16))
    texts = unit(words[drawn])
    images = unit(words[drawn] + 1.2 * rng.standard_normal((300, 16)))
    info = CatalogueInfo("encoder", 16, "shop", SplitRule(), "2026-01-01T00:00:00+00:00")
    return Snapshot(info, 0, products, images, texts)


def encode(texts: Any) -> np.ndarray:
    return unit(np.stack([np.random.default_rng([*map(ord, text)]).standard_normal(16) for text in texts]))


def ranked(query: np.ndarray, gallery: np.ndarray, right: list[bool]) -> list[bool]:
    """Return whether each item is right, best first; what ties stands behind what is wrong."""
    order = sorted(range(len(gallery)), key=lambda n: (-np.round(float(gallery[n] @ query), 5), right[n]))
    return [right[n] for n in order]


def slow_title(shop: Snapshot, title: str) -> dict[str, float]:
    right = [title_key(product.title) == title for product in shop.products]
    found = ranked(shop.text_vectors[right.index(True)], shop.image_vectors, right)
    return {
        **{f"recall{k}": sum(found[:k]) / sum(right) for k in (1, 10, 100)},
        "mrr10": 1 / (found.index(True) + 1) if any(found[:10]) else 0.0,
    }


def titles_of(shop: Snapshot, split: str) -> list[str]:
    return sorted({title_key(product.title) for product in shop.products if product.split == split})


def test_the_protocol_agrees_with_the_slow_one(shop: Snapshot) -> None:
    got = evaluate_kagl(shop, "test", encode, resamples=50)
    titles = titles_of(shop, "test")
    slow = [slow_title(shop, title) for title in titles]
    assert (got["protocol"], got["gallery"], got["titles"].pop("queries")) == ("kagl", 300, len(titles))
    for name, figure in got["titles"].items():
        assert figure["value"] == pytest.approx(np.mean([each[name] for each in slow]), abs=1e-6)
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert 0 < got["titles"]["recall1"]["value"] < got["titles"]["recall10"]["value"] < 1

    assert set(got["categories"]) == {"baseColour", "masterCategory", "articleType"}  # there is no subCategory
    mixed = 0.9 * shop.image_vectors + 0.1 * shop.text_vectors
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    for name, figures in got["categories"].items():
        values = sorted({product.attributes.get(name, "") for product in shop.products} - {""})
        assert figures["queries"] == len(values)
        for documents, gallery in (("image", shop.image_vectors), ("image_and_text", mixed)):
            for k in (1, 10):
                wanted = []
                for value in values:
                    right = [product.attributes.get(name) == value for product in shop.products]
                    wanted.append(sum(ranked(encode([value])[0], gallery, right)[:k]) / k)
                assert figures[documents][f"p{k}"]["value"] == pytest.approx(np.mean(wanted), abs=1e-6)
    assert got["categories"]["masterCategory"]["image"]["p10"]["value"] == 1  # there is but one value
    assert 0 < got["categories"]["baseColour"]["image"]["p10"]["value"] < 1


def test_titles_are_measured_as_the_other_protocol_measures_them(shop: Snapshot) -> None:
    queries = np.array([n for n, product in enumerate(shop.products) if product.split == "test"])
    titles = [product.title for product in shop.products]
    pairs = evaluate(shop.image_vectors, shop.text_vectors, titles, queries)
    assert evaluate_kagl(shop, "test", encode)["titles"] == pairs["titles"]


def test_a_value_with_few_products_and_products_without_a_value() -> None:
    gallery = np.eye(4, dtype=np.float32)
    # Values 0 and 1 have one product each; the last two products have none and are right for nobody.
    got = precision(gallery[[0, 2]], gallery, np.array([0, 1, -1, -1]), resamples=2)
    assert (got["queries"], got["p1"]["value"], got["p10"]["value"]) == (2, 0.5, 0.1)
    same = np.tile(gallery[:1], (20, 1))
    blind = precision(same[:2], same, np.repeat([0, 1], 10), resamples=2)
    assert blind["p10"] == {"value": 0, "low": 0, "high": 0}  # one vector for everything finds nothing
    with pytest.raises(InputError, match="no values"):
        precision(gallery[:0], gallery, np.full(4, -1))


def test_slices_agree_with_the_slow_one_and_cover_every_title(shop: Snapshot) -> None:
    queries = np.array([n for n, product in enumerate(shop.products) if product.split == "test"])
    arrays = (shop.image_vectors, shop.text_vectors, shop.products, queries)
    got = title_slices(*arrays, by=("baseColour", "articleType", "gender"), minimum=16, resamples=50)
    assert list(got) == ["baseColour", "articleType", "title frequency"]  # no product has a gender
    keys = [title_key(product.title) for product in shop.products]
    titles = titles_of(shop, "test")

    def value(name: str, title: str) -> str:
        if name == "title frequency":
            count = keys.count(title)
            return "1" if count == 1 else "2–4" if count < 5 else "5–19" if count < 20 else "20+"
        return first_text(shop.products[keys.index(title)].attributes.get(name)) or NOT_GIVEN

    for name, lines in got.items():
        values = [value(name, title) for title in titles]
        few = {each for each in values if values.count(each) < 16}
        assert few
        assert sum(line["queries"] for line in lines) == len(titles)
        assert {line["value"] for line in lines} == {OTHER if each in few else each for each in values}
        for line in lines:
            chosen = [
                slow_title(shop, title)
                for title, each in zip(titles, values, strict=True)
                if (OTHER if each in few else each) == line["value"]
            ]
            assert line["queries"] == len(chosen)
            for measure in ("recall1", "recall10", "mrr10"):
                figure = line[measure]
                assert figure["value"] == pytest.approx(np.mean([each[measure] for each in chosen]), abs=1e-6)
                assert figure["low"] <= figure["value"] <= figure["high"]
    counts = [line["queries"] for line in got["baseColour"] if line["value"] != OTHER]
    assert counts == sorted(counts, reverse=True)
    assert [line["value"] for line in got["title frequency"]] == ["2–4", OTHER]
    whole = title_slices(*arrays, by=(), minimum=1, resamples=2)["title frequency"]
    assert [line["value"] for line in whole] == ["1", "2–4", "5–19"]
    assert got == title_slices(*arrays, by=("baseColour", "articleType", "gender"), minimum=16, resamples=50)


def test_an_empty_or_unknown_split_is_refused(shop: Snapshot) -> None:
    with pytest.raises(InputError, match="in split 'validation'; the splits it has: train, test"):
        evaluate_kagl(shop, "validation", encode)
    with pytest.raises(InputError, match="no split 'dev'"):
        evaluate_kagl(shop, "dev", encode)
    with pytest.raises(InputError, match="300 image vectors"):
        title_slices(shop.image_vectors, shop.text_vectors, shop.products[1:], np.arange(3))


def test_the_command_measures_and_shows_again(checkpoint: Path, catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "kagl.json"
    words = ("evaluate", "--protocol", "kagl", "--split", "all", "--checkpoint", checkpoint, "--catalogue", catalogue)
    done = run(*words, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "KAGL protocol: 60 titles ask, 120 are in the gallery" in done.stderr
    figures = json.loads(out.read_text())
    assert figures["categories"].keys() == {"baseColour", "articleType"}
    assert figures["categories"]["articleType"]["image"]["p10"]["value"] > 0.7  # it has learned what a ball is
    shown = CliRunner().invoke(cli, ["evaluate", "--from", str(out), "--out", str(tmp_path / "kagl.md")])
    assert shown.exit_code == 0
    text = (tmp_path / "kagl.md").read_text()
    assert text == markdown(figures)
    assert "| title frequency | titles | R@1 | R@10 | MRR@10 |" in text
    assert "| 2–4 | 60 | **" in text
    assert "Marqo" not in text  # others' figures are on other products


def test_public_figures_stand_beside_the_same_products_only(shop: Snapshot) -> None:
    products = [
        Product(each.id, each.title, {**each.attributes, "subCategory": "Any"}, each.split) for each in shop.products
    ]
    same = Snapshot(shop.info, 0, products, shop.image_vectors, shop.text_vectors)
    text = markdown(evaluate_kagl(same, "test", encode, resamples=10))
    for model in KAGL_ROWS:
        assert text.count(f"| {model} |") == 3  # titles, P@1, P@10
    assert "| Marqo-FashionSigLIP | 17.9 | 48.9 | – | 29.3 |" in text
    assert "| Marqo-FashionSigLIP | 57.1 | 71.1 | 70.4 | 58.7 |" in text
    assert "LEADERBOARD.md" in text
    assert "LEADERBOARD.md" not in markdown(evaluate_kagl(shop, "test", encode, resamples=10))


def test_a_catalogue_without_attributes_is_measured_by_its_titles(shop: Snapshot) -> None:
    products = [Product(each.id, each.title, {}, each.split) for each in shop.products]
    got = evaluate_kagl(Snapshot(shop.info, 0, products, shop.image_vectors, shop.text_vectors), "test", encode)
    assert got["categories"] == {}
    assert list(got["slices"]) == ["title frequency"]
    assert "has none of the attributes" in markdown(got)
    terminal_table(got)


def test_mistakes_are_said(checkpoint: Path, catalogue: Path, tmp_path: Path) -> None:
    assert "there is no protocol 'kaggle'" in refused("evaluate", "--protocol", "kaggle", "--catalogue", catalogue)
    assert "--protocol kagl" in refused("evaluate", "--checkpoint", checkpoint, "--catalogue", catalogue)
    foreign = shutil.copytree(catalogue, tmp_path / "foreign")
    with closing(sqlite3.connect(foreign / "catalogue.sqlite")) as connection, connection:
        connection.execute("UPDATE meta SET value = '\"another\"' WHERE key = 'encoder_id'")
    line = refused("evaluate", "--protocol", "kagl", "--checkpoint", checkpoint, "--catalogue", foreign)
    assert "made with encoder another, but the checkpoint is" in line
    broken = tmp_path / "broken.json"
    for text in ('{"protocol": "kagl", "titles": {"queries": 3}}', "[]", '{"protocol": "kagl", "slices": []}'):
        broken.write_text(text)
        with pytest.raises(InputError, match="holds no figures"):
            read_result(broken)
