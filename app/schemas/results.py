"""What a search answers: products or descriptions, how the text was understood, and where the time went."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.errors import EXAMPLE_ERROR, ErrorAnswer
from app.schemas.fields import EXAMPLE_PRODUCT, AnsweredValue
from index import Mode

EXAMPLE_ORIGIN: dict[str, Any] = {
    "mode": "hybrid",
    "language": "en",
    "corrected": None,
    "interpreted": [
        {
            "text": "red",
            "attribute": "baseColour",
            "values": ["Red"],
            "negated": False,
            "gte": None,
            "gt": None,
            "lte": None,
            "lt": None,
        }
    ],
    "cutoff": None,
    "total": 44072,
    "facets": {"gender": {"Women": 18632, "Men": 22147}},
    "encoder_id": "9f0c2ab4d1e87a63",
    "catalogue_version": 0,
    "timing_ms": {"queue": 0.1, "understand": 0.2, "encode": 2.4, "search": 0.9},
}
EXAMPLE_HIT: dict[str, Any] = {
    **EXAMPLE_PRODUCT,
    "score": 0.912,
    "relevance": 0.97,
    "signals": {"words": 1.0, "title": 0.713, "image": 0.412},
}


class Timing(BaseModel):
    """Where the time went, in milliseconds; encode and search are those of the whole batch."""

    queue: float
    understand: float
    encode: float
    search: float


class Corrected(BaseModel):
    """A text with words that were corrected; `correct: false` searches for what was typed."""

    model_config = ConfigDict(validate_by_name=True)

    typed: str = Field(alias="from", description="As it was typed.")
    to: str = Field(description="As it was searched for.")


class Interpreted(BaseModel):
    """What words of the text say of an attribute: one of some values, or bounds of a number."""

    text: str = Field(description="The words, as they were typed; `dismiss` takes them.")
    attribute: str
    values: list[str] = Field(description="Values that are meant, as the catalogue writes them; empty for bounds.")
    negated: bool = Field(description="Whether products with these values are unwanted.")
    gte: float | None
    gt: float | None
    lte: float | None
    lt: float | None


class BucketResult(BaseModel):
    """The values from one limit up to the next, as a filter takes them."""

    gte: float | str
    lt: float | str
    count: int


class HistogramResult(BaseModel):
    """How the numbers or dates of an attribute are spread; limits are round, and dates are days."""

    kind: Literal["number", "date"]
    whole: bool = Field(description="Whether all are whole numbers, or days.")
    min: float | str | None = Field(description="The smallest value; null where there is none.")
    max: float | str | None
    count: int = Field(description="How many values there are.")
    buckets: list[BucketResult] = Field(description="Without gaps, empty ones among them; they hold all values.")


class Answer(BaseModel):
    """What every search answer carries beside its results."""

    mode: Mode = Field(description="What ranked.")
    language: str | None = Field(description="The language that the text was read in; null where no text was read.")
    corrected: Corrected | None = Field(description="Null where no word was corrected.")
    interpreted: list[Interpreted] = Field(
        description="What the text says of attributes: a strong preference, and with `strict` a filter; of `modify` "
        "always a filter."
    )
    cutoff: float | None = Field(description="The relevance below which results were left out; null: none were.")
    total: int | None = Field(
        description="How many products or descriptions pass; null where it is not known, as with collapse."
    )
    facets: dict[str, dict[str, int]] = Field(
        description="For each facet asked for: value to number of products, the most frequent first."
    )
    histograms: dict[str, HistogramResult] = Field(
        default_factory=dict, description="For each histogram asked for: how the attribute is spread."
    )
    kept: dict[str, list[str]] = Field(
        default_factory=dict,
        description="With `modify`: attribute to values that results have because the picture seems to have them.",
    )
    notes: list[str] = Field(
        default_factory=list,
        description="Where there is something to know of the answer, such as how many products a comparison left out.",
    )
    encoder_id: str = Field(description="The weights that ranked these results.")
    catalogue_version: int = Field(description="Version of the catalogue that was searched.")
    timing_ms: Timing


class SignalValues(BaseModel):
    """What carried a result, each 1 at best; null where it was not looked at."""

    words: float | None = Field(
        description="Part of the text's words that the product carries, rare ones counting more."
    )
    title: float | None = Field(description="Cosine of the angle between text and title.")
    image: float | None = Field(description="Cosine of the angle between query and picture.")


class Member(BaseModel):
    """A product of a group."""

    id: str
    title: str
    attributes: dict[str, AnsweredValue]
    image_url: str


class GroupResult(BaseModel):
    """The products that one result stands for, where a search groups them."""

    value: str | None = Field(description="The value that they share; null for a product without one, which is alone.")
    count: int = Field(description="How many of them pass.")
    members: list[Member] = Field(description="The best of them, at most 20; the first one is the result itself.")


class ProductResult(BaseModel):
    """One product that was found."""

    id: str
    title: str
    score: float = Field(
        description="What ranks, higher is better; in mode vector the cosine between query and picture, of which hub "
        "correction takes off a part for the order alone. 0 where there was nothing to search for."
    )
    relevance: float | None = Field(
        description="How often results with such a score are right, 0 to 1; null where that was not measured."
    )
    signals: SignalValues | None = Field(description="Why it is here; null where nothing but the score is known.")
    attributes: dict[str, AnsweredValue]
    image_url: str = Field(description="Its picture: of several, the one that fits best.")
    group: GroupResult | None = Field(default=None, description="The products that it stands for; only with group_by.")


class ProductAnswer(Answer):
    """Products, best first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"results": [EXAMPLE_HIT], **EXAMPLE_ORIGIN}]})

    results: list[ProductResult]


class DescriptionResult(BaseModel):
    """One description that was found, and the products that carry it."""

    description: str
    score: float = Field(
        description="What ranks, higher is better; in mode vector the cosine between query and description."
    )
    relevance: float | None = Field(
        description="How often results with such a score are right, 0 to 1; null where that was not measured."
    )
    signals: SignalValues | None = Field(description="Null: a description is its own reason.")
    product_ids: list[str]


class DescriptionAnswer(Answer):
    """Distinct descriptions, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {
                            "description": "Catwalk Women Red Heels",
                            "score": 0.887,
                            "relevance": 0.95,
                            "signals": None,
                            "product_ids": ["10054", "10061"],
                        }
                    ],
                    **EXAMPLE_ORIGIN,
                }
            ]
        }
    )

    results: list[DescriptionResult]


class ProductAnswers(BaseModel):
    """One answer per query, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answers": [
                        {"results": [EXAMPLE_HIT], **EXAMPLE_ORIGIN},
                        EXAMPLE_ERROR,
                    ]
                }
            ]
        }
    )

    answers: list[ProductAnswer | ErrorAnswer]


class DescriptionAnswers(BaseModel):
    """One answer per query, in their order."""

    answers: list[DescriptionAnswer | ErrorAnswer]


class SuggestionResult(BaseModel):
    """A completion of what is being typed."""

    text: str
    kind: Literal["brand", "value", "title", "phrase"]
    attribute: str | None = Field(description="The attribute that a value is of; null for other kinds.")
    count: int = Field(description="Products that it leads to.")


class SuggestionsAnswer(BaseModel):
    """Completions, the likeliest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "suggestions": [{"text": "Red Tape", "kind": "brand", "attribute": None, "count": 259}],
                    "catalogue_version": 0,
                }
            ]
        }
    )

    suggestions: list[SuggestionResult]
    catalogue_version: int = Field(description="Version of the catalogue that they come from.")
