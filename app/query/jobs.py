"""What is asked of the engine and what it answers: one job and one result for searches and encodings alike.

Knows no request and no queue but what a job carries for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from app.errors import InvalidError
from app.query.line import QueuedJob
from common import NotFoundError
from index import DescriptionHit, Hit, Kept, Mode, Page, ParsedText, Search, SearchQuery, Side

Part = Literal["text", "image", "like", "unlike", "vector"]
WEIGHTS: Mapping[Part, float] = {"text": 1.0, "image": 1.0, "like": 1.0, "unlike": 0.5, "vector": 1.0}
"""How much each part of a query counts, unless told otherwise."""


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

    @property
    def image_size(self) -> tuple[int, int]:
        """H and W of the pictures that `encode_pixels` takes."""

    def encode_pixels(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return (B, D) float32 for pixels (B, H, W, 3) uint8."""


@dataclass(frozen=True, slots=True)
class Serving:
    """An encoder and an index of vectors that it made: replaced together or not at all."""

    encoder: Encoder
    index: Search


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How the text of a search is read; in mode vector it is not."""

    language: str | None = None
    """Code of its language; None: it is told from the words."""
    correct: bool = True
    """Whether words that the catalogue does not know are corrected."""
    dismiss: tuple[str, ...] = ()
    """Phrases, as typed, that are to be no conditions."""
    strict: bool = False
    """Whether its conditions filter."""


@dataclass(frozen=True, slots=True)
class Modify:
    """Words beside a picture: how what is looked for differs from the other parts of the query."""

    text: str
    weight: float
    """How much they count; the other parts together count 1."""
    keep: bool = True
    """Whether the kind of product stays that of the picture."""


@dataclass(slots=True, eq=False)
class Job(QueuedJob["JobResult"]):
    """Texts and prepared pictures (H, W, 3) to encode; with a `query` they are parts of what is searched for."""

    texts: tuple[str, ...] = ()
    pixels: tuple[np.ndarray, ...] = ()
    query: SearchQuery | None = None
    """None: nothing is searched, only encoded."""
    side: Side = "images"
    vector: np.ndarray | None = None
    """A further part of the query, (D,) of unit length."""
    weights: Mapping[Part, float] = field(default_factory=lambda: WEIGHTS)
    cached: bool = True
    """Whether the texts' vectors may come from the cache and are kept in it."""
    signs: tuple[float, ...] = ()
    """What each text counts where they are added to the vector, below 0 where one is taken off; else they are one part.
    """
    modify: Modify | None = None
    """Such a job is answered by others: `app.query.modified` says how."""
    reads: str = ""
    """Words that are understood and not encoded."""
    options: TextOptions = field(default_factory=TextOptions)
    """Of a search that does not rank by vectors alone; it has one text, `modify` or `reads`."""
    render: Callable[[JobResult], bytes] | None = None
    """Makes the answer of the result: by the worker, since that of many results would hold up the event loop."""

    @property
    def cost(self) -> int:
        """How many inputs it has for the encoder; a search without any counts as one."""
        return max(1, len(self.texts) + len(self.pixels))


@dataclass(slots=True, eq=False)
class Lookup(QueuedJob[Any]):
    """A question to the catalogue beside searches, such as for facets: it takes its turn as a search does."""

    ask: Callable[[Serving], Any]
    """Answers it from what is served."""


@dataclass(slots=True)
class JobResult:
    """The result of one job, and how long it and its batch took (seconds); the engine fills it in step by step."""

    serving: Serving
    texts: np.ndarray
    """(number of texts, D)."""
    images: np.ndarray
    """(number of pictures, D)."""
    tokens: int
    """Of all its texts."""
    vector: np.ndarray | None = None
    """(D,) what the search compared; None without one."""
    page: Page[Hit] | Page[DescriptionHit] | None = None
    """What the search found; None without one."""
    body: bytes = b""
    """What the job's `render` made of it."""
    mode: Mode = "vector"
    """What ranked."""
    parsed: ParsedText | None = None
    """How the text was understood; None where it was not read."""
    kept: Kept | None = None
    """What stayed as it is in the picture; None where nothing was to be modified."""
    queued_s: float = 0.0
    understand_s: float = 0.0
    encode_s: float = 0.0
    search_s: float = 0.0


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
