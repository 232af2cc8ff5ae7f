"""An address of a search without scripts: the same products, as a document; and how one comes to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from app.front import Asked
from tests.app.helpers import ids, opened
from tests.app.test_front_errors import BROWSER, page_of
from tests.app.test_front_product import Seen
from tests.tools.shop import IMAGES, ask, error_of


def plain(client: httpx.Client, path: str) -> Seen:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert '<meta name="robots" content="noindex, follow">' in answer.text
    page = Seen(answer.text)
    assert page.scripts == []
    assert page.risky == []
    return page


def shown(page: Seen) -> list[str]:
    return [unquote(urlsplit(link).path.removeprefix("./p/")) for link in page.links if link.startswith("./p/")]


def test_the_search_page_leads_who_has_no_scripts_to_the_same_search(client: httpx.Client) -> None:
    asked = "/?q=red+dress&f.gender=Women&f.gender=Men&like=1000&sort=newest&lang=fr&n=60&utm_source=x"
    said = client.get(asked).text
    (place,) = re.findall(r'<noscript><meta http-equiv="refresh" content="0; url=([^"]+)"></noscript>', said)
    place = place.replace("&amp;", "&")
    assert place.startswith("./?")
    assert dict(parse_qsl(urlsplit(place).query))["plain"] == "1"
    assert "utm" not in place
    page = plain(client, place.removeprefix("."))
    body = {"modify": "red dress", "like": ["1000"], "sort": "newest"}
    expected = ask(client, IMAGES, filters={"gender": ["Women", "Men"]}, **body)
    assert shown(page)[:5] == ids(expected)[:5]
    assert all("lang=fr" in link for link in page.links if "p/" in link)
    assert "noindex, follow" in said
    assert "noindex" not in client.get("/").text  # an empty page may be kept
    assert 'url=./p/10%2F2"' in client.get("/", params={"product": "10/2"}).text


def test_without_scripts_one_searches_takes_filters_off_and_turns_pages(client: httpx.Client) -> None:
    page = plain(client, "/?q=red&f.gender=Women&plain=1")
    assert "gender: Women" in " ".join(page.text.split())
    assert "./?q=red&plain=1" not in page.links
    assert "?q=red&plain=1" in page.links
    everything = plain(client, "/?plain=1")
    total = ask(client, IMAGES, sort="newest", k=1000)
    found = shown(everything)
    assert len(found) == 24
    place = next(link for link in everything.links if "from=24" in link)
    second = plain(client, f"/{place}")
    assert len(found + shown(second)) == total["total"] == len(set(found + shown(second)))
    assert any("from" not in link and "plain=1" in link for link in second.links)
    for link in (*second.links, *second.pictures):
        assert client.get(f"/{link.removeprefix('./')}").status_code == 200, link


@pytest.mark.parametrize(
    "address",
    [
        "?q=red+dress",
        "?f.baseColour=Red",
        "?like=1003&unlike=1004",
        "?q=rde+dres",
        "?q=red&only=1&all=1&correct=0",
        "?q=red&like=1003&keep=0",
        "",
    ],
)
def test_it_finds_what_the_calls_find(client: httpx.Client, address: str) -> None:
    page = plain(client, f"/{address}{'&' if address else '?'}plain=1")
    body = Asked(parse_qsl(address.removeprefix("?"))).body()
    expected = client.post(IMAGES, json={**body, "k": 24}).json()
    assert shown(page)[:3] == ids(expected)[:3]
    if address == "?q=rde+dres":
        assert "Searched for" in page.text


def test_what_is_typed_is_shown_and_nothing_runs(client: httpx.Client) -> None:
    evil = "\"'><script>alert(1)</script>"
    answer = client.get("/", params={"q": evil, "plain": "1"})
    assert Seen(answer.text).scripts == []
    assert "&lt;script&gt;" in answer.text
    normal = client.get("/", params={"q": evil, "lang": evil, "f.gender": evil})
    assert normal.text.count("<script") == client.get("/").text.count("<script")


def test_what_is_no_search_is_refused_as_ever(client: httpx.Client) -> None:
    page_of(client.get("/?f.nothing=1&plain=1", headers=BROWSER), 422)
    error_of(client.get("/?f.nothing=1&plain=1"), 422, "bad_input")
    error_of(client.get("/?q=red&sort=sideways&plain=1"), 422, "invalid_request")


def test_where_reads_need_a_key_there_are_no_results_without_one(folder: Path) -> None:
    with opened(folder, "read", reads="keyed") as client:
        del client.headers["authorization"]
        page_of(client.get("/?q=red&plain=1", headers=BROWSER), 401)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("q=+red+", {"filters": {}, "text": "red", "cutoff": "auto", "correct": True, "dismiss": [], "strict": False}),
        ("f.price=10..50", {"filters": {"price": {"gte": 10.0, "lte": 50.0}}}),
        ("f.price=..50.5", {"filters": {"price": {"lte": 50.5}}}),
        ("f.day=2026-01-01..", {"filters": {"day": {"gte": "2026-01-01"}}}),
        ("f.x=..", {"filters": {"x": [".."]}}),
        ("f.x=1..2026-01-01", {"filters": {"x": ["1..2026-01-01"]}}),
        ("f.x=a&f.x=1..2&f.x=b", {"filters": {"x": {"gte": 1.0, "lte": 2.0}}}),
        ("f.x=a&f.x=b&f.x=a", {"filters": {"x": ["a", "b"]}}),
        ("", {"filters": {}, "sort": "newest"}),
        ("f.=a&x=1&picture=abc", {"filters": {}, "sort": "newest"}),
        ("q=a&q=b", {"text": "a"}),
    ],
)
def test_an_address_is_read_as_the_scripts_read_it(address: str, expected: dict[str, Any]) -> None:
    body = Asked(parse_qsl(address)).body()
    assert {name: body[name] for name in expected} == expected
