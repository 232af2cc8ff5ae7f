"""Puts the service together as an ASGI application and runs it."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.http import KeyRing, RateLimit, RequestScope, add_error_handlers, parse_rate, require
from app.logs import log_config
from app.query import Encoder, Service
from app.routes import PAGE, Maps, admin, details, metrics, operations, pages, reading, router, searching, writing
from app.schemas import error_answers
from app.settings import Settings
from app.telemetry import SHARED
from common import ArtefactError, ConfigError, VitrineError

logger = logging.getLogger("vitrine.app")

DESCRIPTION = (
    "Image and text search over a product catalogue: a text finds products, a picture finds descriptions or similar "
    "products, and both together refine each other. Every error has one shape, and every answer carries X-Request-ID."
)
MEASURE_EVERY_S = 5
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BLOCK = 32 * 1024 * 1024
"""Blocks of at least this many bytes come from the system one by one, and go back to it when they are freed; glibc
takes no more for this."""
FREE_AT_TOP = 256 * 1024 * 1024
"""So many free bytes a heap may have at its top before they go back, until they are trimmed anyway."""
TRIM_EVERY_S = 30
WORKER_SILENT_S = 60
"""After so many seconds without a sign of life a worker counts as stuck; loading its libraries takes some of them."""


def create_app(settings: Settings | None = None, *, encoder: Encoder | None = None) -> FastAPI:
    """Return the application; opens checkpoint and catalogue, so that what does not fit is refused here.

    Without `settings` they come from the environment: `uvicorn --factory app:create_app`. With `encoder` that one is
    served and no checkpoint is loaded. SIGHUP makes it reload both.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: a setting that does not fit, or a device that does not exist here.
    """
    settings = settings or Settings.read()
    keys = KeyRing(settings.keys)
    service = Service(settings, encoder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        chores = (_gauge_loop(service), _reload_on_hangup(service), _trim_loop(service))
        beside = [asyncio.create_task(chore) for chore in chores]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await service.close()

    # FastAPI's own pages of the calls load scripts from another host: the page at /docs is one of ours.
    app = FastAPI(
        title="Vitrine",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Not as a router within: that is matched twice, with all that it has before.
        routes=searching.routes,
    )
    app.state.service = service
    app.state.settings = settings
    app.state.keys = keys
    app.state.maps = Maps(settings.catalogue)
    limit = RateLimit(parse_rate(settings.rate_limit)) if settings.rate_limit else None
    app.add_middleware(RequestScope, keys=keys, telemetry=service.telemetry, limit=limit)
    add_error_handlers(app)
    app.state.routers = (searching, router, details, reading, writing, admin, operations, pages)
    for routes in app.state.routers[1:]:
        app.include_router(routes)
    if settings.metrics != "off":
        keyed = settings.metrics == "keyed"
        app.add_api_route(
            "/metrics",
            metrics,
            response_class=Response,
            dependencies=[Depends(require("read", always=True))] if keyed else [],
            responses={
                200: {"content": {"text/plain": {}}, "description": "Figures in Prometheus' text format."},
                **(error_answers(401, 500, 503) if keyed else error_answers(500)),
            },
            tags=["operations"],
        )
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    return app


def serve(settings: Settings, *, encoder: Encoder | None = None) -> None:
    """Serve until the process is told to stop; requests at work are finished first.

    Several workers read the settings from the environment, which is written here, and load the encoder themselves.

    Raises:
        ArtefactError: as `create_app`.
        ConfigError: as `create_app`, or the address cannot be listened on.
    """
    _check_address(settings.host, settings.port)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "server_header": False,
        "access_log": False,
        "log_config": log_config(settings.log_format, settings.log_level),
        "proxy_headers": True,
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": round(settings.deadline_s + settings.upload_timeout_s),
    }
    if settings.workers == 1:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the application listens to it
        _keep_heaps_small()
        uvicorn.run(create_app(settings, encoder=encoder), **options)
        return
    if encoder is not None:
        raise ConfigError("an encoder in memory cannot be given to several workers; serve its checkpoint instead")
    with tempfile.TemporaryDirectory(prefix="vitrine-metrics-") as folder:
        os.environ.update(settings.environment(), **{SHARED: folder})
        config = uvicorn.Config(
            "app.server:create_worker_app",
            factory=True,
            workers=settings.workers,
            timeout_worker_healthcheck=WORKER_SILENT_S,
            **options,
        )
        listening = listen(config)
        supervisor = Supervisor(config, [listening])
        try:
            supervisor.run()
        finally:
            listening.close()
            del os.environ[SHARED]
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ArtefactError("a worker could not start, so none is left running; the log above says why")


def listen(config: uvicorn.Config) -> socket.socket:
    """Return the socket that the workers share.

    asyncio switches Nagle's algorithm off for connections whose socket names TCP as its protocol. uvicorn's does not:
    the body of every answer would wait some 40 ms for the caller to confirm the headers. Connections inherit what is
    set here.
    """
    listening = config.bind_socket()
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def create_worker_app() -> FastAPI:
    """Return the application of one worker of several; what is refused is one line, and ends the supervisor too."""
    _keep_heaps_small()
    try:
        return create_app()
    except VitrineError as error:
        logger.critical("%s", error)
        sys.exit(STARTUP_FAILURE)


class Supervisor(Multiprocess):
    """Starts workers again that die, and passes SIGHUP on: uvicorn's own would restart all of them.

    SIGHUP is blocked here and therefore, from their first moment on, in the workers: it waits until their application
    listens to it, instead of ending them.
    """

    def run(self) -> None:
        """Run the workers until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            super().run()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def init_processes(self) -> None:
        """Start the workers."""
        super().init_processes()
        self._close_pipe_ends()

    def handle_signals(self) -> None:
        """Do what the signals say that came since the last call."""
        if signal.sigtimedwait({signal.SIGHUP}, 0):
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Pass SIGHUP on to every worker."""
        logger.info("SIGHUP: every worker reloads its artefacts")
        for process in self.processes:
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Start workers again that died, and forget what they said of themselves."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        self._close_pipe_ends()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ[SHARED])  # type: ignore[no-untyped-call]

    def _close_pipe_ends(self) -> None:
        """Close our copy of the workers' ends of their pipes, so that the death of one is seen at once."""
        for process in self.processes:
            process.child_conn.close()


async def _reload_on_hangup(service: Service) -> None:
    """Reload the artefacts after each SIGHUP; where that fails, what was served before goes on being served."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals come to the main thread only: the application runs inside another program
    hangup = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        while True:
            await hangup.wait()
            hangup.clear()
            try:
                await service.reload()
            except VitrineError as error:
                logger.error("SIGHUP: the artefacts could not be reloaded; %s", error)
            except Exception:
                logger.exception("SIGHUP: the artefacts could not be reloaded")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _keep_heaps_small() -> None:
    """Have glibc keep two heaps instead of eight for every core, and what a batch needs in them.

    Pictures and batches of all sizes that come and go leave holes in every heap, and the process would seem to leak:
    so there are few, which are trimmed now and then. Between two trims a batch finds the memory of the one before:
    fresh pages from the system for every tensor took as long as the encoding of pictures itself. An operator who sets
    MALLOC_ARENA_MAX has thought about it. Other C libraries have no such call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_TRIM_THRESHOLD, FREE_AT_TOP)


async def _trim_loop(service: Service) -> None:
    """Give memory back to the system now and then that was freed and stands about in holes.

    What a catalogue keeps of its products are some hundred thousand objects; Python's collector would stop everything
    for as long as it takes to walk through them, a tenth of a second every few thousand requests. It is told to leave
    alone what is there when a catalogue has come.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    settled = None
    while True:
        if settled is not service.catalogue:
            settled = service.catalogue
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        await asyncio.sleep(TRIM_EVERY_S)
        if trim is not None:
            await asyncio.to_thread(trim, 0)  # ctypes lets go of the interpreter meanwhile


async def _gauge_loop(service: Service) -> None:
    """Take the service's pulse every few seconds: of several workers, only one is asked for the figures of all."""
    while True:
        service.update_gauges()
        await asyncio.sleep(MEASURE_EVERY_S)


def _check_address(host: str, port: int) -> None:
    """Refuse an address that is taken, before seconds go into loading what cannot be served."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port} ({error.strerror}); choose another one") from None
