"""A mirror against a host that answers in every way, on the loopback."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from tests.tools.origin import Asked, Send, answer, drip, endless, origin, picture
from tests.training.mirroring import feed_of, mirrored, reasons
from training.data import open_dataset


def test_mirror_opens_as_a_data_set_with_the_pictures_of_the_host(tmp_path: Path) -> None:
    with origin() as host:
        report = mirrored(tmp_path, host.picture("/a.jpg"), host.picture("/b"), host.plain("/c.jpg", 404))
    assert (report["fetched"], report["failed"], report["products"]) == (2, 1, 3)
    assert report["failures"] == [
        {
            "address": f"{host.url}/c.jpg",
            "products": ["3"],
            "product_count": 1,
            "status": 404,
            "reason": "the host answers 404 Not Found",
            "earlier_picture_kept": False,
        }
    ]
    dataset = open_dataset(tmp_path / "mirror")
    assert [(item.id, item.title, item.read()) for item in dataset.items] == [
        ("1", "Product 1", picture("/a.jpg")),
        ("2", "Product 2", picture("/b")),
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_answer_that_stays_is_asked_for_once(tmp_path: Path, status: int) -> None:
    with origin() as host:
        report = mirrored(tmp_path, host.plain("/1.jpg", status))
    assert [one["status"] for one in report["failures"]] == [status]
    assert host.times["/1.jpg"] == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_answer_that_passes_is_asked_for_again(tmp_path: Path, status: int) -> None:
    def later(asked: Asked, send: Send) -> None:
        send(answer(status, b"", "Retry-After: 0") if asked.number < 3 else answer(200, picture("x")))

    with origin() as host:
        report = mirrored(tmp_path, host.says("/1.jpg", later), host.plain("/2.jpg", status))
    assert report["fetched"] == 1
    assert [one["status"] for one in report["failures"]] == [status]
    assert (host.times["/1.jpg"], host.times["/2.jpg"]) == (3, 4)


def test_host_that_asks_for_rest_gets_it(tmp_path: Path) -> None:
    asked_at: list[float] = []

    def later(asked: Asked, send: Send) -> None:
        asked_at.append(time.monotonic())
        send(answer(429, b"", "Retry-After: 1") if asked.number == 1 else answer(200, picture("x")))

    with origin() as host:
        assert mirrored(tmp_path, host.says("/1.jpg", later))["fetched"] == 1
    assert asked_at[1] - asked_at[0] >= 1


@pytest.mark.parametrize("wait", ["86400", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_host_that_asks_for_a_long_rest_is_left_for_another_run(tmp_path: Path, wait: str) -> None:
    with origin() as host:
        addresses = [host.plain(f"/{n}.jpg", 503, b"", f"Retry-After: {wait}") for n in range(20)]
        report = mirrored(tmp_path, *addresses, per_host=1)
    assert report["failed"] == 20
    assert host.times.total() <= 3
    assert "run it again after that" in report["failures"][-1]["reason"]


def test_later_run_asks_whether_pictures_changed(tmp_path: Path) -> None:
    contents = {"tag": picture("one"), "date": picture("two")}

    def tagged(asked: Asked, send: Send) -> None:
        tag = f'"{zlib.crc32(contents["tag"])}"'
        same = asked.headers.get("if-none-match") == tag
        send(answer(304, b"", f"ETag: {tag}") if same else answer(200, contents["tag"], f"ETag: {tag}"))

    def dated(asked: Asked, send: Send) -> None:
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        same = asked.headers.get("if-modified-since") == date
        send(answer(304) if same else answer(200, contents["date"], f"Last-Modified: {date}"))

    with origin() as host:
        addresses = host.says("/tag.jpg", tagged), host.says("/date.jpg", dated)
        assert mirrored(tmp_path, *addresses)["fetched"] == 2
        first = open_dataset(tmp_path / "mirror").fingerprint
        again = mirrored(tmp_path, *addresses)
        assert (again["fetched"], again["unchanged"], again["bytes"]) == (0, 2, 0)
        assert open_dataset(tmp_path / "mirror").fingerprint == first
        contents["tag"] = picture("three")
        changed = mirrored(tmp_path, *addresses)
        assert (changed["fetched"], changed["unchanged"]) == (1, 1)
    items = open_dataset(tmp_path / "mirror").items
    assert [item.read() for item in items] == [picture("three"), picture("two")]


def test_picture_that_is_gone_is_kept_and_told_until_the_feed_lacks_it(tmp_path: Path) -> None:
    with origin() as host:
        one, two = host.picture("/1.jpg"), host.picture("/2.jpg")
        mirrored(tmp_path, one, two)
        host.plain("/1.jpg", 410)
        report = mirrored(tmp_path, one, two)
        assert [(f["status"], f["earlier_picture_kept"]) for f in report["failures"]] == [(410, True)]
        assert len(open_dataset(tmp_path / "mirror").items) == 2
        assert mirrored(tmp_path, two)["removed"] == 1
    assert len(list((tmp_path / "mirror" / "pictures").iterdir())) == 1


def test_304_to_a_request_without_a_condition_is_no_picture(tmp_path: Path) -> None:
    with origin() as host:
        assert "304" in mirrored(tmp_path, host.plain("/1.jpg", 304))["failures"][0]["reason"]


def test_answers_that_lie_or_break_are_told_and_leave_no_file(tmp_path: Path) -> None:
    def cut(asked: Asked, send: Send) -> None:
        send(answer(200, picture("x"))[:-50])
        raise ConnectionResetError

    def short(asked: Asked, send: Send) -> None:  # a length that is less than what there is
        send(answer(200, picture("x")).replace(f"Length: {len(picture('x'))}".encode(), b"Length: 300"))
        raise ConnectionResetError

    def garbage(asked: Asked, send: Send) -> None:
        send(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
        raise ConnectionResetError

    def nothing(asked: Asked, send: Send) -> None:
        raise ConnectionResetError

    def wide(asked: Asked, send: Send) -> None:
        send(answer(200, picture("x"), *(f"X-{n}: {'y' * 1000}" for n in range(500))))
        raise ConnectionResetError

    says = {"/cut": cut, "/short": short, "/garbage": garbage, "/nothing": nothing, "/wide": wide}
    sends = {
        "/html": (b"<!DOCTYPE html><html>not found</html>", "Content-Type: image/jpeg"),
        "/empty": (b"", "Content-Type: image/jpeg"),
        "/eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "Content-Type: image/jpeg"),
        "/svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Content-Type: image/svg+xml"),
        "/brotli": (picture("x"), "Content-Encoding: br"),
        "/no-gzip": (picture("x"), "Content-Encoding: gzip"),
        "/half-gzip": (gzip.compress(picture("x"))[:-20], "Content-Encoding: gzip"),
    }
    found: dict[str, str] = {}
    for path in [*says, *sends]:  # each on a host of its own: eight failures in a row give a host up
        with origin() as host:
            at = host.says(path, says[path]) if path in says else host.plain(path, 200, *sends[path])
            report = mirrored(tmp_path, at, tries=2)
            found |= reasons(report)
            assert (report["fetched"], report["failed"]) == (0, 1)
    assert not list((tmp_path / "mirror" / "pictures").iterdir())
    assert found["/html"].startswith("sent as image/jpeg: 37 bytes that are no image")
    assert "compressed as 'br'" in found["/brotli"]
    assert "compression is damaged" in found["/no-gzip"]
    assert "the content is cut" in found["/half-gzip"]
    assert all("connection failed" in found[path] for path in ("/cut", "/garbage", "/nothing", "/wide"))


def test_what_is_too_large_or_takes_too_long_is_left_in_time(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(30_000_000))

    def silent(asked: Asked, send: Send) -> None:
        time.sleep(3)

    with origin() as host:
        addresses = [
            host.plain("/told", 200, b"x" * 2_000_000),
            host.plain("/bomb", 200, bomb, "Content-Encoding: gzip"),
            host.says("/endless", endless),
            host.says("/drip", drip),
            host.says("/silent", silent),
        ]
        found = reasons(mirrored(tmp_path, *addresses, max_bytes=1_000_000, timeout_s=0.5, tries=1))
    assert found["/told"] == "2,000,000 bytes; at most 1,000,000 are taken"
    assert found["/bomb"] == found["/endless"] == "more than 1,000,000 bytes; at most so many are taken"
    assert found["/drip"] == found["/silent"] == "it took longer than 0.5 s"


def test_compressed_pictures_are_taken(tmp_path: Path) -> None:
    with origin() as host:
        packed = {"gzip": gzip.compress(picture("x")), "deflate": zlib.compress(picture("x"))}
        addresses = [host.plain(f"/{n}", 200, data, f"Content-Encoding: {n}") for n, data in packed.items()]
        assert mirrored(tmp_path, *addresses)["fetched"] == 2
    assert {item.read() for item in open_dataset(tmp_path / "mirror").items} == {picture("x")}


def test_redirects_are_followed_so_far(tmp_path: Path) -> None:
    with origin() as host:
        host.picture("/end.jpg")
        for n in range(6):
            target = "/end.jpg" if n == 0 else f"{host.url}/hop{n - 1}"
            host.plain(f"/hop{n}", [301, 302, 303, 307, 308, 302][n], b"", f"Location: {target}")
        bad = {
            "/loop": "/loop",
            "/file": "file:///etc/passwd",
            "/gopher": "gopher://127.0.0.1/",
            "/password": f"http://me:secret@{host.url.removeprefix('http://')}/end.jpg",
            "/mail": "http://127.0.0.1:25/",
        }
        addresses = [host.plain(path, 302, b"", f"Location: {target}") for path, target in bad.items()]
        report = mirrored(tmp_path, f"{host.url}/hop4", f"{host.url}/hop5", *addresses)
    found = reasons(report)
    assert report["fetched"] == 1
    assert "more than 5 redirects" in found["/hop5"]
    assert "more than 5 redirects" in found["/loop"]
    assert "only http and https are followed" in found["/file"]
    assert "only http and https are followed" in found["/gopher"]
    assert "no credentials are sent" in found["/password"]
    assert "port 25" in found["/mail"]


def test_robots_txt_is_honoured_unless_told_otherwise(tmp_path: Path) -> None:
    rules = b"\xef\xbb\xbfUser-agent: vitrine-mirror\nDisallow: /private/\n\nUser-agent: *\nDisallow: /\n"
    with origin() as host:
        host.plain("/robots.txt", 200, rules)
        host.plain("/leads-in", 302, b"", "Location: /private/1.jpg")
        addresses = [host.picture("/1.jpg"), host.picture("/private/1.jpg"), f"{host.url}/leads-in"]
        found = reasons(mirrored(tmp_path, *addresses, contact="shop@example.com"))
        assert set(found) == {"/private/1.jpg", "/leads-in"}
        assert "robots.txt" in found["/leads-in"]
        assert host.times["/robots.txt"] == 1
        assert host.times["/private/1.jpg"] == 0
        assert all("vitrine-mirror/" in asked.headers["user-agent"] for asked in host.asked)
        assert host.asked[0].headers["user-agent"].endswith("(+shop@example.com)")
        assert mirrored(tmp_path, *addresses, ignore_robots=True)["failed"] == 0


@pytest.mark.parametrize(("status", "fetched"), [(404, 1), (403, 1), (500, 0), (429, 0)])
def test_robots_txt_that_is_missing_allows_and_one_that_fails_forbids(
    tmp_path: Path, status: int, fetched: int
) -> None:
    with origin() as host:
        host.plain("/robots.txt", status)
        assert mirrored(tmp_path, host.picture("/1.jpg"))["fetched"] == fetched


def test_requests_at_a_time_are_bounded(tmp_path: Path) -> None:
    def slow(asked: Asked, send: Send) -> None:
        time.sleep(0.05)
        send(answer(200, picture("x")))

    with origin() as host:
        addresses = [host.says(f"/{n}.jpg", slow) for n in range(12)]
        assert mirrored(tmp_path, *addresses, per_host=3)["fetched"] == 12
        assert host.most_at_once <= 3
        mirrored(tmp_path, *addresses, per_host=12, concurrency=2)
        assert host.most_at_once <= 3


def test_host_without_an_answer_is_given_up(tmp_path: Path) -> None:
    with origin() as host:
        dead = host.url
    report = mirrored(tmp_path, *(f"{dead}/{n}.jpg" for n in range(50)), ignore_robots=True, per_host=1, tries=2)
    assert report["failed"] == 50
    assert sum("given up" in one["reason"] for one in report["failures"]) > 40


def test_killed_run_goes_on(tmp_path: Path) -> None:
    def slow(asked: Asked, send: Send) -> None:
        time.sleep(0.05)
        send(answer(200, picture(asked.path)))

    with origin() as host:
        addresses = [host.says(f"/{n}.jpg", slow) for n in range(24)]
        feed = feed_of(tmp_path, *addresses)
        code = (
            "from pathlib import Path; from training.mirror import MirrorOptions, mirror_feed; import sys;"
            "mirror_feed(sys.argv[1], Path(sys.argv[2]), MirrorOptions(allow_private=True, per_host=2))"
        )
        run = subprocess.Popen([sys.executable, "-c", code, str(feed), str(tmp_path / "mirror")])
        while host.times.total() < 16:
            time.sleep(0.02)
            assert run.poll() is None
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        report = mirrored(tmp_path, *addresses)
    assert report["earlier"] > 0
    assert report["earlier"] + report["fetched"] == 24
    assert [item.read() for item in open_dataset(tmp_path / "mirror").items] == [
        picture(f"/{n}.jpg") for n in range(24)
    ]


def test_no_proxy_of_the_environment_is_used_but_one_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with origin() as proxy, origin() as host:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        address = host.picture("/1.jpg")
        assert mirrored(tmp_path, address)["fetched"] == 1
        assert not proxy.asked
        proxy.picture(address)  # a proxy is asked for the whole address
        mirrored(tmp_path, address, proxy=proxy.url)
        assert address in proxy.times
