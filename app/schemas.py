"""The bodies that the service takes and gives, with the examples that its OpenAPI document shows. Knows no route."""

from __future__ import annotations

import unicodedata
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from index.search import MAX_K

MAX_TEXT = 2_000
MAX_OFFSET = 1_000_000
MAX_FILTERS = 32
MAX_VALUES = 200

EXAMPLE_PRODUCT: dict[str, Any] = {
    "id": "10054",
    "title": "Catwalk Women Red Heels",
    "attributes": {"gender": "Women", "articleType": "Heels", "baseColour": "Red"},
    "image_url": "/v1/products/10054/image",
}
EXAMPLE_ORIGIN: dict[str, Any] = {
    "total": 44072,
    "encoder_id": "9f0c2ab4d1e87a63",
    "catalogue_version": 0,
    "timing_ms": {"queue": 0.1, "encode": 2.4, "search": 0.9},
}


def clean(text: Any) -> Any:
    """Return `text` with control characters (NUL among them) as spaces, trimmed; None when nothing is left."""
    if not isinstance(text, str):
        return text
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text).strip() or None


def listed(value: Any) -> Any:
    """Return a lone filter value as a list of one."""
    return [value] if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_VALUES)]
Values = Annotated[
    list[Name],
    Field(min_length=1, max_length=MAX_VALUES),
    BeforeValidator(listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class SearchRequest(BaseModel):
    """What to search for and how; the picture of a multipart request comes beside it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: Annotated[str | None, Field(max_length=MAX_TEXT), BeforeValidator(clean)] = Field(
        None, description="What to look for, in words."
    )
    k: int = Field(10, ge=1, le=MAX_K, description="How many results to return.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="How many of the best results to skip.")
    filters: dict[Name, Values] = Field(
        default_factory=dict,
        max_length=MAX_FILTERS,
        description="Attribute to allowed value or values. Several attributes must all hold; case does not matter.",
    )
    text_weight: float = Field(
        0.5, ge=0, le=1, description="With text and picture: 1 listens to the text alone, 0 to the picture alone."
    )


class Timing(BaseModel):
    """Where the time went, in milliseconds; encode and search are those of the whole batch."""

    queue: float
    encode: float
    search: float


class Answer(BaseModel):
    """What every search answer carries beside its results."""

    total: int = Field(description="How many products or descriptions pass the filters.")
    encoder_id: str = Field(description="The weights that ranked these results.")
    catalogue_version: int = Field(description="The change of the catalogue that these results stand at.")
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


class ProductDetail(BaseModel):
    """One product of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE_PRODUCT, "split": "test"}]})

    id: str
    title: str
    split: str = Field(description="The part of the data this product belongs to: train, validation or test.")
    attributes: dict[str, str]
    image_url: str


class Figure(BaseModel):
    """A fraction in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


class Direction(BaseModel):
    """Figures of one direction: only the query's own product counts, or any product with its title."""

    strict_id: dict[str, Figure]
    same_title: dict[str, Figure]


class EvaluationAnswer(BaseModel):
    """How well the served encoder finds the served products."""

    split: Literal["test", "validation", "train", "all"] = Field(description="Whose products ask.")
    encoder_id: str
    catalogue_version: int
    source: str = Field(description="Name of the data set that the catalogue was built from.")
    queries: int = Field(description="How many products ask.")
    gallery: int = Field(description="How many products they are looked for among: all of them.")
    image_to_text: Direction
    text_to_image: Direction
    titles: dict[str, int | Figure] = Field(
        description="One query per distinct title, text to image; recall counts every product of that title."
    )


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """A query went through the whole service."""

    status: Literal["ready"] = "ready"
    encoder_id: str
    catalogue_version: int
    products: int
    device: str
    took_ms: float


class ErrorDetail(BaseModel):
    """One field that cannot be used."""

    field: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong: `code` for programs, `message` for people."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str


class ErrorAnswer(BaseModel):
    """The shape of every error."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "code": "invalid_request",
                        "message": "the request cannot be used: k: Input should be greater than or equal to 1",
                        "details": [{"field": "k", "message": "Input should be greater than or equal to 1"}],
                        "request_id": "6f7c1d0e5b3a4f2c9d8e7a6b5c4d3e2f",
                    }
                }
            ]
        }
    )

    error: ErrorBody


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer with these error statuses, for its OpenAPI document."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses
    }
    return {**answers, "default": {"model": ErrorAnswer, "description": "Any other error, in the same shape"}}


def search_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a search: the same fields as JSON, or as a form with a picture."""
    as_json = SearchRequest.model_json_schema()
    fields: dict[str, Any] = as_json["properties"]
    as_form = {
        "type": "object",
        "properties": {
            "image": {
                "type": "string",
                "format": "binary",
                "description": "One picture: JPEG, PNG, WebP, GIF, BMP or TIFF.",
            },
            **fields,
            "filters": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "The filters as a JSON object.",
            },
        },
    }
    return {
        "required": True,
        "content": {
            "application/json": {
                "schema": as_json,
                "examples": {
                    "text": {"summary": "A text", "value": {"text": "red dress", "k": 10}},
                    "filtered": {
                        "summary": "A text among some products",
                        "value": {
                            "text": "shoes for a rainy day",
                            "k": 20,
                            "filters": {"gender": "Women", "baseColour": ["Red", "Maroon"]},
                        },
                    },
                },
            },
            "multipart/form-data": {
                "schema": as_form,
                "examples": {
                    "picture": {"summary": "A picture", "value": {"image": "@shoe.jpg", "k": 10}},
                    "both": {
                        "summary": "A picture, changed by words",
                        "value": {"image": "@shoe.jpg", "text": "in blue", "text_weight": 0.4},
                    },
                    "filtered": {
                        "summary": "A picture among some products",
                        "value": {"image": "@shoe.jpg", "filters": '{"gender": "Women"}'},
                    },
                },
            },
        },
    }
