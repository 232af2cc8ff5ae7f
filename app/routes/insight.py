"""What tells about the catalogue and the encoder: values of attributes, figures, words that carry a match, the map."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from app.front import language_of
from app.http import is_known, require, while_connected
from app.query import explain_match
from app.routes.components import TheComponents
from app.routes.listing import Filtering
from app.schemas import (
    MAX_FACET_VALUES,
    MAX_FILTERS,
    DetailsAnswer,
    EvaluationAnswer,
    ExplainAnswer,
    ExplainedResult,
    ExplainRequest,
    FacetsAnswer,
    LabelsAnswer,
    MapAnswer,
    Name,
    WordResult,
    body_docs,
    error_answers,
    explain_body,
    filters_of,
)

router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))

MAX_LANGUAGE = 100
"""Characters of a language tag (RFC 5646 asks for 35 at least)."""
Split = Annotated[Literal["test", "validation", "train", "all"], Query(description="Queries from these products.")]


@router.get("/v1/facets", response_model=FacetsAnswer, responses=error_answers(422, 500, 503, 504), tags=["products"])
async def facets(
    request: Request,
    components: TheComponents,
    attribute: Annotated[
        list[Name],
        Query(
            max_length=MAX_FILTERS,
            description="Attribute whose values to count; may come again. All without it.",
            json_schema_extra={"examples": ["baseColour"]},
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    filters: Filtering = "{}",
    limit: Annotated[int, Query(ge=1, le=MAX_FACET_VALUES, description="Most values per attribute.")] = 100,
) -> Response:
    """Count which values attributes have, the most frequent first, to offer them as filters."""
    asked = filters_of(filters)
    names = tuple(dict.fromkeys(attribute)) or None
    answer = await while_connected(request, components.facet_counts.of(asked, names, limit))
    return Response(answer, media_type="application/json")


@router.get(
    "/v1/labels",
    tags=["products"],
    response_model=LabelsAnswer,
    responses={304: {"description": "The caller has it (If-None-Match)."}, **error_answers(422, 500, 503, 504)},
)
async def labels(
    request: Request,
    components: TheComponents,
    lang: Annotated[
        str | None,
        Query(
            max_length=MAX_LANGUAGE,
            description="Language of the labels (BCP 47), without it that of Accept-Language; English if it is not "
            "there.",
            json_schema_extra={"examples": ["fr"]},
        ),
    ] = None,
) -> Response:
    """Say what to write for attributes and values in a visitor's language. English labels are the catalogue's own."""
    accepted = request.headers.get("accept-language", "") if lang is None else lang
    body, tag = await while_connected(request, components.label_texts.of(language_of(None, accepted)))
    headers = {"ETag": tag} if lang is not None else {"ETag": tag, "Vary": "Accept-Language"}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/v1/evaluation", responses=error_answers(422, 500, 503, 504), tags=["evaluation"])
async def evaluation(request: Request, components: TheComponents, split: Split = "test") -> EvaluationAnswer:
    """Measure the encoder on the served catalogue: every product of the split asks, all products are the gallery.

    The first call of a split takes seconds to minutes, later ones are answered from memory. Where it takes long, the
    figures may be of the catalogue as it was some minutes ago: `catalogue_version` says of which.
    """
    return EvaluationAnswer(**await while_connected(request, components.evaluations.of(split)))


@router.get("/v1/evaluation/details", responses=error_answers(422, 500, 503, 504), tags=["evaluation"])
async def evaluation_details(request: Request, components: TheComponents, split: Split = "test") -> DetailsAnswer:
    """Return the error analysis: the queries that fail and succeed most, and how similar right and wrong pairs are.

    It is measured and kept as `/v1/evaluation` is.
    """
    return DetailsAnswer(**await while_connected(request, components.evaluations.of(split, "details")))


@router.post("/v1/explain", **body_docs(explain_body(), "search"))
async def explain(request: Request, components: TheComponents) -> ExplainAnswer:
    """Say which words of some descriptions carry their match with a picture.

    A word's weight is how much the cosine falls when the word is left out, judged by the service's own text tower. Of
    several pictures, products and vectors the normalised sum counts.
    """
    fields, pixels = await components.uploads.read(request, ExplainRequest)
    work = explain_match(components.service, fields.descriptions, pixels, fields.like, fields.vector)
    found = await while_connected(request, work)
    results = [
        ExplainedResult(
            description=description,
            score=round(score, 6),
            words=[WordResult(word=word, weight=round(weight, 6)) for word, weight in words],
        )
        for description, (score, words) in zip(fields.descriptions, found.matches, strict=True)
    ]
    return ExplainAnswer(results=results, encoder_id=found.encoder_id)


@router.get(
    "/v1/map",
    tags=["products"],
    response_model=MapAnswer,
    responses={304: {"description": "The caller has it (If-None-Match)."}, **error_answers(404, 500)},
)
async def product_map(request: Request, components: TheComponents) -> Response:
    """Return the places of the products in two dimensions, as `vitrine map` has projected their pictures.

    A product that came later is placed by the stored PCA; a map by UMAP leaves it out.
    """
    body, tag = await components.maps.of(components.service.serving)
    headers = {"ETag": tag}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
