"""Which pages there are: all of them, those for customers, or none; and what other sites may include and frame."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.front import open_front
from tests.app.test_front_errors import BROWSER, page_of
from tests.tools.shop import ask, error_of, shop_open

ASSET = f"/assets/{open_front().assets.digest}/plain.css"
LABORATORY = ("/map", "/evaluation", "/evaluation/beside", "/docs")


def test_by_default_everything_is_there(client: httpx.Client) -> None:
    for path in ("/", *LABORATORY, "/embed", "/embed/studio", "/embed.js", ASSET):
        assert client.get(path).status_code == 200, path


def test_a_shop_shows_nothing_of_the_inside(folder: Path) -> None:
    with shop_open(folder, pages="shop") as client:
        for path in LABORATORY:
            page_of(client.get(path, headers=BROWSER), 404)
            assert "/docs" not in error_of(client.get(path), 404, "not_found")["message"].removeprefix(
                f"there is nothing at {path}"
            )
        for path in ("/", "/embed", "/embed.js", ASSET):
            assert client.get(path).status_code == 200, path
        assert client.get("/openapi.json").status_code == 200


def test_without_pages_other_sites_get_theirs_only_where_one_is_named(folder: Path) -> None:
    with shop_open(folder, pages="off") as client:
        for path in ("/", *LABORATORY, "/embed", "/embed/studio", "/embed.js", ASSET, "/p/1000"):
            error_of(client.get(path, headers=BROWSER), 404, "not_found")
        assert ask(client, "/v1/search/images", text="red")["results"]
    with shop_open(folder, pages="off", origins="https://shop.example") as client:
        for path in ("/", *LABORATORY, "/p/1000"):
            error_of(client.get(path, headers=BROWSER), 404, "not_found")
        for path in ("/embed", "/embed.js", ASSET):
            assert client.get(path).status_code == 200, path


def test_named_origins_may_frame_the_embedded_search_and_nothing_else(folder: Path) -> None:
    with shop_open(folder, origins="https://shop.example/, https://*.other.example:8443") as client:
        answer = client.get("/embed")
        policy = answer.headers["content-security-policy"]
        assert policy.endswith("frame-ancestors 'self' https://shop.example https://*.other.example:8443")
        assert "x-frame-options" not in answer.headers
        wrong = client.get("/embed?theme=x", headers=BROWSER)  # in a frame of the shop it says why, too
        assert page_of(wrong, 422)
        assert wrong.headers["content-security-policy"] == policy
        assert "x-frame-options" not in wrong.headers
        for path in ("/", "/map", "/embed/studio", ASSET, "/v1/facets"):
            answer = client.get(path)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            assert answer.headers["x-frame-options"] == "DENY", path
        assert "frame-src 'self'" in client.get("/embed/studio").headers["content-security-policy"]


def test_without_an_origin_only_this_service_frames_it(client: httpx.Client) -> None:
    assert client.get("/embed").headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_pictures_and_files_may_be_loaded_where_a_page_isolates_itself(folder: Path) -> None:
    """An `<img>` says no origin, and with `Cross-Origin-Embedder-Policy: require-corp` it stayed empty."""
    with shop_open(folder, origins="https://shop.example") as client:
        for path in ("/v1/products/1000/image", ASSET, "/embed.js"):
            assert client.get(path).headers["cross-origin-resource-policy"] == "cross-origin", path
        for path in ("/", "/v1/facets", "/v1/products/1000"):
            assert "cross-origin-resource-policy" not in client.get(path).headers, path
        script = client.get(ASSET, headers={"origin": "https://shop.example"})
        assert script.headers["access-control-allow-origin"] == "https://shop.example"
        assert "Origin" in script.headers["vary"]
        assert (
            "access-control-allow-origin" not in client.get(ASSET, headers={"origin": "https://evil.example"}).headers
        )
    with shop_open(folder) as client:
        assert "cross-origin-resource-policy" not in client.get("/v1/products/1000/image").headers


def test_the_address_of_a_frame_gives_the_attributes_of_its_element(client: httpx.Client) -> None:
    asked = {
        "lang": "de",
        "dir": "rtl",
        "theme": "dark",
        "href": "/artikel/{id}",
        "show": "brand price",
        "accent": "#a81f54",
        "font": "Inter, sans-serif",
        "utm_source": "x",
    }
    said = client.get("/embed", params=asked, headers={"accept-language": "fr"}).text
    assert '<html lang="de" dir="rtl">' in said
    element = said.partition("<vitrine-search ")[2]
    for attribute in (
        'src="./"',
        'lang="de"',
        'address="off"',
        'theme="dark"',
        'href="/artikel/{id}"',
        'show="brand price"',
    ):
        assert attribute in element
    assert 'data-accent="#a81f54"' in said
    assert "utm" not in said
    similar = client.get(
        "/embed", params={"kind": "similar", "product": 'x" onload="1', "same": "gender", "count": 8}
    ).text
    assert '<vitrine-similar src="./"' in similar
    assert 'product="x&#34; onload=&#34;1"' in similar
    assert 'count="8"' in similar


@pytest.mark.parametrize(
    "asked",
    [
        {"href": "javascript:alert(1)"},
        {"href": "data:text/html,x"},
        {"accent": "red;background:url(x)"},
        {"font": 'x"y'},
        {"radius": "calc(1px)"},
        {"theme": "x"},
        {"count": "0"},
        {"kind": "script"},
        {"key": "a b"},
    ],
)
def test_an_address_of_a_frame_that_says_anything_else_is_refused(client: httpx.Client, asked: dict[str, str]) -> None:
    error_of(client.get("/embed", params=asked), 422, "invalid_request")
