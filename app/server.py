"""Puts the service together as an ASGI application and runs it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Response
from uvicorn.config import STARTUP_FAILURE

from app.errors import AddressTakenError
from app.front import error_pages
from app.http import (
    LIFESPAN_STATE,
    BoundedProtocol,
    Connections,
    FrequentCalls,
    Hosts,
    KeyRing,
    Origins,
    PageKeys,
    Proxies,
    RateLimit,
    RequestScope,
    add_error_handlers,
    no_slip,
    possible_connections,
    require,
)
from app.live import make_new_files_private
from app.logs import log_config
from app.memory import keep_heaps_small, trim_loop
from app.opening import open_components
from app.port_owner import port_owner
from app.query import Encoder
from app.routes import DIRECT, INCLUDED, PAGES, Components, frequent_calls, metrics
from app.schemas import DocumentedApp, error_answers
from app.settings import Settings, parse_rate, service_link
from app.signals import at_exit, reload_on_hangup
from app.telemetry import SHARED
from app.workers import Supervisor, listen
from common import ArtefactError, ConfigError, VitrineError

logger = logging.getLogger("vitrine.app")

DESCRIPTION = (
    "Image and text search over a product catalogue: a text finds products, a picture finds descriptions or similar "
    "products, and both together refine each other. Every error has one shape, and every answer carries X-Request-ID."
)
MEASURE_EVERY_S = 5
WORKER_SILENT_S = 60
"""After so many seconds without a sign of life a worker counts as stuck; loading its libraries takes some of them."""


def create_app(settings: Settings | None = None, *, encoder: Encoder | None = None) -> FastAPI:
    """Return the application; opens checkpoint and catalogue, so that what does not fit is refused here.

    Without `settings` they come from the environment. With `encoder` that one is served and no checkpoint is loaded.
    SIGHUP makes it reload both. The bounds of connections are `BoundedProtocol`'s, which `serve` gives to uvicorn.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: a setting that does not fit, or a device that does not exist here.
    """
    settings = settings or Settings.read()
    keys = KeyRing(settings.keys)
    try:
        proxies = Proxies(settings.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"VITRINE_TRUSTED_PROXIES: {error}") from None
    origins = Origins(settings.origins, keys.origins)
    components = open_components(settings, encoder)
    connections = Connections(
        possible_connections(settings.max_connections), proxies, components.telemetry, settings.upload_timeout_s
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        components.start()
        chores = (
            _gauge_loop(components),
            reload_on_hangup(components.reload),
            trim_loop(lambda: components.state.catalogue),
        )
        beside = [asyncio.create_task(chore) for chore in chores]
        restore = at_exit(components.evaluations.stop)
        try:
            yield {LIFESPAN_STATE: connections}
        finally:
            restore()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await components.close()

    # FastAPI's own pages of the calls load scripts from another host: the page at /docs is one of ours.
    app = DocumentedApp(
        title="Vitrine",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Not as a router within: that is matched twice, with all that it has before.
        routes=[route for router in DIRECT for route in router.routes],
        dependencies=[Depends(no_slip)],
    )
    if settings.reads == "open":  # what needs a key is not told in a document that needs none
        app.shown_examples = components.catalogue_examples
    app.state.components = components
    app.state.settings = settings
    app.state.keys = keys
    app.state.connections = connections
    app.state.origins = origins
    folder = os.environ.get(SHARED)
    shared = Path(folder) if folder else None
    app.add_middleware(FrequentCalls, calls=frequent_calls(DIRECT))
    app.add_middleware(
        RequestScope,
        keys=keys,
        telemetry=components.telemetry,
        limit=_rate_limit(settings, shared),
        hosts=Hosts(settings.allowed_hosts, settings.host),
        proxies=proxies,
        origins=origins,
        page_keys=PageKeys(shared),
        root_path=settings.root_path,
        pages=None if settings.pages == "off" else error_pages(components.front, origins.sources),
    )
    add_error_handlers(app)
    included = (*INCLUDED, *PAGES[settings.pages])
    app.state.routers = (*DIRECT, *included)
    for router in included:
        app.include_router(router)
    if settings.metrics != "off":
        _add_metrics(app, keyed=settings.metrics == "keyed")
    routes = [*app.routes, *(route for one in app.state.routers for route in one.routes)]
    _check_root_path(
        settings.root_path, {path.split("/")[1] for route in routes if (path := getattr(route, "path", ""))}
    )
    return app


def _rate_limit(settings: Settings, folder: Path | None) -> RateLimit | None:
    """Return the limit that is set; workers count together in a file of the folder that they share."""
    if not settings.rate_limit:
        return None
    return RateLimit(parse_rate(settings.rate_limit), folder / "rate-limit" if folder else None)


def _add_metrics(app: FastAPI, *, keyed: bool) -> None:
    app.add_api_route(
        "/metrics",
        metrics,
        operation_id="metrics",
        response_class=Response,
        dependencies=[Depends(require("read", always=True))] if keyed else [],
        responses={
            200: {"content": {"text/plain": {}}, "description": "Figures in Prometheus' text format."},
            **(error_answers(401, 500, 503) if keyed else error_answers(500)),
        },
        tags=["operations"],
    )


def serve(settings: Settings, *, encoder: Encoder | None = None, ready: Callable[[str], None] | None = None) -> None:
    """Serve until the process is told to stop; requests in progress are finished first.

    Several workers read the settings from the environment, which is written here, and load the encoder themselves.

    Args:
        settings: what is served, where and how.
        encoder: as in `create_app`.
        ready: called with the address once it is known; the server's own lines about its start are then left out.

    Raises:
        ArtefactError: as `create_app`.
        ConfigError: as `create_app`, or the address cannot be listened on.
        AddressTakenError: another process listens there.
    """
    _check_address(settings.host, settings.port)
    make_new_files_private(settings)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "server_header": False,
        "access_log": False,
        "log_config": log_config(settings.log_format, settings.log_level, starts=ready is None),
        "http": BoundedProtocol,
        "ws": "none",
        "proxy_headers": False,  # they are read where the rate limit is
        "timeout_graceful_shutdown": round(settings.deadline_s + settings.upload_timeout_s),
    }
    if settings.workers == 1:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the application listens to it
        keep_heaps_small()
        _serve_alone(uvicorn.Config(create_app(settings, encoder=encoder), **options), ready)
        return
    if encoder is not None:
        raise ConfigError("an encoder in memory cannot be given to several workers; serve its checkpoint instead")
    with tempfile.TemporaryDirectory(prefix="vitrine-metrics-") as folder:
        os.environ.update(settings.environment(), **{SHARED: folder})
        config = uvicorn.Config(
            f"{__name__}:create_worker_app",
            factory=True,
            workers=settings.workers,
            timeout_worker_healthcheck=WORKER_SILENT_S,
            **options,
        )
        sockets = listen(config)
        _say_address(settings.host, sockets[0], ready)
        supervisor = Supervisor(config, sockets)
        try:
            _tell_of_service_link()
            supervisor.run()
        finally:
            for listening in sockets:
                listening.close()
            del os.environ[SHARED]
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ArtefactError("a worker could not start, so none is left running; the log above says why")


def _serve_alone(config: uvicorn.Config, ready: Callable[[str], None] | None) -> None:
    """Serve in this process, as `uvicorn.run` does."""
    _tell_of_service_link()
    server = uvicorn.Server(config)
    sockets = listen(config)
    _say_address(config.host, sockets[0], ready)
    with suppress(KeyboardInterrupt):
        server.run(sockets=sockets)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def create_worker_app() -> FastAPI:
    """Return the application of one worker of several; what is refused is one line, and ends the supervisor too."""
    keep_heaps_small()
    try:
        return create_app()
    except VitrineError as error:
        logger.critical("%s", error)
        sys.exit(STARTUP_FAILURE)


async def _gauge_loop(components: Components) -> None:
    """Update the gauges every few seconds: of several workers, only one is asked for the figures of all."""
    while True:
        components.update_gauges()
        await asyncio.sleep(MEASURE_EVERY_S)


def _check_root_path(root_path: str, taken: Set[str]) -> None:
    """Refuse a path that begins as one of our own: nobody could tell whether a proxy has cut it off."""
    if root_path and (first := root_path.split("/")[1]) in taken:
        raise ConfigError(
            f"VITRINE_ROOT_PATH is {root_path!r}: /{first} is a path of the service itself; choose another"
        )


def _tell_of_service_link() -> None:
    if link := service_link():
        logger.warning("%s", link)


def _say_address(host: str, listening: socket.socket, ready: Callable[[str], None] | None) -> None:
    """Tell who asked where the service is, with the port that the system has chosen for port 0."""
    port = listening.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    if ready is not None:  # else the server's log says it
        ready(f"http://{shown}:{port}")


def _check_address(host: str, port: int) -> None:
    """Refuse an address that is taken, before seconds go into loading what cannot be served."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            owner = port_owner(port)
            by = "" if owner is None else f" by {owner}"
            raise AddressTakenError(f"port {port} is taken{by}; `--port 0` takes a free one") from None
        raise ConfigError(f"cannot listen on {host} port {port} ({error.strerror}); choose another one") from None
