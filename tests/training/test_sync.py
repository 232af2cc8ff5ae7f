"""Syncs of a data set with a real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from common import InputError, VitrineError
from index import Catalogue
from tests.app.helpers import opened
from tests.tools.origin import Asked, Origin, Send, answer, origin
from tests.tools.shop import DrawnEncoder, draw, encoded, write_catalogue
from training.data import Dataset, open_dataset
from vitrine import Client
from vitrine.client import key_of_file
from vitrine.client.writing import LINES


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Return a catalogue of 48 products, to be served."""
    return write_catalogue(tmp_path / "catalogue", DrawnEncoder())


@pytest.fixture
def client(live: Path) -> Iterator[httpx.Client]:
    with opened(live) as client:
        yield client


def export(live: Path, folder: Path) -> Path:
    """Write what a catalogue holds as a feed of JSON lines beside pictures, and return the folder."""
    folder.mkdir(exist_ok=True)
    with Catalogue.open(live) as catalogue, (folder / "shop.jsonl").open("w") as file:
        for number, product in enumerate(catalogue.snapshot().products):
            (folder / f"{number}.jpg").write_bytes(catalogue.image(product.id))
            row = {"id": product.id, "image": f"{number}.jpg", "title": product.title, **product.attributes}
            file.write(json.dumps(row) + "\n")
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "shop.jsonl").read_text().splitlines()]


def changed(folder: Path, made: list[dict[str, Any]]) -> Dataset:
    """Write the feed again with these rows, and open it."""
    (folder / "shop.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    return open_dataset(folder)


def run(dataset: Dataset, client: httpx.Client, **options: Any) -> dict[str, Any]:
    key = client.headers.get("authorization", "").removeprefix("Bearer ")
    with Client(str(client.base_url), key=key, first_wait=0.01) as caller:
        return caller.sync(dataset, **options)


def counts(report: dict[str, Any]) -> dict[str, int]:
    kinds = ("created", "replaced", "unchanged", "deleted", "kept", "failed", "pictures")
    return {kind: report[kind] for kind in kinds if report[kind]}


def test_nothing_is_sent_where_nothing_differs(live: Path, tmp_path: Path, client: httpx.Client) -> None:
    report = run(open_dataset(export(live, tmp_path / "feed")), client)
    assert counts(report) == {"unchanged": 48}
    assert report["bytes_sent"] == 0
    assert report["bytes_received"] > 0


def test_only_what_differs_is_sent(live: Path, tmp_path: Path, client: httpx.Client) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)
    made[0]["title"] = "Another title"
    made[1]["colour"], made[1]["price"] = "teal", 19.99
    del made[2]["gender"]
    (folder / "3.jpg").write_bytes(encoded(draw("pink", "bag")))
    (folder / "new.jpg").write_bytes(encoded(draw("blue", "dress")))
    made.append({"id": "new", "image": "new.jpg", "title": "New blue dress", "in_stock": True})
    gone = made.pop(4)["id"]
    dataset = changed(folder, made)

    planned = run(dataset, client, dry_run=True)
    assert counts(planned) == {"created": 1, "replaced": 4, "unchanged": 43, "deleted": 1, "pictures": 2}
    assert planned["examples"]["deleted"] == [gone]
    assert planned["bytes_sent"] == 0
    assert client.get(f"/v1/products/{quote(gone, safe='')}").status_code == 200

    report = run(dataset, client)
    assert counts(report) == counts(planned)
    assert 0 < report["bytes_sent"] < 30_000
    assert client.get(f"/v1/products/{quote(gone, safe='')}").status_code == 404
    for row in (*made[:4], made[-1]):
        answer = client.get(f"/v1/products/{quote(row['id'], safe='')}").json()
        assert answer["title"] == row["title"]
        assert answer["attributes"] == {n: v for n, v in row.items() if n not in ("id", "image", "title")}
    assert client.get("/v1/products/new/image").content == (folder / "new.jpg").read_bytes()
    assert counts(run(dataset, client)) == {"unchanged": 48}


def test_more_deletions_than_allowed_are_refused_before_anything_is_sent(
    live: Path, tmp_path: Path, client: httpx.Client
) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)[5:]
    made[0]["title"] = "Another title"
    dataset = changed(folder, made)
    with pytest.raises(InputError, match=r"lacks 5 of 48 live products \(10\.4%\).*--max-delete 0\.11"):
        run(dataset, client)
    assert client.get(f"/v1/products/{quote(made[0]['id'], safe='')}").json()["title"] != "Another title"
    assert counts(run(dataset, client, keep_missing=True)) == {"replaced": 1, "unchanged": 42, "kept": 5}
    assert counts(run(dataset, client, max_delete=0.11)) == {"unchanged": 43, "deleted": 5}


def test_product_whose_row_cannot_be_used_stays(live: Path, tmp_path: Path, client: httpx.Client) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)
    for number, row in enumerate(made[:10]):
        row["image"] = f"https://shop.example/{number}.jpg"
    report = run(changed(folder, made), client)
    assert counts(report) == {"unchanged": 38}
    assert report["unusable_rows_kept"] == 10


def test_bad_product_fails_alone_and_is_told(live: Path, tmp_path: Path, client: httpx.Client) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)
    made[0]["title"] = "Another title"
    (folder / "1.jpg").write_bytes(b"no picture at all")
    report = run(changed(folder, made), client)
    assert counts(report) == {"replaced": 1, "unchanged": 46, "failed": 1, "pictures": 1}
    assert [one["id"] for one in report["errors"]] == [made[1]["id"]]


def test_every_line_of_a_full_call_may_fail_and_is_told(tmp_path: Path, client: httpx.Client) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "bad.jpg").write_bytes(b"no picture at all")
    made = [{"id": f"bad-{number}", "image": "bad.jpg", "title": "Bad"} for number in range(LINES)]
    report = run(changed(folder, made), client, keep_missing=True)
    assert counts(report) == {"failed": LINES, "kept": 48, "pictures": LINES}
    assert [one["id"] for one in report["errors"]] == [row["id"] for row in made]


def test_key_that_may_not_write_is_told_with_what_to_do(live: Path, tmp_path: Path) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)
    made[0]["title"] = "Another title"
    with opened(live, "read") as reader, pytest.raises(InputError, match="VITRINE_KEY"):
        run(changed(folder, made), reader)


def test_picture_that_is_too_large_does_not_stop_the_others(live: Path, tmp_path: Path) -> None:
    folder = export(live, tmp_path / "feed")
    made = rows(folder)
    made[0]["title"] = made[2]["title"] = "Another title"
    (folder / "1.jpg").write_bytes(encoded(draw("red", "bag")) + bytes(4_000_000))
    with opened(live, max_upload_mb=0.1) as client:
        report = run(changed(folder, made), client)
    assert (report["replaced"], report["failed"]) == (2, 1)
    assert "a smaller picture" in report["errors"][0]["message"]


LISTING = "/v1/products?limit=1000&fields=id%2Ctitle%2Cattributes%2Cpicture_digests"


def _listing(host: Origin, *products: dict[str, Any]) -> None:
    page = {"products": products, "next": None, "catalogue_version": 0}
    host.plain(LISTING, 200, json.dumps(page).encode())


def _one(folder: Path) -> Dataset:
    folder.mkdir()
    (folder / "1.jpg").write_bytes(encoded(draw("red", "bag")))
    return changed(folder, [{"id": "1", "image": "1.jpg", "title": "Red bag"}])


def test_busy_service_is_asked_again_and_broken_connections_too(tmp_path: Path) -> None:
    done = {
        "created": 1,
        "replaced": 0,
        "unchanged": 0,
        "deleted": 0,
        "failed": 0,
        "errors": [],
        "catalogue_version": 1,
    }

    def busy(asked: Asked, send: Send) -> None:
        if asked.number == 2:
            raise ConnectionResetError
        send(answer(503, b"", "Retry-After: 0") if asked.number == 1 else answer(200, json.dumps(done).encode()))
        raise ConnectionResetError

    with origin() as host, httpx.Client(base_url=host.url) as client:
        _listing(host)
        host.says("/v1/products", busy)
        assert counts(run(_one(tmp_path / "feed"), client)) == {"created": 1, "pictures": 1}
        assert host.times["/v1/products"] == 3


def test_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    with origin() as host:
        dead = host.url
    with httpx.Client(base_url=dead) as client, pytest.raises(VitrineError, match="does not answer"):
        run(_one(tmp_path / "feed"), client)


def test_service_without_the_call_or_elsewhere_is_told(tmp_path: Path) -> None:
    dataset = _one(tmp_path / "feed")
    with origin() as host, httpx.Client(base_url=host.url) as client:
        with pytest.raises(InputError, match="service of this version"):
            run(dataset, client)
        host.plain(LISTING, 301, b"", "Location: https://shop.example/v1/products")
        with pytest.raises(InputError, match=r"https://shop\.example"):
            run(dataset, client)


def test_key_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(" vk_secret\n")
    assert key_of_file(file) == "vk_secret"
    file.write_text("two words")
    with pytest.raises(InputError, match="key alone") as refused:
        key_of_file(file)
    assert "words" in str(refused.value)
    with pytest.raises(InputError, match="cannot be read"):
        key_of_file(tmp_path / "none")


def test_several_pictures_are_sent_and_compared_in_order(tmp_path: Path, client: httpx.Client) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    for kind in ("bag", "dress", "shirt"):
        (folder / f"{kind}.png").write_bytes(encoded(draw("red", kind)))
    row = {"id": "set", "title": "Red set", "image": "bag.png, dress.png"}
    assert counts(run(changed(folder, [row]), client, keep_missing=True)) == {"created": 1, "kept": 48, "pictures": 2}
    assert len(client.get("/v1/products/set").json()["image_urls"]) == 2
    assert counts(run(changed(folder, [row]), client, keep_missing=True)) == {"unchanged": 1, "kept": 48}
    turned = {**row, "image": "dress.png, bag.png"}
    assert run(changed(folder, [turned]), client, keep_missing=True)["replaced"] == 1
    assert client.get("/v1/products/set/image").content == (folder / "dress.png").read_bytes()
    fewer = {**row, "image": "shirt.png"}
    assert run(changed(folder, [fewer]), client, keep_missing=True)["pictures"] == 1
    assert len(client.get("/v1/products/set").json()["image_urls"]) == 1
