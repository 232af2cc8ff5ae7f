"""Encoding on a Ray cluster of two nodes: the catalogue is that of one process, also after failures."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common import ConfigError, VitrineError
from index import Catalogue, CatalogueWriter, Delete, Entry, Product, Put, Snapshot
from training.indexing import build_catalogue, ray_encode
from training.indexing.parts import Part, Parts

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

# Ray 2.60 warns of options that it sets itself.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*")

STORE = 80 * 2**20
"""Bytes of an object store, the smallest that Ray accepts."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a cluster of two nodes with a core each."""
    from ray.cluster_utils import Cluster  # here: every process that collects the tests would import Ray for a second

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
    options = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={**options, "_system_config": quick})
    made.add_node(num_cpus=1, object_store_memory=STORE)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def shop(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shapes with two pictures cut off."""
    folder = shutil.copytree(shapes.parent, tmp_path_factory.mktemp("ray") / "shop")
    for name in ("3.png", "77.png"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    return folder / "products.csv"


@pytest.fixture(scope="module")
def plain(exported: Path, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Return what one process makes of the shop."""
    out = tmp_path_factory.mktemp("plain") / "catalogue"
    build_catalogue(exported, shop, out, device="cpu")
    return snapshot(out)


def snapshot(folder: Path) -> Snapshot:
    with Catalogue.open(folder) as catalogue:
        return catalogue.snapshot()


def check(found: Snapshot, plain: Snapshot) -> None:
    assert found.products == plain.products
    assert np.allclose(found.image_vectors, plain.image_vectors, atol=1e-5)
    # Eight titles at a time here, 32 there: their padding differs, and in bfloat16 so do the last bits.
    assert np.allclose(found.text_vectors, plain.text_vectors, atol=2e-2)


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int, act: Any) -> list[str]:
    """Do `act()` when so many parts were written; return a list that the names of all parts written go to."""
    written: list[str] = []
    write = Parts.write

    def counted(self: Parts, part: Part, rows: Any) -> None:
        write(self, part, rows)
        written.append(part.file)
        if len(written) == after:
            act()

    monkeypatch.setattr(Parts, "write", counted)
    return written


def test_an_interrupted_build_continues_and_makes_the_catalogue_of_one_process(
    cluster: Cluster, exported: Path, shop: Path, plain: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "catalogue"
    with monkeypatch.context() as patched:

        def stop() -> None:
            raise KeyboardInterrupt

        first = interrupted(patched, 5, stop)
        with pytest.raises(KeyboardInterrupt):
            build_catalogue(exported, shop, out, device="cpu", ray=cluster.address, part_size=8)
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == sorted(first)
    # What an encoder of another name made is not taken, nor cleared away while somebody may go on with it.
    other = shutil.copytree(folder, folder.with_name(folder.name.replace("catalogue.", "catalogue.0", 1)))
    second = interrupted(monkeypatch, 0, None)
    figures = build_catalogue(exported, shop, out, device="cpu", ray=cluster.address, part_size=8)
    assert not set(first) & set(second)
    assert len(first) + len(second) == 23
    assert set(tmp_path.iterdir()) == {out, other}
    assert figures["products"] == 118
    assert figures["skipped"] == 2
    assert figures["data"]["problems"]["undecodable"]["examples"] == ["p3", "p77"]
    check(snapshot(out), plain)


def test_a_lost_node_loses_no_part(
    cluster: Cluster, exported: Path, shop: Path, plain: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it lose an edit of the catalogue that was there, made with another encoder."""
    out = tmp_path / "catalogue"
    with CatalogueWriter(out, replace(plain.info, encoder_id="another", dim=2)):
        pass
    with Catalogue.open(out, writable=True) as edited:
        vector = np.array([1, 0], dtype=np.float32)
        picture = shop.with_name("5.png").read_bytes()
        gone = Entry(Product(plain.products[-1].id, "gone"), picture, vector, vector)
        edited.write([Put(Entry(Product("extra", "Acme Red Ball"), picture, vector, vector)), Put(gone)])
        edited.write([Delete(gone.product.id)])
    (node,) = cluster.worker_nodes
    interrupted(monkeypatch, 3, lambda: cluster.remove_node(node, allow_graceful=False))
    figures = build_catalogue(exported, shop, out, device="cpu", ray=cluster.address, part_size=8)
    assert figures["edits"] == {"changed": 1, "deleted": 1}
    found = snapshot(out)
    assert found.products[-1].id == "extra"
    texts, images = found.text_vectors[:-1], found.image_vectors[:-1]
    found = replace(found, products=found.products[:-1], text_vectors=texts, image_vectors=images)
    texts, images = plain.text_vectors[:-1], plain.image_vectors[:-1]
    check(found, replace(plain, products=plain.products[:-1], text_vectors=texts, image_vectors=images))


def test_a_checkpoint_that_a_node_cannot_load_is_an_error(
    cluster: Cluster, exported: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_encode, "WEIGHTS_FILE", "config.json")  # which leaves the weights behind
    with pytest.raises(VitrineError, match=r"cannot encode .*model\.safetensors"):
        build_catalogue(exported, shop, tmp_path / "catalogue", device="cpu", ray=cluster.address, part_size=8)


def test_a_missing_cluster_is_reported_at_once(
    checkpoint: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{probe.getsockname()[1]}"
    for address, said in ((free, "answers"), ("nonsense", "HOST:PORT"), ("ray://127.0.0.1:1", "Ray's client")):
        with pytest.raises(ConfigError, match=said):
            build_catalogue(checkpoint, shop, tmp_path / "catalogue", ray=address)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'vitrine\[ray\]'"):
        build_catalogue(checkpoint, shop, tmp_path / "catalogue", ray="local")
    assert not list(tmp_path.iterdir())
