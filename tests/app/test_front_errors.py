"""Errors as a person sees them: a page in their language, where it is refused; programs get the one shape as ever."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from app.front import LANGUAGES, open_front
from app.http.people import reads_pages, root_from
from tests.tools.shop import error_of, shop_open

BROWSER = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "sec-fetch-mode": "navigate",
    "accept-language": "fr",
}
HTTP_BROWSER = {"accept": BROWSER["accept"], "upgrade-insecure-requests": "1"}


def page_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-request-id"]
    assert "no-store" in answer.headers["cache-control"]
    assert '<meta name="robots" content="noindex">' in answer.text
    return answer.text


def test_a_wrong_path_is_a_page_for_a_person_and_json_for_a_program(client: httpx.Client) -> None:
    said = page_of(client.get("/nothing", headers=BROWSER), 404)
    assert '<html lang="fr">' in said
    assert "Page introuvable" in said
    assert 'href="./"' in said
    deep = page_of(client.get("/a/b%2Fc/d", headers=BROWSER), 404)
    assert 'href="../../"' in deep
    assert f'href="../../assets/{open_front().assets.digest}/plain.css"' in deep
    assert "Page not found" in page_of(client.get("/nothing", headers=HTTP_BROWSER), 404)
    assert client.head("/nothing", headers=BROWSER).headers["content-type"].startswith("text/html")
    for headers in (
        {},
        {"accept": "*/*"},
        {"accept": "text/html, image/gif, */*; q=.2"},
        {"accept": "application/json"},
    ):
        error_of(client.get("/nothing", headers=headers), 404, "not_found")
    for path in ("/v1/products/none", "/v1/nothing", "/assets/x/nothing.js"):
        error_of(client.get(path, headers=BROWSER), 404, "not_found")
    error_of(client.post("/nothing", headers=BROWSER), 404, "not_found")


def test_refusals_before_any_route_are_pages_too(folder: Path) -> None:
    with shop_open(folder, rate_limit="2/hour", allowed_hosts="shop.example, 127.0.0.1") as client:
        said = page_of(client.get("/", headers={**BROWSER, "host": "evil.example"}), 421)
        assert "Adresse incorrecte" in said
        assert "<a " not in said  # the way back would lead here again
        client.get("/")
        client.get("/")
        answer = client.get("/", headers={**BROWSER, "accept-language": "en"})
        said = page_of(answer, 429)
        wait = int(answer.headers["retry-after"])
        assert f"Try again in {wait} seconds." in said.replace("\n", " ")
        assert error_of(client.get("/"), 429, "rate_limited")


def test_an_unforeseen_fault_names_only_its_request(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("a secret of the inside")

    with shop_open(folder) as client:
        monkeypatch.setattr("app.routes.documents.document_response", fail)
        answer = client.get("/", headers={**BROWSER, "accept-language": "de", "x-request-id": "mine-1"})
        said = page_of(answer, 500)
        assert "Etwas ist schiefgegangen" in said
        assert "mine-1" in said
        assert "secret" not in said


def test_what_a_caller_sends_is_not_repeated_as_markup(client: httpx.Client) -> None:
    said = page_of(client.get("/%3Cscript%3Ealert(1)%3C/script%3E", headers=BROWSER), 404)
    assert "<script" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_words(language: str) -> None:
    documents = open_front().documents
    for kind in ("missing", "gone", "locked", "host", "many", "busy", "broken", "wrong"):
        said = documents.render("error", language, root="./", kind=kind, wait="3", request_id="r").decode()
        assert f'<html lang="{language}">' in said


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/x", BROWSER, True),
        ("GET", "/x", {**BROWSER, "sec-fetch-mode": "cors"}, False),
        ("GET", "/x", {**HTTP_BROWSER, "accept": "image/webp"}, False),
        ("POST", "/x", BROWSER, False),
        ("GET", "/p/x", {}, True),
        ("GET", "/p/x", {"accept": "application/json"}, False),
        ("GET", "/v1/facets", BROWSER, False),
    ],
)
def test_who_reads_pages(method: str, path: str, headers: dict[str, str], expected: bool) -> None:
    assert reads_pages(method, path, Headers(headers)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"/", "./"), (b"/map", "./"), (b"/p/1", "../"), (b"/p/a%2Fb?x=/", "../"), (b"/p/a/b", "../../")],
)
def test_the_way_to_the_service_follows_the_path_as_it_was_sent(raw: bytes, expected: str) -> None:
    assert root_from({"raw_path": raw, "path": "/"}) == expected
