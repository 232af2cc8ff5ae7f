"""The map of the products: made, served, and refused where it does not fit."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from app.http import create_key
from common import ArtefactError, NotFoundError
from index import MAP_FILE, Catalogue, checked_map, make_map, open_map
from index.map import pca
from tests.tools.shop import (
    DrawnEncoder,
    data_uri,
    draw,
    error_of,
    products,
    shop_open,
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


def test_the_map_has_every_product_and_its_attributes(client: httpx.Client, folder: Path) -> None:
    response = client.get(MAP)
    answer = response.json()
    shop = {product.id: product for product in products()}
    assert answer["ids"] == list(shop)
    assert (answer["method"], answer["encoder_id"], answer["left_out"]) == ("tsne", DrawnEncoder.encoder_id, 0)
    stored = open_map(folder, DrawnEncoder.encoder_id).load()
    assert stored is not None
    assert list(stored.ids) == answer["ids"]
    points = stored.points
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
    assert answer["labels"], "its regions have names"
    for label in answer["labels"]:
        assert 0 <= label["x"] <= 65535
        assert 0 <= label["y"] <= 65535
        own, number = label["words"][0], label["count"]
        having = [one for one in shop.values() if own["text"] in (one.attributes.get(own["attribute"]), one.title)]
        assert own["attribute"] is None or number <= len(having)
    again = client.get(MAP, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def stored_as(folder: Path, **value: Any) -> None:
    """Write a map as an earlier version did."""
    head = {"format": 1, "encoder_id": DrawnEncoder.encoder_id, "created": "2025-01-01T00:00:00Z"}
    (folder / MAP_FILE).write_text(json.dumps({**head, **value}))


def test_products_that_come_later_are_beside_their_neighbours_and_those_that_go_vanish(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    make_map(folder)
    _, secret = create_key(tmp_path / "keys.json", "clerk", "write")
    headers = {"X-API-Key": secret}
    shop = {product.id: product for product in products()}
    red_dress, blue_shoe = (
        next(one.id for one in shop.values() if one.title.startswith(title)) for title in ("Red Dress", "Blue Shoe")
    )
    late = {"title": "Red Dress again", "image": data_uri(draw("red", "dress")), "attributes": {"gender": "Women"}}
    with shop_open(folder, keys=tmp_path / "keys.json") as client:
        before = client.get(MAP)
        stood = dict(zip(before.json()["ids"], places(before.json()).tolist(), strict=True))
        assert client.put("/v1/products/late", json=late, headers=headers).status_code == 201
        # Another picture of a product that is on the map: it moves to what it looks like now.
        changed = {"title": shop[blue_shoe].title, "image": late["image"], "attributes": {}}
        assert client.put(f"/v1/products/{blue_shoe}", json=changed, headers=headers).status_code == 200
        assert client.delete("/v1/products/1001", headers=headers).status_code == 204
        answer = client.get(MAP, headers={"If-None-Match": before.headers["etag"]}).json()
        assert "1001" not in answer["ids"]
        assert answer["left_out"] == 0
        now = dict(zip(answer["ids"], places(answer).tolist(), strict=True))

        def away(one: str, spot: list[int]) -> float:
            return float(np.hypot(*np.subtract(now[one], spot)))

        assert away("late", now[red_dress]) < 6000
        assert away(blue_shoe, now[red_dress]) < away(blue_shoe, stood[blue_shoe])
        colours = answer["attributes"]["baseColour"]
        code = np.frombuffer(base64.b64decode(colours["codes"]), dtype="<u2")[answer["ids"].index("late")]
        assert code == 65535
        (folder / MAP_FILE).unlink()
        error_of(client.get(MAP), 404, "not_found")


def test_maps_of_earlier_versions_are_shown_with_the_products_that_came_later(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    ids = [product.id for product in snapshot.products]
    mean, axes = pca(snapshot.image_vectors)
    with shop_open(folder) as client:
        stored_as(folder, method="umap", ids=ids[:-1], x=list(range(len(ids) - 1)), y=[0.5] * (len(ids) - 1))
        answer = client.get(MAP).json()
        assert (answer["method"], answer["left_out"], answer["ids"]) == ("umap", 0, ids)
        assert places(answer)[:-1, 0].tolist() == sorted(places(answer)[:-1, 0])
        stored_as(folder, method="pca", mean=mean.tolist(), axes=axes.tolist())
        answer = client.get(MAP).json()
        assert (answer["method"], answer["ids"]) == ("pca", ids)
        expected = (snapshot.image_vectors - mean) @ axes.T
        found = places(answer) / 65535
        spread = (expected - expected.mean(axis=0)) / np.ptp(expected, axis=0).max()
        assert found - found.mean(axis=0) == pytest.approx(spread, abs=1e-4)
        assert answer["labels"]


def test_a_map_that_does_not_fit_is_refused_with_both_names(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    store = open_map(folder, "drawn-1")
    with pytest.raises(NotFoundError, match="vitrine map"):
        checked_map(store.load(), "drawn-1")
    make_map(folder)
    with pytest.raises(NotFoundError, match=r"drawn-1.*other"):
        checked_map(store.load(), "other")
    value = json.loads((folder / MAP_FILE).read_text())
    for broken in (
        "no json",
        json.dumps({**value, "format": 9}),
        json.dumps({**value, "ids": value["ids"][1:]}),
        json.dumps({**value, "x": "?"}),
        json.dumps({**value, "labels": [1]}),
        json.dumps({**value, "format": 1, "mean": "x", "axes": None}),
        "{}",
        "[]",
    ):
        (folder / MAP_FILE).write_text(broken)
        with pytest.raises(ArtefactError, match="vitrine map"):
            store.load()
    assert make_map(folder) == 48, "a map that cannot be read is replaced"
    with pytest.raises(ArtefactError, match="three or more"):
        make_map(write_catalogue(tmp_path / "few", DrawnEncoder(), products()[:2]))


def test_the_command_makes_a_map_that_a_running_service_shows(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with shop_open(folder) as client:
        error_of(client.get(MAP), 404, "not_found")
        made = CliRunner().invoke(cli, ["map", "--catalogue", str(folder)])
        assert made.exit_code == 0, made.output
        assert "48 products on a map by tsne" in made.output
        until(lambda: client.get(MAP).status_code == 200)
    refused = CliRunner().invoke(cli, ["map", "--catalogue", str(folder), "--method", "chart"])
    assert refused.exit_code != 0
    assert "tsne or pca" in str(refused.exception)


def test_an_indexed_catalogue_has_its_map(catalogue: Path) -> None:
    with Catalogue.open(catalogue) as opened:
        found = open_map(catalogue, opened.info.encoder_id).load()
        assert found is not None
        assert (found.method, len(found.ids)) == ("tsne", len(opened))
