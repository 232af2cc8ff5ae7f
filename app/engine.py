"""From a batch of queries to their hits: encodes and searches. Knows no HTTP, no queue and no files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from common import InputError
from index.search import DescriptionHit, Hit, Page, SearchIndex, Want

Kind = Literal["images", "descriptions"]


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

    def encode_text(self, texts: Sequence[str], /) -> np.ndarray:
        """Return (B, D) float32."""

    def prepare_image(self, image: Image.Image, /) -> np.ndarray:
        """Return (H, W, 3) uint8: the picture as `encode_pixels` takes it; called from several threads."""

    def encode_pixels(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return (B, D) float32 for pixels (B, H, W, 3) uint8."""


@dataclass(frozen=True, slots=True)
class Job:
    """One query: a text, a prepared picture (H, W, 3), or both, and what is wanted of it."""

    kind: Kind
    want: Want
    text: str | None = None
    pixels: np.ndarray | None = None
    text_weight: float = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one query, and what its batch took (seconds)."""

    page: Page[Hit] | Page[DescriptionHit]
    version: int
    encode_s: float
    search_s: float


class Engine:
    """Answers batches of jobs with one call per tower and one search per kind; used by one thread at a time."""

    def __init__(self, encoder: Encoder, index: SearchIndex) -> None:
        self.encoder = encoder
        self.index = index

    def answer(self, jobs: Sequence[Job]) -> list[Found]:
        """Return what each job found, in their order.

        Raises:
            InputError: a job that cannot be answered; the others of the batch are not answered either.
        """
        index = self.index
        start = time.perf_counter()
        queries = self._encode(jobs)
        encoded = time.perf_counter()
        pages: dict[int, Page[Hit] | Page[DescriptionHit]] = {}
        rows = [row for row, job in enumerate(jobs) if job.kind == "images"]
        if rows:
            pages.update(zip(rows, index.images(queries[rows], [jobs[r].want for r in rows]), strict=True))
        rows = [row for row, job in enumerate(jobs) if job.kind == "descriptions"]
        if rows:
            pages.update(zip(rows, index.descriptions(queries[rows], [jobs[r].want for r in rows]), strict=True))
        searched = time.perf_counter()
        return [Found(pages[row], index.version, encoded - start, searched - encoded) for row in range(len(jobs))]

    def _encode(self, jobs: Sequence[Job]) -> np.ndarray:
        """Return the query vectors (B, D): unit rows; text and picture are mixed by their weight."""
        queries = np.zeros((len(jobs), self.encoder.dim), dtype=np.float32)
        texts = [(row, job.text) for row, job in enumerate(jobs) if job.text is not None]
        if texts:
            vectors = self.encoder.encode_text([text for _, text in texts])
            for (row, _), vector in zip(texts, vectors, strict=True):
                queries[row] += vector * (1.0 if jobs[row].pixels is None else jobs[row].text_weight)
        pictures = [(row, job.pixels) for row, job in enumerate(jobs) if job.pixels is not None]
        if pictures:
            vectors = self.encoder.encode_pixels(np.stack([pixels for _, pixels in pictures]))
            for (row, _), vector in zip(pictures, vectors, strict=True):
                queries[row] += vector * (1.0 if jobs[row].text is None else 1.0 - jobs[row].text_weight)
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        if (lengths < 1e-6).any():
            raise InputError("the text and the picture cancel each other out; choose another text_weight")
        queries /= lengths
        return queries
