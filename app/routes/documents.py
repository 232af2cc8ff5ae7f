"""The pages, the files that they load, and the script that another site includes. They hold no data of the catalogue.

They are open to everybody. What they show needs a key where reads do.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from app.front import asset_response, document_response, language_of
from app.http import DOCS_POLICY, is_known
from app.routes.components import Components, TheComponents

SCRIPT_AGE_S = 300
"""How long a browser keeps the address of the script that other sites include, in seconds."""

assets = APIRouter(include_in_schema=False)
pages = APIRouter(include_in_schema=False)


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


@assets.get("/embed.js")
async def embed_script(request: Request, components: TheComponents) -> Response:
    """Return the module that another site includes: one import of the present version."""
    script = f'import "./assets/{components.front.assets.digest}/embed.js";\n'
    etag = f'"{hashlib.sha256(script.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={SCRIPT_AGE_S}"}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    return Response(script, media_type="text/javascript", headers=headers)


@pages.get("/")
async def search_page(request: Request, components: TheComponents) -> Response:
    """Return the page to search with."""
    return _page("index", request, components)


@pages.get("/evaluation")
async def evaluation_page(request: Request, components: TheComponents) -> Response:
    """Return the page of the figures."""
    return _page("evaluation", request, components)


@pages.get("/map")
async def map_page(request: Request, components: TheComponents) -> Response:
    """Return the page of the map."""
    return _page("map", request, components)


@pages.get("/docs")
async def docs_page(request: Request, components: TheComponents) -> Response:
    """Return the page to read about the calls and to try them."""
    answer = _page("docs", request, components)
    answer.headers["Content-Security-Policy"] = DOCS_POLICY
    return answer


def _page(name: str, request: Request, components: Components) -> Response:
    """Return a document in the visitor's language."""
    language = language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    lab = components.settings.pages == "lab"
    return document_response(components.front.documents.render(name, language, lab=lab), request.headers)
