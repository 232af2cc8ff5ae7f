"""A full disk and no memory: one shape, no traceback, and all is well again once there is room."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.server import create_app
from app.settings import Settings
from common import NoSpaceError
from tests.app.helpers import body, lines, put, send
from tests.tools.disk import full_disk
from tests.tools.shop import IMAGES, PATIENT, DrawnEncoder, served
from vitrine.cli import main


def test_every_writing_call_says_507_and_goes_on_when_there_is_room(
    editor: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A put, a bulk call and a delete on a full tmpfs were answered 500 `internal`, with two tracebacks each."""
    assert put(editor, "before", body("pink", "bag")).status_code == 201
    calls: list[dict[str, Any]] = [
        {"method": "PUT", "url": "/v1/products/new", "json": body("red", "bag")},
        {"method": "DELETE", "url": "/v1/products/before"},
        {"method": "POST", "url": "/v1/products", "content": lines({"id": "bulk", **body("red", "dress")})},
    ]
    for call in calls:
        if "content" in call:
            call["headers"] = {"content-type": "application/x-ndjson"}
        with full_disk(4096):
            answer = editor.request(**call)
            found = editor.post(IMAGES, json={"text": "pink bag"})
        assert answer.status_code == 507, answer.text
        error = answer.json()["error"]
        assert error["code"] == "no_space"
        assert "make room" in error["message"]
        assert error["request_id"] == answer.headers["x-request-id"]
        assert found.status_code == 200
    assert not [one for one in caplog.records if one.exc_info]
    assert editor.get("/v1/products/before").status_code == 200
    assert editor.get("/v1/products/new").status_code == 404
    for call in calls:
        assert editor.request(**call).status_code in (200, 201, 204)
    assert editor.get("/v1/products/bulk").status_code == 200


def test_lines_fail_one_by_one_when_the_disk_fills_in_the_middle(
    editor: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.live import Editor

    calls = 0
    edit = Editor.edit

    async def first_piece_only(self: Editor, edits: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise NoSpaceError("the disk is full; make room, then try again")
        return await edit(self, edits)

    monkeypatch.setattr(Editor, "edit", first_piece_only)
    answer = send(editor, lines(*({"id": f"n{n}", **body("red", "bag")} for n in range(70))))
    assert (answer["created"], answer["failed"]) == (38, 32)
    assert {one["code"] for one in answer["errors"]} == {"no_space"}
    assert [one["line"] for one in answer["errors"]] == list(range(33, 65))


def test_an_upload_that_finds_no_room_in_the_temporary_folder(editor: httpx.Client) -> None:
    """A bulk form keeps what is larger than two megabytes in a file; on a full /tmp that was a 500."""
    picture = np.random.default_rng(0).bytes(3_000_000)
    form = [
        ("products", ("products", lines({"id": "x", "title": "Red bag", "image": "a.jpg"}))),
        ("pictures", ("a.jpg", picture)),
    ]
    with full_disk(100_000):
        answer = editor.post("/v1/products", files=form)
    assert answer.status_code == 507, answer.text
    assert answer.json()["error"]["code"] == "no_space"
    again = editor.post("/v1/products", files=form)
    assert again.json()["errors"][0]["code"] == "bad_image"


def test_no_memory_is_503_and_blames_nobody(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Short(DrawnEncoder):
        def encode_counted(self, texts: Any) -> Any:
            if "much" in texts[0]:
                np.empty(2**60, dtype=np.uint8)
            return super().encode_counted(texts)

    caplog.set_level(logging.ERROR)
    with served(create_app(Settings.read(catalogue=folder, **PATIENT), encoder=Short())) as client:
        answer = client.post(IMAGES, json={"text": "much"})
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "out_of_memory"
        assert answer.headers["retry-after"]
        assert client.post(IMAGES, json={"text": "red"}).status_code == 200


@pytest.mark.parametrize("command", [["key", "create", "x", "--scope", "write", "--keys", "{}/keys.json"]])
def test_a_command_says_it_in_one_line(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`vitrine key create` ended in a traceback."""
    monkeypatch.setattr("sys.argv", ["vitrine", *(part.format(tmp_path) for part in command)])
    with full_disk(), pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "the disk is full" in said
    assert len(said.strip().splitlines()) == 1
    assert not os.listdir(tmp_path)
