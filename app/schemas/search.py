"""A search and its results: what is looked for, filters, weights, and the answers."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from app.errors import InvalidError, invalid
from app.query import WEIGHTS, Part
from app.schemas.errors import EXAMPLE_ERROR, ErrorAnswer
from app.schemas.fields import (
    EXAMPLE_PRODUCT,
    MAX_DIM,
    Fields,
    Ids,
    ListedValues,
    Name,
    Number,
    Picture,
    Text,
    Value,
    Values,
    as_list,
)
from index import MAX_K, Filter

MAX_OFFSET = 1_000_000
MAX_FILTERS = 32
MAX_WEIGHT = 10
MAX_QUERIES = 100
EXAMPLE_ORIGIN: dict[str, Any] = {
    "total": 44072,
    "facets": {"gender": {"Women": 18632, "Men": 22147}},
    "encoder_id": "9f0c2ab4d1e87a63",
    "catalogue_version": 0,
    "timing_ms": {"queue": 0.1, "encode": 2.4, "search": 0.9},
}


def as_condition(value: Any) -> Any:
    """Return a filter as a condition: a lone value, or a list, is what it allows."""
    return value if isinstance(value, dict) else {"any": as_list(value)}


Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT)]


class Condition(Fields):
    """What a filter asks of one attribute; all that is given must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    any: Values | None = Field(None, description="Allowed value or values; case does not matter.")
    none: Values | None = Field(
        None, alias="not", description="Forbidden value or values; a product without the attribute passes."
    )
    gte: Number | None = Field(None, description="The value is a number, and at least this.")
    gt: Number | None = Field(None, description="The value is a number, and more than this.")
    lte: Number | None = Field(None, description="The value is a number, and at most this.")
    lt: Number | None = Field(None, description="The value is a number, and less than this.")

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("empty; give at least one of any, not, gte, gt, lte, lt")
        return self

    def as_filter(self) -> Filter:
        """Return it as the index takes it."""
        allowed = None if self.any is None else tuple(self.any)
        return Filter(allowed, tuple(self.none or ()), gte=self.gte, gt=self.gt, lte=self.lte, lt=self.lt)


Filtering = Annotated[
    dict[
        Name,
        Annotated[Condition, BeforeValidator(as_condition, json_schema_input_type=Value | ListedValues | Condition)],
    ],
    Field(max_length=MAX_FILTERS),
]


def filters_of(text: str) -> dict[str, Condition]:
    """Return the filters that a query parameter holds as JSON.

    Raises:
        InvalidError: no JSON, or no filters.
    """
    try:
        # Numbers are read by Python: what is JSON is the same here as in a body.
        return FILTERING.validate_python({"filters": json.loads(text)}, strict=True)["filters"]
    except ValidationError as error:
        raise invalid(error) from None
    except (ValueError, RecursionError):
        raise InvalidError(
            "filters is not JSON; send an object",
            [{"field": "filters", "message": 'not JSON, such as {"gender": "Women"}'}],
        ) from None


FILTERING = TypeAdapter(dict[Literal["filters"], Filtering])


class Weights(Fields):
    """How much each part of a query counts."""

    text: Weight = WEIGHTS["text"]
    image: Weight = WEIGHTS["image"]
    like: Weight = WEIGHTS["like"]
    unlike: Weight = WEIGHTS["unlike"]
    vector: Weight = WEIGHTS["vector"]

    def by_part(self) -> dict[Part, float]:
        """Return them as the engine takes them."""
        return {part: getattr(self, part) for part in WEIGHTS}


class SearchRequest(Fields):
    """What to search for and how; at least one of text, image, like, unlike and vector."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [part]} for part in WEIGHTS]})

    structured: ClassVar[tuple[str, ...]] = ("like", "unlike", "vector", "weights", "filters", "facets")
    """Fields that are JSON in a form."""

    text: Text = Field(None, description="What to look for, in words.")
    image: Picture = Field(
        None, description="What to look for, as a picture: data:image/png;base64,... Addresses are not fetched."
    )
    like: Ids = Field(default_factory=list, description="Ids of products that what is looked for is like.")
    unlike: Ids = Field(default_factory=list, description="Ids of products that it is unlike.")
    vector: Annotated[list[Number], Field(min_length=1, max_length=MAX_DIM)] | None = Field(
        None, description="What to look for, as a vector such as /v1/embeddings gives; its length does not matter."
    )
    weights: Weights = Field(
        default_factory=Weights,
        description="Weight of each part: text 1, image 1, like 1, unlike 0.5 and vector 1, unless given.",
    )
    k: int = Field(10, ge=1, le=MAX_K, description="How many results to return.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="How many of the best results to skip.")
    filters: Filtering = Field(
        default_factory=dict,
        description="Attribute to value, list of allowed values, or condition: any, not, gte, gt, lte, lt. "
        "Several attributes must all hold; case does not matter.",
    )
    facets: Annotated[list[Name], Field(max_length=MAX_FILTERS)] = Field(
        default_factory=list,
        description="Attributes whose values to count among what passes; each one's own filter is left out.",
    )
    collapse: Literal["title", "image"] | None = Field(
        None, description="title: one product per title. image: no near-duplicate of a better picture."
    )
    collapse_threshold: float = Field(
        0.98, gt=0, le=1, description="With collapse image: pictures with at least this cosine count as one."
    )
    min_score: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        None, description="Leave out what scores less than this."
    )

    def check(self, picture: bool) -> None:
        """Refuse a query of nothing; `picture` says whether one came beside the fields.

        Raises:
            InvalidError: there is nothing to search for.
        """
        if not (picture or self.image or self.text or self.like or self.unlike or self.vector):
            raise InvalidError(
                "there is nothing to search for; send at least one of text, image, like, unlike and vector",
                [{"field": "text", "message": "empty, and there is no image, like, unlike or vector"}],
            )


class BatchRequest(Fields):
    """Several searches in one call."""

    queries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_QUERIES)] = Field(
        description="Searches, each as it would be sent alone; a bad one is answered with an error of its own.",
        json_schema_extra={"items": {"anyOf": [{"$ref": "#/components/schemas/SearchRequest"}, {"type": "object"}]}},
    )


class Timing(BaseModel):
    """Where the time went, in milliseconds; encode and search are those of the whole batch."""

    queue: float
    encode: float
    search: float


class Answer(BaseModel):
    """What every search answer carries beside its results."""

    total: int | None = Field(
        description="How many products or descriptions pass; null where it is not known, as with collapse."
    )
    facets: dict[str, dict[str, int]] = Field(
        description="For each facet asked for: value to number of products, the most frequent first."
    )
    encoder_id: str = Field(description="The weights that ranked these results.")
    catalogue_version: int = Field(description="Version of the catalogue that was searched.")
    timing_ms: Timing


class ProductResult(BaseModel):
    """One product that was found."""

    id: str
    title: str
    score: float = Field(description="Cosine of the angle between query and picture; 1 at best.")
    attributes: dict[str, str]
    image_url: str


class ProductAnswer(Answer):
    """Products, best first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"results": [{**EXAMPLE_PRODUCT, "score": 0.412}], **EXAMPLE_ORIGIN}]}
    )

    results: list[ProductResult]


class DescriptionResult(BaseModel):
    """One description that was found, and the products that carry it."""

    description: str
    score: float = Field(description="Cosine of the angle between query and description; 1 at best.")
    product_ids: list[str]


class DescriptionAnswer(Answer):
    """Distinct descriptions, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {"description": "Catwalk Women Red Heels", "score": 0.387, "product_ids": ["10054", "10061"]}
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
                        {"results": [{**EXAMPLE_PRODUCT, "score": 0.412}], **EXAMPLE_ORIGIN},
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
