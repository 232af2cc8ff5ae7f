"""What a running application consists of, for the routes that use it. Put together in `app.server`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.caller import caller
from app.front import Front
from app.http import Uploads
from app.live import (
    DocumentExamples,
    Editor,
    Evaluations,
    FacetCounts,
    LabelTexts,
    Listing,
    Maps,
    Readiness,
    ServingState,
    Shared,
    ShownPictures,
    Tagging,
)
from app.query import Service
from app.schemas import CatalogueExamples, ranked
from app.settings import Settings
from app.telemetry import Telemetry

MANY_VALUES = 20
"""Values from which on an attribute is a later choice for an example."""


@dataclass(frozen=True, slots=True)
class Components:
    """One of each kind."""

    settings: Settings
    telemetry: Telemetry
    state: ServingState
    service: Service
    editor: Editor
    uploads: Uploads
    shown: ShownPictures
    evaluations: Evaluations
    maps: Maps
    facet_counts: FacetCounts
    label_texts: LabelTexts
    tagging: Tagging
    listing: Listing
    examples: DocumentExamples
    readiness: Shared[Readiness]
    """Whether it answers now, or did a moment ago."""
    figures: Shared[bytes]
    """What it counts and measures of itself, as Prometheus reads it."""
    front: Front

    def start(self) -> None:
        """Start the workers on the running event loop."""
        self.service.start()
        self.state.start()

    async def close(self) -> None:
        """Finish what was accepted, then end the threads and close the files."""
        await self.evaluations.close()
        await self.service.close()
        await self.state.close()
        self.maps.close()
        self.uploads.close()
        if self.telemetry.tracing is not None:
            await asyncio.to_thread(self.telemetry.tracing.close)

    def update_gauges(self) -> None:
        """Record what is served and how much waits now."""
        serving = self.state.serving
        self.telemetry.queue(self.service.batcher.waiting)
        self.telemetry.catalogue(serving.index.version, len(serving.index))
        self.telemetry.build(serving.encoder.encoder_id)
        self.telemetry.memory()

    async def catalogue_examples(self) -> CatalogueExamples | None:
        """Return what the examples of the document may speak of; None where that cannot be had now."""
        shown = await self.examples.of(caller.get())
        return None if shown is None else CatalogueExamples(shown.ids, shown.title, ranked(shown.facets, MANY_VALUES))

    async def reload(self) -> Readiness:
        """Serve the artefacts as they are on disk now; what was served before is served on when they are not good.

        Raises:
            ReloadError: why they are not.
            UnavailableError: they are served, and the service is not ready.
        """
        await self.state.reload()
        return await self.readiness.renewed()


async def components_of(request: Request) -> Components:
    """Return the components of the application that a request came to.

    A coroutine, since the framework calls a plain function in a thread: a detour that a refusal would wait for, too.
    """
    components: Components = request.app.state.components
    return components


TheComponents = Annotated[Components, Depends(components_of)]
