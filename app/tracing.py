"""Traces: a span for each request and for each stage of its work, exported by OpenTelemetry where that is asked for.

The standard variables say where to (OTEL_EXPORTER_OTLP_ENDPOINT), how much of it (OTEL_TRACES_SAMPLER) and under which
name. Nothing of OpenTelemetry is imported without them. Spans never hold what was looked for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING

from common import require

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from app.query import Job, JobResult

logger = logging.getLogger("vitrine.app")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The variables that ask for traces, the one that decides first."""
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
"""The one that we speak, of those that these variables may ask for."""
FLUSH_S = 5.0
"""Longest that the end of the service waits for its last spans to be taken, in seconds."""
NANO = 1_000_000_000
MAX_STAGES = 64
"""Stages of one request that are recorded: a call with many queries has more, and they are alike."""

Attributes = Mapping[str, str | int | float | bool]
_current: ContextVar[RequestSpan | None] = ContextVar("span", default=None)
"""That of the request that is answered; None outside of one, and where it is not recorded."""


class RequestSpan:
    """The span of one request.

    Args:
        span: of OpenTelemetry.
    """

    def __init__(self, span: Span) -> None:
        self.span = span
        context = span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.span_id = f"{context.span_id:016x}"
        self.flags = int(context.trace_flags)
        self.state = context.trace_state.to_header()
        self.stages = 0
        """How many are recorded."""
        self._token = _current.set(self if span.is_recording() else None)

    def end(self, method: str, route: str, status: int, code: str | None, request_id: str) -> None:
        """End it: the template of its route, never the path as it was sent, and how it was answered."""
        _current.reset(self._token)
        if not self.span.is_recording():
            return
        self.span.update_name(f"{method} {route}")
        self.span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "vitrine.request_id": request_id,
            }
        )
        if code is not None:
            self.span.set_attribute("error.type", code)
        if status >= 500:
            from opentelemetry.trace import StatusCode

            self.span.set_status(StatusCode.ERROR)
        self.span.end()


class Tracing:
    """Makes the spans of one application.

    Args:
        provider: where they go, and which of them are kept.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import context
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("vitrine", version("vitrine"))
        self._propagator = TraceContextTextMapPropagator()
        self._nothing = context.Context()
        self._server = SpanKind.SERVER
        self._beneath = set_span_in_context

    def begin(self, method: str, parents: Sequence[str], states: Sequence[str]) -> RequestSpan:
        """Begin the span of a request, in the trace that its `traceparent` and `tracestate` headers name."""
        carrier = {"traceparent": parents[0], "tracestate": ",".join(states)} if len(parents) == 1 else {}
        outer = self._propagator.extract(carrier, self._nothing)
        return RequestSpan(self._tracer.start_span(method, outer, kind=self._server))

    def stage(self, name: str, seconds: float, attributes: Attributes | None = None, *, ended_ns: int = 0) -> int:
        """Record a stage of the request that is answered; return when it began, in nanoseconds of the epoch.

        It ended at `ended_ns`, by default now.
        """
        end = ended_ns or time.time_ns()
        start = end - int(seconds * NANO)
        outer = _current.get()
        if outer is not None and outer.stages < MAX_STAGES:
            outer.stages += 1
            beneath = self._beneath(outer.span, self._nothing)
            self._tracer.start_span(name, beneath, attributes=attributes, start_time=start).end(end)
        return start

    def searched(self, job: Job, result: JobResult) -> None:
        """Record the stages of a job, laid end to end: the last ends now. None of them holds a word of the query."""
        if _current.get() is None:
            return
        of_encoder: Attributes = {
            "vitrine.encoder_id": result.serving.encoder.encoder_id,
            "vitrine.texts": len(job.texts),
            "vitrine.pictures": len(job.pixels),
        }
        start = time.time_ns()
        if job.query is not None and result.page is not None:
            found: Attributes = {
                "vitrine.mode": result.mode,
                "vitrine.k": job.query.k,
                "vitrine.hits": len(result.page.hits),
                "vitrine.catalogue_version": result.serving.index.version,
            }
            start = self.stage("search", result.search_s, found, ended_ns=start)
        start = self.stage("encode", result.encode_s, of_encoder, ended_ns=start)
        if result.parsed is not None:
            start = self.stage("understand", result.understand_s, ended_ns=start)
        self.stage("queue", result.queued_s, ended_ns=start)

    def close(self) -> None:
        """Send the last spans, for at most `FLUSH_S` seconds."""
        ending = threading.Thread(target=self._provider.shutdown, name="vitrine-traces", daemon=True)
        ending.start()
        ending.join(FLUSH_S)
        if ending.is_alive():
            logger.warning("the last traces were not taken within %g s and are dropped", FLUSH_S)


def open_tracing() -> Tracing | None:
    """Return what makes spans where the environment asks for traces; None: it does not.

    Raises:
        ConfigError: it does, and the extra `telemetry` is not installed.
    """
    asked = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if asked is None or off or os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    named = next((name for name in PROTOCOLS if os.environ.get(name)), None)
    if named is not None and os.environ[named].strip().lower() != PROTOCOL:
        logger.warning(
            "%s is %r, and traces are sent as %s; give the collector's endpoint for it, mostly of port 4318",
            named,
            os.environ[named],
            PROTOCOL,
        )
    require("telemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http", what=asked)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # The end of the service flushes within a bound, so the exit of the process need not.
    provider = TracerProvider(resource=service_resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def service_resource() -> Resource:
    """Return what spans say of the service: its name and version, unless the environment says others."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = {"service.name": "vitrine", "service.version": version("vitrine")}
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
