"""A search that stands in an address: it can be linked, kept and asked again for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import Request, Response

from app.caller import below
from app.http import is_known, json_answer, while_connected
from app.query import Job, Serving
from app.routes.components import Components, TheComponents
from app.routes.direct import direct_router
from app.routes.search import answer_body
from app.schemas import ProductAnswer, address_parameters, error_answers, search_of_address
from app.searching import to_job

TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Names the catalogue and the query.", "schema": {"type": "string"}}}},
    304: {"description": "The caller has this answer, of the catalogue as it is now (If-None-Match)."},
}
"""What the document says of answers that name their catalogue's version."""

router = direct_router()


@router.get(
    "/v1/search",
    operation_id="searchByAddress",
    response_model=ProductAnswer,
    responses={**TAGGED, **error_answers(404, 422, 500, 503, 504)},
    openapi_extra={"parameters": address_parameters()},
    tags=["search"],
)
async def search_by_address(request: Request, components: TheComponents) -> Response:
    """Find products by what the address says: the search of `POST /v1/search` without a picture, as a link.

    `q` is the text. A list comes item by item, with commas between, or as JSON. A filter is a parameter of its own,
    such as `f.gender=Women` or `f.price=10..50`; where it comes several times, each value is allowed. `filters` takes
    all conditions. A picture, its crop and a vector go into the body of POST. The answer has an entity tag: asked again
    with `If-None-Match`, an unchanged catalogue answers 304 without a search.
    """
    fields = search_of_address(request.query_params.multi_items())
    serving = components.service.serving
    about = (request.url.query,)
    if (known := unchanged(request, serving, about)) is not None:
        return known
    return await tagged_answer(request, components, to_job("images", fields, None, serving.encoder.dim), about)


def unchanged(request: Request, serving: Serving, about: Sequence[str]) -> Response | None:
    """Return 304 where the caller has the answer to what is asked `about`; None where it is to be made.

    `If-None-Match: *` is of no use here: whether there is an answer shows when it is made.
    """
    tag = answer_tag(serving, about)
    if request.headers.get("if-none-match", "").strip() == "*" or not is_known(request.headers, tag):
        return None
    return Response(status_code=304, headers={"ETag": f"W/{tag}"})


async def tagged_answer(request: Request, components: Components, job: Job, about: Sequence[str]) -> Response:
    """Return the answer to a search, with its entity tag."""
    result = await while_connected(request, components.service.search(job))
    answer = json_answer(await answer_body(components, job, result))
    answer.headers["ETag"] = f"W/{answer_tag(result.serving, about)}"
    return answer


def answer_tag(serving: Serving, about: Sequence[str]) -> str:
    """Return the entity tag of an answer: of catalogue, encoder, release, the path above ours, and what is asked.

    Weak ones are made of it, since two answers differ in the times that they took.
    """
    index = serving.index
    parts = (_release(), below.get(), index.info.created, str(index.version), serving.encoder.encoder_id, *about)
    digest = hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
    return f'"{index.version}-{digest}"'


@cache
def _release() -> str:
    return version("vitrine")
