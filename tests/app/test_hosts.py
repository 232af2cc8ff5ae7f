"""For which hosts the service answers, whom it believes, and what it says to those who want another protocol."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import MisdirectedError
from app.http import Hosts, Proxies
from app.server import create_app
from app.settings import Settings
from common import ConfigError
from tests.tools.shop import DrawnEncoder, error_of, shop_open


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/facets", "/embed.js", "/nothing"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "a@localhost", ""])
def test_a_foreign_name_is_answered_nothing(client: httpx.Client, path: str, host: str) -> None:
    """A page of any site could read an open catalogue on loopback: its own name was made to lead there."""
    error_of(client.get(path, headers={"host": host}), 421, "misdirected")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_the_names_of_loopback_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/facets", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("allowed", "listens_on", "host", "path", "ok"),
    [
        ("", "0.0.0.0", "shop.example", "/", True),
        ("", "::1", "[::1]:80", "/", True),
        ("", "127.0.0.5", "127.0.0.5", "/", True),
        ("", "localhost", "shop.example", "/", False),
        ("shop.example, *.shop.test", "0.0.0.0", "shop.example:80", "/", True),
        ("shop.example, *.shop.test", "0.0.0.0", "a.b.shop.test", "/", True),
        ("shop.example, *.shop.test", "0.0.0.0", "shop.test", "/", False),
        ("shop.example, *.shop.test", "0.0.0.0", "10.1.2.3:8000", "/", False),
        ("shop.example, *.shop.test", "0.0.0.0", "10.1.2.3:8000", "/readyz", True),
        ("shop.example", "127.0.0.1", "evil.example", "/readyz", False),
        ("*", "127.0.0.1", "evil.example", "/", True),
    ],
)
def test_hosts_are_those_that_are_set(allowed: str, listens_on: str, host: str, path: str, ok: bool) -> None:
    hosts = Hosts(allowed, listens_on)
    if ok:
        hosts.check([host], path)
    else:
        with pytest.raises(MisdirectedError, match="VITRINE_ALLOWED_HOSTS"):
            hosts.check([host], path)


def test_two_hosts_or_none_are_not_one() -> None:
    hosts = Hosts("", "127.0.0.1")
    for sent in ([], ["localhost", "localhost"]):
        with pytest.raises(MisdirectedError):
            hosts.check(sent, "/")
    hosts.check([], "/healthz")  # balancers ask so


def test_redirects_stay_on_this_host(folder: Path) -> None:
    with shop_open(folder, allowed_hosts="*") as client:
        for path in ("/healthz/", "/v1/facets/?a=b", "//evil.example/healthz/", "/assets"):
            answer = client.get(client.base_url.copy_with(raw_path=path.encode()), headers={"host": "evil.example"})
            place = answer.headers.get("location", "/")
            assert place.startswith("/")
            assert not place.startswith("//")
            assert "evil" not in place or "location" not in answer.headers
        assert client.get("/healthz/").headers["location"] == "/healthz"


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
        (["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (["10.1.1.1"], "10.1.1.1"),
        (["junk key=admin"], "10.0.0.1"),
        (["203.0.113.7, junk"], "10.0.0.1"),
        (["203.0.113.7, junk, 10.1.1.1"], "10.1.1.1"),
        (["fe80::1%junk key=admin"], "10.0.0.1"),
        (["203.0.113.7:x"], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["203.0.113.07"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_read_strictly(forwarded: list[str], caller: str) -> None:
    assert Proxies("10.0.0.0/8").client("10.0.0.1", forwarded) == caller
    assert Proxies("").client("10.0.0.1", forwarded) == "10.0.0.1"
    assert Proxies("").client("127.0.0.1", forwarded) == "127.0.0.1"


@settings(max_examples=30)
@given(st.text(max_size=60))
def test_a_caller_is_an_address_whatever_is_forwarded(text: str) -> None:
    caller = Proxies("*").client("10.0.0.1", [text])
    assert set(caller) <= set("0123456789abcdef.:")


def test_the_scheme_is_believed_from_proxies_only() -> None:
    proxies = Proxies("10.0.0.1")
    assert proxies.scheme("10.0.0.1", ["https"], "http") == "https"
    assert proxies.scheme("::ffff:10.0.0.1", ["https"], "http") == "https"
    assert proxies.scheme("10.0.0.2", ["https"], "http") == "http"
    assert proxies.scheme("10.0.0.1", ["ftp"], "http") == "http"
    assert proxies.scheme("10.0.0.1", ["https", "http"], "http") == "http"


def test_a_proxy_that_is_no_address_is_refused_at_the_start(folder: Path) -> None:
    with pytest.raises(ConfigError, match="VITRINE_TRUSTED_PROXIES: 'balancer' is no address"):
        create_app(Settings.read(catalogue=folder, trusted_proxies="10.0.0.1, balancer"), encoder=DrawnEncoder())


def test_a_range_is_answered_with_the_whole_file(client: httpx.Client) -> None:
    """A range that is none was answered in plain text; no file of ours is worth a part."""
    whole = client.get("/embed.js").content
    for value in ("bytes=a-b", "bytes=5-2", "pages=1-2", "bytes=", "bytes=99999999-", "bytes=0-3"):
        answer = client.get("/embed.js", headers={"Range": value})
        assert (answer.status_code, answer.content) == (200, whole)


def test_a_websocket_is_refused_counted_and_limited(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Handshakes got 403 without a body, and were neither counted, limited nor logged."""
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with caplog.at_level("INFO", "vitrine.access"), shop_open(folder, rate_limit="2/hour") as client:
        for path in ("/", "/v1/facets"):
            answer = client.get(path, headers=asked)
            error_of(answer, 400, "upgrade_refused")
            assert answer.headers["connection"] == "close"
        error_of(client.get("/", headers=asked), 429, "rate_limited")
        assert 'vitrine_refused_total{code="upgrade_refused"} 2.0' in client.get("/metrics").text
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60) as raw:
            head = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
            raw.sendall(f"GET /healthz HTTP/1.1\r\nhost: localhost\r\n{head}\r\n".encode() + b"\x81\x05hello" * 100)
            assert raw.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert caplog.text.count("code=upgrade_refused") == 2
