"""What the service says of itself: figures, log lines, traces; and the dashboard that shows the figures."""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.http import create_key
from app.http.trace import trace_of
from app.logs import JsonLine, Origin, TextLine, log_config, origin
from app.server import create_app
from app.settings import Settings
from index import Catalogue
from tests.tools.root import ROOT
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    draw,
    encoded,
    error_of,
    served,
    shop_open,
    until,
    write_catalogue,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
LABELS = ("route", "method", "status", "code", "stage", "result", "version", "encoder_id", "le")
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with shop_open(folder) as client:
        yield client


def figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Return every sample of /metrics by its name and its labels' values, in the order of LABELS."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[label] for label in LABELS if label in sample.labels)): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# Figures


def test_requests_stages_and_what_is_served_are_counted(folder: Path) -> None:
    with shop_open(folder) as client:
        ask(client, IMAGES, text="red dress")
        files = {"image": ("x", encoded(draw("red", "dress")))}
        assert client.post(DESCRIPTIONS, files=files).status_code == 200
        for number in (1000, 1001, 1002):
            client.get(f"/v1/products/{number}")
        client.get("/v1/products/9")
        client.head("/v1/products/1000")
        error_of(client.post(IMAGES, json={"text": "x", "k": 0}), 422, "invalid_request")
        client.get("/v1/evaluation")
        client.get("/v1/evaluation")
        for number in range(20):
            client.get(f"/nothing/{number}")
        client.request("PROPFIND", "/healthz")
        found = figures(client)
    total = "vitrine_requests_total"
    assert found[total, IMAGES, "POST", "200"] == 1
    assert found[total, IMAGES, "POST", "422"] == 1
    assert found[total, "/v1/products/{product_id:path}", "GET", "200"] == 3
    assert found[total, "/v1/products/{product_id:path}", "GET", "404"] == 1
    assert found[total, "/v1/products/{product_id:path}", "HEAD", "200"] == 1
    assert found[total, "none", "GET", "404"] == 20
    assert found[total, "/healthz", "other", "405"] == 1
    assert found["vitrine_request_seconds_count", IMAGES] == 2
    assert found["vitrine_refused_total", "not_found"] == 21
    assert found["vitrine_refused_total", "invalid_request"] == 1
    stages = {stage: found["vitrine_stage_seconds_count", stage] for stage in ("receive", "decode", "queue", "search")}
    assert stages == {"receive": 3, "decode": 1, "queue": 2, "search": 2}
    assert found["vitrine_batch_size_sum",] == 2
    assert found["vitrine_evaluations_total",] == 1
    assert found["vitrine_catalogue_version",] == 0
    assert found["vitrine_catalogue_products",] == 48
    assert found["vitrine_queue_depth",] == 0
    assert found["vitrine_resident_memory_bytes",] > 50_000_000
    assert [labels for name, *labels in found if name == "vitrine_build_info"] == [["0.1.0", "drawn-1"]]


def test_labels_stay_few_whatever_is_sent(folder: Path) -> None:
    with shop_open(folder) as client:
        before = len(figures(client))
        for number in range(200):
            client.get(f"/v1/products/{number}x/image")
            client.get(f"/{number}/../{number}?q={number}")
            client.request(f"M{number}", f"/page/{number}")
        assert len(figures(client)) < before + 60


def test_several_applications_in_one_process_count_apart(folder: Path) -> None:
    with shop_open(folder) as one, shop_open(folder) as other:
        ask(one, IMAGES, text="red dress")
        assert ("vitrine_requests_total", IMAGES, "POST", "200") in figures(one)
        assert ("vitrine_requests_total", IMAGES, "POST", "200") not in figures(other)


# HEAD


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/products/1000", "/v1/products/1000/image", "/page/search.js"])
def test_head_answers_as_get_does_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "x-content-type-options"):
        assert head.headers.get(name) == got.headers.get(name)
    assert client.head(IMAGES).status_code == 405
    assert client.head("/nothing").status_code == 404
    assert client.get(path).content == got.content  # the connection is still in step


# Trace context


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


# Log lines


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "vitrine.access"]


def test_every_request_leaves_one_line(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "shop", "read")
    caplog.set_level(logging.INFO, "vitrine")
    with shop_open(folder, keys=keys) as client:
        headers = {"authorization": f"Bearer {secret}", "x-request-id": "order-66", "traceparent": PARENT}
        answer = client.get("/v1/products/1000?secret=words", headers=headers)
        client.get("/v1/products/9")
        for path in ("/healthz", "/readyz", "/metrics"):
            client.get(path)
        until(lambda: len(lines(caplog)) == 2)
        first, second = (record.__dict__ for record in lines(caplog))
        assert first["method"] == "GET"
        assert first["path"] == "/v1/products/1000"
        assert first["route"] == "/v1/products/{product_id:path}"
        assert (first["status"], second["status"]) == (200, 404)
        assert (first["code"], second["code"]) == ("-", "not_found")
        assert (first["key"], second["key"]) == ("shop", "-")
        assert first["bytes"] == len(answer.content)
        assert first["client"] == "127.0.0.1"
        assert first["ms"] > 0
        assert "secret" not in caplog.text
        assert secret not in caplog.text
        caplog.clear()
        caplog.set_level(logging.DEBUG, "vitrine")
        client.get("/healthz")
        # The line of a request before may come late: it is written after the answer.
        until(lambda: any(record.__dict__["path"] == "/healthz" for record in lines(caplog)))
        assert all(record.levelno == logging.DEBUG for record in lines(caplog))


def record(message: str, *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "vitrine.app", "levelno": 20, "levelname": "INFO", "msg": message, **extra})
    made.args = args
    return made


def test_a_line_as_json_has_the_ids_and_the_exception() -> None:
    token = origin.set(Origin("order-66", TRACE, "b7ad6b7169203331"))
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        text = JsonLine().format(record("it is %s\n", "so", exc_info=sys.exc_info(), status=500))
    finally:
        origin.reset(token)
    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == "it is so\n"
    assert line["status"] == 500
    assert line["level"] == "INFO"
    assert line["logger"] == "vitrine.app"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("order-66", TRACE, "b7ad6b7169203331")
    assert "RuntimeError: broken" in line["exc_info"]
    assert "request_id" not in json.loads(JsonLine().format(record("outside")))


def test_nobody_can_write_lines_into_the_log() -> None:
    shown = TextLine().format(record("GET %s", "/a\r\n2026-01-01T00:00:00Z INFO forged\x1b[31m\u2028"))
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown
    assert "\\x0a" in shown


def test_the_servers_own_lines_go_through_the_same_format() -> None:
    config = log_config("json", "warning")
    assert config["loggers"]["uvicorn"] == config["loggers"]["vitrine"] == {"level": "WARNING"}
    assert config["formatters"]["line"] == {"()": "app.logs.JsonLine"}


# The dashboard


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bvitrine_\w+", expression))


def test_the_dashboard_asks_for_figures_that_there_are(client: httpx.Client) -> None:
    ask(client, IMAGES, text="red dress")
    error_of(client.get("/nothing"), 404, "not_found")
    known = {sample for sample, *_ in figures(client)}
    dashboard = json.loads((ROOT / "monitoring/grafana/dashboards/vitrine.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    source = yaml.safe_load((ROOT / "monitoring/grafana/provisioning/datasources/prometheus.yml").read_text())
    assert {panel["datasource"]["uid"] for panel in panels} == {source["datasources"][0]["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    asked: set[str] = set()
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"]
            assert names_in(expression), panel["title"]
            assert names_in(expression) <= known, panel["title"]
            for opening, closing in ("()", "{}", "[]"):
                assert expression.count(opening) == expression.count(closing)
            asked |= names_in(expression)
    # And every figure is shown somewhere, up to the parts of a histogram.
    families = {name.rsplit("_", 1)[0] if name.endswith(("_bucket", "_sum", "_count")) else name for name in known}
    shown = {name.rsplit("_", 1)[0] if name.endswith(("_bucket", "_sum", "_count")) else name for name in asked}
    assert families == shown


def test_labels_in_the_dashboard_exist(client: httpx.Client) -> None:
    text = (ROOT / "monitoring/grafana/dashboards/vitrine.json").read_text(encoding="utf-8")
    groups = {name for group in re.findall(r"by \(([^)]*)\)", text) for name in group.split(", ")}
    assert groups == {"route", "code", "le", "stage", "result", "version", "encoder_id"}
    shown = client.get("/metrics").text
    for name in groups - {"code"}:
        assert f'{name}="' in shown


def test_the_page_for_operators_names_what_there_is(client: httpx.Client) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"VITRINE_(\w+)", page))
    assert {name.lower() for name in variables} <= set(Settings.model_fields)
    assert {
        "KEYS",
        "READS",
        "METRICS",
        "RATE_LIMIT",
        "TRUSTED_PROXIES",
        "WORKERS",
        "LOG_FORMAT",
        "LOG_LEVEL",
    } <= variables
    error_of(client.get("/nothing"), 404, "not_found")
    client.get("/healthz")
    known = {re.sub("_(bucket|sum|count)$", "", name) for name, *_ in figures(client)}
    assert names_in(page) == known


# What the container and the sources promise


def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def test_the_monitoring_profile_is_pinned_read_only_and_local() -> None:
    services = compose()["services"]
    assert "profiles" not in services["api"]
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for mount in service["volumes"]:
            source, _, options = mount.partition(":")
            if source.startswith("./"):
                assert options.endswith(":ro")
                assert (ROOT / source).exists()
            else:
                assert source in compose()["volumes"]
    scraped = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert [job["static_configs"][0]["targets"] for job in scraped] == [["api:8000"]]
    provider = yaml.safe_load((ROOT / "monitoring/grafana/provisioning/dashboards/vitrine.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert f"./monitoring/grafana/dashboards:{folder}:ro" in services["grafana"]["volumes"]


def test_the_service_has_few_rights_in_its_container() -> None:
    api = compose()["services"]["api"]
    assert api["read_only"] is True
    assert api["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in api["security_opt"]
    assert api["ports"] == ["${VITRINE_BIND:-127.0.0.1}:${VITRINE_PORT:-8000}:8000"]
    for name in api["environment"]:
        assert name.removeprefix("VITRINE_").lower() in Settings.model_fields
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    users = re.findall(r"^USER (\S+)$", stages[-1], re.MULTILINE)
    assert users == ["10001"]
    assert stages[-1].index("USER 10001") < stages[-1].index("\nCMD ")


FORBIDDEN = {
    "pickle": r"\bimport (c?pickle|dill|joblib|shelve|marshal)\b|\bfrom (pickle|dill|joblib|shelve|marshal)\b",
    "torch.load of anything but weights": r"\btorch\.load\((?!.*weights_only=True)",
    "eval or exec": r"(?<![\w.])(eval|exec)\(",
    "a shell": r"\bos\.(system|popen)\(|shell\s*=\s*True",
    "unsafe YAML": r"\byaml\.(load|unsafe_load|full_load)\(",
    "pickled arrays": r"allow_pickle\s*=\s*True",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_source_runs_what_it_reads(what: str) -> None:
    sources = [ROOT / "common.py"]
    for package in ("app", "index", "models", "training", "vitrine"):
        sources += (ROOT / package).rglob("*.py")
    assert len(sources) > 30
    for path in sources:
        assert not re.search(FORBIDDEN[what], path.read_text(encoding="utf-8")), path


# What leaves the process


def test_nothing_is_connected_to_while_serving(
    checkpoint: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an image by address nor a model from the hub is fetched (marqo 1452, open_clip 580)."""
    strangers: list[object] = []
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def watched(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
            strangers.append(address)
        connect(self, address)

    def looked_up(host: Any, *args: Any, **options: Any) -> Any:
        if host not in (None, "127.0.0.1", b"127.0.0.1"):
            strangers.append(host)
        return lookup(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    app = create_app(Settings.read(checkpoint=checkpoint, catalogue=catalogue, device="cpu"))
    address = "http://169.254.169.254/latest/meta-data"
    with served(app) as client, Catalogue.open(catalogue) as opened:
        assert ask(client, IMAGES, text=address)["results"]
        picture = opened.image("p0")
        assert client.post(DESCRIPTIONS, files={"image": (address, picture)}).status_code == 200
        for body in ({"image": address}, {"text": "red", "image": address}, {"text": "red", "image_url": address}):
            assert client.post(IMAGES, json=body).status_code == 422
        assert client.post(IMAGES, data={"image": address}, files={"x": b""}).status_code == 422
        assert client.get("/v1/evaluation").status_code == 200
        assert client.get(f"/v1/products/{address}/image").status_code == 404
        for path in ("/", "/docs", "/readyz", "/metrics"):
            assert client.get(path, headers={"host": "169.254.169.254", "referer": address}).status_code == 200
    assert strangers == []
    assert threading.active_count() < 100


def test_strict_transport_security_is_promised_over_https_only(client: httpx.Client) -> None:
    assert "strict-transport-security" not in client.get("/").headers
    answer = client.get("/", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert answer.headers["permissions-policy"]
