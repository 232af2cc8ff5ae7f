"""Searches: from a request to a job, from its result to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
from fastapi import Request, Response
from pydantic_core import to_json

from app.http import error_entry, json_answer, while_connected
from app.live import ShownPictures
from app.query import Job, JobResult, Modify, TextOptions, unit_vector
from app.routes.components import Components, TheComponents
from app.routes.direct import direct_router
from app.routes.product_paths import image_url
from app.schemas import (
    DescriptionAnswer,
    DescriptionAnswers,
    ProductAnswer,
    ProductAnswers,
    SearchRequest,
    as_filters,
    batch_body,
    body_docs,
    checked,
    search_body,
)
from common import InputError
from index import DescriptionHit, Group, Hit, SearchQuery, Side, Signals

MAX_VERSIONS = 1000
"""Products of an answer whose pictures' content is named, at most."""
MAX_FACETED = 1000
"""Values of a facet that an answer has, at most: the most frequent ones. `/v1/facets` has more."""

router = direct_router()


@router.post(
    "/v1/search/images",
    operation_id="searchImages",
    response_model=ProductAnswer,
    description="The same as `POST /v1/search`, at the address that it had first.",
    **body_docs(search_body(), "search"),
)
@router.post("/v1/search", operation_id="search", response_model=ProductAnswer, **body_docs(search_body(), "search"))
async def search_images(request: Request, components: TheComponents) -> Response:
    """Find products by any blend of a text, a picture, products that they are like or unlike, and a vector.

    Send JSON, with a picture as a data URI; or a multipart form with a file `image` and the same fields, lists and
    objects among them as JSON. What is given is added up by `weights`. Products named in `like` and `unlike` are never
    among the results. A text is read as a customer types it: its words count beside what they look like, misspelt ones
    are corrected, and what they say of attributes is preferred. Without anything to search for, all products are
    results that pass the filters, the newest first or in the order of `sort`.
    """
    service = components.service
    fields, pixels = await components.uploads.read(request, SearchRequest)
    job = to_job("images", fields, pixels, service.serving.encoder.dim)
    result = await while_connected(request, service.search(job))
    return await json_answer(request, await answer_body(components, job, result))


@router.post(
    "/v1/search/descriptions",
    operation_id="searchDescriptions",
    response_model=DescriptionAnswer,
    **body_docs(search_body(), "search"),
)
async def search_descriptions(request: Request, components: TheComponents) -> Response:
    """Find the descriptions that fit a query; each comes once, with its products.

    Takes the same input as `/v1/search`; `collapse` has no effect, since no description comes twice.
    """
    service = components.service
    fields, pixels = await components.uploads.read(request, SearchRequest)
    job = to_job("texts", fields, pixels, service.serving.encoder.dim)
    return await json_answer(request, (await while_connected(request, service.search(job))).body)


@router.post(
    "/v1/search/images/batch",
    operation_id="searchBatch",
    response_model=ProductAnswers,
    **body_docs(batch_body(), "search"),
)
async def search_images_batch(request: Request, components: TheComponents) -> Response:
    """Ask `/v1/search` several things in one call; a bad query fails alone, with an error in its place."""
    jobs = await _read_jobs(request, components, "images")
    results = await while_connected(request, components.service.search_many(jobs))
    for job, result in zip(jobs, results, strict=True):
        if isinstance(job, Job) and isinstance(result, JobResult):
            result.body = await answer_body(components, job, result)
    return await _answers(request, results)


@router.post(
    "/v1/search/descriptions/batch",
    operation_id="searchDescriptionsBatch",
    response_model=DescriptionAnswers,
    **body_docs(batch_body(), "search"),
)
async def search_descriptions_batch(request: Request, components: TheComponents) -> Response:
    """Ask `/v1/search/descriptions` several things in one call; a bad query fails alone."""
    jobs = await _read_jobs(request, components, "texts")
    results = await while_connected(request, components.service.search_many(jobs))
    return await _answers(request, results)


async def _read_jobs(request: Request, components: Components, side: Side) -> list[Job | InputError]:
    """Return the job of each of several searches, or what is wrong with it."""
    components.service.check_room()
    dim = components.service.serving.encoder.dim
    jobs: list[Job | InputError] = []
    for query in await components.uploads.read_batch(request, dim):
        try:
            jobs.append(query if isinstance(query, InputError) else to_job(side, *query, dim))
        except InputError as error:
            jobs.append(error)
    return jobs


async def _answers(request: Request, results: Sequence[JobResult | Exception]) -> Response:
    """Return the answers of several searches, each that failed with an error in its place."""
    bodies = [
        one.body if isinstance(one, JobResult) else to_json(error_entry(request.state.request_id, one))
        for one in results
    ]
    return await json_answer(request, b'{"answers":[' + b",".join(bodies) + b"]}")


def to_job(side: Side, fields: SearchRequest, pixels: np.ndarray | None, dim: int) -> Job:
    """Return the job that answers a search, with a prepared picture (H, W, 3).

    Raises:
        InputError: numbers that no search can answer, or a vector that is not of `dim` values.
    """
    query = SearchQuery(
        k=fields.k,
        offset=fields.offset,
        filters=as_filters(fields.filters),
        exclude=frozenset([*fields.like, *fields.unlike]),
        min_score=fields.min_score,
        collapse=fields.collapse,
        collapse_threshold=fields.collapse_threshold,
        facets=tuple(dict.fromkeys(fields.facets)),
        histograms=tuple(dict.fromkeys(fields.histograms)),
        like=tuple(fields.like),
        unlike=tuple(fields.unlike),
        mode=fields.ranked_by,
        text_share=fields.text_share(pixels is not None),
        cutoff=fields.limit,
        sort=fields.order(),
        browse=not fields.looks_for_something(pixels is not None),
        group_by=fields.group_by,
    )
    context = copy_context()

    def render(result: JobResult) -> bytes:
        return context.run(_products, result)  # in the worker, too, the addresses are those for this caller

    return Job(
        () if fields.text is None else (fields.text,),
        () if pixels is None else (pixels,),
        query,
        side,
        None if fields.vector is None else unit_vector(fields.vector, dim),
        fields.weights.by_part(),
        modify=None if fields.modify is None else Modify(fields.modify, fields.weights.modify, fields.keep),
        options=TextOptions(fields.language, fields.correct, tuple(fields.dismiss), fields.strict),
        render=_descriptions if side == "texts" else None if fields.image_versions else render,
    )


async def answer_body(components: Components, job: Job, result: JobResult) -> bytes:
    """Return the answer that the worker has made, or one whose pictures' addresses name their content."""
    if job.render is not None:
        return result.body
    # Not in the worker: a catalogue that an older version wrote has to read the pictures for it.
    return await asyncio.to_thread(_versioned_products, components.shown, result)


async def search_for_page(components: Components, body: Mapping[str, Any]) -> JobResult:
    """Return the result of a search for products that a document shows; no JSON is made of it.

    Raises:
        InvalidError: `body` is no search.
        VitrineError: as `Service.search`.
    """
    fields = checked(SearchRequest, body, strict=False)
    job = to_job("images", fields, None, components.service.serving.encoder.dim)
    job.render = None
    return await components.service.search(job)


def products_in(result: JobResult) -> list[Hit]:
    """Return the products that a search has found."""
    return [hit for hit in (result.page.hits if result.page else []) if isinstance(hit, Hit)]


def _versioned_products(shown: ShownPictures, result: JobResult) -> bytes:
    """Return a `ProductAnswer` as JSON in which the first `MAX_VERSIONS` products' pictures are named by content."""
    hits = products_in(result)
    ids = dict.fromkeys(one.id for hit in hits for one in (hit.product, *(hit.group.members if hit.group else ())))
    return _products(result, shown.digests(list(ids)[:MAX_VERSIONS]))


def _products(result: JobResult, digests: Mapping[str, Sequence[str]] = {}) -> bytes:
    """Return a `ProductAnswer` as JSON; the digests of pictures are named in their addresses."""
    results = [
        {
            "id": hit.product.id,
            "title": hit.product.title,
            "score": round(hit.score, 6),
            "relevance": _rounded(hit.relevance),
            "signals": None if hit.signals is None else _signals(hit.signals),
            "attributes": hit.product.attributes,
            "image_url": image_url(hit.product.id, hit.picture, digests),
            **({} if hit.group is None else {"group": _group(hit.group, digests)}),
        }
        for hit in products_in(result)
    ]
    return to_json({**_origin(result), "results": results})


def _descriptions(result: JobResult) -> bytes:
    """Return a `DescriptionAnswer` as JSON."""
    results = [
        {
            "description": hit.description,
            "score": round(hit.score, 6),
            "relevance": _rounded(hit.relevance),
            "signals": None,
            "product_ids": hit.product_ids,
        }
        for hit in (result.page.hits if result.page else [])
        if isinstance(hit, DescriptionHit)
    ]
    return to_json({**_origin(result), "results": results})


def _origin(result: JobResult) -> dict[str, Any]:
    """Return what every search answer says beside its results: how its text was read, and where it comes from."""
    assert result.page is not None  # noqa: S101 - a search has one
    parsed = result.parsed
    correction = parsed.correction if parsed else None
    milliseconds = {
        "queue": result.queued_s,
        "understand": result.understand_s,
        "encode": result.encode_s,
        "search": result.search_s,
    }
    return {
        "mode": result.mode,
        "language": parsed.language if parsed else None,
        "corrected": {"from": correction.typed, "to": correction.corrected} if correction else None,
        "interpreted": [asdict(condition) for condition in (parsed.conditions if parsed else ())],
        "cutoff": _rounded(result.page.cutoff),
        "total": result.page.total,
        "facets": {name: dict(islice(values.items(), MAX_FACETED)) for name, values in result.page.facets.items()},
        **({"histograms": result.page.histograms} if result.page.histograms else {}),
        **({"kept": result.kept} if result.kept is not None else {}),
        **({"notes": result.page.notes} if result.page.notes else {}),
        "encoder_id": result.serving.encoder.encoder_id,
        "catalogue_version": result.serving.index.version,
        "timing_ms": {name: round(1000 * seconds, 3) for name, seconds in milliseconds.items()},
    }


def _group(group: Group, digests: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return a `GroupResult` as plain data."""
    members = [
        {"id": one.id, "title": one.title, "attributes": one.attributes, "image_url": image_url(one.id, 0, digests)}
        for one in group.members
    ]
    return {"value": group.value, "count": group.count, "members": members}


def _signals(signals: Signals) -> dict[str, float | None]:
    """Return `SignalValues` as plain data."""
    return {name: _rounded(getattr(signals, name)) for name in ("words", "title", "image")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
