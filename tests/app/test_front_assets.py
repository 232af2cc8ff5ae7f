"""The files of the pages: under addresses that name their content, compressed once, kept for ever, never mixed."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from app.front import PAGE, Assets, open_front
from app.front.assets import read_folder
from app.front.lean import lean
from app.http import accepts_gzip
from tests.tools.shop import error_of

DIGEST = open_front().assets.digest
BASE = lean("base.css", (PAGE / "base.css").read_bytes())
STYLE = f"/assets/{DIGEST}/base.css"


def test_a_file_is_kept_for_a_year_under_the_digest_of_all(client: httpx.Client) -> None:
    answer = client.get(STYLE)
    assert answer.status_code == 200
    assert answer.content == BASE
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(answer.content) / 2
    plain = client.get(STYLE, headers={"accept-encoding": "identity"})
    assert plain.content == answer.content
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != answer.headers["etag"]  # a cache must not mix the two
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"
    again = client.get(STYLE, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(STYLE)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]


def test_the_address_of_another_version_gives_the_present_file_and_is_not_kept(client: httpx.Client) -> None:
    """A page from a cache asks for it, or one of the old service while the new one starts beside it."""
    answer = client.get("/assets/0123456789abcdef/base.css")
    assert answer.content == BASE
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "",
        "../settings.py",
        "..%2Fsettings.py",
        "%2e%2e/settings.py",
        "index.html",
        "words/en/server/page.json",
        "/etc/passwd",
        "vendor",
        "base.css/",
        "base.css%00",
        "base.css%0a",
    ],
)
def test_nothing_else_is_there(client: httpx.Client, path: str) -> None:
    error_of(client.get(f"/assets/{DIGEST}/{path}"), 404, "not_found")


def test_the_digest_follows_names_and_content() -> None:
    digests = {
        Assets(files).digest
        for files in ({"a.js": b"1"}, {"a.js": b"2"}, {"b.js": b"1"}, {"a.js": b"1", "b.js": b"1"}, {})
    }
    assert len(digests) == 5
    assert Assets({"a.js": b"1", "b.js": b"2"}).digest == Assets({"b.js": b"2", "a.js": b"1"}).digest


def test_packed_files_are_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("x" * 2000)
    (tmp_path / "page.html").write_text("no asset")
    (tmp_path / ".hidden").write_text("no asset")
    one, other = (Assets(read_folder(tmp_path)).get("a.js") for _ in range(2))
    assert one is not None
    assert one == other
    assert gzip.decompress(one.packed or b"") == b"x" * 2000
    assert list(read_folder(tmp_path)) == ["a.js"]


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
        ("*;q=0", False),
        ("*, gzip;q=0", False),
        ("br", False),
    ],
)
def test_packing_is_for_those_who_take_it(accepted: str, expected: bool) -> None:
    assert accepts_gzip(Headers({"accept-encoding": accepted})) == expected


def test_the_script_for_other_sites_imports_the_present_version(client: httpx.Client) -> None:
    answer = client.get("/embed.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text == f'import "./assets/{DIGEST}/start.js";\n'
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert client.get("/embed.js", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
