"""Documents: in the visitor's language, escaped, compressed, and asked for again at a glance."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.front import Assets, Documents, Words, open_front


def documents(folder: Path, template: str) -> Documents:
    (folder / "page.html").write_text(template, encoding="utf-8")
    return Documents(folder, Assets({"a.js": b"1"}), Words(folder / "words"))


def test_values_are_escaped_and_addresses_are_relative(tmp_path: Path) -> None:
    found = documents(tmp_path, '<a title="{{ title }}" href="{{ assets }}/a.js">{{ title }}</a>')
    said = found.render("page", "en", root="../", title="\"><script>alert('1')</script>").decode()
    assert "<script" not in said
    assert said.startswith('<a title="&#34;&gt;&lt;script')
    assert f'href="../assets/{Assets({"a.js": b"1"}).digest}/a.js"' in said


def test_what_a_template_lacks_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nothing"):
        documents(tmp_path, "{{ nothing }}").render("page", "en")


@pytest.mark.parametrize("path", ["/", "/map", "/evaluation", "/evaluation/beside", "/docs"])
def test_pages_are_asked_for_again_and_then_not_sent_again(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Language, Accept-Encoding"
    assert client.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert client.get(path, headers={"accept-encoding": "identity"}).content == answer.content


def test_the_digest_of_the_assets_is_that_of_the_front() -> None:
    front = open_front()
    assert front is open_front()
    assert front.documents.render("index", "en", lab=True, plain="?plain=1", found=False)
