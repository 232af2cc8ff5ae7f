"""What the service answers to calls about search, as typed dictionaries.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Corrected = TypedDict(
    "Corrected",
    {
        "from": str,
        "to": str,
    },
)


class Interpreted(TypedDict):
    """What words of the text say of an attribute: one of some values, or bounds of a number."""

    text: str
    attribute: str
    values: list[str]
    negated: bool
    gte: float | None
    gt: float | None
    lte: float | None
    lt: float | None


class BucketResult(TypedDict):
    """The values from one limit up to the next, as a filter takes them."""

    gte: float | str
    lt: float | str
    count: int


class HistogramResult(TypedDict):
    """How the numbers or dates of an attribute are spread; limits are round, and dates are days."""

    kind: Literal["number", "date"]
    whole: bool
    min: float | str | None
    max: float | str | None
    count: int
    buckets: list[BucketResult]


class Timing(TypedDict):
    """Where the time went, in milliseconds; encode and search are those of the whole batch."""

    queue: float
    understand: float
    encode: float
    search: float


class SignalValues(TypedDict):
    """What carried a result, each 1 at best; null where it was not looked at."""

    words: float | None
    title: float | None
    image: float | None


class DescriptionResult(TypedDict):
    """One description that was found, and the products that carry it."""

    description: str
    score: float
    relevance: float | None
    signals: SignalValues | None
    product_ids: list[str]


class DescriptionAnswer(TypedDict):
    """Distinct descriptions, best first."""

    mode: Literal["hybrid", "vector", "lexical"]
    language: str | None
    corrected: Corrected | None
    interpreted: list[Interpreted]
    cutoff: float | None
    total: int | None
    facets: dict[str, dict[str, int]]
    histograms: dict[str, HistogramResult]
    kept: dict[str, list[str]]
    notes: list[str]
    encoder_id: str
    catalogue_version: int
    timing_ms: Timing
    results: list[DescriptionResult]


class ErrorDetail(TypedDict):
    """One field that cannot be used."""

    field: str
    message: str


class ErrorBody(TypedDict):
    """What went wrong: `code` for programs, `message` for people."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str


class ErrorAnswer(TypedDict):
    """The shape of every error."""

    error: ErrorBody


class DescriptionAnswers(TypedDict):
    """One answer per query, in their order."""

    answers: list[DescriptionAnswer | ErrorAnswer]


class WordResult(TypedDict):
    """A word of a description, and what it does for the match."""

    word: str
    weight: float


class ExplainedResult(TypedDict):
    """A description word by word."""

    description: str
    score: float
    words: list[WordResult]


class ExplainAnswer(TypedDict):
    """The descriptions, in the order in which they were sent."""

    results: list[ExplainedResult]
    encoder_id: str


class Member(TypedDict):
    """A product of a group."""

    id: str
    title: str
    attributes: dict[str, str | int | float | bool | list[str]]
    image_url: str


class GroupResult(TypedDict):
    """The products that one result stands for, where a search groups them."""

    value: str | None
    count: int
    members: list[Member]


class ProductResult(TypedDict):
    """One product that was found."""

    id: str
    title: str
    score: float
    relevance: float | None
    signals: SignalValues | None
    attributes: dict[str, str | int | float | bool | list[str]]
    image_url: str
    group: NotRequired[GroupResult | None]


class ProductAnswer(TypedDict):
    """Products, best first."""

    mode: Literal["hybrid", "vector", "lexical"]
    language: str | None
    corrected: Corrected | None
    interpreted: list[Interpreted]
    cutoff: float | None
    total: int | None
    facets: dict[str, dict[str, int]]
    histograms: dict[str, HistogramResult]
    kept: dict[str, list[str]]
    notes: list[str]
    encoder_id: str
    catalogue_version: int
    timing_ms: Timing
    results: list[ProductResult]


class ProductAnswers(TypedDict):
    """One answer per query, in their order."""

    answers: list[ProductAnswer | ErrorAnswer]


class Region(TypedDict):
    """A part of the picture that shows one thing."""

    box: list[float]
    label: str | None
    attribute: str | None
    score: float
    vector: list[float]


class RegionsAnswer(TypedDict):
    """The things that stand out, the clearest first; the whole picture where nothing does."""

    regions: list[Region]
    encoder_id: str


class SuggestionResult(TypedDict):
    """A completion of what is being typed."""

    text: str
    kind: Literal["brand", "value", "title", "phrase"]
    attribute: str | None
    count: int


class SuggestionsAnswer(TypedDict):
    """Completions, the likeliest first."""

    suggestions: list[SuggestionResult]
    catalogue_version: int
