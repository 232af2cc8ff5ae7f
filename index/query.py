"""What a search asks, and the checks of it that every search makes.

Knows no storage, no scan and no results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from common import InputError, NotFoundError
from index.filters import Filters
from index.nearest import did_you_mean
from index.records import Vectors
from index.words.units import ParsedText

MAX_K = 1000
"""Most results one query may ask for at once."""

MAX_COLLAPSED = 2000
"""Deepest result that a search which collapses near-duplicate pictures can reach: the work grows with its square."""

MAX_COUNTED = 10_000
"""Values of one attribute whose number is told, at most: the most frequent ones."""

MAX_NAMED = 50
"""Attributes that an error names, at most."""

Collapse = Literal["title", "image"]
Side = Literal["images", "texts"]
"""What queries are compared with: the pictures of products, or their distinct descriptions."""
SIDES: tuple[Side, ...] = get_args(Side)
Mode = Literal["hybrid", "vector", "lexical"]
"""What ranks: vectors and words together, vectors alone, words alone."""
MODES: tuple[Mode, ...] = get_args(Mode)
VARIANTS, VARIANT = "variant", "item_group_id"
"""What `group_by` may say for the variants of a product, and the attribute that feeds name them by."""
NEWEST = "newest"
"""The order in which what came last comes first."""


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of results: by an attribute or by `NEWEST`; ties by score.

    Numbers come first, then dates, truths and texts, each among themselves in the order that is asked for; products
    without a value come last. A list stands where the first of its values would.
    """

    by: str
    descending: bool = True


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
    histograms: tuple[str, ...] = ()
    """Attributes of which is told how their numbers or dates are spread, among what the facets count."""
    like: tuple[str, ...] = ()
    """Ids of products whose vectors are part of the query's vector; `check` finds them, a search does not read them."""
    unlike: tuple[str, ...] = ()
    """The same for a negative part."""
    mode: Mode = "vector"
    parsed: ParsedText | None = None
    """What its text asks of the words; without one, hybrid is vector, and lexical finds nothing."""
    text_share: float = 1.0
    """Part of the query's weight that its text has; the rest is that of a picture, products and a vector."""
    hub_weight: float = 0.0
    """In a search for images: the part of each product's hubness, 0 to 1, that is taken off the cosine of its picture
    where products are ranked; `index.ranking.hub_weight` tells it from a text. In mode vector, scores, `min_score` and
    cutoffs go by the cosine."""
    cutoff: float | Literal["auto"] | None = None
    """Results of less relevance are left out of the hits, the total and the facets; auto: of less than the catalogue's
    calibration says."""
    sort: Sort | None = None
    """Another order than by score, among what the cutoff leaves."""
    browse: bool = False
    """No vector and no words: all that passes the filters, in the order of `sort`, else newest first; scores are 0."""
    group_by: str | None = None
    """In a search for images: one result, the best, for all products with the same value of this attribute.

    `variant` stands for `VARIANT`. Of a list, the first value decides. A product without a value is a group of its own.
    Totals, facets and `offset` count groups.
    """

    def __post_init__(self) -> None:
        """Refuse what no search can answer."""
        if not 1 <= self.k <= MAX_K:
            raise InputError(f"k is {self.k}; it must be from 1 to {MAX_K}: use offset to see more")
        if self.offset < 0:
            raise InputError(f"offset is {self.offset}; it must be 0 or more")
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise InputError(f"min_score is {self.min_score}; it must be a number")
        if isinstance(self.cutoff, float) and not 0 <= self.cutoff <= 1:
            raise InputError(f"cutoff is {self.cutoff}; it must be from 0 to 1, auto or none")
        if not 0 <= self.hub_weight <= 1:
            raise InputError(f"hub_weight is {self.hub_weight}; it must be from 0 to 1")
        if self.group_by is not None and self.collapse is not None:
            raise InputError(
                f"group_by is {self.group_by!r} and collapse is {self.collapse!r}; give one of them: a group has one"
                " result already"
            )
        if not 0 < self.collapse_threshold <= 1:
            raise InputError(f"collapse_threshold is {self.collapse_threshold}; it must be above 0 and at most 1")
        if self.collapse == "image" and self.end > MAX_COLLAPSED:
            raise InputError(f"offset + k is {self.end}; with like pictures collapsed it may be {MAX_COLLAPSED:,}")

    @property
    def end(self) -> int:
        """The rank of the last result."""
        return self.offset + self.k

    def others(self, name: str) -> Filters:
        """Return the filters on other attributes: what is counted of one leaves its own filter out."""
        return {other: one for other, one in self.filters.items() if other != name}

    @property
    def grouping(self) -> str | None:
        """The attribute whose values make the groups."""
        return VARIANT if self.group_by == VARIANTS else self.group_by


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


def check_names(
    known: Collection[str],
    filters: Collection[str],
    facets: Collection[str] = (),
    sort: Collection[str] = (),
    group: Collection[str] = (),
    gone: Collection[str] = (),
) -> None:
    """Refuse filters, facets, an order and groups by attributes that no product has or had.

    Raises:
        InputError: names the known attributes, and the one that was probably meant.
    """
    asked = {"filter": filters, "facet": facets, "sort attribute": sort, "group_by": group}
    for what, names in asked.items():
        for name in names:
            if name not in known and name not in gone:
                listed = ", ".join(sorted(known)[:MAX_NAMED]) or "none: the catalogue has no attributes"
                listed += f", and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
                near = did_you_mean(name, sorted(known))
                between = f"{near} The" if near else "; the"
                raise InputError(f"unknown {what} {name!r}{between} attributes there are: {listed}")


def check_query(known: Collection[str], query: SearchQuery, gone: Collection[str] = ()) -> None:
    """Refuse a query with a filter, a facet, an order or groups by an attribute that no product has or had.

    Raises:
        InputError: names the known attributes.
    """
    order = () if query.sort is None or query.sort.by == NEWEST else (query.sort.by,)
    # A shop's page asks for variants whether there are any or not.
    group = () if query.group_by is None or query.group_by == VARIANTS else (query.group_by,)
    check_names(known, query.filters, (*query.facets, *query.histograms), order, group, gone)


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


def missing_products(product_ids: Sequence[str]) -> NotFoundError:
    """Return the error for ids of products that are not there; it names the first five."""
    return NotFoundError(f"no product has the id {', '.join(map(repr, product_ids[:5]))}; search to find the ids")


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
