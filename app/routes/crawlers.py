"""What search engines read of a shop: which addresses they may ask for, and where its products are."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from app.caller import below, caller
from app.front import Addresses
from app.http import absolute_root, require
from app.routes.components import Components, TheComponents

TOGETHER = 10_000
"""Products of one sitemap; the protocol allows 50,000 (https://www.sitemaps.org/protocol.html)."""
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
KEPT = {"Cache-Control": "private, max-age=3600"}
"""Not by a cache that all share: whole addresses have the host that the request names."""

may_read = require("read")
router = APIRouter(include_in_schema=False)


@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    """Let search engines read the pages and the pictures, but make no calls."""
    root = below.get()
    lines = ["User-agent: *", f"Allow: {root}/v1/products/*/image", f"Disallow: {root}/v1/"]
    if request.app.state.settings.reads == "open":
        lines.append(f"Sitemap: {absolute_root(request)}sitemap.xml")
    return Response("\n".join(lines) + "\n", media_type="text/plain", headers=KEPT)


@router.get("/sitemap.xml")
async def sitemap(request: Request, components: TheComponents) -> Response:
    """Return the index of the sitemaps, each of some thousand products."""
    await may_read(request, None, None)
    found = [f"{absolute_root(request)}sitemap/{number}.xml" for number in range(1, _sitemaps(components) + 1)]
    return _xml("sitemapindex", "sitemap", found)


@router.get("/sitemap/{number}.xml")
async def products(number: str, request: Request, components: TheComponents) -> Response:
    """Return the addresses of some thousand products."""
    await may_read(request, None, None)
    if not (number.isascii() and number.isdigit() and len(number) < 7 and 1 <= int(number) <= _sitemaps(components)):
        raise HTTPException(404)
    ids = await components.listing.ids((int(number) - 1) * TOGETHER, TOGETHER, caller.get())
    addresses = Addresses(absolute_root(request))
    return _xml("urlset", "url", [addresses.product(one) for one in ids])


def _sitemaps(components: Components) -> int:
    """Return how many sitemaps hold all products; there is one at least."""
    return max(1, math.ceil(len(components.service.serving.index) / TOGETHER))


def _xml(root: str, element: str, addresses: list[str]) -> Response:
    """Return a document of the sitemap protocol."""
    rows = "".join(f"<{element}><loc>{escape(address)}</loc></{element}>\n" for address in addresses)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">\n{rows}</{root}>\n'
    return Response(text, media_type="application/xml", headers=KEPT)
