"""What is open to everybody: health, what it counts of itself, and the pages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from app.http import DOCS_POLICY
from app.routes.components import TheComponents
from app.schemas import Health, Ready, error_answers
from app.telemetry import CONTENT_TYPE

PAGE = Path(__file__).parents[1] / "page"

router = APIRouter(tags=["operations"])
pages = APIRouter(include_in_schema=False)
"""The pages hold no data and are open to everybody. What they show needs a key where reads do."""


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process runs; costs nothing and promises nothing more."""
    return Health()


@router.get("/readyz", responses=error_answers(503))
async def readyz(components: TheComponents) -> Ready:
    """Send a query through queue, encoder and search; 503 with the reason when it does not come back.

    The answer is a second old at most.
    """
    return Ready(**asdict(await components.readiness.get()))


# Its route is made in `app.server`: whether it needs a key, or is there at all, is a setting.
async def metrics(components: TheComponents) -> Response:
    """Return what the service counts and measures of itself, as Prometheus reads it."""
    return Response(await components.figures.get(), media_type=CONTENT_TYPE)


@pages.get("/")
async def search_page() -> FileResponse:
    """Return the page to search with."""
    return FileResponse(PAGE / "index.html")


@pages.get("/evaluation")
async def evaluation_page() -> FileResponse:
    """Return the page of the figures."""
    return FileResponse(PAGE / "evaluation.html")


@pages.get("/map")
async def map_page() -> FileResponse:
    """Return the page of the map."""
    return FileResponse(PAGE / "map.html")


@pages.get("/docs")
async def docs_page() -> FileResponse:
    """Return the page to read about the calls and to try them."""
    return FileResponse(PAGE / "docs.html", headers={"Content-Security-Policy": DOCS_POLICY})
