"""The results of a search as a document, for who has no scripts; and what the search page offers them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request, Response

from app.front import PLAIN, Addresses, Asked, card, document_response, language_of
from app.http import require, while_connected
from app.picture_paths import picture_path
from app.routes.components import Components
from app.routes.search import search_for_page
from app.searching import products_in
from index import Labels

PAGE = 24
DEEPEST = 9_000
"""Results that a search may leave out, as the calls' own bound."""

may_search = require("search")


async def plain_results(asked: Asked, request: Request, components: Components) -> Response:
    """Return the results that an address asks for, as a document.

    Raises:
        InvalidError: what it asks is no search.
        VitrineError: as `Service.search`.
    """
    await may_search(request, None, None)
    language = language_of(asked.language, request.headers.get("accept-language", ""))
    offset = min(asked.offset, DEEPEST)
    body = {**asked.body(), "k": PAGE, "offset": offset}
    result = await while_connected(request, search_for_page(components, body))
    hits = products_in(result)
    total = result.page.total if result.page else None
    digests = await asyncio.to_thread(components.shown.digests, [hit.product.id for hit in hits])
    addresses = Addresses("./", asked.language)
    labels = Labels(components.service.serving.index.languages.lexicons[language])
    correction = result.parsed.correction if result.parsed else None
    further = offset + PAGE
    more = len(hits) == PAGE if total is None else further < total
    document = components.front.documents.render(
        "plain",
        language,
        text=asked.text,
        kept={PLAIN: "1", **addresses.kept},
        corrected=correction.corrected if correction else "",
        chips=[_chip(name, value, asked, labels) for name, value in asked.filters],
        total=total,
        spoken=f"{asked.address(offset, language='')}&lang=",
        products=[
            card(hit.product, picture_path(hit.product.id, hit.picture, digests), addresses, language) for hit in hits
        ],
        before=asked.address(max(0, offset - PAGE)) if offset else "",
        next=asked.address(further) if more and further <= DEEPEST else "",
    )
    return document_response(document, request.headers)


def _chip(name: str, value: str, asked: Asked, labels: Labels) -> dict[str, Any]:
    """Return a filter that is set, with the address of the search without it."""
    return {
        "name": labels.name(name) or name,
        "value": labels.value(name, value) or value,
        "href": asked.address(without=(name, value)),
    }
