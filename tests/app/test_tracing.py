"""Traces: off unless asked for, one span for a request and one for each stage, and never a word of a query."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from app import tracing
from app.logs import log_config
from app.server import create_app
from app.settings import Settings
from app.tracing import MAX_STAGES, Tracing, open_tracing, service_resource
from common import ConfigError
from tests.tools.origin import Asked, Send, origin
from tests.tools.shop import DrawnEncoder, ask, draw, served, show, write_catalogue

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "shop=1"}


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, InMemorySpanExporter]]:
    """Yield a client of a service with traces, and what keeps its spans."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    folder = write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())
    app = create_app(Settings.read(catalogue=folder, root_path="/shop"), encoder=DrawnEncoder())
    app.state.components.telemetry.tracing = Tracing(provider)
    with served(app) as client:
        yield client, kept


@pytest.fixture
def service(traced: tuple[httpx.Client, InMemorySpanExporter]) -> tuple[httpx.Client, InMemorySpanExporter]:
    traced[1].clear()
    return traced


def spans(kept: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """Return the spans of one request by name, once that of the request itself is there."""
    end = time.monotonic() + 60
    while not any(one.name.startswith(("GET", "POST")) for one in kept.get_finished_spans()):
        assert time.monotonic() < end, "no span came"
        time.sleep(0.005)
    return {one.name: one for one in kept.get_finished_spans()}


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_search_is_a_span_with_its_stages_in_the_trace_of_the_caller(
    service: tuple[httpx.Client, InMemorySpanExporter],
) -> None:
    client, kept = service
    answer = client.post("/v1/search", json={"text": "secretword dress", "k": 3}, headers=HEADERS)
    found = spans(kept)
    assert set(found) >= {"POST /v1/search", "queue", "understand", "encode", "search"}
    outer = found["POST /v1/search"]
    assert outer.context is not None
    assert outer.parent is not None
    assert (f"{outer.context.trace_id:032x}", f"{outer.parent.span_id:016x}") == (TRACE, PARENT)
    assert answer.headers["traceparent"] == f"00-{TRACE}-{outer.context.span_id:016x}-01"
    assert answer.headers["tracestate"] == "shop=1"
    assert of(outer) == {
        "http.request.method": "POST",
        "http.route": "/v1/search",
        "http.response.status_code": 200,
        "vitrine.request_id": answer.headers["x-request-id"],
    }
    search = of(found["search"])
    assert (search["vitrine.mode"], search["vitrine.k"], search["vitrine.hits"]) == ("hybrid", 3, 3)
    assert of(found["encode"])["vitrine.encoder_id"] == "drawn-1"
    for name in ("queue", "understand", "encode", "search"):
        one = found[name]
        assert one.parent is not None
        assert one.parent.span_id == outer.context.span_id
        assert (one.start_time or 0) <= (one.end_time or 0) <= (outer.end_time or 0)
    assert "secretword" not in "".join(one.to_json() for one in found.values())


def test_a_picture_has_a_stage_of_its_own_and_a_large_call_has_bounded_ones(
    service: tuple[httpx.Client, InMemorySpanExporter],
) -> None:
    client, kept = service
    show(client, "/v1/search/images", draw("red", "bag"))
    assert "decode" in spans(kept)
    kept.clear()
    ask(client, "/v1/search/images/batch", queries=[{"text": f"red {number}"} for number in range(50)])
    spans(kept)
    assert len(kept.get_finished_spans()) == MAX_STAGES + 1


def test_errors_are_told_and_probes_are_not_traced(service: tuple[httpx.Client, InMemorySpanExporter]) -> None:
    client, kept = service
    for path in ("/healthz", "/readyz", "/shop/healthz"):
        assert client.get(path).status_code == 200
    client.post("/v1/search", json={"text": "dress", "k": 0})
    found = spans(kept)
    assert [name for name in found if name != "receive"] == ["POST /v1/search"]
    refused = found["POST /v1/search"]
    assert of(refused)["error.type"] == "invalid_request"
    assert refused.status.status_code is StatusCode.UNSET
    kept.clear()
    client.get("/no/such/secretpath")
    (unknown,) = spans(kept).values()
    assert "secretpath" not in unknown.to_json()


def test_a_trace_that_is_not_sampled_is_passed_on_and_not_recorded(
    service: tuple[httpx.Client, InMemorySpanExporter],
) -> None:
    client, kept = service
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    answer = client.post("/v1/search", json={"text": "dress"}, headers=headers)
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert answer.headers["traceparent"].endswith("-00")
    client.post("/v1/search", json={"text": "dress"}, headers={"traceparent": "00-broken"})
    spans(kept)
    assert f"{TRACE}" not in "".join(one.to_json() for one in kept.get_finished_spans())


@pytest.mark.parametrize(
    "sent",
    [
        {"traceparent": "0" * 600},
        {**HEADERS, "tracestate": "what a caller writes"},
        {**HEADERS, "tracestate": "=" * 600},
        {**HEADERS, "traceparent": f"00-{TRACE.upper()}-{PARENT}-01"},
    ],
)
def test_headers_that_are_no_trace_are_passed_over_without_a_line(
    service: tuple[httpx.Client, InMemorySpanExporter],
    sent: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, kept = service
    for name, options in log_config("text", "info")["loggers"].items():
        if name.startswith("opentelemetry"):
            caplog.set_level(options["level"], name)
    answer = client.get("/v1/models", headers=sent)
    assert answer.status_code == 200
    assert answer.headers.get("tracestate", "shop=1") == "shop=1"
    assert spans(kept)
    assert not [one for one in caplog.records if one.name.startswith("opentelemetry")]


def test_off_unless_the_environment_asks(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name in (*tracing.ENDPOINTS, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    assert open_tracing() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert open_tracing() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk", None)
    with pytest.raises(ConfigError, match=r"vitrine\[telemetry\]"):
        open_tracing()
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', and traces are sent as http/protobuf" in caplog.text


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "vitrine"),
        ({"OTEL_SERVICE_NAME": "shop"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,deployment.environment=test"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop", "OTEL_SERVICE_NAME": "search"}, "search"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"}, "vitrine"),
    ],
)
def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch, said: dict[str, str], name: str) -> None:
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in said.items():
        monkeypatch.setenv(variable, value)
    found = service_resource().attributes
    assert found["service.name"] == name
    assert found["service.version"] == version("vitrine")
    assert found.get("deployment.environment") == ("test" if "test" in str(said) else None)


def test_spans_reach_a_collector_and_one_that_hangs_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "FLUSH_S", 0.2)
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    released = threading.Event()

    def hang(_asked: Asked, _send: Send) -> None:
        released.wait(60)

    with origin() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        collector.says("/v1/traces", hang)
        app = create_app(Settings.read(catalogue=folder), encoder=DrawnEncoder())
        with served(app) as client:
            client.get("/v1/suggest", params={"q": "re"})
        begun = collector.times["/v1/traces"]
        released.set()
    assert begun == 1
