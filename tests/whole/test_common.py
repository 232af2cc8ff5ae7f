"""The helpers in common.py: JSON files that say what is wrong with them, the first line of an error, and extras."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from common import ArtefactError, ConfigError, first_line, read_json, require, write_json


def test_a_json_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "below" / "a.json"
    write_json(path, {"format": 2, "title": "é"})
    assert read_json(path, "run it again", file_format=2) == read_json(path, "run it again")
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"a\.json cannot be read \(No such file or directory\); run it again"),
        (b"{", r"a\.json is damaged \(.*line 1.*\); run it again"),
        (b"\xff", r"a\.json is damaged \(.*utf-8.*\); run it again"),
        (b"[1]", r"a\.json is damaged \(it holds no JSON object\); run it again"),
        (b'{"format": 3}', r"a\.json is of format 3; this version reads 2: run it again"),
        (b"{}", r"a\.json is of format None; this version reads 2: run it again"),
    ],
)
def test_a_json_file_that_cannot_be_used_is_named_with_the_remedy(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match=said):
        read_json(path, "run it again", file_format=2)


def test_the_first_line_of_an_error_is_its_first_words_or_its_type() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(RuntimeError("\n \n\tthree\nfour")) == "three"
    assert first_line(TimeoutError()) == "TimeoutError"


def test_what_needs_an_extra_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    require("train", "json", what="vitrine train")
    with pytest.raises(ConfigError, match=r"vitrine train needs no_such_module, .* pip install 'vitrine\[train\]'"):
        require("train", "json", "no_such_module", what="vitrine train")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match="needs torch"):
        require("train", "torch", what="vitrine train")
