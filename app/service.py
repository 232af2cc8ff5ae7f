"""What one running service consists of, from start to end: encoder, catalogue, queue, uploads. Knows no route."""

from __future__ import annotations

import asyncio
import logging
import time

import numpy as np

from app.batcher import Answered, MicroBatcher
from app.engine import Encoder, Engine, Found, Job, Kind
from app.errors import DeadlineError, UnavailableError
from app.evaluation import Evaluations
from app.schemas import Ready, SearchRequest
from app.settings import Settings
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
        self.uploads = Uploads(self.encoder.prepare_image, settings)
        self.evaluations = Evaluations(self.index)
        self.batcher: MicroBatcher[Job, Found] = MicroBatcher(
            Engine(self.encoder, self.index).answer,
            max_batch=settings.max_batch,
            queue_limit=settings.queue_limit,
            deadline_s=settings.deadline_s,
        )

    def start(self) -> None:
        """Start the worker on the running event loop."""
        self.batcher.start()

    async def close(self) -> None:
        """Finish what was accepted, then let go of threads and files."""
        await self.batcher.close()
        self.uploads.close()
        self.catalogue.close()

    async def search(self, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Answered[Found]:
        """Return what a search found.

        Raises:
            InputError: a filter on an attribute that no product has.
            VitrineError: as `MicroBatcher.submit`.
        """
        want = Want(fields.k, fields.offset, fields.filters)
        self.index.check(want)
        return await self.batcher.submit(Job(kind, want, fields.text, pixels, fields.text_weight))

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
