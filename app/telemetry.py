"""What the service counts and measures of itself, as Prometheus metrics. Knows no route and starts nothing.

With several worker processes the figures are in files in the folder that `PROMETHEUS_MULTIPROC_DIR` names, and each
worker answers for all. Labels have few values: routes by their template, never a path as it was sent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from app.tracing import Tracing

SHARED = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
Stage = Literal["receive", "decode", "queue", "understand", "encode", "search", "write"]
STAGES: tuple[Stage, ...] = ("receive", "decode", "queue", "understand", "encode", "search", "write")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Telemetry:
    """The figures of one application, in a registry of its own; its methods may be called from any thread."""

    def __init__(self) -> None:
        self.tracing: Tracing | None = None
        """What makes spans of requests and stages; None: traces are off."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "vitrine_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "vitrine_request_seconds",
            "Time from a request's head to the last byte of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._refused = Counter("vitrine_refused", "Requests answered with an error.", ["code"], registry=registry)
        self._stage_seconds = Histogram(
            "vitrine_stage_seconds", "Time in one stage of the work.", ["stage"], buckets=SECONDS, registry=registry
        )
        self._batch_size = Histogram(
            "vitrine_batch_size", "Queries encoded and searched together.", buckets=SIZES, registry=registry
        )
        self._queue_depth = Gauge(
            "vitrine_queue_depth", "Queries that wait.", registry=registry, multiprocess_mode="livesum"
        )
        self._cache = Counter("vitrine_text_cache", "Texts looked up in the cache.", ["result"], registry=registry)
        self._evaluations = Counter("vitrine_evaluations", "Evaluations computed.", registry=registry)
        self._reloads = Counter("vitrine_reloads", "Reloads of the artefacts.", ["result"], registry=registry)
        self._version = Gauge(
            "vitrine_catalogue_version", "Last change served.", registry=registry, multiprocess_mode="liveall"
        )
        self._products = Gauge(
            "vitrine_catalogue_products", "Products served.", registry=registry, multiprocess_mode="liveall"
        )
        self._damaged = Gauge(
            "vitrine_damaged_products",
            "Products that are left out, since what is stored of them is damaged.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._resident = Gauge(
            "vitrine_resident_memory_bytes", "Memory in use.", registry=registry, multiprocess_mode="liveall"
        )
        self._build = Gauge(
            "vitrine_build_info",
            "1 for the version and encoder that are served.",
            ["version", "encoder_id"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._encoder_id: str | None = None
        # A figure without a value yet reads as 0, not as missing; what every request records is looked up once.
        self._stages = {stage: self._stage_seconds.labels(stage) for stage in STAGES}
        self._hits, self._misses = (self._cache.labels(result) for result in ("hit", "miss"))
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        for result in ("done", "failed"):
            self._reloads.labels(result)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request of the route with this template."""
        key = (route, method if method in METHODS else "other", status)
        found = self._answered.get(key)
        if found is None:
            counter = self._requests.labels(route, key[1], str(status))
            found = self._answered[key] = counter, self._request_seconds.labels(route)
        found[0].inc()
        found[1].observe(seconds)

    def refused(self, code: str) -> None:
        """Count a request that was answered with the error of this code."""
        self._refused.labels(code).inc()

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """Record how long a stage took for one query."""
        self._stages[stage].observe(seconds)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Record how long the block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.observe_stage(stage, seconds)
            if self.tracing is not None:
                self.tracing.stage(stage, seconds)

    def batch(self, size: int) -> None:
        """Record how many queries were answered together."""
        self._batch_size.observe(size)

    def queue(self, waiting: int) -> None:
        """Record how many queries wait now."""
        self._queue_depth.set(waiting)

    def cache(self, hits: int, misses: int) -> None:
        """Count texts that were found in the cache of text vectors, and texts that were not."""
        self._hits.inc(hits)
        self._misses.inc(misses)

    def evaluated(self) -> None:
        """Count an evaluation that was computed."""
        self._evaluations.inc()

    def reloaded(self, done: bool) -> None:
        """Count a reload of the artefacts, whether it was done or failed."""
        self._reloads.labels("done" if done else "failed").inc()

    def catalogue(self, version: int, products: int) -> None:
        """Record what is served now."""
        self._version.set(version)
        self._products.set(products)

    def damaged(self, products: int) -> None:
        """Record how many products were found damaged."""
        self._damaged.set(products)

    def build(self, encoder_id: str) -> None:
        """Record which encoder is served now."""
        if encoder_id == self._encoder_id:
            return
        # Files of several processes cannot forget a label, so the one before is set to 0.
        if self._encoder_id is not None:
            self._build.labels(version("vitrine"), self._encoder_id).set(0)
        self._build.labels(version("vitrine"), encoder_id).set(1)
        self._encoder_id = encoder_id

    def memory(self) -> None:
        """Record how much memory this process has in use; nothing where the system does not say."""
        statm = Path("/proc/self/statm")
        if statm.exists():
            self._resident.set(int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them, of all workers when there are several."""
        if os.environ.get(SHARED):
            every = CollectorRegistry()
            MultiProcessCollector(every)  # type: ignore[no-untyped-call]
            return generate_latest(every)
        return generate_latest(self._registry)
