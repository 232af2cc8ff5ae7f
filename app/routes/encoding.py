"""Vectors for others to use, the names of the model that makes them, and labels for pictures."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.errors import UnknownModelError
from app.http import list_response, require, while_connected
from app.query import classify_labels, tower_details
from app.routes.components import Components, TheComponents
from app.routes.direct import direct_router, json_response
from app.schemas import (
    MODEL_NAME,
    ClassifyAnswer,
    ClassifyRequest,
    EmbeddingsAnswer,
    LabelResult,
    Model,
    ModelsAnswer,
    body_docs,
    classify_body,
    embeddings_body,
    error_answers,
)
from index import MAX_NAME

AT_ONCE = 8
"""Vectors of an answer that are put together at once; more are sent piece by piece, so that others get their turn."""
Name = Annotated[str, Path(max_length=MAX_NAME, description="A name that /v1/models lists.")]
direct = direct_router()
router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
known = APIRouter(dependencies=[Depends(require("search"))], responses=error_answers(401, 403, 429))
may_read = require("read")


@direct.post(
    "/v1/embeddings",
    operation_id="embed",
    response_model=EmbeddingsAnswer,
    **body_docs(embeddings_body(), "encoding", 404),
)
async def embeddings(request: Request, components: TheComponents) -> Response:
    """Encode texts and pictures to unit vectors, in the shape of OpenAI's call: its clients work with this service.

    An input that begins with `data:image/` is a picture. Vectors of both kinds live in one space.
    """
    service = components.service
    fields, inputs = await components.uploads.read_embeddings(request, service.serving.encoder.dim)
    names = _model_names(components)
    if fields.model is not None:
        _check_name(fields.model, names)
    texts = [one for one in inputs if isinstance(one, str)]
    if texts:
        await may_read(request, None, None)  # a key for pages is for a visitor's pictures
    pixels = [one for one in inputs if not isinstance(one, str)]
    encoded = await while_connected(request, service.encode(texts, pixels))
    of_text, of_image = iter(encoded.texts), iter(encoded.images)
    rows = [next(of_text if isinstance(one, str) else of_image) for one in inputs]
    coded = fields.encoding_format == "base64"
    data = (
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") if coded else row.tolist(),
        }
        for index, row in enumerate(rows)
    )
    usage = {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens}
    others = {"object": "list", "model": encoded.serving.encoder.encoder_id, "usage": usage}
    if len(rows) <= AT_ONCE:
        return json_response({"data": list(data), **others})
    return list_response("data", data, **others)


@known.get(
    "/v1/models",
    operation_id="listModels",
    response_model_exclude_none=True,
    tags=["encoding"],
    responses=error_answers(500),
)
async def models(components: TheComponents) -> ModelsAnswer:
    """List the names of the one model that is served, in the shape of OpenAI's call."""
    return ModelsAnswer(data=[_model(name, components) for name in _model_names(components)])


@known.get(
    "/v1/models/{name:path}",
    operation_id="getModel",
    response_model_exclude_none=True,
    tags=["encoding"],
    responses=error_answers(404, 422, 500),
)
async def model(name: Name, components: TheComponents) -> Model:
    """Return the one model that is served by one of its names, in the shape of OpenAI's call."""
    _check_name(name, _model_names(components))
    return _model(name, components)


@router.post("/v1/classify", operation_id="classify", **body_docs(classify_body(), "encoding"))
async def classify(request: Request, components: TheComponents) -> ClassifyAnswer:
    """Say which of some labels fits a picture best, without training on them.

    Send the picture as a file, a data URI, or the `product_id` of a product. `templates` put the labels into sentences,
    the vectors of several are averaged.
    """
    fields, pixels = await components.uploads.read(request, ClassifyRequest)
    work = classify_labels(components.service, fields.labels, fields.templates, pixels, fields.product_id)
    found = await while_connected(request, work)
    results = [
        LabelResult(label=label, probability=round(probability, 6), score=round(score, 6))
        for label, probability, score in found.ranking
    ]
    return ClassifyAnswer(results=results, encoder_id=found.encoder_id)


def _model(name: str, components: Components) -> Model:
    created = int(datetime.fromisoformat(components.state.catalogue.info.created).timestamp())
    encoder = components.service.serving.encoder
    return Model(
        id=name,
        created=created,
        owned_by="vitrine",
        encoder_id=encoder.encoder_id,
        dimensions=encoder.dim,
        image_size=[*encoder.image_size],
        **tower_details(encoder),
    )


def _check_name(name: str, names: list[str]) -> None:
    if name not in names:
        raise UnknownModelError(f"there is no model {name!r}; the one that is served is called {' or '.join(names)}")


def _model_names(components: Components) -> list[str]:
    return [MODEL_NAME, components.service.serving.encoder.encoder_id]
