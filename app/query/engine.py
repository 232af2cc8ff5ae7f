"""From a batch of jobs to vectors and pages: checks, encodes, blends, searches. Knows no HTTP and no queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import numpy as np
from cachetools import LRUCache

from app.errors import REPLACED, UnavailableError
from app.query.beside import Beside
from app.query.jobs import Encoder, Job, JobResult, Lookup, Part, Serving
from app.query.understanding import Task, prepare
from app.telemetry import Telemetry
from common import InputError, VitrineError
from index import SIDES, DescriptionHit, Hit, LikeVectors, Page, SearchQuery

SEARCH_THREADS, SEARCHES_AHEAD = 4, 32
"""Light searches at a time in a catalogue that is a database; and how many it may owe before the encoder waits for it:
behind a slow one, work must not pile up."""
HEAVY_THREADS, HEAVY_AHEAD = 2, 16
"""The same for heavy ones; more of these are refused, so that they hold up no light ones."""

Text = tuple[np.ndarray, int]
"""Vector (D,) and number of tokens."""
AnyPage = Page[Hit] | Page[DescriptionHit]
Asked = tuple[np.ndarray, SearchQuery]
"""What a search compares: the query's vector (D,), and the query."""


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
        self._light = Beside("vitrine-search", SEARCH_THREADS, SEARCHES_AHEAD, patient=True) if remote else None
        self._heavy = Beside("vitrine-heavy", HEAVY_THREADS, HEAVY_AHEAD, patient=False) if remote else None

    def answer(self, asked: Sequence[Job | Lookup]) -> list[Any]:
        """Return the result of each job, in their order; a job that cannot be answered has the reason for it.

        That of a search is a `JobResult`. Where the catalogue is a database, it is a future of one.
        """
        serving = self._serving()
        answers: dict[int, Any] = {}
        jobs: dict[int, Job] = {}
        for at, one in enumerate(asked):
            if isinstance(one, Job):
                jobs[at] = one
            else:
                answers[at] = self._look_up(one, serving)
        if jobs:
            answers.update(zip(jobs, self._answer_jobs(list(jobs.values()), serving), strict=True))
        return [answers[at] for at in range(len(asked))]

    def _look_up(self, lookup: Lookup, serving: Serving) -> Any:
        """Return the answer of a lookup, a future of it, or why there is none."""
        try:
            pool = self._heavy if lookup.heavy else self._light
            return lookup.ask(serving) if pool is None else pool.run(lookup, lambda: lookup.ask(serving))
        except Exception as error:
            return error

    def _answer_jobs(self, jobs: Sequence[Job], serving: Serving) -> list[JobResult | Exception | Future[JobResult]]:
        """Return the result of each job, a future of it, or the reason why there is none."""
        results, searches, refused = self._encode_all(jobs, serving)
        answers: dict[int, JobResult | Exception | Future[JobResult]] = {**results, **refused}
        if self._light is not None and self._heavy is not None:
            for at, (vector, query) in searches.items():
                try:
                    pool = self._heavy if jobs[at].heavy else self._light
                    answers[at] = self._search_beside(pool, jobs[at], results[at], vector, query)
                except VitrineError as error:
                    answers[at] = error
        else:
            start = time.perf_counter()
            for side in SIDES:
                asked = [at for at in searches if jobs[at].side == side]
                if asked:
                    vectors = np.stack([searches[at][0] for at in asked])
                    pages: Sequence[AnyPage] = serving.index.search(side, vectors, [searches[at][1] for at in asked])
                    for at, page in zip(asked, pages, strict=True):
                        results[at].page = page
            search_s = time.perf_counter() - start
            for at in searches:
                results[at].search_s = search_s
                answers[at] = _rendered(jobs[at], results[at])
        self._telemetry.batch(sum(job.cost for job in jobs))
        return [answers[at] for at in range(len(jobs))]

    def close(self) -> None:
        """Wait for the searches that still go on."""
        for pool in (self._light, self._heavy):
            if pool is not None:
                pool.close()

    def _encode_all(
        self, jobs: Sequence[Job], serving: Serving
    ) -> tuple[dict[int, JobResult], dict[int, Asked], dict[int, Exception]]:
        """Return by place in `jobs`: results with vectors, what to search for, and why a job is refused.

        What can be refused without a vector is refused first: a bad job costs the encoder nothing.
        """
        start = time.perf_counter()
        self._reset_for(serving.encoder)
        refused: dict[int, Exception] = {}
        tasks: dict[int, Task] = {}
        for at, job in enumerate(jobs):
            try:
                tasks[at] = self._prepare(job, serving)
            except VitrineError as error:
                refused[at] = error
        results = self._encode(tasks, serving)
        searches: dict[int, Asked] = {}
        for at, task in tasks.items():
            if task.query is not None and task.like is not None:
                try:
                    vector = results[at].vector = blend(task, results[at], task.like)
                    searches[at] = vector, task.query
                except InputError as error:
                    refused[at] = error
        understand_s = sum(task.understand_s for task in tasks.values())
        encode_s = time.perf_counter() - start - understand_s
        for at, result in results.items():
            result.queued_s, result.encode_s = start - jobs[at].submitted, encode_s
        return results, searches, refused

    def _prepare(self, job: Job, serving: Serving) -> Task:
        """Return the task of a job.

        A database is asked for named products here, in the encoder's thread: one short round trip, and only for such
        queries.

        Raises:
            UnavailableError: it was made for another encoder.
            InputError: as `prepare`.
        """
        foreign = any(pixels.shape != self._shape for pixels in job.pixels)
        if foreign or (job.vector is not None and len(job.vector) != serving.encoder.dim):
            raise UnavailableError(REPLACED)
        return prepare(job, serving.index)

    def _encode(self, tasks: Mapping[int, Task], serving: Serving) -> dict[int, JobResult]:
        """Return the vectors of each task: one call of each tower for all of them."""
        texts, tokens = self._texts(list(tasks.values()))
        pixels = [one for task in tasks.values() for one in task.job.pixels]
        images = serving.encoder.encode_pixels(np.stack(pixels)) if pixels else stack_rows((), serving.encoder.dim)
        of_texts = [len(task.texts) for task in tasks.values()]
        cut = zip(
            split_rows(texts, of_texts),
            split_rows(images, [len(task.job.pixels) for task in tasks.values()]),
            split_rows(tokens, of_texts),
            strict=True,
        )
        return {
            at: JobResult(
                serving,
                text,
                image,
                int(read.sum()),
                mode=task.query.mode if task.query else "vector",
                parsed=task.parsed,
                understand_s=task.understand_s,
            )
            for (at, task), (text, image, read) in zip(tasks.items(), cut, strict=True)
        }

    def _reset_for(self, encoder: Encoder) -> None:
        """Forget what belongs to another encoder."""
        if encoder is not self._encoder:
            self._cache.clear()
            self._shape = (*encoder.image_size, 3)
            self._encoder = encoder

    def _texts(self, tasks: Sequence[Task]) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors and numbers of tokens of all texts, in order; each distinct one is encoded once."""
        assert self._encoder is not None  # noqa: S101 - set by `_reset_for`
        known: dict[tuple[str, bool], Text] = {}
        keys = [(text, task.job.cached) for task in tasks for text in task.texts]
        for text, cached in keys:
            found = self._cache.get(text) if cached else None
            if found is not None:
                known[text, cached] = found
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
        self, pool: Beside, job: Job, result: JobResult, vector: np.ndarray, query: SearchQuery
    ) -> Future[JobResult]:
        """Search in another thread.

        Raises:
            OverloadedError: too many searches are owed.
        """

        def search() -> JobResult:
            start = time.perf_counter()
            (result.page,) = result.serving.index.search(job.side, vector[None], [query])
            result.search_s = time.perf_counter() - start
            answer = _rendered(job, result)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return pool.run(job, search)


def _rendered(job: Job, result: JobResult) -> JobResult | Exception:
    """Return a result with its answer, or why there is none."""
    if job.render is not None:
        try:
            result.body = job.render(result)
        except Exception as error:  # it concerns no other job of the batch
            return error
    return result


def blend(task: Task, encoded: JobResult, liked: LikeVectors) -> np.ndarray:
    """Return the query (D,): the normalised sum of its parts' unit vectors by weight, what is unlike it negative.

    Several vectors of one part count as their normalised mean (Rocchio). Zeros for a search by nothing but words.

    Raises:
        InputError: the parts cancel each other out.
    """
    parts: dict[Part, np.ndarray] = {
        "text": encoded.texts[:0] if task.job.signs else encoded.texts,
        "image": encoded.images,
        "like": liked.like,
        "unlike": liked.unlike,
    }
    job = task.job
    if job.vector is not None:
        parts["vector"] = job.vector[None]
    nothing = not any(map(len, parts.values()))
    if nothing and (encoded.mode == "lexical" or (task.query is not None and task.query.browse)):
        return np.zeros(encoded.serving.encoder.dim, dtype=np.float32)
    query = np.zeros(encoded.serving.encoder.dim, dtype=np.float32)
    for part, vectors in parts.items():
        if len(vectors):
            mean = vectors[0] if len(vectors) == 1 else _unit(vectors.mean(axis=0), f"the products in {part}")
            query += np.float32(job.weights[part] * (-1 if part == "unlike" else 1)) * mean
    for sign, text in zip(job.signs, encoded.texts, strict=False):
        query += np.float32(sign) * text
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
