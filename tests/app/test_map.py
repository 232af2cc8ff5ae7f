"""The map of the products: made, served, and refused where it does not fit."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from app.http import create_key
from common import ArtefactError, ConfigError, NotFoundError
from index import Catalogue, load_map, make_map
from index import map as maps
from tests.tools.shop import (
    DrawnEncoder,
    data_uri,
    draw,
    error_of,
    products,
    shop_open,
    unit,
    until,
    write_catalogue,
)
from vitrine.cli import cli

MAP = "/v1/map"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_catalogue(tmp_path_factory.mktemp("views") / "catalogue", DrawnEncoder())
    make_map(folder)
    return folder


def places(answer: Any) -> np.ndarray:
    """Return where the products of a map stand: (N, 2)."""
    axes = [np.frombuffer(base64.b64decode(answer[axis]), dtype="<u2").astype(np.int64) for axis in "xy"]
    return np.stack(axes, axis=1)


def test_pca_is_what_the_singular_vectors_say() -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((300, 12)) * np.linspace(3, 1, 12))
    mean, axes = maps.pca(vectors)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:2]
    assert np.abs((axes * expected).sum(axis=1)) == pytest.approx([1, 1], abs=1e-6)
    assert (axes[[0, 1], np.abs(axes).argmax(axis=1)] > 0).all()
    assert mean == pytest.approx(vectors.mean(axis=0), abs=1e-6)


def test_the_map_has_every_product_and_its_attributes(client: httpx.Client, folder: Path) -> None:
    response = client.get(MAP)
    answer = response.json()
    shop = {product.id: product for product in products()}
    assert answer["ids"] == list(shop)
    assert (answer["method"], answer["encoder_id"], answer["left_out"]) == ("pca", DrawnEncoder.encoder_id, 0)
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    _, points = load_map(folder, DrawnEncoder.encoder_id).place(answer["ids"], snapshot.image_vectors)
    found = places(answer).astype(np.float64)
    assert found.min() == 0
    assert found.max() == 65535
    # The same picture up to shift and scale, one scale for both directions.
    spread = (points - points.mean(axis=0)) / (points.max(axis=0) - points.min(axis=0)).max()
    assert (found - found.mean(axis=0)) / 65535 == pytest.approx(spread, abs=1e-4)
    for name, attribute in answer["attributes"].items():
        codes = np.frombuffer(base64.b64decode(attribute["codes"]), dtype="<u2")
        for product_id, code in zip(answer["ids"], codes, strict=True):
            assert attribute["values"][code] == shop[product_id].attributes[name]
    again = client.get(MAP, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_product_that_comes_later_has_its_place_by_pca_and_none_by_umap(tmp_path: Path) -> None:

    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    make_map(folder)
    _, secret = create_key(tmp_path / "keys.json", "clerk", "write")
    headers = {"X-API-Key": secret}
    late = {"title": "Red Dress again", "image": data_uri(draw("red", "dress")), "attributes": {"gender": "Women"}}
    with shop_open(folder, keys=tmp_path / "keys.json") as client:
        before = client.get(MAP)
        assert client.put("/v1/products/late", json=late, headers=headers).status_code == 201
        assert client.delete("/v1/products/1001", headers=headers).status_code == 204
        answer = client.get(MAP, headers={"If-None-Match": before.headers["etag"]}).json()
        assert "1001" not in answer["ids"]
        spots = dict(zip(answer["ids"], places(answer).tolist(), strict=True))
        assert spots["late"] == pytest.approx(spots["1000"], abs=700)  # the same picture, of another file
        colours = answer["attributes"]["baseColour"]
        code = np.frombuffer(base64.b64decode(colours["codes"]), dtype="<u2")[answer["ids"].index("late")]
        assert code == 65535
        ids = [one for one in answer["ids"] if one != "late"]
        umap = {"method": "umap", "ids": ids, "x": list(range(len(ids))), "y": [0.5] * len(ids)}
        head = {"format": 1, "encoder_id": DrawnEncoder.encoder_id, "created": "2025-01-01T00:00:00Z"}
        (folder / maps.MAP_FILE).write_text(json.dumps({**head, **umap}))
        answer = client.get(MAP).json()
        assert (answer["method"], answer["left_out"], answer["ids"]) == ("umap", 1, ids)
        assert places(answer)[:, 0].tolist() == sorted(places(answer)[:, 0])
        (folder / maps.MAP_FILE).unlink()
        error_of(client.get(MAP), 404, "not_found")


def test_a_map_that_does_not_fit_is_refused_with_both_names(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with pytest.raises(NotFoundError, match="vitrine map"):
        load_map(folder, "drawn-1")
    make_map(folder)
    with pytest.raises(NotFoundError, match=r"drawn-1.*other"):
        load_map(folder, "other")
    value = json.loads((folder / maps.MAP_FILE).read_text())
    for broken in (
        "no json",
        json.dumps({**value, "format": 9}),
        json.dumps({**value, "axes": None, "mean": "x"}),
        "{}",
    ):
        (folder / maps.MAP_FILE).write_text(broken)
        with pytest.raises(ArtefactError, match="vitrine map"):
            load_map(folder, "drawn-1")
    with pytest.raises(ArtefactError, match="three or more"):
        make_map(write_catalogue(tmp_path / "few", DrawnEncoder(), products()[:2]))


def test_the_command_makes_a_map_that_a_running_service_shows(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with shop_open(folder) as client:
        error_of(client.get(MAP), 404, "not_found")
        made = CliRunner().invoke(cli, ["map", "--catalogue", str(folder)])
        assert made.exit_code == 0, made.output
        assert "48 products on a map by pca" in made.output
        until(lambda: client.get(MAP).status_code == 200)
    refused = CliRunner().invoke(cli, ["map", "--catalogue", str(folder), "--method", "chart"])
    assert refused.exit_code != 0
    assert "pca, umap" in str(refused.exception)


def test_umap_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match="pip install"):
        maps.umap(np.zeros((5, 3), dtype=np.float32))


def test_an_indexed_catalogue_has_its_map(catalogue: Path) -> None:
    with Catalogue.open(catalogue) as opened:
        found = load_map(catalogue, opened.info.encoder_id)
    assert found.method == "pca"
