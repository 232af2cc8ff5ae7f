"""The calls that read and change the live catalogue, one product at a time or many, and the reload."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from app.caller import below
from app.errors import InvalidError
from app.http import (
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    conditions,
    error_response,
    is_known,
    require,
)
from app.live import Edit, Edited, Editor
from app.picture_paths import PICTURE, image_url, image_urls
from app.routes.components import Components, TheComponents
from app.routes.product_paths import ID_IN_PATH, SIMILAR, KnownId, ProductRoute
from app.schemas import (
    CHANGES,
    ProductDetail,
    ProductRequest,
    Ready,
    error_answers,
    patch_body,
    product_body,
)
from common import VitrineError
from index import MAX_ID, PRODUCT_ID, ExistsError, Product

NewId = Annotated[str, Path(max_length=MAX_ID, pattern=PRODUCT_ID, description=ID_IN_PATH)]
reading = APIRouter(
    route_class=ProductRoute,
    tags=["products"],
    dependencies=[Depends(require("search"))],
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
    operation_id="getProduct",
    responses={
        200: {"headers": ETAG},
        304: {"description": "The caller has the product as it is (If-None-Match)."},
        **error_answers(404, 410, 500),
    },
    response_model=ProductDetail,
)
async def product(product_id: KnownId, request: Request, response: Response, components: TheComponents) -> Any:
    """Return one product."""
    found, digest = await asyncio.to_thread(components.state.catalogue.get_with_digest, product_id)
    if is_known(request.headers, f'"{digest}"'):
        return Response(status_code=304, headers={"ETag": f'"{digest}"'})
    response.headers["ETag"] = f'"{digest}"'
    return await _detail(components, found)


@writing.api_route(
    f"/v1/products/{{product_id:path}}{PICTURE}", methods=["PUT", "PATCH", "DELETE"], include_in_schema=False
)
@writing.api_route(
    f"/v1/products/{{product_id:path}}{SIMILAR}", methods=["PUT", "PATCH", "DELETE"], include_in_schema=False
)
def change_part(product_id: str, request: Request) -> Response:
    """Refuse to change a picture, or what is similar, apart from its product; this path would else name a product."""
    whole, _, part = f"{below.get()}{request.url.path}".rpartition("/")
    what = "a picture is" if f"/{part}" == PICTURE else "what is similar to a product is"
    return error_response(
        request.state.request_id,
        405,
        "method_not_allowed",
        f"{what} changed with its product: {request.method} {whole}",
        headers={"Allow": "GET, HEAD"},
    )


@writing.put(
    "/v1/products/{product_id:path}",
    operation_id="putProduct",
    response_model=ProductDetail,
    responses={
        200: {"headers": ETAG, "description": "It was replaced, or is what was sent already."},
        201: {"model": ProductDetail, "headers": ETAG, "description": "It is new."},
        **error_answers(400, 408, 410, 412, 413, 415, 422, 500, 503, 504, 507),
    },
    openapi_extra={"requestBody": product_body(), "parameters": [IF_MATCH, IF_NONE_MATCH]},
)
async def put_product(product_id: NewId, request: Request, response: Response, components: TheComponents) -> Any:
    """Put a product into the catalogue, or change the one of this id if there is one.

    Send JSON, with pictures as data URIs; or a multipart form with files `image`. A product that is there already keeps
    what is not sent: its title, its pictures, and the attributes that are not named. An attribute of null goes; with
    `replace`, all attributes go that are not named. When the answer comes, the product is on the disk and found by
    searches. The same call may be sent again when its answer got lost.
    """
    return await _put(product_id, request, response, components, patch=False)


@writing.patch(
    "/v1/products/{product_id:path}",
    operation_id="patchProduct",
    response_model=ProductDetail,
    responses={
        200: {"headers": ETAG, "description": "The product as it is now."},
        **error_answers(400, 404, 408, 410, 412, 413, 415, 422, 500, 503, 504, 507),
    },
    openapi_extra={"requestBody": patch_body(), "parameters": [IF_MATCH]},
)
async def patch_product(product_id: NewId, request: Request, response: Response, components: TheComponents) -> Any:
    """Change a product that is there (JSON Merge Patch, RFC 7396): what is not sent stays, null takes it out.

    As PUT, but for two things: a product that is not there is answered 404, and `replace` is refused.
    """
    return await _put(product_id, request, response, components, patch=True)


@writing.delete(
    "/v1/products/{product_id:path}",
    operation_id="deleteProduct",
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


@admin.post("/v1/admin/reload", operation_id="reload", responses=error_answers(409, 500, 503, 507))
async def reload(components: TheComponents) -> Ready:
    """Serve checkpoint and catalogue as they are on the disk now; no request is dropped meanwhile.

    They are opened and tried beside those being served. When they are not good, the answer is 409 with the reason, and
    what was served before is served on. A catalogue that is replaced, by `vitrine index`, is taken over by itself.
    """
    return Ready(**asdict(await components.reload()))


async def _put(
    product_id: str, request: Request, response: Response, components: Components, *, patch: bool
) -> ProductDetail:
    """Make the change that a body asks of one product, and return the product as it is then.

    Raises:
        InvalidError: the body has another id, or asks to replace what is only to be changed.
        VitrineError: as `Uploads.read` and `Editor.edit`.
    """
    asked = conditions(request.headers)
    fields, pictures = await components.uploads.read_kept(request, ProductRequest)
    if fields.id is not None and fields.id != product_id:
        raise InvalidError(
            f"the body's id is {fields.id!r}, and the address names {product_id!r}; send each to its own",
            [{"field": "id", "message": "another one than in the address"}],
        )
    if patch and fields.replace:
        raise InvalidError(
            "PATCH changes what is sent, and replace asks for more; send the whole product with PUT",
            [{"field": "replace", "message": "not with PATCH"}],
        )
    edit = Edit(
        product_id,
        fields.title,
        fields.changed_attributes,
        tuple(pictures),
        replace=fields.replace,
        patch=patch,
        expected=asked.expected,
        absent=asked.absent,
    )
    edited = await _one(components.editor, edit)
    response.status_code = HTTPStatus.CREATED if edited.written.created else HTTPStatus.OK
    response.headers["ETag"] = f'"{edited.written.digest}"'
    assert edited.product is not None  # noqa: S101 - it was put in
    return await _detail(components, edited.product)


async def _one(editor: Editor, edit: Edit) -> Edited:
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


async def _detail(components: Components, product: Product) -> ProductDetail:
    digests = await asyncio.to_thread(components.shown.digests, [product.id])
    return ProductDetail(
        id=product.id,
        title=product.title,
        split=product.split,
        attributes={name: list(one) if isinstance(one, tuple) else one for name, one in product.attributes.items()},
        image_url=image_url(product.id),
        image_urls=image_urls(product.id, digests.get(product.id, ())),
    )
