"""What another site includes: the script with the elements, and the search as a frame for sites without scripts."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from app.front import LANGUAGES, document_response, language_of
from app.http import STUDIO_POLICY, framed_policy, is_known
from app.routes.components import TheComponents
from index import MAX_ID, MAX_NAME

SCRIPT_AGE_S = 300
"""How long a browser keeps the address of the script that other sites include, in seconds."""
COLOUR = r"^[#A-Za-z0-9(),.%/ -]{1,60}$"
LENGTH = r"^\d{1,3}(\.\d{1,3})?(px|rem|em|%)?$"
LINK = r"^(https?://|/)[^\s\"<>\\]{0,500}$"
NAMES = r"^[^<>\"\x00-\x1f]{1,400}$"
VARIABLES = ("accent", "ground", "panel", "ink", "soft", "line", "radius", "font")
"""Parameters that set a variable of the style sheets, such as `--vitrine-accent`."""


class FrameParameters(BaseModel):
    """What the address of a frame may say: the attributes of its element, and the variables of its style."""

    model_config = ConfigDict(extra="ignore")

    kind: Literal["search", "similar"] = "search"
    lang: Literal[*LANGUAGES] | None = None  # type: ignore[valid-type]
    dir: Literal["ltr", "rtl"] = "ltr"
    theme: Literal["auto", "light", "dark"] = "auto"
    key: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,256}$")
    href: str = Field("", pattern=f"{LINK}|^$")
    show: str = Field("", pattern=f"{NAMES}|^$")
    picture: Literal["on", "off"] = "on"
    count: int | None = Field(None, ge=1, le=100)
    placeholder: str = Field("", max_length=200)
    product: str = Field("", max_length=MAX_ID)
    same: str = Field("", max_length=MAX_NAME)
    accent: str = Field("", pattern=f"{COLOUR}|^$")
    ground: str = Field("", pattern=f"{COLOUR}|^$")
    panel: str = Field("", pattern=f"{COLOUR}|^$")
    ink: str = Field("", pattern=f"{COLOUR}|^$")
    soft: str = Field("", pattern=f"{COLOUR}|^$")
    line: str = Field("", pattern=f"{COLOUR}|^$")
    radius: str = Field("", pattern=f"{LENGTH}|^$")
    font: str = Field("", pattern=r"^[\w ,'-]{0,100}$")

    def attributes(self) -> dict[str, str]:
        """Return the attributes of the element; one without a value is left out."""
        names = ["theme", "key", "href", "show", "picture", "placeholder"]
        names += ["product", "same"] if self.kind == "similar" else []
        found = {name: getattr(self, name) for name in names}
        found["count"] = "" if self.count is None else str(self.count)
        return {name: value for name, value in found.items() if value}

    def variables(self) -> dict[str, str]:
        """Return the variables of the style that are set."""
        found = {name: getattr(self, name) for name in VARIABLES}
        return {name: value for name, value in found.items() if value}


async def is_there(request: Request) -> None:
    """Refuse what a service without pages offers nobody: it has no use until some origin is named."""
    if request.app.state.settings.pages == "off" and not request.app.state.origins:
        raise HTTPException(404)


embedding = APIRouter(include_in_schema=False, dependencies=[Depends(is_there)])


@embedding.get("/embed.js")
async def embed_script(request: Request, components: TheComponents) -> Response:
    """Return the module that another site includes: one import of the present version."""
    script = f'import "./assets/{components.front.assets.digest}/start.js";\n'
    etag = f'"{hashlib.sha256(script.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={SCRIPT_AGE_S}"}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    return Response(script, media_type="text/javascript", headers=headers)


@embedding.get("/embed")
async def frame(asked: Annotated[FrameParameters, Query()], request: Request, components: TheComponents) -> Response:
    """Return the search, or the products similar to one, as a document for a frame of another site."""
    document = components.front.documents.render(
        "embed",
        language_of(asked.lang, request.headers.get("accept-language", "")),
        dir=asked.dir,
        element=f"vitrine-{asked.kind}",
        attributes=asked.attributes(),
        variables=asked.variables(),
    )
    policy = framed_policy(request.app.state.origins.sources())
    return document_response(document, request.headers, headers={"Content-Security-Policy": policy})


@embedding.get("/embed/studio")
async def studio(request: Request, components: TheComponents) -> Response:
    """Return the page on which the elements are tried on the catalogue, and their markup is copied."""
    language = language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    document = components.front.documents.render("studio", language, root="../")
    return document_response(document, request.headers, headers={"Content-Security-Policy": STUDIO_POLICY})
