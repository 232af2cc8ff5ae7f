"""What one running service consists of, from start to end: encoder, catalogue, queue, uploads. Knows no route."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from app.batcher import Answered, MicroBatcher
from app.engine import Ask, Encoder, Engine, Job, Kind, Outcome, Serving
from app.errors import REPLACED, DeadlineError, InvalidError, UnavailableError
from app.evaluation import Evaluations
from app.schemas import ClassifyRequest, Condition, Ready, SearchRequest
from app.settings import Settings
from app.uploads import Uploads
from common import ArtefactError, InputError, NotFoundError, OverloadedError
from index.catalogue import Catalogue
from index.search import SearchIndex, Want
from models.encoder import load_encoder

logger = logging.getLogger("vitrine.app")

CANARY = "red dress"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors of texts (B, D) and of pictures (B, D), and what made them."""

    serving: Serving
    texts: np.ndarray
    images: np.ndarray


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with probability and cosine, best first, and the encoder that judged."""

    encoder_id: str
    ranking: list[tuple[str, float, float]]


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
        self.serving = Serving(self.encoder, self.index)
        self.uploads = Uploads(lambda image: self.serving.encoder.prepare_image(image), settings)
        self.evaluations = Evaluations(self.index)
        self.batcher: MicroBatcher[Job, Outcome] = MicroBatcher(
            Engine(lambda: self.serving, settings.text_cache).answer,
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

    async def search(self, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Answered[Outcome]:
        """Return what a search found.

        Raises:
            InputError: a filter or facet that no product has, products or a vector that cannot be used.
            VitrineError: as `MicroBatcher.submit`.
        """
        job = search_job(self.serving, kind, fields, pixels)
        return await self.batcher.submit(job, cost=job.cost)

    async def search_many(
        self, kind: Kind, queries: Sequence[tuple[SearchRequest, np.ndarray | None] | InputError]
    ) -> list[Answered[Outcome] | Exception]:
        """Return what each of several searches found, or why it failed.

        Raises:
            OverloadedError, DeadlineError, UnavailableError: as `MicroBatcher.submit`; they concern all.
        """
        answers: dict[int, Answered[Outcome] | Exception] = {}
        jobs: dict[int, Job] = {}
        for number, query in enumerate(queries):
            try:
                if isinstance(query, InputError):
                    raise query
                jobs[number] = search_job(self.serving, kind, *query)
            except InputError as error:
                answers[number] = error
        # A call with many queries waits in line again after every batch: single ones are not held up by it.
        for piece in self._pieces(jobs.items(), lambda item: item[1].cost):
            found = await asyncio.gather(
                *(self.batcher.submit(job, cost=job.cost) for _, job in piece), return_exceptions=True
            )
            for (number, _), answer in zip(piece, found, strict=True):
                if isinstance(answer, (OverloadedError, DeadlineError, UnavailableError)):
                    raise answer
                if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                    raise answer
                answers[number] = answer
        return [answers[number] for number in range(len(queries))]

    async def encode(self, texts: Sequence[str], pixels: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of texts (B, D) and of pictures (B, D) that `prepare_image` made.

        Raises:
            VitrineError: as `MicroBatcher.submit`.
        """
        encoded = await self.encoded(texts, pixels)
        return encoded.texts, encoded.images

    async def encoded(self, texts: Sequence[str], pixels: Sequence[np.ndarray], *, cached: bool = False) -> Encoded:
        """Return the same with the encoder that made them; `cached` is for texts that are likely to come again.

        Raises:
            UnavailableError: the model was replaced in between.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self.serving
        rows: dict[bool, list[np.ndarray]] = {True: [], False: []}
        inputs: list[str | np.ndarray] = [*texts, *pixels]
        for piece in self._pieces(inputs, lambda _: 1):
            job = Job(
                tuple(one for one in piece if isinstance(one, str)),
                tuple(one for one in piece if not isinstance(one, str)),
                cached=cached,
            )
            outcome = (await self.batcher.submit(job, cost=job.cost)).result
            if outcome.serving.encoder is not serving.encoder:
                raise UnavailableError(REPLACED)
            rows[True].append(outcome.texts)
            rows[False].append(outcome.images)
        nothing = np.empty((0, serving.encoder.dim), dtype=np.float32)
        return Encoded(serving, *(np.concatenate([nothing, *rows[text]]) for text in (True, False)))

    async def classify(self, fields: ClassifyRequest, pixels: np.ndarray | None) -> Classified:
        """Return how well each label fits a picture, or that of a product.

        Raises:
            InvalidError: there is no such product.
            UnavailableError: the model was replaced in between.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self.serving
        known = product_vectors(serving.index, "product_id", [] if fields.product_id is None else [fields.product_id])
        # The same labels are likely to be asked of many pictures.
        encoded = await self.encoded(fields.prompts(), [] if pixels is None else [pixels], cached=True)
        if encoded.serving.encoder is not serving.encoder:
            raise UnavailableError(REPLACED)
        picture = np.concatenate([encoded.images, known])[0]
        labels = encoded.texts.reshape(len(fields.labels), len(fields.templates), -1).mean(axis=1)
        labels /= np.maximum(np.linalg.norm(labels, axis=1, keepdims=True), 1e-6)
        scores = labels @ picture
        logits = serving.encoder.logit_scale * scores.astype(np.float64)
        powers = np.exp(logits - logits.max())
        order = np.argsort(-scores, kind="stable")
        probabilities = powers / powers.sum()
        return Classified(
            serving.encoder.encoder_id,
            [(fields.labels[at], float(probabilities[at]), float(scores[at])) for at in order],
        )

    def facets(
        self, names: Sequence[str], conditions: Mapping[str, Condition]
    ) -> tuple[dict[str, dict[str, int]], int | None, int]:
        """Return the counts per attribute (all without `names`), how many products pass, and the catalogue's version.

        Raises:
            InputError: an attribute that no product has.
        """
        encoder, index = self.serving.encoder, self.serving.index
        filters = {name: condition.as_filter() for name, condition in conditions.items()}
        wanted = tuple(dict.fromkeys(names))
        want = Want(k=1, filters=filters, facets=wanted)
        index.check(want)
        anything = np.full((1, encoder.dim), encoder.dim**-0.5, dtype=np.float32)
        total = index.images(anything, [replace(want, facets=())])[0].total
        return index.facets(filters, wanted or None), total, index.version

    def _pieces(self, items: Iterable[T], cost: Callable[[T], int]) -> Iterator[list[T]]:
        """Yield `items` in pieces of at most as many inputs as fit into a batch, at least one item each."""
        room = limit = min(self.settings.max_batch, self.settings.queue_limit)
        piece: list[T] = []
        for item in items:
            if piece and cost(item) > room:
                yield piece
                piece, room = [], limit
            piece.append(item)
            room -= cost(item)
        if piece:
            yield piece

    async def ready(self) -> Ready:
        """Send a query the whole way, as a caller's would go.

        Raises:
            UnavailableError: with the reason, when it does not come back as it should.
        """
        start = time.perf_counter()
        limit = self.settings.ready_timeout_s
        try:
            # Never from the cache: the encoder is what is to be seen at work.
            job = Job((CANARY,), ask=Ask("images", Want(k=1)), cached=False)
            page = (await self.batcher.submit(job, deadline_s=limit)).result.page
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
        if len(self.index) and not (page and page.hits):
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


def search_job(serving: Serving, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Job:
    """Return the job that answers a search.

    Raises:
        InputError: a filter or facet on an attribute that no product has.
        InvalidError: products that are not there, or a vector that is none of this model.
    """
    want = fields.want() if kind == "images" else replace(fields.want(), exclude=frozenset(), collapse=None)
    serving.index.check(want)
    for name, ids in (("like", fields.like), ("unlike", fields.unlike)):
        product_vectors(serving.index, name, ids)
    ask = Ask(
        kind,
        want,
        tuple(fields.like),
        tuple(fields.unlike),
        None if fields.vector is None else unit_vector(fields.vector, serving.encoder.dim),
        fields.weights.by_part(),
    )
    return Job(
        () if fields.text is None else (fields.text,),
        () if pixels is None else (pixels,),
        ask,
    )


def product_vectors(index: SearchIndex, field: str, ids: Sequence[str]) -> np.ndarray:
    """Return the image vectors (len(ids), D) of the products that a field of a request names.

    Raises:
        InvalidError: there are no such products; unlike a path, a body with them was understood and is not usable.
    """
    try:
        return index.vectors(ids)
    except NotFoundError as error:
        raise InvalidError(f"{field}: {error}", [{"field": field, "message": str(error)}]) from None


def unit_vector(values: Sequence[float], dim: int) -> np.ndarray:
    """Return `values` as a vector (D,) of unit length.

    Raises:
        InvalidError: another length, or nothing but zeros.
    """
    vector = np.asarray(values, dtype=np.float64)
    problem = None
    if len(vector) != dim:
        problem = f"vector has {len(vector)} values; this model's have {dim}: see /v1/embeddings"
    elif not vector.any():
        problem = "vector has nothing but zeros, which has no direction; send one that has"
    if problem:
        raise InvalidError(problem, [{"field": "vector", "message": problem}])
    vector /= np.abs(vector).max()  # lengths beyond float range neither overflow nor vanish
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
