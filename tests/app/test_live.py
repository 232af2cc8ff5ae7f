"""The live catalogue over HTTP: what is acknowledged is found, editors do not disturb one another, nothing is lost."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from index import Catalogue
from models.checkpoint import load_checkpoint, save_checkpoint
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
    show,
    until,
    write_catalogue,
)
from training.indexing import build_catalogue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_catalogue(tmp_path / "catalogue", DrawnEncoder())


def opened(folder: Path, scope: Any = "write", **settings: Any) -> Any:
    """Serve the catalogue with a key for its calls; a second service of the same folder shares the keys."""
    path = folder.parent / "keys.json"
    _, secret = create_key(path, f"{scope}-{len(list(folder.parent.iterdir()))}-{id(settings)}", scope)
    app = create_app(Settings.read(catalogue=folder, keys=path, **settings), encoder=DrawnEncoder())
    return _with_key(app, secret)


def _with_key(app: Any, secret: str) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def run() -> Iterator[httpx.Client]:
        with served(app) as client:
            client.headers["authorization"] = f"Bearer {secret}"
            yield client

    return run()


@pytest.fixture
def client(folder: Path) -> Iterator[httpx.Client]:
    with opened(folder) as client:
        yield client


def uri(colour: str, kind: str) -> str:
    return "data:image/png;base64," + base64.b64encode(encoded(draw(colour, kind))).decode()


def body(colour: str, kind: str, **more: Any) -> dict[str, Any]:
    attributes = {"baseColour": colour.title(), "articleType": kind.title(), "gender": "Women"}
    return {"title": f"{colour} {kind} new", "attributes": attributes, "image": uri(colour, kind), **more}


def put(client: httpx.Client, product_id: str, value: dict[str, Any], **headers: str) -> httpx.Response:
    return client.put(f"/v1/products/{product_id}", json=value, headers=headers)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def send(client: httpx.Client, content: bytes) -> Any:
    answer = client.post("/v1/products", content=content, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def same_as_on_disk(client: httpx.Client, folder: Path) -> None:
    """Check that the service answers as one that was started anew would."""
    with opened(folder, "read") as fresh:
        for path in (IMAGES, DESCRIPTIONS):
            for query in (
                {"text": "pink bag"},
                {"text": "red", "filters": {"gender": "Women"}, "facets": ["baseColour"]},
            ):
                one, other = (ask(each, path, **query, k=1000) for each in (client, fresh))
                for answer in (one, other):
                    del answer["timing_ms"]
                assert one == other


# One product at a time


def test_a_product_is_found_as_soon_as_it_is_acknowledged(client: httpx.Client, folder: Path) -> None:
    before = ask(client, IMAGES, text="purple dress", k=1)["results"][0]["id"]
    answer = put(client, "new/1 ü", body("purple", "dress"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == "new/1 ü"
    found = show(client, IMAGES, draw("purple", "dress"), k="3", filters='{"gender": "Women"}')["results"]
    assert "new/1 ü" in [result["id"] for result in found]
    assert before in [result["id"] for result in ask(client, IMAGES, text="purple dress", k=3)["results"]]
    described = ask(client, DESCRIPTIONS, text="purple dress new", k=50)["results"]
    (new,) = [one for one in described if one["description"] == "purple dress new"]
    assert new["product_ids"] == ["new/1 ü"]
    detail = client.get("/v1/products/new%2F1%20%C3%BC")
    assert detail.json() == answer.json()
    assert detail.headers["etag"] == answer.headers["etag"]
    assert client.get(detail.json()["image_url"]).content == encoded(draw("purple", "dress"))
    same_as_on_disk(client, folder)

    changed = put(client, "new/1 ü", body("green", "dress"))
    assert changed.status_code == 200
    assert changed.headers["etag"] != answer.headers["etag"]
    best = show(client, IMAGES, draw("green", "dress"), k="4")["results"]
    assert "new/1 ü" in [result["id"] for result in best]
    assert client.delete("/v1/products/new%2F1%20%C3%BC").status_code == 204
    assert client.delete("/v1/products/new%2F1%20%C3%BC").status_code == 204  # sent again
    error_of(client.get("/v1/products/new%2F1%20%C3%BC"), 404, "not_found")
    assert "new/1 ü" not in [result["id"] for result in ask(client, IMAGES, text="green dress", k=100)["results"]]
    same_as_on_disk(client, folder)


def test_a_form_does_as_well_as_json(client: httpx.Client) -> None:
    picture = encoded(draw("yellow", "watch"), "JPEG")
    answer = client.put(
        "/v1/products/w1",
        files={"image": ("watch.jpg", picture)},
        data={"title": "Yellow Watch", "attributes": '{"baseColour": "Yellow", "year": 2012}'},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["attributes"] == {"baseColour": "Yellow", "year": "2012"}
    assert client.get("/v1/products/w1/image").content == picture
    found = ask(client, IMAGES, text="watch", filters={"year": {"gte": 2011, "lt": 2013}})
    assert [result["id"] for result in found["results"]] == ["w1"]


def test_title_and_attributes_change_without_sending_the_picture_again(client: httpx.Client, folder: Path) -> None:
    before = client.get("/v1/products/1000/image").content
    answer = put(client, "1000", {"title": "Something else", "attributes": {"gender": "Men"}})
    assert answer.status_code == 200, answer.text
    assert client.get("/v1/products/1000/image").content == before
    assert ask(client, DESCRIPTIONS, text="Something else", k=1)["results"][0]["product_ids"] == ["1000"]
    error = error_of(put(client, "nobody", {"title": "New"}), 422, "invalid_request")
    assert "needs a picture" in error["message"]
    same_as_on_disk(client, folder)


def test_two_editors_do_not_overwrite_one_another(client: httpx.Client) -> None:
    etag = client.get("/v1/products/1000").headers["etag"]
    assert client.get("/v1/products/1000", headers={"if-none-match": etag}).status_code == 304
    one, other = body("red", "bag", title="One"), body("red", "bag", title="Other")
    first = put(client, "1000", one, **{"if-match": etag})
    assert first.status_code == 200
    error = error_of(put(client, "1000", other, **{"if-match": etag}), 412, "conflict")
    assert first.headers["etag"].strip('"') in error["message"]
    # Whoever did not hear the answer sends the same again, and is told what holds.
    again = put(client, "1000", one, **{"if-match": etag})
    assert (again.status_code, again.headers["etag"]) == (200, first.headers["etag"])
    error_of(put(client, "1000", other, **{"if-none-match": "*"}), 412, "conflict")
    error_of(put(client, "none", other, **{"if-match": "*"}), 412, "conflict")
    error_of(put(client, "1000", {"title": "Third"}, **{"if-match": etag}), 412, "conflict")
    assert put(client, "fresh", other, **{"if-none-match": "*"}).status_code == 201
    headers = {"if-match": f'W/{first.headers["etag"]}, "x"'}
    error_of(client.delete("/v1/products/1000", headers=headers), 412, "conflict")
    assert client.delete("/v1/products/1000", headers={"if-match": first.headers["etag"]}).status_code == 204
    error_of(put(client, "1000", one, **{"if-match": "nonsense"}), 412, "conflict")
    error_of(put(client, "1000", one, **{"if-none-match": '"x"'}), 400, "malformed_body")


def test_of_many_editors_with_one_tag_one_wins(client: httpx.Client) -> None:
    etag = client.get("/v1/products/1001").headers["etag"]
    with ThreadPoolExecutor(8) as people:
        answers = list(
            people.map(
                lambda n: put(client, "1001", {"title": f"Editor {n}"}, **{"if-match": etag}).status_code, range(12)
            )
        )
    assert sorted(answers) == [200] + 11 * [412]


def test_edits_without_a_tag_all_come_through_whatever_the_others_do(client: httpx.Client, folder: Path) -> None:
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda n: put(client, "1002", {"title": f"Editor {n}"}).status_code, range(16)))
    assert answers == 16 * [200]
    same_as_on_disk(client, folder)


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ({"title": " "}, 422, "invalid_request"),
        ({"title": "x", "image": "http://127.0.0.1/x.png"}, 422, "invalid_request"),
        ({"title": "x", "image": "data:image/png;base64,AAAA"}, 422, "bad_image"),
        ({"title": "x", "attributes": {"a": {}}}, 422, "invalid_request"),
        ({"title": "x", "price": 3}, 422, "invalid_request"),
    ],
)
def test_a_product_that_cannot_be_used_changes_nothing(
    client: httpx.Client, value: Any, status: int, code: str
) -> None:
    before = client.get("/v1/products/1000").json()
    error_of(put(client, "1000", value), status, code)
    assert client.get("/v1/products/1000").json() == before
    assert ask(client, IMAGES, text="x")["catalogue_version"] == 0


def test_changes_need_a_key_that_may_change(folder: Path) -> None:
    with opened(folder, "read") as client:
        error_of(put(client, "1000", {"title": "x"}), 403, "forbidden")
        error_of(client.post("/v1/admin/reload"), 403, "forbidden")
        del client.headers["authorization"]
        for answer in (
            put(client, "1000", {"title": "x"}),
            client.delete("/v1/products/1000"),
            client.post("/v1/products", content=b"{}", headers={"content-type": "application/x-ndjson"}),
            client.post("/v1/admin/reload"),
        ):
            error_of(answer, 401, "unauthorized")
        assert client.get("/v1/products/1000").json()["title"] == products()[0].title


def test_a_catalogue_that_cannot_be_written_is_served_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # as on a read-only file system; the tests may run as root
    with opened(folder) as client:
        assert client.get("/readyz").status_code == 200
        error_of(put(client, "1000", {"title": "x"}), 403, "read_only")


# Many products in one call


def test_many_lines_are_written_and_bad_ones_fail_alone(client: httpx.Client, folder: Path) -> None:
    answer = send(
        client,
        lines(
            {"id": "a", **body("red", "dress")},
            {"id": 77, **body("blue", "watch")},
            {"id": "1001", "delete": True},
            {"id": "gone already", "delete": True},
            {"id": "1000", "title": "Only the words change"},
            {"id": "bad picture", "title": "x", "image": "data:image/png;base64,AAAA"},
            {"id": "no picture", "title": "x"},
            {"id": "address", "title": "x", "image": "http://localhost/x.png"},
            {"title": "no id"},
        )
        + b"not json\n\n"
        + lines({"id": "a", **body("red", "dress")}),
    )
    assert {name: answer[name] for name in ("created", "replaced", "deleted", "unchanged", "failed")} == {
        "created": 2,
        "replaced": 1,
        "deleted": 1,
        "unchanged": 2,
        "failed": 5,
    }
    assert [(error["line"], error["id"]) for error in answer["errors"]] == [
        (6, "bad picture"),
        (7, "no picture"),
        (8, "address"),
        (9, None),
        (10, None),
    ]
    assert answer["errors"][0]["code"] == "bad_image"
    assert "not fetched" in answer["errors"][2]["message"]
    found = [result["id"] for result in ask(client, IMAGES, text="red dress", k=1000)["results"]]
    assert {"a", "77", "1000"} < set(found)
    assert "1001" not in found
    same_as_on_disk(client, folder)
    again = send(client, lines({"id": "a", **body("red", "dress")}, {"id": "1001", "delete": True}))
    assert (again["unchanged"], again["catalogue_version"]) == (2, answer["catalogue_version"])


def test_a_form_of_lines_and_pictures(client: httpx.Client) -> None:
    content = lines(
        {"id": "f1", "title": "First", "image": "one.png"},
        {"id": "f2", "title": "Second", "image": "two.jpg"},
        {"id": "f3", "title": "Third", "image": "one.png"},
        {"id": "f4", "title": "Fourth", "image": "three.png"},
    )
    files = [
        ("products", ("products.ndjson", content)),
        ("images", ("one.png", encoded(draw("red", "bag")))),
        ("images", ("two.jpg", encoded(draw("blue", "bag"), "JPEG"))),
    ]
    answer = client.post("/v1/products", files=files)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["created"], answer.json()["failed"]) == (3, 1)
    assert client.get("/v1/products/f3/image").content == encoded(draw("red", "bag"))
    error_of(client.post("/v1/products", files=files[1:]), 422, "invalid_request")
    error_of(client.post("/v1/products", json={}), 415, "unsupported_media_type")


def test_thousands_of_lines_go_through_piece_by_piece(client: httpx.Client, folder: Path) -> None:
    kinds = ["dress", "shirt", "shoes", "bag", "watch"]
    pictures = {kind: uri("green", kind) for kind in kinds}

    def stream() -> Iterator[bytes]:
        for number in range(2000):
            kind = kinds[number % 5]
            line = json.dumps({"id": f"b{number}", "title": f"Bulk {number % 700}", "image": pictures[kind]}) + "\n"
            yield line.encode()[:50]
            yield line.encode()[50:]

    answer = client.post("/v1/products", content=stream(), headers={"content-type": "application/x-ndjson"})
    assert answer.json()["created"] == 2000, answer.text
    assert ask(client, IMAGES, text="green bag", collapse="title", k=1000)["total"] == 740
    same_as_on_disk(client, folder)


def test_single_queries_go_on_while_many_lines_are_written(client: httpx.Client) -> None:
    done = threading.Event()

    def bulk() -> Any:
        content = lines(*({"id": f"b{n}", "title": f"Bulk {n}", "image": uri("green", "bag")} for n in range(600)))
        try:
            return send(client, content)
        finally:
            done.set()

    with ThreadPoolExecutor(1) as other:
        writing = other.submit(bulk)
        asked = 0
        while not done.is_set():
            assert ask(client, IMAGES, text=f"red dress {asked}", k=1)["results"]
            asked += 1
        assert writing.result()["created"] == 600
    assert asked > 3


# Several processes, new catalogues


def test_two_services_see_each_others_changes_within_a_second(folder: Path) -> None:
    with opened(folder) as one, opened(folder, "admin") as other:
        for number, (writer, reader) in enumerate([(one, other), (other, one)] * 3):
            assert put(writer, f"n{number}", body("pink", "bag", title=f"Seen {number}")).status_code == 201

            def seen(reader: httpx.Client = reader, title: str = f"Seen {number}") -> bool:
                found = ask(reader, DESCRIPTIONS, text=title, k=100)["results"]
                return title in [result["description"] for result in found]

            until(seen, 1)
            assert writer.delete("/v1/products/1003").status_code == 204
            assert reader.get("/readyz").json()["catalogue_version"] >= number + 1
        same_as_on_disk(one, folder)
        same_as_on_disk(other, folder)


def test_a_new_catalogue_goes_live_without_a_dropped_request(folder: Path) -> None:
    failures: list[str] = []
    stop = threading.Event()
    with opened(folder, "admin") as client:

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
                rebuild(folder, shop)
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
        same_as_on_disk(client, folder)


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


def test_a_catalogue_of_another_encoder_is_not_served(folder: Path) -> None:
    with opened(folder, "admin") as client:
        other = DrawnEncoder()
        other.encoder_id = "drawn-2"
        write_catalogue(folder, other)
        error = error_of(client.post("/v1/admin/reload"), 409, "reload_refused")
        assert "drawn-1" in error["message"]
        assert "drawn-2" in error["message"]
        assert ask(client, IMAGES, text="red dress")["encoder_id"] == "drawn-1"
        error_of(put(client, "1000", {"title": "x"}), 503, "unavailable")
        error_of(client.get("/readyz"), 503, "unavailable")
        write_catalogue(folder, DrawnEncoder())  # mended: taken over by itself
        until(lambda: client.get("/readyz").status_code == 200, 20)
        assert put(client, "1000", {"title": "x"}).status_code == 200


def test_the_evaluation_follows_the_catalogue(client: httpx.Client) -> None:
    first = client.get("/v1/evaluation?split=all").json()
    assert client.get("/v1/evaluation?split=all").json() == first
    assert put(client, "1000", body("black", "watch")).status_code == 200
    second = client.get("/v1/evaluation?split=all").json()
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
            until(lambda: seen[-1] != before, 30)
            stop.set()
            for one in visiting:
                one.result()
        after = client.get("/readyz").json()
        assert failures == []
        assert after["encoder_id"] != before
        assert set(seen) == {before, after["encoder_id"]}
        assert after["products"] == 120  # made before the build began: the data set has the last word
        assert put(client, "later", {"title": "Acme Red Ball", "image": uri("red", "bag")}).status_code == 201
