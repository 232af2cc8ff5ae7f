"""The pictures of products: as they were delivered, or small and in a form that browsers show."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from app.caller import caller
from app.http import FOREVER, Accepted, accepted, is_known, require, width_of
from app.live import Shown, ShownPictures, small_tag
from app.routes.components import TheComponents
from app.routes.product_paths import KnownId, ProductRoute
from app.schemas import error_answers

MAX_AGE_S = 60
"""How long a picture that was replaced or taken out may still be shown, in seconds."""
WHOLE = 1280
"""Width of a picture that is asked for whole, and that browsers do not show as it is."""
MAX_NUMBER = 1_000_000

router = APIRouter(
    route_class=ProductRoute,
    tags=["products"],
    dependencies=[Depends(require("search"))],
    responses=error_answers(401, 403, 429),
)
Number = Annotated[
    int,
    Query(ge=0, le=MAX_NUMBER, description="Which of its pictures: 0 is the first one."),
]
Width = Annotated[
    int | None,
    Query(
        ge=1,
        le=100_000,
        description="Largest width in pixels, rounded up to 160, 320, 640 or 1280: the picture comes upright, in sRGB, "
        "as WebP or, by `Accept`, JPEG. None becomes larger than it is. Without it, the picture as it was delivered.",
    ),
]
Version = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Digest of the picture, as `picture_digests` has it. While it is that of the picture, the answer "
        "may be kept for a year.",
    ),
]
KINDS: dict[str, Any] = {f"image/{name}": {} for name in ("webp", "jpeg", "*")}


# An id may contain slashes, so this route comes before the one that takes any path as an id; `ProductRoute` tells a
# picture from an id that ends alike.
@router.get(
    "/v1/products/{product_id:path}/image",
    operation_id="getImage",
    response_class=Response,
    responses={
        200: {"content": KINDS, "description": "The picture, without its metadata."},
        304: {"description": "The caller has this picture already (If-None-Match)."},
        **error_answers(404, 410, 422, 500, 503, 504),
    },
)
async def product_image(
    product_id: KnownId,
    request: Request,
    components: TheComponents,
    n: Number = 0,
    w: Width = None,
    v: Version = None,
) -> Response:
    """Return a picture of a product: as it was delivered, or with `w` a small one that browsers show.

    Browsers, which name in `Accept` what they show, get a TIFF, HEIC or JPEG 2000 file as WebP or JPEG in any case.
    """
    taken = accepted(request.headers)
    keyed = components.settings.reads == "keyed"
    if w is not None:
        # Who has it already is told so before it is made.
        digest = await components.shown.digest(product_id, n)
        width = width_of(w)
        tag = small_tag(digest, width, taken.form)
        if is_known(request.headers, f'"{tag}"'):
            return Response(status_code=304, headers=_headers(tag, digest, v, keyed))
        shown = await components.shown.small(product_id, n, digest, width, taken.form, caller.get())
    else:
        shown = await _whole(components.shown, product_id, n, taken)
    headers = _headers(shown.tag, shown.digest, v, keyed)
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(shown.data, media_type=shown.media_type, headers=headers)


async def _whole(pictures: ShownPictures, product_id: str, number: int, taken: Accepted) -> Shown:
    """Return a picture as it was delivered, or for a browser as one that it can show."""
    shown = await pictures.original(product_id, number)
    if not taken.is_browser or shown.is_shown_by_browsers or taken.names(shown.media_type):
        return shown
    return await pictures.small(product_id, number, shown.digest, WHOLE, taken.form, caller.get())


def _headers(tag: str, digest: str, version: str | None, keyed: bool) -> dict[str, str]:
    """Return the headers of a picture.

    Args:
        tag: names what is sent.
        digest: of the picture as it was delivered.
        version: what the address says of it.
        keyed: whether it needs a key; then a cache that others share must not give it out (RFC 9111, 3.5).
    """
    lasting = FOREVER if version == digest else f"public, max-age={MAX_AGE_S}"
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache" if keyed else lasting, "Vary": "Accept"}
