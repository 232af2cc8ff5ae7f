"""Searches: from a request to a job and to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from pydantic_core import to_json

from app.http import error_entry, json_answer, while_connected
from app.live import ShownPictures
from app.query import Job, JobResult
from app.routes.components import Components, TheComponents
from app.routes.direct import direct_router
from app.schemas import (
    DescriptionAnswer,
    DescriptionAnswers,
    ProductAnswer,
    ProductAnswers,
    SearchRequest,
    batch_body,
    body_docs,
    checked,
    search_body,
)
from app.searching import products_body, products_in, to_job
from common import InputError
from index import Side

MAX_VERSIONS = 1000
"""Products of an answer whose pictures' content is named, at most."""

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
    return json_answer(await answer_body(components, job, result))


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
    return json_answer((await while_connected(request, service.search(job))).body)


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
    return _answers(request, results)


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
    return _answers(request, results)


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


def _answers(request: Request, results: Sequence[JobResult | Exception]) -> Response:
    """Return the answers of several searches, each that failed with an error in its place."""
    bodies = [
        one.body if isinstance(one, JobResult) else to_json(error_entry(request.state.request_id, one))
        for one in results
    ]
    return json_answer(b'{"answers":[' + b",".join(bodies) + b"]}")


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


def _versioned_products(shown: ShownPictures, result: JobResult) -> bytes:
    """Return a `ProductAnswer` as JSON in which the first `MAX_VERSIONS` products' pictures are named by content."""
    hits = products_in(result)
    ids = dict.fromkeys(one.id for hit in hits for one in (hit.product, *(hit.group.members if hit.group else ())))
    return products_body(result, shown.digests(list(ids)[:MAX_VERSIONS]))
