"""The application's OpenAPI document: with the models of bodies, and examples that the served catalogue knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic.json_schema import models_json_schema

from app.caller import below
from app.schemas.examples import CatalogueExamples, with_examples
from app.schemas.openapi import REFERENCE, REQUESTS


class DocumentedApp(FastAPI):
    """An application whose OpenAPI document has the models of the bodies that its routes read themselves.

    Where the service is below a path, the document names it as the server of the calls.
    """

    shown_examples: Callable[[], Awaitable[CatalogueExamples | None]] | None = None
    """What examples may speak of now; None where the document is to tell nothing of the catalogue."""
    _told: tuple[CatalogueExamples, dict[str, Any]] | None = None

    def setup(self) -> None:
        """Add the route of the document; the pages about it are ours."""

        async def document(_: Request) -> JSONResponse:
            root, shown = below.get(), await self._with_examples()
            return JSONResponse({**shown, "servers": [{"url": root}]} if root else shown)

        self.add_route("/openapi.json", document, include_in_schema=False)

    async def _with_examples(self) -> dict[str, Any]:
        """Return the document with examples of the served catalogue; made once for each of its versions."""
        examples = None if self.shown_examples is None else await self.shown_examples()
        if examples is None:
            return self.openapi()
        if self._told is None or self._told[0] != examples:
            self._told = examples, await asyncio.to_thread(with_examples, self.openapi(), examples)
        return self._told[1]

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document; made once."""
        made_before = self.openapi_schema is not None
        document = super().openapi()
        if not made_before:
            _, models = models_json_schema([(model, "validation") for model in REQUESTS], ref_template=REFERENCE)
            document["components"]["schemas"].update(models["$defs"])
        return document
