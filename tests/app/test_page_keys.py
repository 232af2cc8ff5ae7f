"""Keys for pages: everybody can read them, so they open searches only, and only for the pages they are made for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.http import Key, create_key, read_keys
from app.http.key_file import OF_ALL, revoke_key
from common import ConfigError, InputError
from tests.app.helpers import bearer, uri
from tests.tools.shop import IMAGES, DrawnEncoder, error_of, shop_open
from vitrine.cli import cli

SHOP = "https://shop.example"


@contextmanager
def service(folder: Path, keys: Path, **settings: Any) -> Iterator[httpx.Client]:
    with shop_open(folder, DrawnEncoder(), keys=keys, **{"reads": "keyed", **settings}) as client:
        yield client


def sent(secret: str, origin: str | None = SHOP, **more: str) -> dict[str, str]:
    return {"x-api-key": secret, **({"origin": origin} if origin else {}), **more}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_page_of_its_origin_searches_and_no_other_does(folder: Path, keys: Path) -> None:
    _, secret = create_key(keys, "shop", "search", [f"{SHOP}/", "https://*.other.example"])
    assert secret.startswith("vtp_")
    with service(folder, keys) as client:
        for headers in (sent(secret), sent(secret, "https://a.other.example"), {"origin": SHOP} | bearer(secret)):
            answer = client.post(IMAGES, json={"text": "red"}, headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.headers["access-control-allow-origin"] == headers["origin"]
        for origin in (
            "https://evil.example",
            "http://shop.example",
            "https://shop.example.evil.example",
            "null",
            None,
        ):
            answer = client.post(IMAGES, json={"text": "red"}, headers=sent(secret, origin))
            error = error_of(answer, 403, "forbidden")
            assert f"'shop' is for pages of {SHOP}" in error["message"]
            assert (origin or "no origin") in error["message"]
            assert "scope read" in error["message"]
            assert "access-control-allow-origin" not in answer.headers
        # A frame of the service is a page of its own; browsers let no page write this header.
        frame = sent(secret, None, **{"sec-fetch-site": "same-origin"})
        assert client.get("/v1/facets", headers=frame).status_code == 200
        error_of(client.post(IMAGES, json={"text": "red"}, headers={"origin": SHOP}), 401, "unauthorized")


def test_it_opens_what_a_page_for_customers_needs_and_nothing_else(folder: Path, keys: Path) -> None:
    _, secret = create_key(keys, "shop", "search", [SHOP])
    with service(folder, keys, metrics="keyed") as client:
        headers = sent(secret)
        for path in (
            *("/v1/facets", "/v1/suggest?q=re", "/v1/labels?lang=fr", "/v1/models"),
            *("/v1/products/1000", "/v1/products/1000/image"),
        ):
            assert client.get(path, headers=headers).status_code == 200, path
        queries = {"queries": [{"text": "red"}]}
        assert client.post(f"{IMAGES}/batch", json=queries, headers=headers).status_code == 200
        picture = {"input": uri("red", "dress")}
        assert client.post("/v1/embeddings", json=picture, headers=headers).status_code == 200
        regions = client.post("/v1/regions", json={"image": picture["input"]}, headers=headers)
        assert regions.status_code == 200
        error_of(client.post("/v1/embeddings", json={"input": "red"}, headers=headers), 403, "forbidden")
        for path in ("/v1/products", "/v1/evaluation", "/v1/evaluation/details", "/v1/map", "/metrics"):
            assert "has search" in error_of(client.get(path, headers=headers), 403, "forbidden")["message"], path
        for path in ("/v1/explain", "/v1/classify", "/v1/products", "/v1/admin/reload"):
            error_of(client.post(path, json={}, headers=headers), 403, "forbidden")
        error_of(client.put("/v1/products/1", json={}, headers=headers), 403, "forbidden")
        error_of(client.delete("/v1/products/1000", headers=headers), 403, "forbidden")


def test_the_origins_of_a_key_may_ask_as_those_of_the_setting_may(folder: Path, keys: Path) -> None:
    """The question of a browser before a request has no key: any key's origin is let in."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    with service(folder, keys, pages="off") as client:
        error_of(client.options(IMAGES, headers={**asked, "origin": SHOP}), 405, "method_not_allowed")
        error_of(client.get("/embed.js"), 404, "not_found")
        create_key(keys, "shop", "search", [SHOP])  # no restart
        assert client.options(IMAGES, headers={**asked, "origin": SHOP}).status_code == 204
        error_of(client.options(IMAGES, headers={**asked, "origin": "https://evil.example"}), 403, "forbidden")
        assert client.get("/embed.js", headers={"origin": SHOP}).headers["access-control-allow-origin"] == SHOP
        assert client.get("/embed").headers["content-security-policy"].endswith(f"'self' {SHOP}")
        revoke_key(keys, "shop")
        error_of(client.options(IMAGES, headers={**asked, "origin": SHOP}), 405, "method_not_allowed")


def test_its_limit_counts_all_visitors_and_the_services_limit_each_of_them(folder: Path, keys: Path) -> None:
    _, secret = create_key(keys, "shop", "search", [SHOP], "3/hour")
    _, free = create_key(keys, "free", "search", [SHOP])
    with service(folder, keys, rate_limit="4/hour", trusted_proxies="127.0.0.1") as client:

        def ask(key: str, visitor: int) -> httpx.Response:
            headers = sent(key, **{"x-forwarded-for": f"203.0.113.{visitor}"})
            return client.get("/v1/facets", headers=headers)

        assert [ask(secret, visitor).status_code for visitor in (1, 2, 3)] == [200, 200, 200]
        refused = ask(secret, 4)
        assert "with the key 'shop'" in error_of(refused, 429, "rate_limited")["message"]
        assert int(refused.headers["retry-after"]) > 1000
        assert [ask(free, 9).status_code for _ in range(4)] == [200] * 4
        assert "this address" in error_of(ask(free, 9), 429, "rate_limited")["message"]
        assert ask(free, 10).status_code == 200  # another visitor of the same page
        wrong = [client.get("/v1/facets", headers=sent(secret, "https://evil.example")).status_code for _ in range(2)]
        assert wrong == [403, 403]


def test_where_everybody_may_search_a_page_key_of_another_page_is_still_refused(folder: Path, keys: Path) -> None:
    _, secret = create_key(keys, "shop", "search", [SHOP])
    with service(folder, keys, reads="open") as client:
        assert client.get("/v1/facets", headers=sent(secret)).status_code == 200
        error_of(client.get("/v1/facets", headers=sent(secret, "https://evil.example")), 403, "forbidden")
        assert client.get("/v1/facets", headers={"origin": "https://evil.example"}).status_code == 200
        assert client.get("/healthz", headers=sent(secret, None)).status_code == 200


def test_an_older_version_reads_all_other_keys(keys: Path) -> None:
    create_key(keys, "importer", "write")
    create_key(keys, "shop", "search", [SHOP], "600/minute")
    create_key(keys, "reader", "read")
    content = json.loads(keys.read_text(encoding="utf-8"))
    assert content["format"] == 1
    assert [set(entry) for entry in content["keys"]] == [set(OF_ALL)] * 2
    assert [entry["name"] for entry in content["keys"]] == ["importer", "reader"]
    found = {key.name: key for key in read_keys(keys)}
    assert (found["shop"].origins, found["shop"].limit) == ((SHOP,), "600/minute")
    assert len(dataclasses.fields(Key)) == len(OF_ALL) + 2
    revoke_key(keys, "shop")
    assert set(json.loads(keys.read_text(encoding="utf-8"))) == {"format", "keys"}


def test_what_does_not_fit_is_refused(keys: Path) -> None:
    wrong: list[tuple[str, list[str], str, str]] = [
        ("search", [], "", "name them, such as"),
        ("search", ["*"], "", "name them, such as"),
        ("search", ["shop.example"], "", "no origin"),
        ("search", [f"{SHOP}/path"], "", "no origin"),
        ("search", [SHOP], "often", "one limit"),
        ("read", [SHOP], "", "scope search"),
        ("admin", [], "600/minute", "scope search"),
    ]
    for scope, origins, limit, said in wrong:
        with pytest.raises(InputError, match=said):
            create_key(keys, "x", scope, origins, limit)  # type: ignore[arg-type]
    assert not keys.exists()
    create_key(keys, "shop", "search", [SHOP])
    whole = json.loads(keys.read_text(encoding="utf-8"))
    for field, value in (("origins", []), ("origins", ["*"]), ("origins", [1]), ("limit", "x"), ("scope", "read")):
        broken = {**whole, "publishable": [{**whole["publishable"][0], field: value}]}
        keys.write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(ConfigError, match="no file of keys"):
            read_keys(keys)


def test_they_are_made_and_listed_on_the_command_line(keys: Path) -> None:
    def run(*words: str) -> Any:
        done = CliRunner().invoke(cli, ["key", *words, "--keys", str(keys)])
        return done.stdout if done.exit_code == 0 else done.exception

    shown = run(
        "create", "shop", "--scope", "search", "--origin", SHOP, "--origin", "https://a.example", "--limit", "9/minute"
    )
    secret = shown.splitlines()[0]
    assert f'key="{secret}"' in shown
    assert isinstance(run("create", "other", "--scope", "search"), InputError)
    (listed,) = json.loads(run("list", "--json"))["keys"]
    assert listed["origins"] == [SHOP, "https://a.example"]
    assert (listed["scope"], listed["limit"], listed["last4"]) == ("search", "9/minute", secret[-4:])
    assert "9/minute" in run("list")


def test_the_openapi_document_says_which_scope_a_call_needs(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    def scope(path: str, method: str) -> Any:
        return paths[path][method]["security"]

    assert scope(IMAGES, "post") == [{"Bearer": ["search"]}, {"ApiKey": ["search"]}]
    assert scope("/v1/products", "get") == [{"Bearer": ["read"]}, {"ApiKey": ["read"]}]
    assert scope("/v1/products/{product_id}", "put") == [{"Bearer": ["write"]}, {"ApiKey": ["write"]}]
