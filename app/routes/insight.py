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
    ProgressAnswer,
    WordResult,
    body_docs,
    error_answers,
    explain_body,
    filters_of,
)
from index.metrics import SHOWN_QUERIES

router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
for_pages = APIRouter(dependencies=[Depends(require("search"))], responses=error_answers(401, 403, 429))
"""What a page for customers asks beside searches."""

MAX_SLICES = 8
"""Attributes of one call."""
MAX_SLICE = 1000
"""Characters of the name of a slice."""
MAX_OFFSET = 10_000_000
MAX_QUERIES = 60
"""Queries of each end in one answer."""

MAX_LANGUAGE = 100
"""Characters of a language tag (RFC 5646 asks for 35 at least)."""
Split = Annotated[Literal["test", "validation", "train", "all"], Query(description="Queries from these products.")]


@for_pages.get(
    "/v1/facets",
    operation_id="facets",
    response_model=FacetsAnswer,
    responses=error_answers(422, 500, 503, 504),
    tags=["products"],
)
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


@for_pages.get(
    "/v1/labels",
    operation_id="labels",
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


@router.get("/v1/evaluation", operation_id="evaluate", responses=error_answers(422, 500, 503, 504), tags=["evaluation"])
async def evaluation(
    request: Request,
    components: TheComponents,
    split: Split = "test",
    slices: Annotated[
        list[Name],
        Query(
            max_length=MAX_SLICES,
            description="Attribute by which the titles are told apart; may come again. "
            "Without it the answer has those of the first data set, where the catalogue has them.",
            json_schema_extra={"examples": ["brand"]},
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> EvaluationAnswer:
    """Measure the encoder on the served catalogue: every product of the split asks, all products are the gallery.

    The first call of a split takes seconds to minutes, later ones are answered from memory. Where it takes long, the
    figures may be of the catalogue as it was some minutes ago: `catalogue_version` says of which. Who closes the
    connection ends the measurement, unless others wait for it.
    """
    evaluations = components.evaluations
    by = tuple(dict.fromkeys(slices))
    work = evaluations.sliced(split, by) if by else evaluations.of(split)
    return EvaluationAnswer(**await while_connected(request, work))


@router.get(
    "/v1/evaluation/progress", operation_id="evaluationProgress", responses=error_answers(422), tags=["evaluation"]
)
async def evaluation_progress(
    components: TheComponents,
    split: Split = "test",
    report: Annotated[
        Literal["figures", "details"], Query(description="figures: of /v1/evaluation; details: the error analysis.")
    ] = "figures",
) -> ProgressAnswer:
    """Return how far the measurement of a split is, which another call waits for.

    A service with several processes answers for one of them, which may be another one than measures.
    """
    return ProgressAnswer(**components.evaluations.progress(split, report))


@router.get(
    "/v1/evaluation/details",
    operation_id="evaluationDetails",
    responses=error_answers(422, 500, 503, 504),
    tags=["evaluation"],
)
async def evaluation_details(
    request: Request,
    components: TheComponents,
    split: Split = "test",
    part: Annotated[
        str | None,
        Query(
            alias="slice",
            max_length=MAX_SLICE,
            description="Only the queries of one slice: an attribute, a colon and a value.",
            json_schema_extra={"examples": ["gender:Women"]},
        ),
    ] = None,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Queries of each end to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_QUERIES, description="Most queries of each end.")] = SHOWN_QUERIES,
) -> DetailsAnswer:
    """Return the error analysis: the queries that fail and succeed most, and how similar right and wrong pairs are.

    It is measured and kept as `/v1/evaluation` is; slices and pages are made of what is kept.
    """
    work = components.evaluations.details(split, part, offset, limit)
    return DetailsAnswer(**await while_connected(request, work))


@router.post("/v1/explain", operation_id="explain", **body_docs(explain_body(), "search"))
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
    operation_id="map",
    tags=["products"],
    response_model=MapAnswer,
    responses={304: {"description": "The caller has it (If-None-Match)."}, **error_answers(404, 500)},
)
async def product_map(request: Request, components: TheComponents) -> Response:
    """Return the places of the products in two dimensions, and what the regions there are called.

    `vitrine index` and `vitrine map` lay them out; a product that came later is where its nearest neighbours are.
    """
    body, tag = await components.maps.of(components.service.serving)
    headers = {"ETag": tag}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
