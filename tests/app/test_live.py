"""The live catalogue: several services, new catalogues and new checkpoints while queries come in."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import torch

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from index import Catalogue
from models.checkpoint import load_checkpoint, save_checkpoint
from tests.app.helpers import body, opened, put, same_as_on_disk, uri
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    draw,
    encoded,
    error_of,
    products,
    served,
    until,
    write_catalogue,
)
from training.indexing import build_catalogue


def test_two_services_see_each_others_changes_within_a_second(live_folder: Path) -> None:
    """In the median of six: another process may hold a service up for longer."""
    took = []
    with opened(live_folder) as one, opened(live_folder, "admin") as other:
        for number, (writer, reader) in enumerate([(one, other), (other, one)] * 3):
            assert put(writer, f"n{number}", body("pink", "bag", title=f"Seen {number}")).status_code == 201

            def seen(reader: httpx.Client = reader, title: str = f"Seen {number}") -> bool:
                found = ask(reader, DESCRIPTIONS, text=title, k=100)["results"]
                return title in [result["description"] for result in found]

            begun = time.monotonic()
            until(seen)
            took.append(time.monotonic() - begun)
            assert writer.delete("/v1/products/1003").status_code == 204

            def told(reader: httpx.Client = reader, version: int = number + 1) -> bool:
                return bool(reader.get("/readyz").json()["catalogue_version"] >= version)

            until(told)
        same_as_on_disk(one, live_folder)
        same_as_on_disk(other, live_folder)
    assert statistics.median(took) < 1, took


def test_a_new_catalogue_goes_live_without_a_dropped_request(live_folder: Path) -> None:
    failures: list[str] = []
    stop = threading.Event()
    with opened(live_folder, "admin") as client:

        def visitor() -> int:
            asked = 0
            while not stop.is_set():
                answer = client.post(IMAGES, json={"text": f"red dress {asked}", "k": 3})
                if answer.status_code != 200 or not answer.json()["results"]:
                    failures.append(answer.text)
                asked += 1
            return asked

        def editor() -> list[str]:
            written: list[str] = []
            while not stop.is_set():
                name = f"edit{len(written)}"
                answer = put(client, name, body("black", "bag"))
                if answer.status_code == 201:
                    written.append(name)
                else:
                    failures.append(answer.text)
            return written

        with ThreadPoolExecutor(4) as people:
            visiting = [people.submit(visitor) for _ in range(3)]
            editing = people.submit(editor)
            for round_ in range(6):
                shop = products()[: 40 - round_]
                rebuild(live_folder, shop)
                if round_ % 2:
                    assert client.post("/v1/admin/reload").json()["products"] >= len(shop)
                until(lambda: client.get("/readyz").status_code == 200)
            stop.set()
            written = editing.result()
            assert sum(one.result() for one in visiting) > 20
        assert failures == []
        assert written
        for name in written:  # not one acknowledged edit is lost
            assert client.get(f"/v1/products/{name}").status_code == 200
        assert client.get("/v1/products/1031").status_code == 404  # no longer in the new catalogue
        same_as_on_disk(client, live_folder)


def rebuild(folder: Path, shop: Any) -> None:
    """Replace the catalogue as `vitrine index` does: beside, then swapped, with edits made meanwhile carried over."""
    from index import CatalogueInfo, CatalogueWriter, Entry, SplitRule
    from models.images import decode_image

    encoder = DrawnEncoder()
    info = CatalogueInfo(encoder.encoder_id, encoder.dim, "drawn", SplitRule(0.4, 0.3, 0.3), "2025-01-01T00:00:00Z")

    def entries(pairs: Any) -> Any:
        for product, picture in pairs:
            image = encoder.encode_image([decode_image(picture)])[0]
            yield Entry(product, picture, image, encoder.encode_text([product.title])[0])

    with CatalogueWriter(folder, info, entries) as writer:
        with Catalogue.open(folder) as before:  # the data set has the edits that were made until now
            writer.add(before.entry(p.id)[0] for p in before.snapshot().products if p.id.startswith("edit"))
        writer.add(
            entries(
                (p, encoded(draw(p.attributes["baseColour"].lower(), p.attributes["articleType"].lower())))
                for p in shop
            )
        )


def test_a_catalogue_of_another_encoder_is_not_served(live_folder: Path) -> None:
    with opened(live_folder, "admin") as client:
        other = DrawnEncoder()
        other.encoder_id = "drawn-2"
        write_catalogue(live_folder, other)
        error = error_of(client.post("/v1/admin/reload"), 409, "reload_refused")
        assert "drawn-1" in error["message"]
        assert "drawn-2" in error["message"]
        assert ask(client, IMAGES, text="red dress")["encoder_id"] == "drawn-1"
        error_of(put(client, "1000", {"title": "x"}), 503, "unavailable")
        error_of(client.get("/readyz"), 503, "unavailable")
        write_catalogue(live_folder, DrawnEncoder())  # repaired: taken over by itself
        until(lambda: client.get("/readyz").status_code == 200, 60)
        assert put(client, "1000", {"title": "x"}).status_code == 200


def test_the_evaluation_follows_the_catalogue(editor: httpx.Client) -> None:
    first = editor.get("/v1/evaluation?split=all").json()
    assert editor.get("/v1/evaluation?split=all").json() == first
    assert put(editor, "1000", body("black", "watch")).status_code == 200
    second = editor.get("/v1/evaluation?split=all").json()
    assert (first["catalogue_version"], second["catalogue_version"]) == (0, 1)
    assert second["image_to_text"] != first["image_to_text"]


def test_a_new_checkpoint_and_its_catalogue_go_live_together(checkpoint: Path, shapes: Path, tmp_path: Path) -> None:
    weights, folder = tmp_path / "checkpoint", tmp_path / "catalogue"
    shutil.copytree(checkpoint, weights)
    build_catalogue(weights, shapes, folder, device="cpu")
    failures: list[str] = []
    seen: list[str] = []
    stop = threading.Event()
    _, secret = create_key(tmp_path / "keys.json", "editor", "admin")
    settings = Settings.read(checkpoint=weights, catalogue=folder, keys=tmp_path / "keys.json", device="cpu")
    with served(create_app(settings)) as client:
        client.headers["authorization"] = f"Bearer {secret}"
        before = client.get("/readyz").json()["encoder_id"]

        def visitor() -> None:
            while not stop.is_set():
                answer = client.post(IMAGES, json={"text": f"red ball {len(seen)}", "k": 1})
                if answer.status_code == 200 and answer.json()["results"]:
                    seen.append(answer.json()["encoder_id"])
                else:
                    failures.append(answer.text)

        with ThreadPoolExecutor(2) as people:
            visiting = [people.submit(visitor) for _ in range(2)]
            loaded = load_checkpoint(weights)
            with torch.no_grad():
                loaded.model.text_projection.weight.mul_(-1)  # type: ignore[operator]
                loaded.model.image_projection.weight.mul_(-1)  # type: ignore[operator]
            save_checkpoint(weights, loaded.model, loaded.text, loaded.training)
            # The new weights alone are not served: the catalogue is still the old encoder's.
            error_of(client.post("/v1/admin/reload"), 409, "reload_refused")
            assert put(client, "between", {"title": "Acme Red Ball", "image": uri("red", "bag")}).status_code == 201
            build_catalogue(weights, shapes, folder, device="cpu")
            until(lambda: seen[-1] != before, 60)
            stop.set()
            for one in visiting:
                one.result()
        after = client.get("/readyz").json()
        assert failures == []
        assert after["encoder_id"] != before
        assert set(seen) == {before, after["encoder_id"]}
        assert after["products"] == 121  # with what was put in before the build, encoded again
        assert put(client, "later", {"title": "Acme Red Ball", "image": uri("red", "bag")}).status_code == 201
