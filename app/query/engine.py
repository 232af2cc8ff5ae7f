"""From a batch of jobs to vectors and pages: checks, encodes, blends, searches. Knows no HTTP and no queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from threading import BoundedSemaphore

import numpy as np
from cachetools import LRUCache
from PIL import Image

from app.errors import REPLACED, InvalidError, UnavailableError
from app.query.jobs import Encoder, Job, JobResult, Part, Serving
from app.telemetry import Telemetry
from common import InputError, VitrineError
from index import SIDES, DescriptionHit, Hit, LikeVectors, Page, UnknownProductError

SEARCH_THREADS = 4
"""Searches at a time in a catalogue that is a database."""
SEARCHES_AHEAD = 32
"""Searches that a database may owe before the encoder waits for it: behind a slow one, work must not pile up."""

Text = tuple[np.ndarray, int]
"""Vector (D,) and number of tokens."""
AnyPage = Page[Hit] | Page[DescriptionHit]


class Engine:
    """Answers batches of jobs with one call per tower and one search per side; used by one thread at a time.

    The state of encoder and index is read once per batch, so that all of a batch sees the same one.

    Args:
        serving: returns the encoder and the index of now.
        text_cache: texts whose vectors are kept.
        telemetry: where sizes of batches and hits of the cache are counted.
        remote: whether the catalogue is a database. Then the thread that encodes does not wait for searches: a few
            others do, and a job is answered with a future.
    """

    def __init__(
        self, serving: Callable[[], Serving], text_cache: int, telemetry: Telemetry, *, remote: bool = False
    ) -> None:
        self._serving = serving
        self._telemetry = telemetry
        self._cache: LRUCache[str, Text] = LRUCache(text_cache)
        self._encoder: Encoder | None = None
        self._shape: tuple[int, ...] = ()
        self._pool = ThreadPoolExecutor(SEARCH_THREADS, thread_name_prefix="vitrine-search") if remote else None
        self._ahead = BoundedSemaphore(SEARCHES_AHEAD)

    def answer(self, jobs: Sequence[Job]) -> list[JobResult | Exception | Future[JobResult]]:
        """Return the result of each job, in their order; a job that cannot be answered has the reason for it."""
        serving = self._serving()
        results, queries, refused = self._encode_all(jobs, serving)
        answers: dict[int, JobResult | Exception | Future[JobResult]] = {**results, **refused}
        if self._pool is not None:
            for at, query in queries.items():
                answers[at] = self._search_beside(self._pool, jobs[at], results[at], query)
        else:
            start = time.perf_counter()
            for side in SIDES:
                asked = {at: wanted for at in queries if jobs[at].side == side and (wanted := jobs[at].query)}
                if asked:
                    vectors = np.stack([queries[at] for at in asked])
                    pages: Sequence[AnyPage] = serving.index.search(side, vectors, list(asked.values()))
                    for at, page in zip(asked, pages, strict=True):
                        results[at].page = page
            search_s = time.perf_counter() - start
            for at in queries:
                results[at].search_s = search_s
        self._telemetry.batch(sum(job.cost for job in jobs))
        return [answers[at] for at in range(len(jobs))]

    def close(self) -> None:
        """Wait for the searches that still go on."""
        if self._pool is not None:
            self._pool.shutdown()

    def _encode_all(
        self, jobs: Sequence[Job], serving: Serving
    ) -> tuple[dict[int, JobResult], dict[int, np.ndarray], dict[int, Exception]]:
        """Return by place in `jobs`: results with vectors, vectors (D,) to search with, and why a job is refused.

        What can be refused without a vector is refused first: a bad job costs the encoder nothing.
        """
        start = time.perf_counter()
        self._reset_for(serving.encoder)
        refused: dict[int, Exception] = {}
        liked: dict[int, LikeVectors | None] = {}
        for at, job in enumerate(jobs):
            try:
                liked[at] = self._check(job, serving)
            except VitrineError as error:
                refused[at] = error
        results = self._encode({at: jobs[at] for at in liked}, serving)
        queries: dict[int, np.ndarray] = {}
        for at, like in liked.items():
            if like is not None:
                try:
                    queries[at] = blend(jobs[at], results[at], like)
                except InputError as error:
                    refused[at] = error
        encode_s = time.perf_counter() - start
        for at, result in results.items():
            result.queued_s, result.encode_s = start - jobs[at].submitted, encode_s
        return results, queries, refused

    def _check(self, job: Job, serving: Serving) -> LikeVectors | None:
        """Return the vectors of the products that a search names; None for a job that searches nothing.

        A database is asked for them here, in the encoder's thread: one short round trip, and only for such queries.

        Raises:
            UnavailableError: it was made for another encoder.
            InvalidError: there are no such products. In a path that would be 404, but a body was understood.
            InputError: a filter or facet on an attribute that no product has.
        """
        foreign = any(pixels.shape != self._shape for pixels in job.pixels)
        if foreign or (job.vector is not None and len(job.vector) != serving.encoder.dim):
            raise UnavailableError(REPLACED)
        if job.query is None:
            return None
        try:
            return serving.index.check(job.query)
        except UnknownProductError as error:
            raise InvalidError(f"{error.field}: {error}", [{"field": error.field, "message": str(error)}]) from None

    def _encode(self, jobs: Mapping[int, Job], serving: Serving) -> dict[int, JobResult]:
        """Return the vectors of each job: one call of each tower for all of them."""
        texts, tokens = self._texts(list(jobs.values()))
        pixels = [one for job in jobs.values() for one in job.pixels]
        images = serving.encoder.encode_pixels(np.stack(pixels)) if pixels else stack_rows((), serving.encoder.dim)
        of_texts = [len(job.texts) for job in jobs.values()]
        cut = zip(
            split_rows(texts, of_texts),
            split_rows(images, [len(job.pixels) for job in jobs.values()]),
            split_rows(tokens, of_texts),
            strict=True,
        )
        return {
            at: JobResult(serving, text, image, int(read.sum()))
            for at, (text, image, read) in zip(jobs, cut, strict=True)
        }

    def _reset_for(self, encoder: Encoder) -> None:
        """Forget what belongs to another encoder."""
        if encoder is not self._encoder:
            self._cache.clear()
            self._shape = encoder.prepare_image(Image.new("RGB", (8, 8))).shape
            self._encoder = encoder

    def _texts(self, jobs: Sequence[Job]) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors and numbers of tokens of all texts, in order; each distinct one is encoded once."""
        assert self._encoder is not None  # noqa: S101 - set by `_reset_for`
        known: dict[tuple[str, bool], Text] = {}
        for job in jobs:
            for text in job.texts:
                found = self._cache.get(text) if job.cached else None
                if found is not None:
                    known[text, job.cached] = found
        keys = [(text, job.cached) for job in jobs for text in job.texts]
        missing = list(dict.fromkeys(key for key in keys if key not in known))
        asked = sum(cached for _, cached in keys)
        hits = sum(cached and (text, cached) in known for text, cached in keys)
        self._telemetry.cache(hits, asked - hits)
        if missing:
            encoded = self._encoder.encode_counted([text for text, _ in missing])
            for (text, cached), vector, tokens in zip(missing, *encoded, strict=True):
                known[text, cached] = vector, int(tokens)
                if cached and self._cache.maxsize:
                    self._cache[text] = vector.copy(), int(tokens)  # a row would keep the whole batch alive
        vectors = stack_rows((known[key][0] for key in keys), self._encoder.dim)
        return vectors, np.array([known[key][1] for key in keys], dtype=np.int64)

    def _search_beside(
        self, pool: ThreadPoolExecutor, job: Job, result: JobResult, query: np.ndarray
    ) -> Future[JobResult]:
        """Search in another thread; waits for its turn when too many searches are owed."""

        def search() -> JobResult:
            start = time.perf_counter()
            assert job.query is not None  # noqa: S101 - `_encode_all` gives vectors of searches only
            (result.page,) = result.serving.index.search(job.side, query[None], [job.query])
            result.search_s = time.perf_counter() - start
            return result

        self._ahead.acquire()
        future = pool.submit(search)
        future.add_done_callback(lambda _: self._ahead.release())
        return future


def blend(job: Job, encoded: JobResult, liked: LikeVectors) -> np.ndarray:
    """Return the query (D,): the normalised sum of its parts' unit vectors by weight, what is unlike it negative.

    Several vectors of one part count as their normalised mean (Rocchio).

    Raises:
        InputError: the parts cancel each other out.
    """
    parts: dict[Part, np.ndarray] = {
        "text": encoded.texts,
        "image": encoded.images,
        "like": liked.like,
        "unlike": liked.unlike,
    }
    if job.vector is not None:
        parts["vector"] = job.vector[None]
    query = np.zeros(encoded.serving.encoder.dim, dtype=np.float32)
    for part, vectors in parts.items():
        if len(vectors):
            mean = vectors[0] if len(vectors) == 1 else _unit(vectors.mean(axis=0), f"the products in {part}")
            query += np.float32(job.weights[part] * (-1 if part == "unlike" else 1)) * mean
    return _unit(query, "the parts of the query")


def _unit(vector: np.ndarray, what: str) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        raise InputError(f"{what} cancel each other out, or have no weight; choose other weights")
    return np.asarray(vector / length, dtype=np.float32)


def stack_rows(vectors: Iterable[np.ndarray], dim: int) -> np.ndarray:
    """Return `vectors` as one array (B, D), also when there are none."""
    rows = list(vectors)
    return np.stack(rows) if rows else np.empty((0, dim), dtype=np.float32)


def split_rows(vectors: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    """Return `vectors` cut into pieces of `counts` rows."""
    ends = np.cumsum([0, *counts])
    return [vectors[start:end] for start, end in pairwise(ends)]
