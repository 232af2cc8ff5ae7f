"""From a batch of jobs to vectors and hits: encodes, blends, searches. Knows no HTTP, no queue and no files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from cachetools import LRUCache
from PIL import Image

from app.http import REPLACED, UnavailableError
from common import InputError, VitrineError
from index import DescriptionHit, Hit, Page, Search, SearchQuery, Side

Kind = Literal["images", "descriptions"]
Part = Literal["text", "image", "like", "unlike", "vector"]

Text = tuple[np.ndarray, int]
"""Vector (D,) and number of tokens."""

WEIGHTS: Mapping[Part, float] = {"text": 1.0, "image": 1.0, "like": 1.0, "unlike": 0.5, "vector": 1.0}
"""The weight of each part of a query, by default."""


class Encoder(Protocol):
    """What the service needs of an encoder; `models.encoder.Encoder` is one. Rows are unit vectors of D floats."""

    @property
    def encoder_id(self) -> str:
        """Name of the weights; a catalogue carries the same."""

    @property
    def dim(self) -> int:
        """D."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before a softmax makes probabilities of them."""

    def encode_counted(self, texts: Sequence[str], /) -> tuple[np.ndarray, np.ndarray]:
        """Return (B, D) float32, and how many tokens (B,) the model has read of each text."""

    def prepare_image(self, image: Image.Image, /) -> np.ndarray:
        """Return (H, W, 3) uint8: the picture as `encode_pixels` takes it; called from several threads."""

    def encode_pixels(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return (B, D) float32 for pixels (B, H, W, 3) uint8."""


@dataclass(frozen=True, slots=True)
class Serving:
    """An encoder and an index of vectors that it made: replaced together or not at all."""

    encoder: Encoder
    index: Search


@dataclass(frozen=True, slots=True)
class Ask:
    """What a search asks for, beside the texts and pictures of its job."""

    kind: Kind
    want: SearchQuery
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    vector: np.ndarray | None = None
    """(D,) of unit length."""
    weights: Mapping[Part, float] = field(default_factory=lambda: WEIGHTS)


@dataclass(frozen=True, slots=True)
class Job:
    """Texts and prepared pictures (H, W, 3) to encode; with a search, they are parts of its query."""

    texts: tuple[str, ...] = ()
    pixels: tuple[np.ndarray, ...] = ()
    ask: Ask | None = None
    cached: bool = True
    """Whether the texts' vectors may come from the cache and are kept in it."""

    @property
    def cost(self) -> int:
        """How many inputs it has for the encoder; a search without any counts as one."""
        return max(1, len(self.texts) + len(self.pixels))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job, and what its batch took (seconds)."""

    serving: Serving
    texts: np.ndarray
    """(number of texts, D)."""
    images: np.ndarray
    """(number of pictures, D)."""
    tokens: int
    """Of all its texts."""
    page: Page[Hit] | Page[DescriptionHit] | None
    """What the search found; None without one."""
    encode_s: float
    search_s: float


class Engine:
    """Answers batches of jobs with one call per tower and one search per kind; used by one thread at a time.

    `serving` is read once per batch, so that a batch sees one state of encoder and index. `hits` and `misses` count the
    texts that were looked up in the cache.
    """

    def __init__(self, serving: Callable[[], Serving], text_cache: int) -> None:
        self._serving = serving
        self._cache: LRUCache[str, Text] = LRUCache(text_cache)
        self._encoder: Encoder | None = None
        self._shape: tuple[int, ...] = ()
        self.hits = 0
        self.misses = 0

    def answer(self, jobs: Sequence[Job]) -> list[Outcome | Exception]:
        """Return what became of each job, in their order; a job that cannot be answered has the reason for it."""
        serving = self._serving()
        self._reset_for(serving.encoder)
        start = time.perf_counter()
        answers: dict[int, Outcome | Exception] = {
            row: UnavailableError(REPLACED)
            for row, job in enumerate(jobs)
            if any(pixels.shape != self._shape for pixels in job.pixels)
        }
        rows = [row for row in range(len(jobs)) if row not in answers]
        vectors, tokens = self._texts([jobs[row] for row in rows])
        counts = [len(jobs[row].texts) for row in rows]
        texts, read = split_rows(vectors, counts), split_rows(tokens, counts)
        images = split_rows(self._images([jobs[row] for row in rows]), [len(jobs[row].pixels) for row in rows])
        queries: dict[int, np.ndarray] = {}
        for row, text, image in zip(rows, texts, images, strict=True):
            ask = jobs[row].ask
            if ask is not None:
                try:
                    serving.index.check(ask.want)
                    queries[row] = _blend(ask, text, image, serving)
                except VitrineError as error:
                    answers[row] = error
        encoded = time.perf_counter()
        pages = self._search(serving.index, {row: query for row, query in queries.items() if row not in answers}, jobs)
        searched = time.perf_counter()
        times = encoded - start, searched - encoded
        for row, text, image, count in zip(rows, texts, images, read, strict=True):
            if row not in answers:
                answers[row] = Outcome(serving, text, image, int(count.sum()), pages.get(row), *times)
        return [answers[row] for row in range(len(jobs))]

    def _reset_for(self, encoder: Encoder) -> None:
        """Forget what belongs to another encoder."""
        if encoder is not self._encoder:
            self._cache.clear()
            self._shape = encoder.prepare_image(Image.new("RGB", (8, 8))).shape
            self._encoder = encoder

    def _texts(self, jobs: Sequence[Job]) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors and numbers of tokens of all texts, in order; each distinct one is encoded once."""
        assert self._encoder is not None  # noqa: S101 - taken before
        known: dict[tuple[str, bool], Text] = {}
        for job in jobs:
            for text in job.texts:
                found = self._cache.get(text) if job.cached else None
                if found is not None:
                    known[text, job.cached] = found
        keys = [(text, job.cached) for job in jobs for text in job.texts]
        missing = list(dict.fromkeys(key for key in keys if key not in known))
        asked = sum(cached for _, cached in keys)
        self.hits += (hits := sum(cached and (text, cached) in known for text, cached in keys))
        self.misses += asked - hits
        if missing:
            encoded = self._encoder.encode_counted([text for text, _ in missing])
            for (text, cached), vector, tokens in zip(missing, *encoded, strict=True):
                known[text, cached] = vector, int(tokens)
                if cached and self._cache.maxsize:
                    self._cache[text] = vector.copy(), int(tokens)  # a row would keep the whole batch alive
        vectors = stack_rows((known[key][0] for key in keys), self._encoder.dim)
        return vectors, np.array([known[key][1] for key in keys], dtype=np.int64)

    def _images(self, jobs: Sequence[Job]) -> np.ndarray:
        """Return the vectors of all pictures of the jobs, in order."""
        assert self._encoder is not None  # noqa: S101 - taken before
        pixels = [one for job in jobs for one in job.pixels]
        return self._encoder.encode_pixels(np.stack(pixels)) if pixels else stack_rows((), self._encoder.dim)

    def _search(
        self, index: Search, queries: Mapping[int, np.ndarray], jobs: Sequence[Job]
    ) -> dict[int, Page[Hit] | Page[DescriptionHit]]:
        """Return the page of each query, one call per kind."""
        pages: dict[int, Page[Hit] | Page[DescriptionHit]] = {}
        asks = {row: ask for row in queries if (ask := jobs[row].ask) is not None}
        sides: tuple[tuple[Kind, Side], ...] = (("images", "images"), ("descriptions", "texts"))
        for kind, side in sides:
            rows = [row for row, ask in asks.items() if ask.kind == kind]
            if rows:
                found = index.search(side, np.stack([queries[row] for row in rows]), [asks[row].want for row in rows])
                pages.update(zip(rows, found, strict=True))
        return pages


def _blend(ask: Ask, texts: np.ndarray, images: np.ndarray, serving: Serving) -> np.ndarray:
    """Return the query (D,): the normalised sum of its parts' unit vectors by weight, what is unlike it negative.

    Several vectors of one part count as their normalised mean (Rocchio).

    Raises:
        NotFoundError: a product in `like` or `unlike` that is not there.
        InputError: the parts cancel each other out.
    """
    parts: dict[Part, np.ndarray] = {"text": texts, "image": images}
    if ask.like:
        parts["like"] = serving.index.vectors(ask.like)
    if ask.unlike:
        parts["unlike"] = serving.index.vectors(ask.unlike)
    if ask.vector is not None:
        parts["vector"] = ask.vector[None]
    query = np.zeros(serving.encoder.dim, dtype=np.float32)
    for part, vectors in parts.items():
        if len(vectors):
            mean = vectors[0] if len(vectors) == 1 else _unit(vectors.mean(axis=0), f"the products in {part}")
            query += np.float32(ask.weights[part] * (-1 if part == "unlike" else 1)) * mean
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
    """Return `vectors` cut into as many rows each as `counts` says."""
    ends = np.cumsum([0, *counts])
    return [vectors[start:end] for start, end in pairwise(ends)]
