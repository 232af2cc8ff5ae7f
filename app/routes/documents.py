"""The pages and the files that they load. They hold no data of the catalogue.

They are open to everybody. What they show needs a key where reads do.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from app.front import PLAIN, Asked, asset_response, document_response, language_of
from app.http import DOCS_POLICY
from app.routes.components import Components, TheComponents
from app.routes.crawlers import router as crawlers
from app.routes.embedding import embedding, is_there
from app.routes.plain_page import plain_results
from app.routes.product_page import router as products

assets = APIRouter(include_in_schema=False, dependencies=[Depends(is_there)])
pages = APIRouter(include_in_schema=False)
laboratory = APIRouter(include_in_schema=False)
"""Pages that show the inside: figures, the map of all products, the calls."""
PAGES = {
    "lab": (assets, embedding, pages, products, laboratory),
    "shop": (assets, embedding, pages, products, crawlers),
    "off": (assets, embedding),
}
"""The routers of each kind of service, by the setting `pages`."""


@assets.get("/assets/{where:path}")
async def asset(where: str, request: Request, components: TheComponents) -> Response:
    """Return the file at `DIGEST/PATH`; that of another digest is the present file, which is not to be kept."""
    digest, _, path = where.partition("/")
    files = components.front.assets
    found = files.get(path)
    # At its end the framework's pattern passes over a line feed.
    if found is None or "\n" in request.scope["path"]:
        raise HTTPException(404)
    return asset_response(found, request.headers, named=digest == files.digest)


@pages.get("/")
async def search_page(request: Request, components: TheComponents) -> Response:
    """Return the page to search with, or what an address of it finds where it asks for that without scripts."""
    asked = Asked(request.query_params.multi_items())
    if PLAIN in request.query_params:
        return await plain_results(asked, request, components)
    # A crawler is to follow the results and to keep the products.
    return _page("index", request, components, plain=asked.plain(), found=bool(asked.parameters))


@laboratory.get("/evaluation")
async def evaluation_page(request: Request, components: TheComponents) -> Response:
    """Return the page of the figures."""
    return _page("evaluation", request, components)


@laboratory.get("/evaluation/beside")
async def beside_page(request: Request, components: TheComponents) -> Response:
    """Return the page that shows a comparison of two encoders."""
    return _page("beside", request, components, root="../")


@laboratory.get("/map")
async def map_page(request: Request, components: TheComponents) -> Response:
    """Return the page of the map."""
    return _page("map", request, components)


@laboratory.get("/docs")
async def docs_page(request: Request, components: TheComponents) -> Response:
    """Return the page to read about the calls and to try them."""
    answer = _page("docs", request, components)
    answer.headers["Content-Security-Policy"] = DOCS_POLICY
    return answer


def _page(name: str, request: Request, components: Components, **values: Any) -> Response:
    """Return a document in the visitor's language."""
    language = language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    lab = components.settings.pages == "lab"
    return document_response(components.front.documents.render(name, language, lab=lab, **values), request.headers)
