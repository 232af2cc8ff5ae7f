"""Puts the service together as an ASGI application and runs it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from app.engine import Encoder
from app.errors import add_error_handlers
from app.middleware import RequestScope
from app.routes import PAGE, router
from app.service import Service
from app.settings import Settings
from common import ConfigError

DESCRIPTION = (
    "Image and text search over a product catalogue: a text finds products, a picture finds descriptions or similar "
    "products, and both together refine each other. Every error has one shape, and every answer carries X-Request-ID."
)


def create_app(settings: Settings | None = None, *, encoder: Encoder | None = None) -> FastAPI:
    """Return the application; opens checkpoint and catalogue, so that what does not fit is refused here.

    Without `settings` they come from the environment: `uvicorn --factory app:create_app`. With `encoder` that one is
    served and no checkpoint is loaded.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: a setting that does not fit, or a device that does not exist here.
    """
    settings = settings or Settings.read()
    service = Service(settings, encoder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await service.close()

    # Our own page describes the calls: the stock one loads scripts from another host.
    app = FastAPI(
        title="Vitrine", version="1", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.service = service
    app.add_middleware(RequestScope)
    add_error_handlers(app)
    app.include_router(router)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    return app


def serve(settings: Settings, *, encoder: Encoder | None = None) -> None:
    """Serve until the process is told to stop; requests at work are finished first.

    Raises:
        ArtefactError: as `create_app`.
        ConfigError: as `create_app`, or the address cannot be listened on.
    """
    _check_address(settings.host, settings.port)
    uvicorn.run(
        create_app(settings, encoder=encoder),
        host=settings.host,
        port=settings.port,
        server_header=False,
        timeout_graceful_shutdown=round(settings.deadline_s + settings.upload_timeout_s),
    )


def _check_address(host: str, port: int) -> None:
    """Refuse an address that is taken, before seconds go into loading what cannot be served."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port} ({error.strerror}); choose another one") from None
