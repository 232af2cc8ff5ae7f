"""The HTTP calls: each reads its input, asks the service, and shapes the answer."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from app.http import UnknownModelError, error_entry, require
from app.query import Answered, Outcome, Service, TheService, get_service
from app.routes.products import image_url
from app.schemas import (
    MAX_FACET_VALUES,
    MAX_FILTERS,
    MODEL_NAME,
    ClassifyAnswer,
    ClassifyRequest,
    DescriptionAnswer,
    DescriptionAnswers,
    EmbeddingsAnswer,
    EvaluationAnswer,
    FacetsAnswer,
    Health,
    LabelResult,
    Model,
    ModelsAnswer,
    Name,
    ProductAnswer,
    ProductAnswers,
    Ready,
    SearchRequest,
    batch_body,
    classify_body,
    embeddings_body,
    error_answers,
    filters_of,
    search_body,
)
from app.telemetry import CONTENT_TYPE
from index import DescriptionHit, Hit

T = TypeVar("T")
may_read = require("read")


class FastRoute(APIRoute):
    """A route whose function is called with the request and the service, and whose answer is sent as it is.

    The framework's own handler resolves dependencies, validates the answer and makes JSON of it: several times what is
    left to do for a text whose vector is in the cache. The OpenAPI document has what the signature and `response_model`
    say; that answers are of that shape is held by tests.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request; the framework asks for it (its way to a route of one's own)."""
        answer: Callable[[Request, Service], Coroutine[Any, Any, Response]] = self.endpoint

        async def handler(request: Request) -> Response:
            await may_read(request, None, None)
            return await answer(request, await get_service(request))

        return handler


searching = APIRouter(route_class=FastRoute, dependencies=[Depends(may_read)], responses=error_answers(401, 403, 429))
"""The calls that are asked all the time."""
router = APIRouter(dependencies=[Depends(may_read)], responses=error_answers(401, 403, 429))
operations = APIRouter()
"""What is open to everybody: whether the service is well, and the description of the calls."""


BODY_ERRORS = error_answers(400, 408, 413, 415, 422, 500, 503, 504)


def body_docs(body: dict[str, Any], tag: str, *further: int) -> dict[str, Any]:
    """Return what a route that reads a body says of itself in the OpenAPI document."""
    return {
        "openapi_extra": {"requestBody": body},
        "responses": {**error_answers(*further), **BODY_ERRORS},
        "tags": [tag],
    }


@searching.post("/v1/search/images", response_model=ProductAnswer, **body_docs(search_body(), "search"))
async def search_images(request: Request, service: TheService) -> Response:
    """Find products by any blend of a text, a picture, products that they are like or unlike, and a vector.

    Send JSON, with a picture as a data URI; or a multipart form with a file `image` and the same fields, lists and
    objects among them as JSON. What is given is added up by `weights`. Products named in `like` and `unlike` are never
    among the results.
    """
    fields, pixels = await service.uploads.read(request, SearchRequest)
    return _json(_products(await _while_connected(request, service.search("images", fields, pixels))))


@searching.post("/v1/search/descriptions", response_model=DescriptionAnswer, **body_docs(search_body(), "search"))
async def search_descriptions(request: Request, service: TheService) -> Response:
    """Find the descriptions that fit a query; each comes once, with its products.

    Takes the same input as `/v1/search/images`; `collapse` has no effect, since no description comes twice.
    """
    fields, pixels = await service.uploads.read(request, SearchRequest)
    return _json(_descriptions(await _while_connected(request, service.search("descriptions", fields, pixels))))


@searching.post("/v1/search/images/batch", response_model=ProductAnswers, **body_docs(batch_body(), "search"))
async def search_images_batch(request: Request, service: TheService) -> Response:
    """Ask `/v1/search/images` several things in one call; a bad query fails alone, with an error in its place."""
    queries = await service.uploads.read_batch(request)
    answers = await _while_connected(request, service.search_many("images", queries))
    return _json(
        {"answers": [_products(one) if isinstance(one, Answered) else _entry(request, one) for one in answers]}
    )


@searching.post("/v1/search/descriptions/batch", response_model=DescriptionAnswers, **body_docs(batch_body(), "search"))
async def search_descriptions_batch(request: Request, service: TheService) -> Response:
    """Ask `/v1/search/descriptions` several things in one call; a bad query fails alone."""
    queries = await service.uploads.read_batch(request)
    answers = await _while_connected(request, service.search_many("descriptions", queries))
    entries = [_descriptions(one) if isinstance(one, Answered) else _entry(request, one) for one in answers]
    return _json({"answers": entries})


@searching.post("/v1/embeddings", response_model=EmbeddingsAnswer, **body_docs(embeddings_body(), "encoding", 404))
async def embeddings(request: Request, service: TheService) -> Response:
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
    of_text, of_image = iter(encoded.texts), iter(encoded.images)
    rows = [next(of_text if isinstance(one, str) else of_image) for one in inputs]
    coded = fields.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") if coded else row.tolist(),
        }
        for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens}
    return _json({"object": "list", "data": data, "model": encoded.serving.encoder.encoder_id, "usage": usage})


@router.get("/v1/models", tags=["encoding"], responses=error_answers(500))
async def models(service: TheService) -> ModelsAnswer:
    """List the names of the one model that is served, in the shape of OpenAI's call."""
    created = int(datetime.fromisoformat(service.catalogue.info.created).timestamp())
    return ModelsAnswer(data=[Model(id=name, created=created, owned_by="vitrine") for name in _model_names(service)])


@router.post("/v1/classify", **body_docs(classify_body(), "encoding"))
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
    split: Annotated[
        Literal["test", "validation", "train", "all"], Query(description="Queries from these products.")
    ] = "test",
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
    service.update_gauges()
    return Response(service.telemetry.text(), media_type=CONTENT_TYPE)


def _json(value: dict[str, Any]) -> Response:
    """Return an answer that is not checked any more: it is of our own making."""
    return Response(to_json(value), media_type="application/json")


def _products(answered: Answered[Outcome]) -> dict[str, Any]:
    """Return a `ProductAnswer` as plain data."""
    results = [
        {
            "id": hit.product.id,
            "title": hit.product.title,
            "score": round(hit.score, 6),
            "attributes": hit.product.attributes,
            "image_url": image_url(hit.product.id),
        }
        for hit in (answered.result.page.hits if answered.result.page else [])
        if isinstance(hit, Hit)
    ]
    return {**_origin(answered), "results": results}


def _descriptions(answered: Answered[Outcome]) -> dict[str, Any]:
    """Return a `DescriptionAnswer` as plain data."""
    results = [
        {"description": hit.description, "score": round(hit.score, 6), "product_ids": hit.product_ids}
        for hit in (answered.result.page.hits if answered.result.page else [])
        if isinstance(hit, DescriptionHit)
    ]
    return {**_origin(answered), "results": results}


def _entry(request: Request, error: Exception) -> dict[str, Any]:
    """Return what stands in the place of an answer to a query that failed."""
    return error_entry(request.state.request_id, error)


def _model_names(service: Service) -> list[str]:
    return [MODEL_NAME, service.serving.encoder.encoder_id]


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; when the caller hangs up first, `work` is cancelled.

    Raises:
        ClientDisconnect: the caller left.
    """
    loop = asyncio.get_running_loop()
    leaving = loop.create_task(_left(request))

    def stop(left: asyncio.Task[None]) -> None:
        if not left.cancelled():
            patience.reschedule(loop.time())

    try:
        async with asyncio.timeout(None) as patience:
            leaving.add_done_callback(stop)
            return await work
    except TimeoutError:
        if patience.expired():
            raise ClientDisconnect from None
        raise  # the work's own
    finally:
        leaving.remove_done_callback(stop)
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
        "timing_ms": {name: round(1000 * seconds, 3) for name, seconds in milliseconds.items()},
    }
