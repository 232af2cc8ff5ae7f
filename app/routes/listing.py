"""The calls over many products of the live catalogue: to list them, and to take out those that pass filters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from app.caller import caller
from app.errors import CountError, InvalidError
from app.http import accepted, require
from app.live import Edit, Edited
from app.picture_paths import image_url, image_urls
from app.routes.components import Components, TheComponents
from app.schemas import (
    CHANGES,
    DeletionAnswer,
    ListAnswer,
    ListedField,
    error_answers,
    filters_of,
    listed_fields,
)
from common import ConflictError
from index import MAX_ID, Filters, Product

MAX_LISTED = 1_000
"""Products of one page."""
MOST_LOOKED_AT = 20_000
"""Products that are looked at for one page: where few pass the filters, it may have fewer than were asked for."""
MOST_BYTES = 8_000_000
"""Bytes of a page's products, about; then it may have fewer, too."""
EXAMPLES = 10
LINES = "application/x-ndjson"
OF_STORE: frozenset[ListedField] = frozenset(("image_urls", "picture_digests"))
"""Fields for which the pictures of products are looked up."""

router = APIRouter(tags=["products"], dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
changing = APIRouter(tags=[CHANGES], dependencies=[Depends(require("write"))], responses=error_answers(401, 403, 429))

Filtering = Annotated[
    str,
    Query(
        description="What products must fulfil: the filters of a search, as JSON.",
        json_schema_extra={"contentMediaType": "application/json", "examples": ['{"gender": "Women"}']},
    ),
]


@router.get(
    "/v1/products",
    operation_id="listProducts",
    response_model=ListAnswer,
    responses={
        200: {"content": {LINES: {}}, "description": "The products: one JSON object, or one a line by Accept."},
        **error_answers(422, 500, 503),
    },
)
async def list_products(
    request: Request,
    components: TheComponents,
    after: Annotated[
        str | None, Query(max_length=MAX_ID, description="Begin behind this id: `next` of the page before.")
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_LISTED, description="Most products. 100, and with lines all, unless given.")
    ] = None,
    filters: Filtering = "{}",
    fields: Annotated[
        str,
        Query(
            description="What to say of each, with commas between: id, title, split, attributes, image_url, image_urls,"
            " etag, picture_digests. All but image_urls and picture_digests unless given.",
            json_schema_extra={"examples": ["id,etag,picture_digests"]},
        ),
    ] = "",
) -> Response:
    """List the products, in the order of their ids; what is edited meanwhile neither repeats nor skips others.

    With `Accept: application/x-ndjson` there is one product a line, and without `limit` all of them in one answer.
    Else a page has `next`, which is to be sent as `after`; a page may have fewer products than `limit` although others
    follow.
    """
    asked = filters_of(filters)
    shown = listed_fields(fields)
    await asyncio.to_thread(components.listing.check, asked)
    if _wants_lines(request):
        return StreamingResponse(_lines(components, after, asked, shown, limit), media_type=LINES)
    limit = limit or 100
    rows: list[bytes] = []
    last: str | None = after
    looked_at, size = 0, 0
    async with aclosing(components.listing.pieces(after, asked, caller.get())) as pieces:
        async for piece in pieces:
            taken = piece.products[: limit - len(rows)]
            rendered = await _rendered(components, taken, shown)
            rows += rendered
            looked_at += piece.looked_at
            size += sum(map(len, rendered))
            if len(taken) < len(piece.products):
                last = taken[-1][0].id if taken else last
                break
            last = piece.last
            if last is None or len(rows) == limit or looked_at >= MOST_LOOKED_AT or size >= MOST_BYTES:
                break
    version = components.service.serving.index.version
    end = b'],"next":%s,"catalogue_version":%d}' % (to_json(last), version)
    return Response(b'{"products":[' + b",".join(rows) + end, media_type="application/json")


async def _lines(
    components: Components, after: str | None, filters: Filters, shown: Sequence[ListedField], limit: int | None
) -> AsyncIterator[bytes]:
    sent = 0
    async with aclosing(components.listing.pieces(after, filters, caller.get())) as pieces:
        async for piece in pieces:
            taken = piece.products if limit is None else piece.products[: limit - sent]
            sent += len(taken)
            rows = await _rendered(components, taken, shown)
            if rows:
                yield b"\n".join(rows) + b"\n"
            if sent == limit:
                return


def _wants_lines(request: Request) -> bool:
    taken = accepted(request.headers)
    return taken.names(LINES) or taken.names("application/jsonl")


async def _rendered(
    components: Components, products: Sequence[tuple[Product, str]], shown: Sequence[ListedField]
) -> list[bytes]:
    """Return each product as JSON, with the fields that are asked for."""

    def render() -> list[bytes]:
        ids = [product.id for product, _ in products]
        digests = components.shown.digests(ids) if ids and not OF_STORE.isdisjoint(shown) else {}
        return [
            to_json({name: _field(name, product, digest, digests.get(product.id, ())) for name in shown})
            for product, digest in products
        ]

    return await asyncio.to_thread(render)


def _field(name: ListedField, product: Product, digest: str, pictures: Sequence[str]) -> Any:
    match name:
        case "id" | "title" | "split" | "attributes":
            return getattr(product, name)
        case "image_url":
            return image_url(product.id)
        case "image_urls":
            return image_urls(product.id, pictures)
        case "etag":
            return f'"{digest}"'
        case "picture_digests":
            return pictures


@changing.delete("/v1/products", operation_id="deleteProducts", responses=error_answers(409, 422, 500, 503, 504, 507))
async def delete_products(
    components: TheComponents,
    filters: Filtering,
    dry_run: Annotated[bool, Query(description="Only say how many pass, and some of them.")] = False,
    confirm: Annotated[
        int | None, Query(ge=0, description="How many products are to be taken out; when others pass now, none is.")
    ] = None,
) -> DeletionAnswer:
    """Take out all products that pass the filters.

    First ask with `dry_run=true` how many these are, then send the same with that count as `confirm`. When the count is
    another one by then, nothing is taken out (409). What others change in the meantime stays.
    """
    asked = filters_of(filters)
    if not asked:
        raise InvalidError(
            "filters is empty, which all products pass; name the products that are to go",
            [{"field": "filters", "message": "empty"}],
        )
    if not dry_run and confirm is None:
        raise InvalidError(
            "there is no confirm; ask with dry_run=true how many products pass, then send that count as confirm",
            [{"field": "confirm", "message": "missing"}],
        )
    await asyncio.to_thread(components.listing.check, asked)
    found: list[tuple[str, str]] = []
    async with aclosing(components.listing.pieces(None, asked, caller.get())) as pieces:
        async for piece in pieces:
            found += [(product.id, digest) for product, digest in piece.products]
    answer = DeletionAnswer(
        count=len(found),
        examples=[product_id for product_id, _ in found[:EXAMPLES]],
        deleted=0,
        changed=0,
        catalogue_version=components.service.serving.index.version,
    )
    if dry_run:
        return answer
    if confirm != len(found):
        raise CountError(
            f"{len(found):,} products pass the filters, and confirm is {confirm:,}: nothing was taken out; ask with"
            " dry_run=true, and send the count of its answer"
        )
    answer.deleted, answer.changed = await take_out(components, found)
    answer.catalogue_version = components.service.serving.index.version
    return answer


TOGETHER = 256
"""Products that are taken out in one transaction."""


async def take_out(components: Components, products: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Take out products (ids and digests) that are as they were; return how many were, and how many have changed.

    Raises:
        VitrineError: as `Editor.edit`; what came before is gone.
    """
    deleted, changed = 0, 0
    for start in range(0, len(products), TOGETHER):
        some = products[start : start + TOGETHER]
        edits = [Edit(product_id, delete=True, expected=frozenset({digest})) for product_id, digest in some]
        for outcome in await components.editor.edit(edits):
            if isinstance(outcome, Edited):
                deleted += outcome.written.changed
            elif isinstance(outcome, ConflictError):
                changed += 1
            else:
                raise outcome
    return deleted, changed
