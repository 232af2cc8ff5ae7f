"""The page of a product, as a document: for a shared link, for who has no scripts, and for search engines."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from app.front import LANGUAGES, Addresses, Card, card, document_response, language_of, product_values
from app.http import absolute_root, require, root_from
from app.picture_paths import picture_path
from app.routes.components import Components, TheComponents
from app.routes.product_paths import ProductRoute
from app.routes.search import search_for_page
from app.searching import products_in
from common import VitrineError
from index import VARIANT, Hit, Labels, Product, first_text

SIMILAR = 8
VARIANTS = 12
PATIENCE_S = 2.0
"""Longest that other products are waited for; without them the page is still of use."""

may_read = require("read")
router = APIRouter(include_in_schema=False, route_class=ProductRoute)


@router.get("/p/{product_id:path}")
async def product_page(product_id: str, request: Request, components: TheComponents) -> Response:
    """Return the page of one product."""
    await may_read(request, None, None)
    asked = request.query_params.get("lang", "")
    language = language_of(asked, request.headers.get("accept-language", ""))
    root = root_from(request.scope)
    addresses = Addresses(root, asked if asked in LANGUAGES else "")
    product, _ = await asyncio.to_thread(components.state.catalogue.get_with_digest, product_id)
    digests = await asyncio.to_thread(components.shown.digests, [product_id])
    similar, variants = await _others(components, product, addresses, language)
    labels = Labels(components.service.serving.index.languages.lexicons[language])
    pictures = [picture_path(product_id, number, digests) for number in range(max(1, len(digests.get(product_id, ()))))]
    document = components.front.documents.render(
        "product",
        language,
        root=root,
        lab=components.settings.pages == "lab",
        id=product_id,
        similar=similar,
        variants=variants,
        **product_values(product, pictures, labels, language, addresses, absolute_root(request)),
    )
    return document_response(document, request.headers)


async def _others(
    components: Components, product: Product, addresses: Addresses, language: str
) -> tuple[list[Card], list[Card]]:
    """Return similar products and variants; none of them while the service has no room for the searches."""
    group = first_text(product.attributes.get(VARIANT))
    alike: dict[str, Any] = {"like": [product.id], "k": SIMILAR, "collapse": "title"}
    same: dict[str, Any] = {"filters": {VARIANT: [group]}, "k": VARIANTS + 1}
    bodies = [alike, same] if group else [alike]
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = [products_in(await search_for_page(components, body)) for body in bodies]
    except (VitrineError, TimeoutError):
        return [], []
    variants = [one for hits in found[1:] for one in hits if one.product.id != product.id]
    known = {one.product.id for one in variants}
    near = [one for one in found[0] if one.product.id not in known]
    digests = await asyncio.to_thread(components.shown.digests, [one.product.id for one in (*near, *variants)])

    def cards(hits: list[Hit]) -> list[Card]:
        return [
            card(one.product, picture_path(one.product.id, one.picture, digests), addresses, language) for one in hits
        ]

    return cards(near), cards(variants[:VARIANTS])
