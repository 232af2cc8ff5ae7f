"""What one running service consists of, from start to end: what is live, queue, uploads, figures. Knows no route."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeVar

import numpy as np
from fastapi import Depends, Request

from app.http import REPLACED, DeadlineError, InvalidError, ReloadError, UnavailableError, UploadedPicture, Uploads
from app.live import CANARY, Evaluations, ServingState
from app.query.batcher import Answered, MicroBatcher
from app.query.engine import Ask, Encoder, Engine, Job, Kind, Outcome, Serving
from app.schemas import ClassifyRequest, Condition, Ready, SearchRequest
from app.settings import Settings
from app.telemetry import Telemetry
from common import (
    ConflictError,
    DatabaseUnavailableError,
    InputError,
    NotFoundError,
    OverloadedError,
    ReplacedError,
    VitrineError,
)
from index import Delete, Entry, Product, Put, Search, SearchQuery, Store, Written, open_catalogue

logger = logging.getLogger("vitrine.app")

EDIT_TRIES = 30
"""How often an edit is tried again when the catalogue is replaced under it, or the picture that it is to keep."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors of texts (B, D) and of pictures (B, D), how many tokens the texts had, and what made them."""

    serving: Serving
    texts: np.ndarray
    images: np.ndarray
    tokens: int


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with probability and cosine, best first, and the encoder that judged."""

    encoder_id: str
    ranking: list[tuple[str, float, float]]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one product, as a caller asks for it."""

    id: str
    title: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    picture: UploadedPicture | None = None
    """None: the one that the product has is kept."""
    delete: bool = False
    expected: frozenset[str] | None = None
    """Digests, of which the product must have one before; "*" is any."""
    absent: bool = False
    """Only when there is no such product yet."""

    @property
    def keeps(self) -> bool:
        """Whether the product is to keep its picture."""
        return not self.delete and self.picture is None


class Service:
    """Opens checkpoint and catalogue, and refuses when they do not belong together.

    Raises:
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders (names both).
        ConfigError: the device does not exist here.
    """

    def __init__(self, settings: Settings, encoder: Encoder | None = None) -> None:
        self.settings = settings
        self.telemetry = Telemetry()
        self.live = ServingState(settings, self.telemetry, encoder)
        self.evaluations = Evaluations(settings.catalogue, self.live.state, self.telemetry)
        self._engine = Engine(lambda: self.serving, settings.text_cache)
        self.batcher: MicroBatcher[Job, Outcome] = MicroBatcher(
            self._answer,
            max_batch=settings.max_batch,
            queue_limit=settings.queue_limit,
            deadline_s=settings.deadline_s,
        )
        self.uploads = Uploads(
            lambda image: self.serving.encoder.prepare_image(image),
            settings,
            self.telemetry,
            lambda: self.batcher.waiting,
        )
        self.update_gauges()

    @property
    def serving(self) -> Serving:
        """The encoder and the index of now; taken once, they stay together."""
        return self.live.serving

    @property
    def catalogue(self) -> Store:
        """The catalogue of now."""
        return self.live.catalogue

    def start(self) -> None:
        """Start the workers on the running event loop."""
        self.batcher.start()
        self.live.start()

    async def close(self) -> None:
        """Finish what was accepted, then let go of threads and files."""
        await self.evaluations.close()
        await self.batcher.close()
        await self.live.close()
        self.uploads.close()

    def update_gauges(self) -> None:
        """Take down what is served and how it stands now."""
        serving = self.serving
        self.telemetry.queue(self.batcher.waiting)
        self.telemetry.catalogue(serving.index.version, len(serving.index))
        self.telemetry.build(serving.encoder.encoder_id)
        self.telemetry.memory()

    async def reload(self) -> Ready:
        """Serve the artefacts as they are on disk now; what was served before is served on when they are not good.

        Raises:
            ReloadError: why they are not.
            UnavailableError: they are served, and the service is not ready.
        """
        await self.live.reload()
        return await self.ready()

    def _answer(self, jobs: Sequence[Job]) -> list[Outcome | Exception]:
        hits, misses = self._engine.hits, self._engine.misses
        answers = self._engine.answer(jobs)
        self.telemetry.batch(sum(job.cost for job in jobs))
        self.telemetry.cache(self._engine.hits - hits, self._engine.misses - misses)
        return answers

    async def _submit(self, job: Job) -> Answered[Outcome]:
        """Send a job through the queue, and take down what it took."""
        answered = await self.batcher.submit(job, cost=job.cost)
        self.telemetry.observe_stage("queue", answered.queued_s)
        self.telemetry.observe_stage("encode", answered.result.encode_s)
        if job.ask is not None:
            self.telemetry.observe_stage("search", answered.result.search_s)
        return answered

    async def search(self, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Answered[Outcome]:
        """Return what a search found.

        Raises:
            InputError: a filter or facet that no product has, products or a vector that cannot be used.
            VitrineError: as `MicroBatcher.submit`.
        """
        return await self._submit(await self._job(kind, fields, pixels))

    async def search_many(
        self, kind: Kind, queries: Sequence[tuple[SearchRequest, np.ndarray | None] | InputError]
    ) -> list[Answered[Outcome] | Exception]:
        """Return what each of several searches found, or why it failed.

        Raises:
            OverloadedError, DeadlineError, UnavailableError, DatabaseUnavailableError: as `MicroBatcher.submit`; they
                concern all.
        """
        answers: dict[int, Answered[Outcome] | Exception] = {}
        jobs: dict[int, Job] = {}
        for number, query in enumerate(queries):
            try:
                if isinstance(query, InputError):
                    raise query
                jobs[number] = await self._job(kind, *query)
            except InputError as error:
                answers[number] = error
        # A call with many queries waits in line again after every batch: single ones are not held up by it.
        for piece in self._pieces(jobs.items(), lambda item: item[1].cost):
            found = await asyncio.gather(*(self._submit(job) for _, job in piece), return_exceptions=True)
            for (number, _), answer in zip(piece, found, strict=True):
                if isinstance(answer, (OverloadedError, DeadlineError, UnavailableError, DatabaseUnavailableError)):
                    raise answer
                if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                    raise answer
                answers[number] = answer
        return [answers[number] for number in range(len(queries))]

    async def _job(self, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Job:
        if fields.like or fields.unlike:  # whose vectors a database may be asked for
            return await asyncio.to_thread(search_job, self.serving, kind, fields, pixels)
        return search_job(self.serving, kind, fields, pixels)

    async def encoded(self, texts: Sequence[str], pixels: Sequence[np.ndarray], *, cached: bool = False) -> Encoded:
        """Return the vectors of texts and of pictures that `prepare_image` made, and what made them.

        `cached` is for texts that are likely to come again.

        Raises:
            UnavailableError: the model was replaced in between.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self.serving
        nothing = np.empty((0, serving.encoder.dim), dtype=np.float32)
        of_texts, of_images, tokens = [nothing], [nothing], 0
        inputs: list[str | np.ndarray] = [*texts, *pixels]
        for piece in self._pieces(inputs, lambda _: 1):
            job = Job(
                tuple(one for one in piece if isinstance(one, str)),
                tuple(one for one in piece if not isinstance(one, str)),
                cached=cached,
            )
            outcome = (await self._submit(job)).result
            if outcome.serving.encoder is not serving.encoder:
                raise UnavailableError(REPLACED)
            of_texts.append(outcome.texts)
            of_images.append(outcome.images)
            tokens += outcome.tokens
        return Encoded(serving, np.concatenate(of_texts), np.concatenate(of_images), tokens)

    async def classify(self, fields: ClassifyRequest, pixels: np.ndarray | None) -> Classified:
        """Return how well each label fits a picture, or that of a product.

        Raises:
            InvalidError: there is no such product.
            UnavailableError: the model was replaced in between.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self.serving
        asked = [] if fields.product_id is None else [fields.product_id]
        known = await asyncio.to_thread(product_vectors, serving.index, "product_id", asked)
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
    ) -> tuple[dict[str, dict[str, int]], int, int]:
        """Return the counts per attribute (all without `names`), how many products pass, and the catalogue's version.

        Raises:
            InputError: an attribute that no product has.
        """
        index = self.serving.index
        filters = {name: condition.as_filter() for name, condition in conditions.items()}
        total = index.count(filters)
        return index.facets(filters, tuple(dict.fromkeys(names)) or None), total, index.version

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

    async def edit(self, edits: Sequence[Edit]) -> list[Written | VitrineError]:
        """Put products in, replace them, take them out; return what each came to.

        When this returns, what was written is on the disk, and found by every search that begins now. An edit that
        cannot be made fails alone.

        Raises:
            ReadOnlyError: the catalogue cannot be written here.
            VitrineError: as `MicroBatcher.submit`.
        """
        answers: dict[int, Written | VitrineError] = {}
        for _ in range(EDIT_TRIES):
            left = [number for number in range(len(edits)) if number not in answers]
            try:
                found = await self._edit_once([edits[number] for number in left])
            except ReplacedError:
                await self._follow_replacement()
                continue
            answers.update({n: answer for n, answer in zip(left, found, strict=True) if answer is not None})
            if len(answers) == len(edits):
                return [answers[number] for number in range(len(edits))]
        raise OverloadedError("others are changing the same all the time; send it again in a second")

    async def _edit_once(self, edits: Sequence[Edit]) -> list[Written | VitrineError | None]:
        """Try to make edits; None for one whose picture was to be kept, and was replaced meanwhile."""
        catalogue, rule = self.catalogue, self.catalogue.info.split
        kept: dict[int, tuple[Entry, str]] = {}
        answers: dict[int, Written | VitrineError | None] = {}
        for number, edit in enumerate(edits):
            if edit.keeps:
                try:
                    entry, digest = kept[number] = await asyncio.to_thread(catalogue.entry, edit.id)
                    if edit.expected is not None and not edit.expected & {digest, "*"}:
                        raise ConflictError(f"product {edit.id!r} has changed since you read it: it is now {digest}")
                    if edit.absent:
                        raise ConflictError(f"product {edit.id!r} exists already; send it without If-None-Match")
                except NotFoundError:
                    problem = f"product {edit.id!r} is new, and a new product needs a picture; send it with one"
                    answers[number] = InvalidError(problem, [{"field": "image", "message": "missing"}])
                except ConflictError as error:
                    answers[number] = error
        puts = [n for n, edit in enumerate(edits) if not edit.delete and n not in answers]
        pictures = {n: picture for n in puts if (picture := edits[n].picture) is not None}
        encoded = await self.encoded([edits[n].title for n in puts], [picture.pixels for picture in pictures.values()])
        texts = dict(zip(puts, encoded.texts, strict=True))
        images = dict(zip(pictures, encoded.images, strict=True))
        changes: dict[int, Put | Delete] = {}
        for number, edit in enumerate(edits):
            if number in answers:
                continue
            if edit.delete:
                changes[number] = Delete(edit.id, edit.expected)
                continue
            product = Product(edit.id, edit.title, edit.attributes, rule.of(edit.title))
            if number in kept:
                entry, digest = kept[number]
                entry = Entry(product, entry.image, entry.image_vector, texts[number])
                changes[number] = Put(entry, frozenset({digest}))
            else:
                entry = Entry(product, pictures[number].data, images[number], texts[number])
                changes[number] = Put(entry, edit.expected, edit.absent)
        if changes:
            outcomes = await self.live.write(encoded.serving.encoder, list(changes.values()))
            for number, outcome in zip(changes, outcomes, strict=True):
                answers[number] = None if number in kept and isinstance(outcome, ConflictError) else outcome
        return [answers[number] for number in range(len(edits))]

    async def _follow_replacement(self) -> None:
        """Serve the catalogue that has taken this one's place, before an edit is made in it.

        Raises:
            UnavailableError: it cannot be served; the log says why.
        """
        try:
            await self.live.reload()
        except ReloadError as error:
            logger.error("a change is refused: %s", error)
            raise UnavailableError(
                "the catalogue was replaced by one that cannot be served here; nothing can be changed for now"
            ) from error

    async def ready(self) -> Ready:
        """Send a query the whole way, as a caller's would go, and see that catalogue and index are one.

        Raises:
            UnavailableError: with the reason, when it does not come back as it should.
        """
        start = time.perf_counter()
        limit = self.settings.ready_timeout_s
        try:
            # Never from the cache: the encoder is what is to be seen at work.
            job = Job((CANARY,), ask=Ask("images", SearchQuery(k=1)), cached=False)
            outcome = (await self.batcher.submit(job, deadline_s=limit)).result
            await self.live.catch_up(limit)
            async with asyncio.timeout(limit):
                await asyncio.to_thread(self._check_catalogue)
        except TimeoutError:
            raise UnavailableError(f"not ready: the catalogue did not answer within {limit:g} s") from None
        except (OverloadedError, DeadlineError, UnavailableError) as error:
            raise UnavailableError(f"not ready: {error}") from error
        except Exception as error:
            # The reason may name folders, which are nobody's business out there.
            logger.exception("not ready")
            raise UnavailableError("not ready: encoding, searching or reading fails; the log has the reason") from error
        index = outcome.serving.index
        if len(index) and not (outcome.page and outcome.page.hits):
            raise UnavailableError("not ready: a search for anything finds nothing")
        return Ready(
            encoder_id=outcome.serving.encoder.encoder_id,
            catalogue_version=index.version,
            products=len(index),
            device=outcome.serving.encoder.device,
            took_ms=round(1000 * (time.perf_counter() - start), 2),
        )

    def _check_catalogue(self) -> None:
        """Read the catalogue that is being served, and see that the one in place can be: it may be another by now.

        Raises:
            UnavailableError: it was made by another encoder.
            ArtefactError: it is missing or damaged.
        """
        self.catalogue.version()
        ours = self.serving.encoder.encoder_id
        with open_catalogue(self.settings.catalogue) as there:
            if there.info.encoder_id != ours:
                raise UnavailableError(
                    f"the catalogue in place was made by encoder {there.info.encoder_id}, the service runs {ours}"
                )


async def get_service(request: Request) -> Service:
    """Return the service that the application of a request runs.

    A coroutine, since the framework calls a plain function in a thread: a detour that a refusal would wait for, too.
    """
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(get_service)]


def search_job(serving: Serving, kind: Kind, fields: SearchRequest, pixels: np.ndarray | None) -> Job:
    """Return the job that answers a search.

    Raises:
        InputError: a filter or facet on an attribute that no product has.
        InvalidError: products that are not there, or a vector that is none of this model.
    """
    want = fields.want() if kind == "images" else replace(fields.want(), exclude=frozenset(), collapse=None)
    serving.index.check(want)
    for name, ids in (("like", fields.like), ("unlike", fields.unlike)):
        if ids:
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


def product_vectors(index: Search, field: str, ids: Sequence[str]) -> np.ndarray:
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
