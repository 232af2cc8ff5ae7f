"""Many products in one call: written piece by piece, and a bad line fails alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.app.helpers import body, lines, same_as_on_disk, send, uri
from tests.tools.shop import (
    IMAGES,
    ask,
    draw,
    encoded,
    error_of,
)


def test_many_lines_are_written_and_bad_ones_fail_alone(editor: httpx.Client, live_folder: Path) -> None:
    answer = send(
        editor,
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
    found = [result["id"] for result in ask(editor, IMAGES, text="red dress", k=1000)["results"]]
    assert {"a", "77", "1000"} < set(found)
    assert "1001" not in found
    same_as_on_disk(editor, live_folder)
    again = send(editor, lines({"id": "a", **body("red", "dress")}, {"id": "1001", "delete": True}))
    assert (again["unchanged"], again["catalogue_version"]) == (2, answer["catalogue_version"])


def test_a_form_of_lines_and_pictures(editor: httpx.Client) -> None:
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
    answer = editor.post("/v1/products", files=files)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["created"], answer.json()["failed"]) == (3, 1)
    assert editor.get("/v1/products/f3/image").content == encoded(draw("red", "bag"))
    error_of(editor.post("/v1/products", files=files[1:]), 422, "invalid_request")
    error_of(editor.post("/v1/products", json={}), 422, "invalid_request")
    error_of(editor.post("/v1/products", data={"id": "x"}), 415, "unsupported_media_type")


def test_thousands_of_lines_go_through_piece_by_piece(editor: httpx.Client, live_folder: Path) -> None:
    kinds = ["dress", "shirt", "shoes", "bag", "watch"]
    pictures = {kind: uri("green", kind) for kind in kinds}

    def stream() -> Iterator[bytes]:
        for number in range(2000):
            kind = kinds[number % 5]
            line = json.dumps({"id": f"b{number}", "title": f"Bulk {number % 700}", "image": pictures[kind]}) + "\n"
            yield line.encode()[:50]
            yield line.encode()[50:]

    answer = editor.post("/v1/products", content=stream(), headers={"content-type": "application/x-ndjson"})
    assert answer.json()["created"] == 2000, answer.text
    assert ask(editor, IMAGES, text="green bag", collapse="title", k=1000)["total"] == 740
    same_as_on_disk(editor, live_folder)


def test_single_queries_go_on_while_many_lines_are_written(editor: httpx.Client) -> None:
    done = threading.Event()

    def bulk() -> Any:
        content = lines(*({"id": f"b{n}", "title": f"Bulk {n}", "image": uri("green", "bag")} for n in range(600)))
        try:
            return send(editor, content)
        finally:
            done.set()

    with ThreadPoolExecutor(1) as other:
        writing = other.submit(bulk)
        asked = 0
        while not done.is_set():
            assert ask(editor, IMAGES, text=f"red dress {asked}", k=1)["results"]
            asked += 1
        assert writing.result()["created"] == 600
    assert asked > 3


def test_a_line_that_the_store_refuses_fails_alone(editor: httpx.Client) -> None:
    """The lines that were written together with it failed too; a catalogue has a thousand attribute names at most."""
    products: list[dict[str, Any]] = [
        {"id": f"n{n}", **body("red", "bag", attributes={f"{n} {at}": "x" for at in range(64)})} for n in range(20)
    ]
    answer = send(editor, lines(*products))
    assert answer["created"] == 15
    assert [error["line"] for error in answer["errors"]] == [16, 17, 18, 19, 20]
    assert {error["code"] for error in answer["errors"]} == {"bad_input"}
    assert "it may have 1,000" in answer["errors"][0]["message"]
    one = {name: value for name, value in products[-1].items() if name != "id"}
    error = error_of(editor.put("/v1/products/new", json=one), 422, "bad_input")
    assert len(error["message"]) < 300
