"""What every answer carries: ids, headers, a trace, one line in the log; HEAD and errors in one shape."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from app.http.trace import trace_of
from tests.tools.shop import (
    IMAGES,
    error_of,
    shop_open,
)

PATHS = ["/", "/healthz", "/docs", "/openapi.json", "/assets/x/search.js", "/v1/products/1000/image", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers_and_an_id(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_sane_request_id_is_kept_and_any_other_replaced(client: httpx.Client) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "order-66_a.b:c"}).headers["x-request-id"] == "order-66_a.b:c"
    )
    for other in ("", "a b", "x" * 129, "<script>", "é"):
        given = client.get("/healthz", headers={b"x-request-id": other.encode()}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/search/nothing", "/assets/x/nothing.js", "/assets/../settings.py", "/page/"]
)
def test_an_unknown_path_is_a_404_in_the_one_shape(client: httpx.Client, path: str) -> None:
    error_of(client.get(path), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", IMAGES), ("DELETE", "/healthz"), ("POST", "/assets/x/search.js")])
def test_a_wrong_method_is_a_405_in_the_one_shape(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    error_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_strict_transport_security_is_promised_over_https_only(client: httpx.Client, folder: Path) -> None:
    assert "strict-transport-security" not in client.get("/", headers={"X-Forwarded-Proto": "https"}).headers
    with shop_open(folder, trusted_proxies="127.0.0.0/8") as behind:
        assert "strict-transport-security" not in behind.get("/").headers
        answer = behind.get("/", headers={"X-Forwarded-Proto": "https"})
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["permissions-policy"]


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/v1/products/1000", "/v1/products/1000/image", "/p/1000", "/assets/x/search.js"]
)
def test_head_answers_as_get_does_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "x-content-type-options"):
        assert head.headers.get(name) == got.headers.get(name)
    assert client.head(IMAGES).status_code == 405
    assert client.head("/nothing").status_code == 404
    assert client.get(path).content == got.content  # the connection is still in step


def test_a_trace_is_taken_over_with_a_span_of_our_own(client: httpx.Client) -> None:
    headers = {"traceparent": PARENT, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}
    answer = client.get("/healthz", headers=headers)
    version, trace_id, span_id, flags = answer.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert re.fullmatch(r"[0-9a-f]{16}", span_id)
    assert span_id != "b7ad6b7169203331"
    assert answer.headers["tracestate"] == headers["tracestate"]
    error = client.get("/nothing", headers=headers)
    assert error.headers["traceparent"].split("-")[1] == TRACE


def test_without_a_trace_a_new_one_begins(client: httpx.Client) -> None:
    first, second = (client.get("/healthz").headers for _ in range(2))
    assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00", first["traceparent"])
    assert first["traceparent"].split("-")[1] != second["traceparent"].split("-")[1]
    assert "tracestate" not in first


@pytest.mark.parametrize(
    "parent",
    [
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-b7ad6b7169203331-01",
        f"00-{TRACE}a-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b716920333-01",
        f"00-{TRACE}-b7ad6b7169203331-1",
        f"00-{TRACE}-b7ad6b7169203331-011",
        f"00-{TRACE}-b7ad6b7169203331-01-",
        f"00-{TRACE}-b7ad6b7169203331-01-more",
        f"cc-{TRACE}-b7ad6b7169203331-01more",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{TRACE}-B7AD6B7169203331-01",
        f"00_{TRACE}_b7ad6b7169203331_01",
        f"0-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b7169203331-0x",
        f"00-{TRACE}-b7ad6b7169203331",
        f"{PARENT}, {PARENT}",
        "",
    ],
)
def test_a_trace_that_is_none_is_passed_over_with_its_state(client: httpx.Client, parent: str) -> None:
    answer = client.get("/healthz", headers={"traceparent": parent, "tracestate": "a=b"})
    assert answer.status_code == 200
    trace_id = answer.headers["traceparent"].split("-")[1]
    assert trace_id not in (TRACE, "0" * 32)
    assert "tracestate" not in answer.headers


def test_versions_to_come_are_read_as_far_as_they_are_known() -> None:
    for parent in (f"cc-{TRACE}-b7ad6b7169203331-01", f"cc-{TRACE}-b7ad6b7169203331-01-what-the-future-holds"):
        trace = trace_of([parent], [])
        assert trace.trace_id == TRACE
        assert trace.parent.startswith("00-")
    assert trace_of([f"00-{TRACE}-b7ad6b7169203331-ff"], []).parent.endswith("-03")  # unknown flags are sent as 0
    assert trace_of([PARENT, PARENT], []).trace_id != TRACE
    assert trace_of([PARENT], ["a=1", "b=2"]).state == "a=1,b=2"
