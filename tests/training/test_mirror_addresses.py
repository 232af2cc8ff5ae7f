"""Which addresses a mirror asks, and that what was checked is what is connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tools.origin import origin, picture
from training.data import addresses_in, is_address
from training.mirror import MirrorOptions, mirror_feed, transport
from training.mirror.addresses import RefusedError, checked_url, host_of, is_public
from training.mirror.transport import make_transport

PUBLIC = ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "240.0.0.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_asked(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_asked(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "0.0.0.0",
        "0",
        "①②⑦.0.0.1",
    ],
)
def test_host_within_the_own_network_is_refused_however_it_is_written(tmp_path: Path, host: str) -> None:
    with origin() as server:
        port = server.url.rsplit(":", 1)[1]
        server.picture("/1.jpg")
        feed = tmp_path / "shop.csv"
        feed.write_text(f"id,image,text\n1,http://{host}:{port}/1.jpg,One\n", encoding="utf-8")
        report = mirror_feed(str(feed), tmp_path / "mirror", MirrorOptions(ignore_robots=True))
        assert not server.asked
    reason = report["failures"][0]["reason"]
    assert "--allow-private" in reason or "not well-formed" in reason


def _looks_up(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let every name mean the first of `answers`, at the second look the second, and so on; return the looks."""
    looks: list[str] = []

    def getaddrinfo(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        looks.append(str(host))
        address = answers[min(len(looks), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looks


def _get(url: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with make_transport(allow_private=False, proxy=None, connections=1) as sender:
            response = await sender.handle_async_request(httpx.Request("GET", url))
            await response.aread()
            return response

    return asyncio.run(ask())


def test_name_that_means_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with origin() as host:
        _looks_up(monkeypatch, "127.0.0.1")
        with pytest.raises(RefusedError, match=r"shop\.example is the address 127\.0\.0\.1"):
            _get(f"http://shop.example:{host.url.rsplit(':', 1)[1]}/1.jpg")
        assert not host.asked


def test_name_is_looked_up_once_for_the_check_and_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "is_public", lambda address: str(address) == "127.0.0.1")
    with origin() as host:
        host.picture("/1.jpg")
        looks = _looks_up(monkeypatch, "127.0.0.1", "127.0.0.99")
        port = host.url.rsplit(":", 1)[1]
        assert _get(f"http://shop.example:{port}/1.jpg").content == picture("/1.jpg")
        assert looks.count("shop.example") == 1
        assert host.asked[0].headers["host"] == f"shop.example:{port}"


def test_redirect_to_a_private_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = is_public
    with origin() as host, origin() as inner:
        monkeypatch.setattr(transport, "is_public", lambda address: str(address) == "127.0.0.1" or own(address))
        port = inner.url.rsplit(":", 1)[1]
        addresses = [
            host.plain("/a", 302, b"", f"Location: http://[::1]:{port}/1.jpg"),
            host.plain("/b", 302, b"", f"Location: //127.0.0.2:{port}/1.jpg"),
            host.plain("/c", 302, b"", "Location: http://169.254.169.254/latest/meta-data/"),
        ]
        feed = tmp_path / "shop.csv"
        feed.write_text("id,image,text\n" + "".join(f"{n},{one},x\n" for n, one in enumerate(addresses)))
        report = mirror_feed(str(feed), tmp_path / "mirror", MirrorOptions())
        assert report["failed"] == 3
        assert all("in a private network" in one["reason"] for one in report["failures"])
        assert not inner.asked


@pytest.mark.parametrize(
    "text",
    [
        "ftp://shop.example/1.jpg",
        "file:///etc/passwd",
        "s3://bucket/1.jpg",
        "http://me:secret@shop.example/1.jpg",
        "https://shop.example:22/1.jpg",
        "https:///1.jpg",
        "https://shop.example/" + "x" * 5000,
        "https://shop.example:99999/1.jpg",
        "http://[::1/1.jpg",
        "https://shop.example/1\x00.jpg",
    ],
)
def test_address_of_an_unsafe_form_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        checked_url(text)


def test_addresses_as_feeds_have_them_are_understood() -> None:
    assert str(checked_url(" //cdn.shop.example/a b.jpg#x ")) == "https://cdn.shop.example/a%20b.jpg"
    assert str(checked_url("HTTPS://Shop.Example/Größe.jpg")) == "https://shop.example/Gr%C3%B6%C3%9Fe.jpg"
    assert host_of(checked_url("https://Shop.example:443/x")) == "https://shop.example"
    assert host_of(checked_url("http://shop.example:8080/x")) == "http://shop.example:8080"


def test_several_addresses_in_a_cell_are_told_apart() -> None:
    one, two = "https://shop.example/w_40,h_50/a.jpg", "//cdn.example/b.jpg"
    for cell in (f"{one}, {two}", f"{one},{two}", f"{one}|{two}", f"{one} ; {two}", f"{one}\n{two}", f"{one} {two}"):
        assert addresses_in(cell) == [one, two]
    assert addresses_in(f'["{one}", "{two}"]') == [one, two]
    assert addresses_in(one) == [one]
    assert addresses_in("https://shop.example/a,b;c d.jpg") == ["https://shop.example/a,b;c d.jpg"]
    assert addresses_in("a.jpg, b.jpg") == addresses_in("") == addresses_in("images//a.jpg") == []
    assert is_address("HTTP://x/y")
    assert is_address("file:///x")
    assert not is_address("C:\\pictures\\1.jpg")
