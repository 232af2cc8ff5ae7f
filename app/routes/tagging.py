"""Attributes of products and pictures, by the vote of the products that look most like them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from app.http import require, while_connected
from app.routes.components import TheComponents
from app.schemas import TagAnswer, Tagged, TagRequest, TagResult, body_docs, error_answers, tag_body

router = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))


@router.post("/v1/tag", operation_id="tag", response_model_exclude_unset=True, **body_docs(tag_body(), "encoding"))
async def tag(request: Request, components: TheComponents) -> TagAnswer:
    """Find the values of attributes for products or pictures, each with a confidence.

    Send `ids` of products, or pictures: as data URIs, as files `image` of a form, or one as the body itself. The
    products that look most like it vote with what they have, the nearer the more. For a product, neither itself nor
    products of its title vote: it would copy its own label. `confidence` says how often such a vote is right among
    products of this catalogue whose values are known; the first call after a start measures that for a second.
    Attributes that pictures do not tell, such as ids, prices and free texts, are left out.
    """
    fields, pictures = await components.uploads.read_kept(request, TagRequest)
    tagging, names = components.tagging, fields.attributes
    if fields.ids:
        serving, found = await while_connected(request, tagging.of_products(fields.ids, names))
    else:
        pixels = [picture.pixels for picture in pictures]
        serving, found = await while_connected(request, tagging.of_pictures(pixels, names))
    results = []
    for number, tags in enumerate(found):
        named = {
            name: TagResult(value=one.value, confidence=round(one.confidence, 4))
            for name, one in tags.items()
            if one.confidence >= fields.min_confidence
        }
        results.append(Tagged(id=fields.ids[number], tags=named) if fields.ids else Tagged(index=number, tags=named))
    index = serving.index
    return TagAnswer(results=results, encoder_id=serving.encoder.encoder_id, catalogue_version=index.version)
