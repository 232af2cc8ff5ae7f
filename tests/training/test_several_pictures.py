"""A product with several pictures is indexed with all of them that can be decoded, here and in parts of a cluster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from index import Catalogue, SearchIndex, SearchQuery
from models import load_encoder
from tests.conftest import draw_shape
from training.data import open_dataset
from training.indexing import build_catalogue
from training.indexing.parts import Parts


def shop(folder: Path) -> Path:
    """Return products of a CSV table: with three pictures, one, two of which one is no picture, none that is one."""
    folder.mkdir()
    for name, colour, shape in (("a", "Red", "Ball"), ("b", "Blue", "Box"), ("c", "Green", "Ball")):
        draw_shape(colour, shape).save(folder / f"{name}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    rows = ["1,a.png|b.png|c.png,Acme Ball", "2,b.png,Moro Box", "3,bad.png|c.png,Kite Ball", "4,bad.png,Lume Box"]
    (folder / "products.csv").write_text("\n".join(["id,image,text", *rows]) + "\n")
    return folder / "products.csv"


def test_all_pictures_are_encoded_and_the_bad_ones_are_counted(tmp_path: Path, checkpoint: Path) -> None:
    table = shop(tmp_path / "shop")
    out = tmp_path / "catalogue"
    report = build_catalogue(checkpoint, table, out, device="cpu")
    assert (report["products"], report["images"], report["skipped"]) == (3, 5, 1)
    problems = report["data"]["problems"]
    assert problems["further_undecodable"]["examples"] == ["3"]
    assert problems["undecodable"]["examples"] == ["4"]
    files = {name: (table.parent / f"{name}.png").read_bytes() for name in "abc"}
    encoder = load_encoder(checkpoint, "cpu")
    with Catalogue.open(out) as catalogue:
        assert [catalogue.entry(one)[0].images for one in "123"] == [
            (files["a"], files["b"], files["c"]),
            (files["b"],),
            (files["c"],),  # the first of those that can be decoded stands for it
        ]
        index = SearchIndex(catalogue.snapshot())
        vectors = encoder.encode_pixels([encoder.read_image(files[name]) for name in "abc"])
        for number, page in enumerate(index.search("images", vectors, [SearchQuery(k=3)] * 3)):
            assert [hit.picture for hit in page.hits if hit.product.id == "1"] == [number]
            assert sum(hit.product.id == "1" for hit in page.hits) == 1
            assert page.hits[0].score > 0.999


def test_parts_of_a_cluster_are_over_all_pictures(tmp_path: Path) -> None:
    dataset = open_dataset(shop(tmp_path / "shop"))
    parts = Parts(tmp_path / "out", "name", dataset, 4, 2, "cpu", 2)
    pictures = [part for part in parts.missing() if part.kind == "pictures"]
    assert [(part.start, part.stop) for part in pictures] == [(0, 2), (2, 4), (4, 6), (6, 7)]
    for part in parts.missing():
        rows = [np.array([at, 0], dtype="<f4").tobytes() for at in range(part.start, part.stop)]
        parts.write(part, pa.array(rows, pa.binary()))
    found = [one for batch in parts.encoding().pictures for one in batch]
    wanted = [read() for item in dataset.items for read in (item.read, *item.more)]
    assert [one[0] for one in found if one] == wanted
    assert [float(one[1][0]) for one in found if one] == list(range(7))
