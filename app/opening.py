"""Opens checkpoint and catalogue, and puts together what serves them."""

from __future__ import annotations

import asyncio

from app.front import open_front
from app.http import BodyLimits, Uploads
from app.live import (
    DocumentExamples,
    Editor,
    Evaluations,
    FacetCounts,
    LabelTexts,
    Listing,
    Maps,
    PictureCache,
    ServingState,
    Shared,
    ShownPictures,
    Tagging,
    shared_readiness,
)
from app.query import Encoder, Service
from app.routes import Components
from app.settings import Settings
from app.telemetry import Telemetry
from app.tracing import open_tracing
from index import Database


def open_components(settings: Settings, encoder: Encoder | None = None) -> Components:
    """Open checkpoint and catalogue, and return what serves them; raises as `app.server.create_app`."""
    telemetry = Telemetry()
    telemetry.tracing = open_tracing()
    state = ServingState(settings, telemetry, encoder)
    service = Service(lambda: state.serving, settings, telemetry)
    limits = BodyLimits(
        max_bytes=int(settings.max_upload_mb * 1_000_000),
        max_pixels=settings.max_pixels,
        timeout_s=settings.upload_timeout_s,
        held_bytes=int(settings.upload_memory_mb * 1_000_000),
        slots=settings.upload_slots,
        queue_limit=settings.queue_limit,
        decode_threads=settings.decode_threads,
        decode_bytes=int(settings.decode_memory_mb * 1_000_000),
        deadline_s=settings.deadline_s,
    )
    uploads = Uploads(lambda: state.serving.encoder.image_size, limits, telemetry, service.batcher.crowd)
    facet_counts, listing = FacetCounts(service), Listing(state)
    components = Components(
        settings=settings,
        telemetry=telemetry,
        state=state,
        service=service,
        editor=Editor(service, state),
        uploads=uploads,
        shown=ShownPictures(
            state,
            uploads.pictures.decoders,
            PictureCache(settings.picture_cache, int(settings.picture_cache_mb * 1_000_000)),
            strip=settings.picture_metadata == "strip",
            room=settings.queue_limit,
        ),
        evaluations=Evaluations(settings.catalogue, state.state, telemetry, settings.evaluation_limit_s),
        maps=Maps(settings.catalogue),
        facet_counts=facet_counts,
        label_texts=LabelTexts(service),
        tagging=Tagging(service, state, remote=isinstance(settings.catalogue, Database)),
        listing=listing,
        examples=DocumentExamples(state, facet_counts, listing),
        readiness=shared_readiness(service, state, settings),
        figures=Shared(lambda: asyncio.to_thread(_figures, components)),
        front=open_front(),
    )
    components.update_gauges()
    return components


def _figures(components: Components) -> bytes:
    components.update_gauges()
    return components.telemetry.text()
