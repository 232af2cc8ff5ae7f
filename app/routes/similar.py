"""What is like a product, at an address of its own: for its page in a shop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Depends, Request, Response

from app.errors import InvalidError
from app.http import require
from app.query import Serving
from app.routes.components import TheComponents
from app.routes.product_paths import SIMILAR, KnownId, ProductRoute
from app.routes.search_address import TAGGED, tagged_answer, unchanged
from app.schemas import ProductAnswer, SimilarRequest, error_answers, similar_of_address, similar_parameters
from app.searching import to_job
from common import InputError
from index import Filter, Product, SearchQuery, texts_of

MOST_LEFT_OUT = 1_000
"""Products of the same title that are left out, at most."""

router = APIRouter(
    route_class=ProductRoute,
    tags=["products"],
    dependencies=[Depends(require("search"))],
    responses=error_answers(401, 403, 429),
)


@router.get(
    f"/v1/products/{{product_id:path}}{SIMILAR}",
    operation_id="similar",
    response_model=ProductAnswer,
    responses={**TAGGED, **error_answers(404, 410, 422, 500, 503, 504)},
    openapi_extra={"parameters": similar_parameters()},
)
async def similar(product_id: KnownId, request: Request, components: TheComponents) -> Response:
    """Return the products that look most like one, without itself.

    `same` keeps to products with the same values of some attributes, `not=title` leaves out those of the same title,
    and filters are those of `GET /v1/search`. Asked again with `If-None-Match`, an unchanged catalogue answers 304.
    """
    serving = components.service.serving
    product, digest = await asyncio.to_thread(components.state.catalogue.get_with_digest, product_id)
    asked = similar_of_address(product_id, request.query_params.multi_items())
    about = (product_id, digest, request.url.query)
    if (known := unchanged(request, serving, about)) is not None:
        return known
    job = to_job("images", asked.search, None, serving.encoder.dim)
    assert job.query is not None  # noqa: S101 - a search has one
    job.query = await _query(job.query, asked, product, serving)
    return await tagged_answer(request, components, job, about)


async def _query(query: SearchQuery, asked: SimilarRequest, product: Product, serving: Serving) -> SearchQuery:
    """Return a query with what is the product's own in it: its values, and the products of its title.

    Raises:
        InvalidError: an attribute that no product has.
    """
    values: Mapping[str, Filter | None] = {name: _same(product, name) for name in asked.same}
    if any(one is None for one in values.values()):
        # One that the product does not have asks nothing; one that no product has is a typo.
        unknown = SearchQuery(facets=tuple(name for name, one in values.items() if one is None))
        try:
            await asyncio.to_thread(serving.index.check, unknown)
        except InputError as error:
            raise InvalidError(f"same: {error}", [{"field": "same", "message": str(error)}]) from None
    query = replace(query, filters={**query.filters, **{name: one for name, one in values.items() if one is not None}})
    if not asked.other_titles:
        return query
    twins = await asyncio.to_thread(serving.index.ids_titled, product.title)
    return replace(query, exclude=query.exclude | frozenset(twins[:MOST_LEFT_OUT]))


def _same(product: Product, name: str) -> Filter | None:
    """Return the filter that the product itself passes by its value of an attribute; None where it has none."""
    value = product.attributes.get(name)
    return None if value is None else Filter(tuple(texts_of(value)))
