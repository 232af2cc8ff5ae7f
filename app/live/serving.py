"""What is being served and how it changes: encoder, catalogue, index; edits, other processes' edits, reloads.

One at a time makes changes: the editing thread, or a reload. Readers take `serving` once and see one state of it. Knows
no queries and no HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from app.errors import REPLACED, ReloadError, UnavailableError
from app.live.private import make_private
from app.query import Encoder, MicroBatcher, QueuedJob, Serving
from app.settings import Settings
from app.telemetry import Telemetry
from common import ArtefactError, InputError, ReplacedError, VitrineError
from index import (
    LANGUAGES,
    Delete,
    Languages,
    Put,
    SearchQuery,
    Store,
    Written,
    measured,
    open_catalogue,
    open_search,
    refresh,
)
from models import encoder_id, load_encoder

logger = logging.getLogger("vitrine.app")

CANARY = "red dress"
FOLLOW_S = 0.2
"""How often to look for what other processes have changed, in seconds."""
AFTER_FAILURE_S = 5.0
"""The same after something could not be taken over."""
MAX_EDITS = 256
"""Edits that share a transaction, and so one wait for the disk, at most."""
RELOAD_S = 120.0
"""Longest that a reload waits for the edits before it, in seconds."""

WriteResult = list[Written | InputError]


@dataclass(slots=True, eq=False)
class Edits(QueuedJob[WriteResult]):
    """Changes to make together, with vectors of `encoder`; none at all: only see what others have changed."""

    encoder: Encoder
    edits: tuple[Put | Delete, ...] = ()

    @property
    def cost(self) -> int:
        """How many changes there are."""
        return max(1, len(self.edits))


@dataclass(frozen=True, slots=True)
class LoadedArtefacts:
    """Artefacts that were opened beside those being served, and found good."""

    catalogue: Store
    serving: Serving


class ServingState:
    """Opens checkpoint and catalogue, refuses when they do not belong together, and keeps up with their changes.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: the device does not exist here.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry, encoder: Encoder | None = None) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._given = encoder
        opened = self._open(None)
        self.catalogue = opened.catalogue
        self.serving = opened.serving
        self._replaced = 0  # how often other artefacts were served
        self._before: Store | None = None  # who was just reading it may finish
        self._changing = threading.Lock()  # held by the one who sets `catalogue` and `serving`
        self._closed = False
        self._editor: MicroBatcher[Edits, WriteResult] = MicroBatcher(
            self._write,
            name="vitrine-edit",
            max_batch=MAX_EDITS,
            queue_limit=4 * MAX_EDITS,
            deadline_s=settings.deadline_s,
        )
        self._following: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the editing thread on the running event loop, and begin to look out for the changes of others."""
        self._editor.start()
        self._following = asyncio.create_task(self._follow(), name="follow the catalogue")

    async def close(self) -> None:
        """Finish the edits that were accepted, then close the files."""
        for task in (self._following, self._reloading):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
        await self._editor.close()
        self._closed = True
        for catalogue in (self.catalogue, self._before):
            if catalogue is not None:
                catalogue.close()

    def state(self) -> tuple[Hashable, int]:
        """Return what tells the catalogue that is served from another in its place, and its version."""
        # Not by `id`: that of a catalogue that is gone may be the next one's.
        return self._replaced, self.serving.index.version

    async def apply(self, encoder: Encoder, edits: Sequence[Put | Delete]) -> WriteResult:
        """Make changes together; when this returns they are on the disk, and found by every search that begins now.

        Raises:
            InputError: an entry that cannot be stored; nothing is changed.
            ReadOnlyError: the catalogue cannot be written here.
            ReplacedError: another catalogue or encoder is served now, or about to be; nothing is changed.
            VitrineError: as `MicroBatcher.submit`.
        """
        with self._telemetry.stage("write"):
            return await self._editor.submit(Edits(encoder, tuple(edits)))

    def replace(self, opened: LoadedArtefacts) -> None:
        """Serve other artefacts from now on; edits with vectors of another encoder are refused from now on.

        Raises:
            UnavailableError: an edit does not end, or the service is closed.
        """
        if not self._changing.acquire(timeout=RELOAD_S):
            opened.catalogue.close()
            raise UnavailableError(f"an edit before it has not ended within {RELOAD_S:g} s")
        try:
            if self._closed:  # a reload goes on in its thread when its task is cancelled
                opened.catalogue.close()
                raise UnavailableError("the service is shutting down")
            if self._before is not None:
                self._before.close()
            self._before, self.catalogue, self.serving = self.catalogue, opened.catalogue, opened.serving
            self._replaced += 1
            self._refresh()
        finally:
            self._changing.release()

    async def catch_up(self, deadline_s: float) -> None:
        """Take over what others have changed.

        Raises:
            VitrineError: it could not be, within `deadline_s` seconds.
        """
        await self._editor.submit(Edits(self.serving.encoder), deadline_s=deadline_s)

    async def reload(self) -> None:
        """Open checkpoint and catalogue again, try them, and serve them; several calls at once share one reload.

        What was served before is served until then, and on when the new ones are not good.

        Raises:
            ReloadError: why they are not.
        """
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload(), name="reload")
        await asyncio.shield(self._reloading)

    async def _reload(self) -> None:
        try:
            opened = await asyncio.to_thread(self._open, self.serving.encoder)
            await asyncio.to_thread(self.replace, opened)
        except VitrineError as error:
            self._telemetry.reloaded(False)
            raise ReloadError(f"what was served before is served on: {error}") from error
        self._telemetry.reloaded(True)
        index = self.serving.index
        logger.info(
            "the artefacts are reloaded: %d products at version %d, encoder %s",
            len(index),
            index.version,
            index.encoder_id,
        )

    def _open(self, current: Encoder | None) -> LoadedArtefacts:
        """Open checkpoint and catalogue, and search once; the encoder that is at work is not loaded again."""
        folder = self._settings.checkpoint
        encoder = self._given or current
        if self._given is None and (current is None or _encoder_id(self._settings) != current.encoder_id):
            encoder = load_encoder(folder, self._settings.device, self._settings.runtime)
        assert encoder is not None  # noqa: S101 - one of the three
        catalogue = open_catalogue(self._settings.catalogue, encoder_id=encoder.encoder_id, writable=True)
        try:
            if catalogue.info.dim != encoder.dim:
                raise ArtefactError(
                    f"the catalogue has vectors of {catalogue.info.dim} values, the checkpoint makes {encoder.dim};"
                    " make the catalogue again with `vitrine index`"
                )
            index = open_search(catalogue, Languages.of_folder(self._settings.lexicons))
            for language in LANGUAGES:
                index.understand(CANARY, language)  # the first text of a language takes the time to learn its words
            index.suggest(CANARY)  # so does the first completion
            if current is not None:
                query, _ = encoder.encode_counted([CANARY])
                if not np.isfinite(query).all() or (
                    len(index) and not index.search("images", query, [SearchQuery(k=1)])[0].hits
                ):
                    raise ArtefactError("a search for anything finds nothing; check checkpoint and catalogue")
        except BaseException:
            catalogue.close()
            raise
        make_private(self._settings)
        return LoadedArtefacts(catalogue, Serving(encoder, index))

    async def _follow(self) -> None:
        """Take over the changes that other processes make, and catalogues that take the place of this one."""
        pause = FOLLOW_S
        while True:
            await asyncio.sleep(pause)
            pause = FOLLOW_S
            try:
                self._telemetry.damaged(len(self.catalogue.damaged()))
                await asyncio.to_thread(self.catalogue.tend)
                if await asyncio.to_thread(self.catalogue.replaced):
                    await self.reload()
                elif await asyncio.to_thread(self.catalogue.version) != self.serving.index.version:
                    await self.catch_up(self._settings.deadline_s)
            except VitrineError as error:
                logger.error("changes of the catalogue cannot be taken over: %s", error)
                pause = AFTER_FAILURE_S
            except Exception:
                logger.exception("changes of the catalogue cannot be taken over")
                pause = AFTER_FAILURE_S

    def _write(self, jobs: Sequence[Edits]) -> list[WriteResult | Exception]:
        """Make the changes of all jobs in one transaction, and bring the index to the catalogue's newest version.

        The vectors that were just encoded are read back from the store: there is one way into the index, for our own
        edits and for those of other processes.
        """
        with self._changing:
            encoder = self.serving.encoder
            edits = [edit for job in jobs if job.encoder is encoder for edit in job.edits]
            try:
                written = iter(self._written(edits))
            except InputError as error:
                if len(jobs) > 1 or type(error) is not InputError:
                    raise  # several jobs are tried one by one
                written = iter([self._written_alone(edit) for edit in edits])
            self._refresh()
            return [
                [next(written) for _ in job.edits] if job.encoder is encoder else ReplacedError(REPLACED)
                for job in jobs
            ]

    def _written(self, edits: Sequence[Put | Delete]) -> Sequence[Written | InputError]:
        return self.catalogue.write(measured(self.serving.index, edits)) if edits else []

    def _written_alone(self, edit: Put | Delete) -> Written | InputError:
        """Make one edit of a job of which one cannot be stored: the others are."""
        try:
            return self._written([edit])[0]
        except InputError as error:
            return error

    def _refresh(self) -> None:
        fresh = refresh(self.serving.index, self.catalogue)
        if fresh is not self.serving.index:
            self.serving = Serving(self.serving.encoder, fresh)
            self._telemetry.catalogue(fresh.version, len(fresh))


def _encoder_id(settings: Settings) -> str:
    """Return the id of the checkpoint that is there now.

    Raises:
        ArtefactError: there is none, or not all of one.
    """
    try:
        return encoder_id(settings.checkpoint)
    except FileNotFoundError as error:
        raise ArtefactError(f"{error.filename} is missing; copy the whole checkpoint folder") from None
