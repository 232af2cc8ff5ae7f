"""The HTTP calls: each reads its input, asks the service, and shapes the answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.requests import ClientDisconnect

from app.batcher import Answered
from app.engine import Found, Kind
from app.keys import require
from app.reference import reference_page
from app.schemas import (
    DescriptionAnswer,
    DescriptionResult,
    EvaluationAnswer,
    Health,
    ProductAnswer,
    ProductDetail,
    ProductResult,
    Ready,
    Timing,
    error_answers,
    search_body,
)
from app.service import Service
from app.telemetry import CONTENT_TYPE
from index.search import DescriptionHit, Hit

PAGE = Path(__file__).parent / "page"
IMAGE_MAX_AGE_S = 3600

T = TypeVar("T")
router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
operations = APIRouter()
"""What is open to everybody: whether the service is well, the page, and the description of the calls."""


def get_service(request: Request) -> Service:
    """Return the service that this application runs."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(get_service)]
SEARCH: dict[str, Any] = {
    "openapi_extra": {"requestBody": search_body()},
    "responses": error_answers(400, 408, 413, 415, 422, 500, 503, 504),
    "tags": ["search"],
}


@router.post("/v1/search/images", **SEARCH)
async def search_images(request: Request, service: TheService) -> ProductAnswer:
    """Find products by a text, a picture, or both.

    Send JSON for a text. Send a multipart form with the same fields and a file `image` to search with a picture; with a
    text beside it, the two are mixed by `text_weight`.
    """
    answered = await _search("images", request, service)
    found = answered.result
    results = [
        ProductResult(
            id=hit.product.id,
            title=hit.product.title,
            score=round(hit.score, 6),
            attributes=dict(hit.product.attributes),
            image_url=_image_url(hit.product.id),
        )
        for hit in found.page.hits
        if isinstance(hit, Hit)
    ]
    return ProductAnswer(results=results, **_origin(service, answered))


@router.post("/v1/search/descriptions", **SEARCH)
async def search_descriptions(request: Request, service: TheService) -> DescriptionAnswer:
    """Find the descriptions that fit a picture, a text, or both; each comes once, with its products.

    Takes the same input as `/v1/search/images`.
    """
    answered = await _search("descriptions", request, service)
    results = [
        DescriptionResult(description=hit.description, score=round(hit.score, 6), product_ids=hit.product_ids)
        for hit in answered.result.page.hits
        if isinstance(hit, DescriptionHit)
    ]
    return DescriptionAnswer(results=results, **_origin(service, answered))


# An id may contain slashes, so the picture's route stands before the one that takes any path as an id.
@router.get(
    "/v1/products/{product_id:path}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/*": {}}, "description": "The picture as it was delivered."},
        304: {"description": "The caller has this picture already (If-None-Match)."},
        **error_answers(404, 500),
    },
    tags=["products"],
)
def product_image(product_id: str, request: Request, service: TheService) -> Response:
    """Return the picture of a product."""
    data = service.catalogue.image(product_id)
    etag = f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={IMAGE_MAX_AGE_S}"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type(data), headers=headers)


@router.get("/v1/products/{product_id:path}", responses=error_answers(404, 500), tags=["products"])
def product(product_id: str, service: TheService) -> ProductDetail:
    """Return one product."""
    found = service.catalogue.product(product_id)
    return ProductDetail(
        id=found.id,
        title=found.title,
        split=found.split,
        attributes=dict(found.attributes),
        image_url=_image_url(found.id),
    )


@router.get("/v1/evaluation", responses=error_answers(422, 500), tags=["evaluation"])
async def evaluation(
    service: TheService,
    split: Annotated[Literal["test", "validation", "train", "all"], Query(description="Whose products ask.")] = "test",
) -> EvaluationAnswer:
    """Measure the encoder on the served catalogue: every product of the split asks, all products are the gallery.

    The first call of a split takes seconds to minutes, later ones are answered from memory.
    """
    figures = await service.evaluations.of(split)
    return EvaluationAnswer(**figures)


@operations.get("/healthz", tags=["operations"])
async def healthz() -> Health:
    """Say that the process runs; costs nothing and promises nothing more."""
    return Health()


@operations.get("/readyz", responses=error_answers(503), tags=["operations"])
async def readyz(service: TheService) -> Ready:
    """Send a query through queue, encoder and search; 503 with the reason when it does not come back."""
    return await service.ready()


def metrics(service: TheService) -> Response:
    """Return what the service counts and measures of itself, as Prometheus reads it."""
    service.measure()
    return Response(service.telemetry.text(), media_type=CONTENT_TYPE)


@operations.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """Return the search page."""
    return FileResponse(PAGE / "index.html")


@operations.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Return the reference of these calls as a page."""
    return HTMLResponse(reference_page(request.app.openapi(), str(request.base_url)))


async def _search(kind: Kind, request: Request, service: Service) -> Answered[Found]:
    fields, pixels = await service.uploads.read(request)
    return await _while_connected(request, service.search(kind, fields, pixels))


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; when the caller hangs up first, `work` is cancelled.

    Raises:
        ClientDisconnect: the caller left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    """Return when the caller has hung up; to be called once the body is read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _origin(service: Service, answered: Answered[Found]) -> dict[str, Any]:
    """Return what every search answer says of where it comes from."""
    found = answered.result
    milliseconds = {"queue": answered.queued_s, "encode": found.encode_s, "search": found.search_s}
    return {
        "total": found.page.total,
        "encoder_id": service.encoder.encoder_id,
        "catalogue_version": found.version,
        "timing_ms": Timing(**{name: round(1000 * seconds, 3) for name, seconds in milliseconds.items()}),
    }


def _image_url(product_id: str) -> str:
    return f"/v1/products/{quote(product_id, safe='')}/image"


def media_type(data: bytes) -> str:
    """Return the media type of a picture by its first bytes; what is no picture a browser knows is just bytes."""
    signatures = {
        b"\xff\xd8\xff": "image/jpeg",
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"GIF87a": "image/gif",
        b"GIF89a": "image/gif",
        b"BM": "image/bmp",
        b"II*\x00": "image/tiff",
        b"MM\x00*": "image/tiff",
    }
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] == b"ftypavif":
        return "image/avif"
    return next((kind for start, kind in signatures.items() if data.startswith(start)), "application/octet-stream")
