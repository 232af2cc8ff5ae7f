"""What a search asks and what it answers, and the rules of both that every search keeps.

Pure functions over plain arrays: checks, collapsing, the cut at a minimum score. Knows no storage and no scan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from common import InputError, NotFoundError
from index.product import Product

MAX_K = 1000
"""Most results one query may ask for at once."""

MAX_COLLAPSED = 2000
"""Deepest result that a search which collapses near-duplicate pictures can reach: the work grows with its square."""

Collapse = Literal["title", "image"]
Side = Literal["images", "texts"]
"""What queries are compared with: the pictures of products, or their distinct descriptions."""
Places = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a product's value of one attribute must be. All given conditions must hold; values compare like titles."""

    any: tuple[str, ...] | None = None
    """Allowed values."""
    none: tuple[str, ...] = ()
    """Forbidden values; a product without the attribute passes."""
    gte: float | None = None
    """At least; over values that are numbers, such as a year. A value that is no number does not pass."""
    gt: float | None = None
    """More than."""
    lte: float | None = None
    """At most."""
    lt: float | None = None
    """Less than."""

    @property
    def needs_value(self) -> bool:
        """Whether a product without the attribute fails."""
        return any(part is not None for part in (self.any, self.gte, self.gt, self.lte, self.lt))


Filters = Mapping[str, Filter]
"""Attribute -> condition. Several attributes must all hold."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What one query asks for: results `offset` to `offset + k` of those that pass the filters.

    Raises:
        InputError: a number is out of its range.
    """

    k: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    """Ids of products that are no results; in a search for images."""
    min_score: float | None = None
    """Results that score less are left out."""
    collapse: Collapse | None = None
    """In a search for images. title: the best product of each title. image: no near-duplicate of a better picture."""
    collapse_threshold: float = 0.98
    """Cosine from which two pictures are near-duplicates."""
    facets: tuple[str, ...] = ()
    """Attributes whose values are counted among all that passes."""
    like: tuple[str, ...] = ()
    """Ids of products whose vectors are part of the query's vector; `check` finds them, a search does not read them."""
    unlike: tuple[str, ...] = ()
    """The same for a negative part."""

    def __post_init__(self) -> None:
        """Refuse what no search can answer."""
        if not 1 <= self.k <= MAX_K:
            raise InputError(f"k is {self.k}; it must be from 1 to {MAX_K}: use offset to see more")
        if self.offset < 0:
            raise InputError(f"offset is {self.offset}; it must be 0 or more")
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise InputError(f"min_score is {self.min_score}; it must be a number")
        if not 0 < self.collapse_threshold <= 1:
            raise InputError(f"collapse_threshold is {self.collapse_threshold}; it must be above 0 and at most 1")
        if self.collapse == "image" and self.end > MAX_COLLAPSED:
            raise InputError(f"offset + k is {self.end}; with like pictures collapsed it may be {MAX_COLLAPSED:,}")

    @property
    def end(self) -> int:
        """The rank of the last result."""
        return self.offset + self.k


@dataclass(frozen=True, slots=True)
class LikeVectors:
    """The image vectors of the products that a query names in `like` (L, D) and `unlike` (U, D)."""

    like: Vectors
    unlike: Vectors


class UnknownProductError(NotFoundError):
    """A query names products that are not there; `field` is the part of the query that does."""

    def __init__(self, message: str, field: Literal["like", "unlike"]) -> None:
        super().__init__(message)
        self.field = field


# Checks


def check_names(known: Collection[str], filters: Collection[str], facets: Collection[str] = ()) -> None:
    """Refuse filters and facets on attributes that no product has.

    Raises:
        InputError: names the known attributes.
    """
    for what, names in (("filter", filters), ("facet", facets)):
        for name in names:
            if name not in known:
                listed = ", ".join(sorted(known)) or "none: the catalogue has no attributes"
                raise InputError(f"unknown {what} {name!r}; the attributes there are: {listed}")


def checked_vectors(vectors: Vectors, queries: Sequence[SearchQuery], dim: int) -> Vectors:
    """Return the vectors of `queries` as C-contiguous float32 (B, dim): FAISS itself checks with bare asserts.

    Raises:
        InputError: another shape, or values that are not finite.
        ValueError: not as many vectors as queries.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise InputError(f"the queries are {vectors.shape}; the catalogue needs (B, {dim}) of its own encoder")
    if not np.isfinite(vectors).all():
        raise InputError("a query vector has NaN or infinite values; check the encoder and its input")
    if len(vectors) != len(queries):
        raise ValueError(f"{len(vectors)} vectors came with {len(queries)} queries; each query needs one")
    return vectors


def check_found(product_ids: Sequence[str], found: Collection[str]) -> None:
    """Refuse ids that are not among the `found` ones.

    Raises:
        NotFoundError: names the first five.
    """
    missing = [product_id for product_id in product_ids if product_id not in found]
    if missing:
        raise NotFoundError(f"no product has the id {', '.join(map(repr, missing[:5]))}; search to find the ids")


def like_vectors(query: SearchQuery, vectors_of: Callable[[Sequence[str]], Vectors]) -> LikeVectors:
    """Return the vectors that `vectors_of` gives for `like` and `unlike`.

    Raises:
        UnknownProductError: `vectors_of` raised NotFoundError for one of them.
    """

    def found(field: Literal["like", "unlike"], product_ids: Sequence[str]) -> Vectors:
        try:
            return vectors_of(product_ids)
        except NotFoundError as error:
            raise UnknownProductError(str(error), field) from None

    return LikeVectors(found("like", query.like), found("unlike", query.unlike))


# Results


@dataclass(frozen=True, slots=True)
class Hit:
    """A product that was found; the score is the inner product, 1 at best."""

    product: Product
    score: float


@dataclass(frozen=True, slots=True)
class DescriptionHit:
    """A description that was found, and the products that carry it."""

    description: str
    score: float
    product_ids: list[str]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the results of one query, best first; equal scores stand in catalogue order."""

    hits: list[T]
    total: int | None
    """How many products (or descriptions) there are to page through; None where that is not known."""
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    """Attribute -> value -> products that pass, the most frequent value first; an attribute's own filter left out."""


class Ranking(Protocol):
    """The best K results of one query, best first."""

    @property
    def scores(self) -> Vectors:
        """(K,)."""

    def title_keys(self) -> Sequence[Hashable]:
        """Return K keys that are equal for results with the same title."""

    def vectors(self, places: slice) -> Vectors:
        """Return the image vectors (n, D) of some of the results."""


R = TypeVar("R", bound=Ranking)


class Collapsed(NamedTuple, Generic[R]):
    """Which results of a ranking are left after collapsing."""

    ranking: R
    places: Places
    """In the ranking; at most the query's `end` of them, best first."""
    total: int | None
    """How many there are in all, where the ranking was long enough to know."""


def collapse(query: SearchQuery, total: int, best: Callable[[int], R]) -> Collapsed[R]:
    """Return the best results that do not repeat a better one; `best` ranks the first `width` of `total`.

    The ranking is widened until enough of it is left.
    """
    width = query.end
    while True:
        width = min(width, total)
        ranking = best(width)
        if query.collapse == "title":
            places = _first_of_each(ranking.title_keys())
        else:
            places = _drop_near_duplicates(ranking, query.collapse_threshold, query.end)
        if len(places) >= query.end or width == total:
            break
        width *= 4
    known = len(places) if width == total and len(places) < query.end else None
    return Collapsed(ranking, places[: query.end], known)


def _first_of_each(keys: Sequence[Hashable]) -> Places:
    """Return the first place of each distinct key, in order."""
    first: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    return np.fromiter(first.values(), dtype=np.int64, count=len(first))


def _drop_near_duplicates(ranking: Ranking, threshold: float, end: int) -> Places:
    """Return the places, in order, of those with no better one nearer than `threshold`; at most `end`."""
    count = len(ranking.scores)
    kept: Vectors = np.empty((0, 0), dtype=np.float32)
    places: list[int] = []
    for place in range(count):
        if len(places) == end:
            break
        # The vectors come in pieces: mostly the first piece is enough.
        if place % 1024 == 0:
            piece = ranking.vectors(slice(place, place + 1024))
            if not place:
                kept = np.empty((min(end, count), piece.shape[1]), dtype=np.float32)
        vector = piece[place % 1024]
        if not places or float((kept[: len(places)] @ vector).max()) < threshold:
            kept[len(places)] = vector
            places.append(place)
    return np.array(places, dtype=np.int64)


def cut_at_min_score(query: SearchQuery, scores: Vectors, total: int | None) -> tuple[int, int | None]:
    """Return how many of the first results reach the query's `min_score`, and how many there are of those in all.

    Args:
        query: with or without a `min_score`.
        scores: of the first results, best first; as many as the query's `end`, or all there are.
        total: how many results there are without a `min_score`; None where that is not known.
    """
    if query.min_score is None:
        return len(scores), total
    enough = int(np.count_nonzero(scores >= query.min_score))
    # The number is known where the first results hold one that scores less, or are all there is.
    return enough, enough if enough < len(scores) or len(scores) == total else None


def number_of(text: str) -> float:
    """Return `text`, in the form in which values are compared, as a number; NaN when it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
