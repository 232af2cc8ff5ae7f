"""How many requests a caller may send."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http import (
    RateLimit,
    address_group,
    create_key,
)
from app.server import create_app
from app.settings import Settings, parse_rate
from common import ConfigError
from tests.app.helpers import bearer
from tests.tools.root import ROOT
from tests.tools.shop import IMAGES, DrawnEncoder, ask, error_of, served, shop_open

READS = ["/v1/products/1000", "/v1/products/1000/image", "/v1/evaluation"]


def test_one_too_many_is_refused_before_its_body_is_read(folder: Path) -> None:
    app = create_app(Settings.read(catalogue=folder, rate_limit="3/hour"), encoder=DrawnEncoder())
    with served(app) as client:
        for _ in range(3):
            ask(client, IMAGES, text="red dress")

        async def never(*_: object) -> None:
            raise AssertionError("the body was read")

        app.state.components.uploads.read = never
        answer = client.post(IMAGES, json={"text": "x"})
        assert "3 per 1 hour from this address" in error_of(answer, 429, "rate_limited")["message"]
        assert 3590 <= int(answer.headers["retry-after"]) <= 3600
        error_of(client.get("/nothing"), 429, "rate_limited")
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.get(path).status_code == 200
        assert 'vitrine_refused_total{code="rate_limited"} 2.0' in client.get("/metrics").text


def test_a_limit_is_per_key_and_a_made_up_key_is_none(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, one = create_key(keys, "one", "read")
    _, two = create_key(keys, "two", "read")
    with shop_open(folder, keys=keys, rate_limit="2/hour") as client:
        for headers in (bearer(one), bearer(two), bearer("vtr_made-up")):
            assert [client.get(READS[0], headers=headers).status_code for _ in range(3)] == [200, 200, 429]
        error_of(client.get(READS[0], headers=bearer("vtr_another")), 429, "rate_limited")


def test_an_address_is_believed_from_a_trusted_proxy_only(folder: Path) -> None:
    with shop_open(folder, rate_limit="1/hour", trusted_proxies="127.0.0.1") as client:
        assert client.get("/", headers={"X-Forwarded-For": "203.0.113.1"}).status_code == 200
        assert client.get("/", headers={"X-Forwarded-For": "203.0.113.2"}).status_code == 200
        assert client.get("/", headers={"X-Forwarded-For": "203.0.113.1"}).status_code == 429
        # Only what the proxy itself wrote, the last address, is believed.
        assert client.get("/", headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.1"}).status_code == 429


def test_a_header_makes_no_new_callers(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Loopback was trusted by default, and any text was a caller: 25 of 25 passed 20/minute, `key=admin` in the log."""
    with caplog.at_level("INFO", "vitrine.access"), shop_open(folder, rate_limit="1/hour") as client:
        answers = [client.get("/", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(3)]
        assert answers == [200, 429, 429]
    with caplog.at_level("INFO", "vitrine.access"):
        with shop_open(folder, rate_limit="1/hour", trusted_proxies="127.0.0.1") as client:
            answers = [client.get("/", headers={"X-Forwarded-For": f"junk{n} key=admin"}).status_code for n in range(3)]
        assert answers == [200, 429, 429]
    assert "junk" not in caplog.text
    assert "client=127.0.0.1" in caplog.text


def test_a_moving_window_opens_as_its_requests_grow_old() -> None:
    now = 1000.0
    limit = RateLimit(parse_rate("2/minute"), clock=lambda: now)
    assert limit.wait("a") is None
    now += 40
    assert limit.wait("a") is None
    assert limit.wait("a") == 20
    assert limit.wait("b") is None
    now += 20.5
    assert limit.wait("a") is None
    assert limit.wait("a") == 40


def count_in_another_process(file: Path, results: Any) -> None:
    limit = RateLimit(parse_rate("100/hour"), file)
    results.put(sum(limit.wait("a") is None for _ in range(80)))


def test_processes_count_together(tmp_path: Path) -> None:
    """Each worker counted for itself: N workers let through N times as much."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=count_in_another_process, args=(tmp_path / "limit", results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    admitted = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(admitted) == 100
    limit = RateLimit(parse_rate("100/hour"), tmp_path / "limit")
    assert 3590 <= (limit.wait("a") or 0) <= 3600
    assert limit.wait("b") is None


def test_no_limit_and_no_timeout_looks_at_the_wall_clock() -> None:
    """A clock that is set back locked callers out; only the age of files may be told by it."""
    users = {path.name for path in (ROOT / "app").rglob("*.py") if "time.time(" in path.read_text(encoding="utf-8")}
    assert users == {"picture_cache.py"}, "that one tells by it how old its files are, and nothing else"


def test_the_memory_of_a_limit_is_bounded() -> None:
    now = 1000.0
    limit = RateLimit(parse_rate("10/minute"), max_hits=100, clock=lambda: now)
    busy = 0
    for number in range(1000):
        limit.wait(f"caller {number}")
        busy += limit.wait("busy") is None
    assert busy == 10  # others come and go, and do not make it forgotten
    assert len(limit) <= 10  # of 10 requests each at most
    now += 61
    limit.wait("somebody")
    assert len(limit) == 1


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60))
def test_the_limit_agrees_with_counting(steps: list[tuple[str, float]]) -> None:
    now = 1000.0
    limit = RateLimit(parse_rate("3/minute"), clock=lambda: now)
    admitted: dict[str, list[float]] = {"a": [], "b": []}
    for caller, wait in steps:
        now += wait
        free = sum(then > now - 60 for then in admitted[caller]) < 3
        assert (limit.wait(caller) is None) == free
        if free:
            admitted[caller].append(now)


@pytest.mark.parametrize(
    ("text", "said", "seconds"),
    [
        ("600/minute", "600 per 1 minute", 60),
        ("10 per 5 seconds", "10 per 5 second", 5),
        (" 3 / HOUR ", "3 per 1 hour", 3600),
        ("1/2days", "1 per 2 day", 172_800),
    ],
)
def test_a_rate_is_read_as_people_write_it(text: str, said: str, seconds: int) -> None:
    rate = parse_rate(text)
    assert (str(rate), rate.seconds) == (said, seconds)


@pytest.mark.parametrize("value", ["600", "0/minute", "1/minute;2/hour", "many", "10/fortnight"])
def test_a_limit_that_is_none_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ConfigError, match=r"rate_limit is .*such as 600/minute"):
        Settings.read(rate_limit=value)


def test_who_can_choose_among_many_addresses_is_one_caller() -> None:
    assert address_group("203.0.113.7") == "203.0.113.7"
    assert address_group("2001:db8:1:2:3::4") == address_group("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert address_group("::ffff:203.0.113.7") == "203.0.113.7"
    assert address_group("unix:") == "unix:"
