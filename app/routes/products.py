"""The calls that read and change the live catalogue, one product at a time or many, and the reload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response

from app.http import (
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    Line,
    conditions,
    error_entry,
    error_response,
    is_known,
    require,
)
from app.live import Edit, Editor
from app.routes.components import TheComponents
from app.routes.product_paths import ID_IN_PATH, KnownId, ProductRoute
from app.schemas import (
    CHANGES,
    BulkAnswer,
    LineError,
    ProductDetail,
    ProductRequest,
    Ready,
    bulk_body,
    error_answers,
    product_body,
)
from common import NoSpaceError, VitrineError
from index import MAX_ID, PRODUCT_ID, ExistsError, Product, Written

MAX_LINE_ERRORS = 100

NewId = Annotated[str, Path(max_length=MAX_ID, pattern=PRODUCT_ID, description=ID_IN_PATH)]
reading = APIRouter(
    route_class=ProductRoute,
    tags=["products"],
    dependencies=[Depends(require("read"))],
    responses=error_answers(401, 403, 429),
)
writing = APIRouter(
    route_class=ProductRoute,
    tags=[CHANGES],
    dependencies=[Depends(require("write"))],
    responses=error_answers(401, 403, 429),
)
admin = APIRouter(tags=[CHANGES], dependencies=[Depends(require("admin"))], responses=error_answers(401, 403, 429))


@reading.get(
    "/v1/products/{product_id:path}",
    responses={
        200: {"headers": ETAG},
        304: {"description": "The caller has the product as it is (If-None-Match)."},
        **error_answers(404, 410, 500),
    },
    response_model=ProductDetail,
)
def product(product_id: KnownId, request: Request, response: Response, components: TheComponents) -> Any:
    """Return one product."""
    found, digest = components.state.catalogue.get_with_digest(product_id)
    if is_known(request.headers, f'"{digest}"'):
        return Response(status_code=304, headers={"ETag": f'"{digest}"'})
    response.headers["ETag"] = f'"{digest}"'
    return _detail(found)


@writing.api_route("/v1/products/{product_id:path}/image", methods=["PUT", "DELETE"], include_in_schema=False)
def change_image(product_id: str, request: Request) -> Response:
    """Refuse to change a picture apart from its product; this path would otherwise name a product."""
    return error_response(
        request.state.request_id,
        405,
        "method_not_allowed",
        f"a picture is changed with its product: {request.method} {request.url.path.removesuffix('/image')}",
        headers={"Allow": "GET, HEAD"},
    )


@writing.put(
    "/v1/products/{product_id:path}",
    response_model=ProductDetail,
    responses={
        200: {"headers": ETAG, "description": "It was replaced, or is what was sent already."},
        201: {"model": ProductDetail, "headers": ETAG, "description": "It is new."},
        **error_answers(400, 408, 410, 412, 413, 415, 422, 500, 503, 504, 507),
    },
    openapi_extra={"requestBody": product_body(), "parameters": [IF_MATCH, IF_NONE_MATCH]},
)
async def put_product(product_id: NewId, request: Request, response: Response, components: TheComponents) -> Any:
    """Put a product into the catalogue, in place of the one of this id if there is one.

    Send JSON, with the picture as a data URI; or a multipart form with a file `image`. A product that is there already
    keeps its picture when none is sent. When the answer comes, the product is on the disk and found by searches.
    The same call may be sent again when its answer got lost.
    """
    asked = conditions(request.headers)
    fields, picture = await components.uploads.read_kept(request, ProductRequest)
    edit = Edit(product_id, fields.title, fields.attributes, picture, expected=asked.expected, absent=asked.absent)
    written = await _one(components.editor, edit)
    response.status_code = HTTPStatus.CREATED if written.created else HTTPStatus.OK
    response.headers["ETag"] = f'"{written.digest}"'
    return _detail(
        Product(product_id, fields.title, fields.attributes, components.state.catalogue.info.split.of(fields.title))
    )


@writing.delete(
    "/v1/products/{product_id:path}",
    status_code=204,
    responses={
        204: {"description": "There is no such product now."},
        **error_answers(400, 412, 422, 500, 503, 504, 507),
    },
    openapi_extra={"parameters": [IF_MATCH]},
)
async def delete_product(product_id: NewId, request: Request, components: TheComponents) -> Response:
    """Take a product out of the catalogue. One that is not there is answered alike: the call may be sent again."""
    asked = conditions(request.headers)
    await _one(components.editor, Edit(product_id, delete=True, expected=asked.expected))
    return Response(status_code=204)


@writing.post(
    "/v1/products",
    responses=error_answers(400, 408, 413, 415, 422, 500, 503, 504, 507),
    openapi_extra={"requestBody": bulk_body()},
)
async def write_products(request: Request, components: TheComponents) -> BulkAnswer:
    """Put many products in, replace them or take them out: one JSON object a line, each with its `id`.

    Send lines (application/x-ndjson) with pictures as data URIs, as many as you like: they are read, encoded and
    written piece by piece. Or send a multipart form with a file `products` of such lines, and the pictures as files
    that the lines name. A bad line fails alone. When a call breaks off, what was written stays; send it again whole.
    """
    counts: Counter[str] = Counter()
    errors: list[LineError] = []
    async with aclosing(components.uploads.read_lines(request)) as pieces:
        async for piece in pieces:
            await _write_piece(request, components.editor, piece, counts, errors)
    return BulkAnswer(**counts, errors=errors, catalogue_version=components.service.serving.index.version)


@admin.post("/v1/admin/reload", responses=error_answers(409, 500, 503, 507))
async def reload(components: TheComponents) -> Ready:
    """Serve checkpoint and catalogue as they are on the disk now; no request is dropped meanwhile.

    They are opened and tried beside those being served. When they are not good, the answer is 409 with the reason, and
    what was served before is served on. A catalogue that is replaced, by `vitrine index`, is taken over by itself.
    """
    return Ready(**asdict(await components.reload()))


async def _one(editor: Editor, edit: Edit) -> Written:
    """Make one edit.

    Raises:
        VitrineError: why it cannot be made.
    """
    (outcome,) = await editor.edit([edit])
    if isinstance(outcome, ExistsError):  # in the words of the header that asked for it
        raise ExistsError(f"product {edit.id!r} exists already; send the change without If-None-Match")
    if isinstance(outcome, VitrineError):
        raise outcome
    return outcome


async def _many(editor: Editor, edits: list[Edit], counts: Counter[str]) -> Sequence[Written | VitrineError]:
    """Make the edits of a piece; on a full disk each of them fails, where the call has written something before.

    Raises:
        NoSpaceError: nothing of this call is written.
        VitrineError: as `Editor.edit`.
    """
    try:
        return await editor.edit(edits)
    except NoSpaceError as error:
        if not counts.total() - counts["failed"]:
            raise
        return [error] * len(edits)


async def _write_piece(
    request: Request, editor: Editor, piece: list[Line], counts: Counter[str], errors: list[LineError]
) -> None:
    """Make the edits of some lines, and add up what they came to."""
    edits: list[Edit] = []
    of_edit: list[int] = []
    outcomes: dict[int, Written | VitrineError] = {}
    for number, line in enumerate(piece):
        fields = line.fields
        if line.error is not None:
            outcomes[number] = line.error
        elif fields is not None:
            of_edit.append(number)
            edits.append(Edit(fields.id, fields.title or "", fields.attributes, line.picture, delete=fields.delete))
    if edits:
        outcomes.update(zip(of_edit, await _many(editor, edits, counts), strict=True))
    for number, line in enumerate(piece):
        outcome = outcomes[number]
        product_id = line.fields.id if line.fields is not None else None
        if not isinstance(outcome, Written):
            counts["failed"] += 1
            if len(errors) < MAX_LINE_ERRORS:
                entry = error_entry(request.state.request_id, outcome)["error"]
                errors.append(LineError(line=line.number, id=product_id, code=entry["code"], message=entry["message"]))
        elif outcome.digest is None:
            counts["deleted"] += outcome.changed
            counts["unchanged"] += not outcome.changed
        else:
            kind = "created" if outcome.created else "replaced" if outcome.changed else "unchanged"
            counts[kind] += 1


def _detail(product: Product) -> ProductDetail:
    return ProductDetail(
        id=product.id,
        title=product.title,
        split=product.split,
        attributes=dict(product.attributes),
        image_url=image_url(product.id),
    )


def image_url(product_id: str) -> str:
    """Return the path of a product's picture."""
    return f"/v1/products/{quote(product_id, safe='')}/image"
