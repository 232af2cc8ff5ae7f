"""What is open to everybody: health, and what the service counts of itself."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from app.routes.components import TheComponents
from app.schemas import Health, Ready, error_answers
from app.telemetry import CONTENT_TYPE

router = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="health")
async def healthz() -> Health:
    """Say that the process runs; costs nothing and promises nothing more."""
    return Health()


@router.get("/readyz", operation_id="ready", responses=error_answers(503))
async def readyz(components: TheComponents) -> Ready:
    """Send a query through queue, encoder and search; 503 with the reason when it does not come back.

    The answer is a second old at most.
    """
    return Ready(**asdict(await components.readiness.get()))


# Its route is made in `app.server`: whether it needs a key, or is there at all, is a setting.
async def metrics(components: TheComponents) -> Response:
    """Return what the service counts and measures of itself, as Prometheus reads it."""
    return Response(await components.figures.get(), media_type=CONTENT_TYPE)
