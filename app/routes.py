"""The HTTP calls: each reads its input, asks the service, and shapes the answer."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.requests import ClientDisconnect

from app.batcher import Answered
from app.engine import Outcome
from app.errors import UnknownModelError, error_entry
from app.keys import require
from app.products import image_url
from app.reference import reference_page
from app.schemas import (
    MAX_FACET_VALUES,
    MAX_FILTERS,
    MODEL_NAME,
    ClassifyAnswer,
    ClassifyRequest,
    DescriptionAnswer,
    DescriptionAnswers,
    DescriptionResult,
    Embedding,
    EmbeddingsAnswer,
    ErrorAnswer,
    EvaluationAnswer,
    FacetsAnswer,
    Health,
    LabelResult,
    Model,
    ModelsAnswer,
    Name,
    ProductAnswer,
    ProductAnswers,
    ProductResult,
    Ready,
    SearchRequest,
    Timing,
    Usage,
    batch_body,
    classify_body,
    embeddings_body,
    error_answers,
    filters_of,
    search_body,
)
from app.service import Service, TheService
from app.telemetry import CONTENT_TYPE
from index.search import DescriptionHit, Hit

T = TypeVar("T")
router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
operations = APIRouter()
"""What is open to everybody: whether the service is well, and the description of the calls."""


BODY_ERRORS = error_answers(400, 408, 413, 415, 422, 500, 503, 504)


def taking(body: dict[str, Any], tag: str, *further: int) -> dict[str, Any]:
    """Return what a route that reads a body says of itself in the OpenAPI document."""
    return {
        "openapi_extra": {"requestBody": body},
        "responses": {**error_answers(*further), **BODY_ERRORS},
        "tags": [tag],
    }


@router.post("/v1/search/images", **taking(search_body(), "search"))
async def search_images(request: Request, service: TheService) -> ProductAnswer:
    """Find products by any blend of a text, a picture, products that they are like or unlike, and a vector.

    Send JSON, with a picture as a data URI; or a multipart form with a file `image` and the same fields, lists and
    objects among them as JSON. What is given is added up by `weights`. Products named in `like` and `unlike` are never
    among the results.
    """
    fields, pixels = await service.uploads.read(request, SearchRequest)
    return _products(await _while_connected(request, service.search("images", fields, pixels)))


@router.post("/v1/search/descriptions", **taking(search_body(), "search"))
async def search_descriptions(request: Request, service: TheService) -> DescriptionAnswer:
    """Find the descriptions that fit a query; each comes once, with its products.

    Takes the same input as `/v1/search/images`; `collapse` has no effect, since no description comes twice.
    """
    fields, pixels = await service.uploads.read(request, SearchRequest)
    return _descriptions(await _while_connected(request, service.search("descriptions", fields, pixels)))


@router.post("/v1/search/images/batch", **taking(batch_body(), "search"))
async def search_images_batch(request: Request, service: TheService) -> ProductAnswers:
    """Ask `/v1/search/images` several things in one call; a bad query fails alone, with an error in its place."""
    queries = await service.uploads.read_batch(request)
    answers = await _while_connected(request, service.search_many("images", queries))
    return ProductAnswers(
        answers=[_products(one) if isinstance(one, Answered) else _entry(request, one) for one in answers]
    )


@router.post("/v1/search/descriptions/batch", **taking(batch_body(), "search"))
async def search_descriptions_batch(request: Request, service: TheService) -> DescriptionAnswers:
    """Ask `/v1/search/descriptions` several things in one call; a bad query fails alone."""
    queries = await service.uploads.read_batch(request)
    answers = await _while_connected(request, service.search_many("descriptions", queries))
    return DescriptionAnswers(
        answers=[_descriptions(one) if isinstance(one, Answered) else _entry(request, one) for one in answers]
    )


@router.post("/v1/embeddings", **taking(embeddings_body(), "encoding", 404))
async def embeddings(request: Request, service: TheService) -> EmbeddingsAnswer:
    """Encode texts and pictures to unit vectors, in the shape of OpenAI's call: its clients work with this service.

    An input that begins with `data:image/` is a picture. Vectors of both kinds live in one space.
    """
    fields, inputs = await service.uploads.read_embeddings(request, service.serving.encoder.dim)
    if fields.model is not None and fields.model not in _model_names(service):
        raise UnknownModelError(
            f"there is no model {fields.model!r}; the one that is served is called {' or '.join(_model_names(service))}"
        )
    texts = [one for one in inputs if isinstance(one, str)]
    pixels = [one for one in inputs if not isinstance(one, str)]
    encoded = await _while_connected(request, service.encoded(texts, pixels))
    tokens = await asyncio.to_thread(encoded.serving.encoder.count_tokens, texts)
    of_text, of_image = iter(encoded.texts), iter(encoded.images)
    rows = [next(of_text if isinstance(one, str) else of_image) for one in inputs]
    data = [
        Embedding(index=index, embedding=base64.b64encode(row.astype("<f4").tobytes()).decode("ascii"))
        if fields.encoding_format == "base64"
        else Embedding(index=index, embedding=row.tolist())
        for index, row in enumerate(rows)
    ]
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return EmbeddingsAnswer(data=data, model=encoded.serving.encoder.encoder_id, usage=usage)


@router.get("/v1/models", tags=["encoding"], responses=error_answers(500))
async def models(service: TheService) -> ModelsAnswer:
    """List the names of the one model that is served, in the shape of OpenAI's call."""
    created = int(datetime.fromisoformat(service.catalogue.info.created).timestamp())
    return ModelsAnswer(data=[Model(id=name, created=created, owned_by="vitrine") for name in _model_names(service)])


@router.post("/v1/classify", **taking(classify_body(), "encoding"))
async def classify(request: Request, service: TheService) -> ClassifyAnswer:
    """Say which of some labels fits a picture best, without training on them.

    Send the picture as a file, a data URI, or the `product_id` of a product. `templates` put the labels into sentences,
    the vectors of several are averaged.
    """
    fields, pixels = await service.uploads.read(request, ClassifyRequest)
    found = await _while_connected(request, service.classify(fields, pixels))
    results = [
        LabelResult(label=label, probability=round(probability, 6), score=round(score, 6))
        for label, probability, score in found.ranking
    ]
    return ClassifyAnswer(results=results, encoder_id=found.encoder_id)


@router.get("/v1/facets", responses=error_answers(422, 500), tags=["products"])
def facets(
    service: TheService,
    attribute: Annotated[
        list[Name],
        Query(
            max_length=MAX_FILTERS,
            description="Attribute whose values to count; may come again. All without it.",
            json_schema_extra={"examples": ["baseColour"]},
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    filters: Annotated[
        str,
        Query(
            description="What products must fulfil: the filters of a search, as JSON.",
            json_schema_extra={"contentMediaType": "application/json", "examples": ['{"gender": "Women"}']},
        ),
    ] = "{}",
    limit: Annotated[int, Query(ge=1, le=MAX_FACET_VALUES, description="Most values per attribute.")] = 100,
) -> FacetsAnswer:
    """Count which values attributes have, the most frequent first, to offer them as filters."""
    counts, total, version = service.facets(attribute, filters_of(filters))
    return FacetsAnswer(
        facets={name: dict(islice(values.items(), limit)) for name, values in counts.items()},
        total=total,
        catalogue_version=version,
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


@operations.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Return the reference of these calls as a page."""
    return HTMLResponse(reference_page(request.app.openapi(), str(request.base_url)))


def _products(answered: Answered[Outcome]) -> ProductAnswer:
    results = [
        ProductResult(
            id=hit.product.id,
            title=hit.product.title,
            score=round(hit.score, 6),
            attributes=dict(hit.product.attributes),
            image_url=image_url(hit.product.id),
        )
        for hit in (answered.result.page.hits if answered.result.page else [])
        if isinstance(hit, Hit)
    ]
    return ProductAnswer(results=results, **_origin(answered))


def _descriptions(answered: Answered[Outcome]) -> DescriptionAnswer:
    results = [
        DescriptionResult(description=hit.description, score=round(hit.score, 6), product_ids=hit.product_ids)
        for hit in (answered.result.page.hits if answered.result.page else [])
        if isinstance(hit, DescriptionHit)
    ]
    return DescriptionAnswer(results=results, **_origin(answered))


def _entry(request: Request, error: Exception) -> ErrorAnswer:
    """Return what stands in the place of an answer to a query that failed."""
    return ErrorAnswer.model_validate(error_entry(request.state.request_id, error))


def _model_names(service: Service) -> list[str]:
    return [MODEL_NAME, service.serving.encoder.encoder_id]


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


def _origin(answered: Answered[Outcome]) -> dict[str, Any]:
    """Return what every search answer says of where it comes from."""
    outcome = answered.result
    assert outcome.page is not None  # noqa: S101 - a search has one
    milliseconds = {"queue": answered.queued_s, "encode": outcome.encode_s, "search": outcome.search_s}
    return {
        "total": outcome.page.total,
        "facets": outcome.page.facets,
        "encoder_id": outcome.serving.encoder.encoder_id,
        "catalogue_version": outcome.serving.index.version,
        "timing_ms": Timing(**{name: round(1000 * seconds, 3) for name, seconds in milliseconds.items()}),
    }
