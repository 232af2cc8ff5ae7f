"""Pages of other origins: the setting names those whose visitors' browsers may search; none by default."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from app.http import Origins
from common import ConfigError
from tests.tools.shop import IMAGES, error_of, shop_open

SHOP = "https://shop.example"


def preflight(client: httpx.Client, path: str, method: str, origin: str = SHOP) -> httpx.Response:
    asked = {"origin": origin, "access-control-request-method": method}
    return client.options(path, headers={**asked, "access-control-request-headers": "content-type,x-api-key"})


def test_without_the_setting_nothing_is_said_of_origins(client: httpx.Client) -> None:
    error_of(preflight(client, IMAGES, "POST"), 405, "method_not_allowed")
    answer = client.post(IMAGES, json={"text": "red"}, headers={"origin": SHOP})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith(("access-control", "vary"))]


def test_a_shops_page_may_search(folder: Path) -> None:
    """OPTIONS was answered 405, and there was no setting."""
    with shop_open(folder, origins=f"{SHOP}, https://*.other.example", reads="keyed") as client:
        for path, method in ((IMAGES, "POST"), ("/v1/products", "GET"), ("/v1/embeddings", "POST")):
            answer = preflight(client, path, method)
            assert answer.status_code == 204, answer.text
            assert answer.headers["access-control-allow-origin"] == SHOP
            assert {"content-type", "x-api-key", "authorization"} <= {
                *answer.headers["access-control-allow-headers"].split(", ")
            }
            assert method in answer.headers["access-control-allow-methods"]
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
        refused = client.post(IMAGES, json={"text": "red"}, headers={"origin": SHOP})
        error_of(refused, 401, "unauthorized")  # and the page can read why
        assert refused.headers["access-control-allow-origin"] == SHOP
        assert "x-request-id" in refused.headers["access-control-expose-headers"]
        assert preflight(client, IMAGES, "POST", "https://a.other.example").status_code == 204
        for origin in (
            "https://evil.example",
            "http://shop.example",
            "https://other.example",
            "null",
            "https://shop.example.evil",
            "https://shop.example:99999",
        ):
            error_of(preflight(client, IMAGES, "POST", origin), 403, "forbidden")
            answer = client.get("/readyz", headers={"origin": origin})
            assert "access-control-allow-origin" not in answer.headers
            assert "Origin" in answer.headers["vary"]
        for path, method in (
            ("/v1/products", "POST"),
            ("/v1/products/1", "PUT"),
            ("/v1/products/1", "DELETE"),
            (IMAGES, "PATCH"),
        ):
            error_of(preflight(client, path, method), 403, "forbidden")
        error_of(client.options(IMAGES), 405, "method_not_allowed")


def test_every_origin_may_be_let_in(folder: Path) -> None:
    with shop_open(folder, origins="*") as client:
        answer = client.get("/v1/products/1000/image", headers={"origin": "https://any.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert preflight(client, IMAGES, "POST", "null").headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("https://shop.example/", SHOP, True),
        ("HTTPS://Shop.Example:443", SHOP, True),
        ("http://localhost:3000", "http://localhost:3000", True),
        ("http://localhost:3000", "http://localhost", False),
        ("http://[::1]:8080", "http://[::1]:8080", True),
        ("https://*.shop.example", "https://a.b.shop.example", True),
        ("https://*.shop.example", "https://ashop.example", False),
        ("https://*.shop.example:8443", "https://a.shop.example", False),
        ("https://*.shop.example:8443", "https://a.shop.example:8443", True),
        ("https://*.shop.example", "https://a.shop.example:99999", False),
    ],
)
def test_origins_are_compared_as_browsers_write_them(allowed: str, origin: str, expected: bool) -> None:
    found = Origins(allowed).preflight(Headers({"origin": origin, "access-control-request-method": "GET"}), "/")
    assert (found is not None) == expected


@pytest.mark.parametrize("wrong", ["shop.example", "https://shop.example/suche", "ftp://x", "null", "https://"])
def test_what_is_no_origin_is_refused_when_it_is_set(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"VITRINE_ORIGINS.*https://shop\.example"):
        Origins(wrong)
