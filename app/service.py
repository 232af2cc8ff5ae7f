"""What one running service consists of, from start to end: encoder, catalogue, queue, uploads. Knows no route."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import numpy as np

from app.batcher import Answered, MicroBatcher
from app.engine import Encoder, Engine, Found, Job, Kind
from app.errors import DeadlineError, UnavailableError
from app.evaluation import Evaluations
from app.schemas import Ready, SearchRequest
from app.settings import Settings
from app.telemetry import Telemetry
from app.uploads import Uploads
from common import ArtefactError, OverloadedError
from index.catalogue import Catalogue
from index.search import SearchIndex, Want
from models.encoder import load_encoder

logger = logging.getLogger("vitrine.app")

CANARY = "red dress"


class Service:
    """Opens checkpoint and catalogue, and refuses when they do not belong together.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: the device does not exist here.
    """

    def __init__(self, settings: Settings, encoder: Encoder | None = None) -> None:
        self.settings = settings
        self.encoder: Encoder = encoder or load_encoder(settings.checkpoint, settings.device)
        self.catalogue = Catalogue.open(settings.catalogue, encoder_id=self.encoder.encoder_id)
        try:
            snapshot = self.catalogue.snapshot()
            if snapshot.info.dim != self.encoder.dim:
                raise ArtefactError(
                    f"the catalogue has vectors of {snapshot.info.dim} values, the checkpoint makes"
                    f" {self.encoder.dim}; make the catalogue anew with `vitrine index`"
                )
        except BaseException:
            self.catalogue.close()
            raise
        self.index = SearchIndex(snapshot)
        self.telemetry = Telemetry()
        self.uploads = Uploads(self.encoder.prepare_image, settings, self.telemetry)
        self.evaluations = Evaluations(self.index, self.telemetry)
        self.engine = Engine(self.encoder, self.index)
        self.batcher: MicroBatcher[Job, Found] = MicroBatcher(
            self._answer,
            max_batch=settings.max_batch,
            queue_limit=settings.queue_limit,
            deadline_s=settings.deadline_s,
        )
        self.measure()

    def start(self) -> None:
        """Start the worker on the running event loop."""
        self.batcher.start()

    async def close(self) -> None:
        """Finish what was accepted, then let go of threads and files."""
        await self.batcher.close()
        self.uploads.close()
        self.catalogue.close()

    def measure(self) -> None:
        """Take down what is served and how it stands now."""
        self.telemetry.queue(self.batcher.waiting)
        self.telemetry.catalogue(self.index.version, len(self.index))
        self.telemetry.build(self.encoder.encoder_id)
        self.telemetry.memory()

    async def reload(self) -> None:
        """Stub: serve the artefacts as they are on disk now."""

    def _answer(self, jobs: Sequence[Job]) -> list[Found]:
        self.telemetry.batch(len(jobs))
        return self.engine.answer(jobs)

    async def search(self, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Answered[Found]:
        """Return what a search found.

        Raises:
            InputError: a filter on an attribute that no product has.
            VitrineError: as `MicroBatcher.submit`.
        """
        want = Want(fields.k, fields.offset, fields.filters)
        self.index.check(want)
        answered = await self.batcher.submit(Job(kind, want, fields.text, pixels, fields.text_weight))
        self.telemetry.observe_stage("queue", answered.queued_s)
        self.telemetry.observe_stage("encode", answered.result.encode_s)
        self.telemetry.observe_stage("search", answered.result.search_s)
        return answered

    async def ready(self) -> Ready:
        """Send a query the whole way, as a caller's would go.

        Raises:
            UnavailableError: with the reason, when it does not come back as it should.
        """
        start = time.perf_counter()
        limit = self.settings.ready_timeout_s
        try:
            found = await self.batcher.submit(Job("images", Want(k=1), CANARY), deadline_s=limit)
            async with asyncio.timeout(limit):
                on_disk = await asyncio.to_thread(self.catalogue.version)
        except TimeoutError:
            raise UnavailableError(f"not ready: the catalogue did not answer within {limit:g} s") from None
        except (OverloadedError, DeadlineError, UnavailableError) as error:
            raise UnavailableError(f"not ready: {error}") from error
        except Exception as error:
            # The reason may name folders, which are nobody's business out there.
            logger.exception("not ready")
            raise UnavailableError("not ready: encoding, searching or reading fails; the log has the reason") from error
        if len(self.index) and not found.result.page.hits:
            raise UnavailableError("not ready: a search for anything finds nothing")
        if on_disk != self.index.version:
            raise UnavailableError(
                f"not ready: the catalogue stands at change {on_disk}, the service at {self.index.version}; restart it"
            )
        return Ready(
            encoder_id=self.encoder.encoder_id,
            catalogue_version=self.index.version,
            products=len(self.index),
            device=self.encoder.device,
            took_ms=round(1000 * (time.perf_counter() - start), 2),
        )
