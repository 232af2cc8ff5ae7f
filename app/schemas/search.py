"""The bodies that the service takes and gives, with the examples that its OpenAPI document shows. Knows no route."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from app.http import InvalidError, invalid
from app.query import WEIGHTS, Part
from index import MAX_K, Filter, SearchQuery
from models.images import NAMED

MAX_TEXT = 2_000
MAX_NAME = 200
MAX_OFFSET = 1_000_000
MAX_FILTERS = 32
MAX_FACET_VALUES = 10_000
MAX_VALUES = 200
MAX_IDS = 100
MAX_DIM = 4_096
MAX_NUMBER = 1e15
MAX_WEIGHT = 10
MAX_QUERIES = 100
MAX_INPUTS = 256
MAX_INPUT = 100_000_000
"""Characters of one input of /v1/embeddings, which may be a picture; the body's bytes are what bounds it."""
MAX_EMBEDDED_TEXT = 20_000
MAX_LABELS = 200
MAX_TEMPLATES = 100
MAX_ATTRIBUTES = 64
PRODUCT_ID = r"^[^\x00-\x1f\x7f]+$"
MAX_PROMPTS = 1_000
"""Labels times templates of one classification; words of one explanation."""
MAX_EXPLAINED = 50
"""Descriptions of one explanation."""

EXAMPLE_PRODUCT: dict[str, Any] = {
    "id": "10054",
    "title": "Catwalk Women Red Heels",
    "attributes": {"gender": "Women", "articleType": "Heels", "baseColour": "Red"},
    "image_url": "/v1/products/10054/image",
}
EXAMPLE_ORIGIN: dict[str, Any] = {
    "total": 44072,
    "facets": {"gender": {"Women": 18632, "Men": 22147}},
    "encoder_id": "9f0c2ab4d1e87a63",
    "catalogue_version": 0,
    "timing_ms": {"queue": 0.1, "encode": 2.4, "search": 0.9},
}
EXAMPLE_ERROR: dict[str, Any] = {
    "error": {
        "code": "invalid_request",
        "message": "the request cannot be used: k: Input should be greater than or equal to 1",
        "details": [{"field": "k", "message": "Input should be greater than or equal to 1"}],
        "request_id": "6f7c1d0e5b3a4f2c9d8e7a6b5c4d3e2f",
    }
}
CHANGES = "changes"
"""The tag of calls that change something, which need a key."""
MODEL_NAME = "vitrine"
"""The lasting name of whatever model is served."""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8IafLwMDA"
    "xMDAwMDAAAANqQEXPqtZtwAAAABJRU5ErkJggg=="
)
"""A small red picture, for the examples."""


def clean(text: Any) -> Any:
    """Return `text` with control characters (NUL among them) as spaces, trimmed; None when nothing is left.

    One that is too long is left for the check of its length: how long it is does not depend on what it consists of.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return text
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text).strip() or None


def as_value(value: Any) -> Any:
    """Return a number as the text that it is compared as: 2012 and 2012.0 as "2012"."""
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return value
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_NAME else value
    return f"{value:.15g}" if isinstance(value, float) else value


def not_blank(value: str) -> str:
    """Refuse a value of blanks."""
    if not value.strip():
        raise ValueError("empty; leave the attribute out instead")
    return value


def as_list(value: Any) -> Any:
    """Return a lone filter value as a list of one."""
    return value if isinstance(value, list) else [value]


def as_condition(value: Any) -> Any:
    """Return the value or values that a filter allows as the condition that they stand for."""
    return value if isinstance(value, dict) else {"any": as_list(value)}


def reject_url(image: Any) -> Any:
    """Refuse the address of a picture with the reason why; whoever fetches what others name can be sent anywhere."""
    if isinstance(image, str) and re.match(r"\s*(https?:)?//", image, re.IGNORECASE):
        raise ValueError("pictures are not fetched from addresses; send the picture itself, as a data URI or in a form")
    return image


def is_picture(text: str) -> bool:
    """Return whether an input of /v1/embeddings is a picture."""
    return text.startswith("data:image/")


Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Value = Annotated[
    Name,
    BeforeValidator(as_value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
                {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER},
            ]
        }
    ),
]
ListedValues = Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES)]
VALUES_SCHEMA = TypeAdapter(Value | ListedValues).json_schema()
Values = Annotated[ListedValues, BeforeValidator(as_list), WithJsonSchema(VALUES_SCHEMA)]
Ids = Annotated[list[Name], Field(max_length=MAX_IDS)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT)]
Text = Annotated[str | None, Field(max_length=MAX_TEXT), BeforeValidator(clean)]
Picture = Annotated[
    Annotated[str, Field(pattern=r"^data:image/[A-Za-z0-9.+-]+;base64,[A-Za-z0-9+/=]+$")] | None,
    BeforeValidator(reject_url),
]


class Fields(BaseModel):
    """A body of a request: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


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


def filter_schema() -> dict[str, Any]:
    """Return what a filter on one attribute may be: a value, a list of values, or a condition."""
    return {"anyOf": [*VALUES_SCHEMA["anyOf"], Condition.model_json_schema()]}


Filtering = Annotated[
    dict[Name, Annotated[Condition, BeforeValidator(as_condition)]],
    Field(max_length=MAX_FILTERS),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"minLength": 1, "maxLength": MAX_NAME},
            "additionalProperties": filter_schema(),
            "maxProperties": MAX_FILTERS,
        }
    ),
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
    """The weight of each part of a query."""

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
        None, description="One product per title; or none whose picture is all but that of a better one."
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

    def want(self) -> SearchQuery:
        """Return what is wanted, as the index takes it."""
        return SearchQuery(
            k=self.k,
            offset=self.offset,
            filters={name: condition.as_filter() for name, condition in self.filters.items()},
            exclude=frozenset([*self.like, *self.unlike]),
            min_score=self.min_score,
            collapse=self.collapse,
            collapse_threshold=self.collapse_threshold,
            facets=tuple(dict.fromkeys(self.facets)),
        )


class BatchRequest(Fields):
    """Several searches in one call."""

    queries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_QUERIES)] = Field(
        description="Searches, each as it would be sent alone; a bad one is answered with an error of its own."
    )


class EmbeddingsRequest(Fields):
    """Texts and pictures to encode, in the shape of OpenAI's call."""

    input: (
        Annotated[str, Field(min_length=1, max_length=MAX_INPUT)]
        | Annotated[
            list[Annotated[str, Field(min_length=1, max_length=MAX_INPUT)]], Field(min_length=1, max_length=MAX_INPUTS)
        ]
    ) = Field(description="A text or a list of them; one that begins with data:image/ is a picture.")
    model: Name | None = Field(None, description="A name that /v1/models lists; there is one model.")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="Numbers, or the bytes of little-endian float32 as base64."
    )
    dimensions: Annotated[int, Field(ge=1, le=MAX_DIM)] | None = Field(
        None, description="The vectors' length; only the model's own is possible."
    )
    user: Annotated[str, Field(max_length=MAX_TEXT)] | None = Field(None, description="Ignored.")

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, value: Any) -> Any:
        """Refuse what OpenAI's call takes beside texts, with the reason; a text of blanks stays what it is."""
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, int | float | list) for item in items):
            raise ValueError("token ids are not taken, since they belong to another model's tokenizer; send texts")
        return value

    def check(self, dim: int) -> None:
        """Refuse a length of vectors that is not the model's, and texts too long to be read whole.

        Raises:
            InvalidError: names the field.
        """
        if self.dimensions not in (None, dim):
            raise InvalidError(
                f"dimensions is {self.dimensions}; this model makes vectors of {dim}: send that, or leave it out",
                [{"field": "dimensions", "message": f"only {dim} is possible"}],
            )
        for number, text in enumerate(self.inputs()):
            if len(text) > MAX_EMBEDDED_TEXT and not is_picture(text):
                raise InvalidError(
                    f"input {number} has {len(text):,} characters; send at most {MAX_EMBEDDED_TEXT:,}",
                    [{"field": f"input.{number}", "message": f"more than {MAX_EMBEDDED_TEXT} characters"}],
                )

    def inputs(self) -> list[str]:
        """Return the inputs as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


Label = Annotated[str, Field(max_length=MAX_NAME, min_length=1), BeforeValidator(clean)]
Template = Annotated[str, Field(max_length=MAX_NAME, pattern=r"\{\}")]


class ClassifyRequest(Fields):
    """A picture, or a product for its picture, and the labels to choose from."""

    structured: ClassVar[tuple[str, ...]] = ("labels", "templates")
    """Fields that are JSON in a form."""

    image: Picture = Field(None, description="The picture as data:image/png;base64,... Addresses are not fetched.")
    product_id: Name | None = Field(None, description="The product whose picture it is, instead of an image.")
    labels: Annotated[list[Label], Field(min_length=2, max_length=MAX_LABELS)] = Field(
        description="What the picture may show, in words; each once.", json_schema_extra={"uniqueItems": True}
    )
    templates: Annotated[list[Template], Field(min_length=1, max_length=MAX_TEMPLATES)] = Field(
        default_factory=lambda: ["{}"],
        description="Sentences in which {} stands for the label, such as 'a photo of a {}'; several are averaged.",
    )

    def check(self, picture: bool) -> None:
        """Refuse what cannot be classified; `picture` says whether one came beside the fields.

        Raises:
            InvalidError: no picture or two, labels that are the same, or too many texts.
        """
        if (picture or self.image is not None) == (self.product_id is not None):
            raise InvalidError(
                "send either an image or a product_id, one of the two",
                [{"field": "image", "message": "one of image and product_id is needed, and not both"}],
            )
        if len(set(self.labels)) < len(self.labels):
            twice = next(label for label in self.labels if self.labels.count(label) > 1)
            raise InvalidError(
                f"the label {twice!r} comes twice; send each once", [{"field": "labels", "message": "not distinct"}]
            )
        if len(self.labels) * len(self.templates) > MAX_PROMPTS:
            raise InvalidError(
                f"{len(self.labels)} labels in {len(self.templates)} templates are more than {MAX_PROMPTS} texts; "
                "send fewer",
                [{"field": "templates", "message": f"with the labels more than {MAX_PROMPTS} texts"}],
            )

    def prompts(self) -> list[str]:
        """Return the texts to encode: label by label, each in all templates."""
        return [template.replace("{}", label) for label in self.labels for template in self.templates]


class ExplainRequest(Fields):
    """Descriptions, and what they are matched with: a picture, products for their pictures, a vector, or several."""

    structured: ClassVar[tuple[str, ...]] = ("like", "vector", "descriptions")
    """Fields that are JSON in a form."""

    image: Picture = Field(None, description="The picture as data:image/png;base64,... Addresses are not fetched.")
    like: Ids = Field(default_factory=list, description="Ids of products whose pictures they are.")
    vector: Annotated[list[Number], Field(min_length=1, max_length=MAX_DIM)] | None = Field(
        None, description="A vector such as /v1/embeddings gives; its length does not matter."
    )
    descriptions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(clean)]],
        Field(min_length=1, max_length=MAX_EXPLAINED),
    ] = Field(description="What may be said of the picture, each in words.")

    def check(self, picture: bool) -> None:
        """Refuse what cannot be explained; `picture` says whether one came beside the fields.

        Raises:
            InvalidError: nothing to match the descriptions with, or too many words.
        """
        if not (picture or self.image or self.like or self.vector):
            raise InvalidError(
                "there is nothing to match the descriptions with; send at least one of image, like and vector",
                [{"field": "image", "message": "empty, and there is no like or vector"}],
            )
        words = sum(len(description.split()) for description in self.descriptions)
        if words > MAX_PROMPTS:
            raise InvalidError(
                f"the descriptions have {words:,} words; send at most {MAX_PROMPTS:,} together",
                [{"field": "descriptions", "message": f"more than {MAX_PROMPTS} words"}],
            )


ProductId = Annotated[Name, Field(pattern=PRODUCT_ID), BeforeValidator(as_value)]
Title = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(clean)]
AttributeValue = Annotated[Value, AfterValidator(not_blank)]


class ProductRequest(Fields):
    """A product to put into the catalogue, in place of the one of its id if there is one."""

    structured: ClassVar[tuple[str, ...]] = ("attributes",)
    """Fields that are JSON in a form."""

    title: Title = Field(description="What it is called; it is found under these words.")
    attributes: Annotated[dict[Name, AttributeValue], Field(max_length=MAX_ATTRIBUTES)] = Field(
        default_factory=dict, description="Attribute to value, to filter by."
    )
    image: Picture = Field(
        None, description="Its picture: data:image/png;base64,... Left out, the one that it has is kept."
    )

    def check(self, picture: bool) -> None:
        """Refuse nothing: a product may keep the picture that it has."""


class ProductLine(ProductRequest):
    """One line of a bulk call: a product, or the id of one to take out."""

    id: ProductId
    title: Title | None = Field(None, description="Needed, unless it is to be taken out.")  # type: ignore[assignment]
    image: str | None = Field(None, description="A data URI; in a form also the name of one of its files.")
    delete: bool = Field(False, description="Take the product out instead.")

    @model_validator(mode="after")
    def _is_whole(self) -> ProductLine:
        if self.delete != (self.title is None):
            raise ValueError("give a title, or delete: true without one")
        return self


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

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ERROR]})

    error: ErrorBody


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


class Embedding(BaseModel):
    """The vector of one input."""

    object: Literal["embedding"] = "embedding"
    index: int = Field(description="Which input it belongs to, from 0.")
    embedding: list[float] | str = Field(description="Numbers, or base64 of little-endian float32.")


class Usage(BaseModel):
    """How many tokens the texts have; pictures have none."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    """Vectors of unit length in the order of the inputs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.0312, -0.1178, 0.0904]}],
                    "model": "9f0c2ab4d1e87a63",
                    "usage": {"prompt_tokens": 4, "total_tokens": 4},
                }
            ]
        }
    )

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str = Field(description="The encoder that made them.")
    usage: Usage


class Model(BaseModel):
    """One name of the model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="When its catalogue was built, in seconds since 1970.")
    owned_by: str


class ModelsAnswer(BaseModel):
    """The model that is served, by its lasting name and by the id of its weights."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [
                        {"id": name, "object": "model", "created": 1735689600, "owned_by": "vitrine"}
                        for name in (MODEL_NAME, "9f0c2ab4d1e87a63")
                    ],
                }
            ]
        }
    )

    object: Literal["list"] = "list"
    data: list[Model]


class LabelResult(BaseModel):
    """How well one label fits."""

    label: str
    probability: float = Field(description="Among the labels given; all together 1.")
    score: float = Field(description="Cosine of the angle between label and picture; 1 at best.")


class ClassifyAnswer(BaseModel):
    """The labels, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {"label": "heels", "probability": 0.91, "score": 0.412},
                        {"label": "sandals", "probability": 0.09, "score": 0.387},
                    ],
                    "encoder_id": "9f0c2ab4d1e87a63",
                }
            ]
        }
    )

    results: list[LabelResult]
    encoder_id: str = Field(description="The weights that judged.")


class FacetsAnswer(BaseModel):
    """How many products have which value."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "facets": {"gender": {"Men": 22147, "Women": 18632, "Unisex": 2161}},
                    "total": 44072,
                    "catalogue_version": 0,
                }
            ]
        }
    )

    facets: dict[str, dict[str, int]] = Field(
        description="Attribute to value to number of products, the most frequent first; a filter on the attribute "
        "itself is left out."
    )
    total: int | None = Field(description="How many products pass all filters; null where it is not known.")
    catalogue_version: int


class ProductDetail(BaseModel):
    """One product of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE_PRODUCT, "split": "test"}]})

    id: str
    title: str
    split: str = Field(description="The part of the data this product belongs to: train, validation or test.")
    attributes: dict[str, str]
    image_url: str


class LineError(BaseModel):
    """A line of a bulk call that could not be carried out."""

    line: int = Field(description="Its number, from 1.")
    id: str | None = Field(description="The product, where the line could be read that far.")
    code: str
    message: str


class BulkAnswer(BaseModel):
    """What the lines of a bulk call came to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "created": 41,
                    "replaced": 3,
                    "unchanged": 12,
                    "deleted": 1,
                    "failed": 1,
                    "errors": [{"line": 7, "id": "10061", "code": "bad_image", "message": "the image is damaged"}],
                    "catalogue_version": 45,
                }
            ]
        }
    )

    created: int = 0
    replaced: int = 0
    unchanged: int = Field(0, description="Products that were what was sent, or gone, already.")
    deleted: int = 0
    failed: int = 0
    errors: list[LineError] = Field(description="Why lines failed; the first hundred.")
    catalogue_version: int = Field(description="With all of it.")


class Figure(BaseModel):
    """A fraction in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


class Direction(BaseModel):
    """Figures of one direction: only the query's own product counts, or any product with its title."""

    strict_id: dict[str, Figure]
    same_title: dict[str, Figure]


class Slice(BaseModel):
    """The titles of one value of an attribute."""

    value: str
    queries: int = Field(description="How many titles ask.")
    recall1: Figure
    recall10: Figure
    mrr10: Figure


class EvaluationAnswer(BaseModel):
    """How well the served encoder finds the served products."""

    split: Literal["test", "validation", "train", "all"] = Field(description="Queries from these products.")
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
    slices: dict[str, list[Slice]] = Field(
        description="The titles apart, by attribute and by how many products share them."
    )


class WordResult(BaseModel):
    """A word of a description, and what it does for the match."""

    word: str
    weight: float = Field(description="How much the score falls when this word is left out; below 0 it disturbs.")


class ExplainedResult(BaseModel):
    """A description word by word."""

    description: str
    score: float = Field(description="Cosine of the angle between picture and description; 1 at best.")
    words: list[WordResult]


class ExplainAnswer(BaseModel):
    """The descriptions, in the order in which they were sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {
                            "description": "Women Red Heels",
                            "score": 0.412,
                            "words": [
                                {"word": "Women", "weight": 0.021},
                                {"word": "Red", "weight": 0.094},
                                {"word": "Heels", "weight": 0.163},
                            ],
                        }
                    ],
                    "encoder_id": "9f0c2ab4d1e87a63",
                }
            ]
        }
    )

    results: list[ExplainedResult]
    encoder_id: str = Field(description="The weights that judged.")


class FoundExample(BaseModel):
    """One of the first results of a query."""

    id: str
    title: str
    score: float
    right: bool = Field(description="Whether it is an answer that was looked for.")


class QueryExample(BaseModel):
    """A query that does very well or very badly."""

    id: str = Field(description="The product that asks; of a text, the one of its products that comes first.")
    title: str
    rank: int = Field(description="Where its best right answer stands, from 1; ties count against it.")
    score: float = Field(description="Cosine of that answer.")
    found: list[FoundExample] = Field(description="What was found first.")


class Similarity(BaseModel):
    """How many pairs of query and answer are how similar."""

    edges: list[float] = Field(description="Of the bins; one more than there are bins.")
    right: list[int] = Field(description="Pairs that belong together.")
    wrong: list[int] = Field(description="All other pairs.")
    nearest_wrong: list[int] = Field(description="Of the other pairs, the most similar one of each query.")


class DirectionDetails(BaseModel):
    """One direction: which queries do worst and best, and how similar pairs are."""

    queries: int
    worst: list[QueryExample]
    best: list[QueryExample]
    similarity: Similarity


class DetailsAnswer(BaseModel):
    """The error analysis of an evaluation."""

    split: Literal["test", "validation", "train", "all"] = Field(description="Queries from these products.")
    encoder_id: str
    catalogue_version: int
    source: str = Field(description="Name of the data set that the catalogue was built from.")
    text_to_image: DirectionDetails = Field(description="Each distinct title asks for its pictures.")
    image_to_text: DirectionDetails = Field(description="Each picture asks for its title among the distinct ones.")


class MapAttribute(BaseModel):
    """The values of one attribute, to colour a map by."""

    values: list[str] = Field(description="The most frequent first.")
    codes: str = Field(description="Per product its value's place in `values`, 65535 for none: uint16 as base64.")


class MapAnswer(BaseModel):
    """Where the products stand in two dimensions; near ones look alike."""

    method: Literal["pca", "umap"]
    created: str
    encoder_id: str
    catalogue_version: int
    left_out: int = Field(description="Products that came after a map by UMAP was made, and have no place on it.")
    ids: list[str] = Field(description="Of the products, N.")
    x: str = Field(description="N little-endian uint16 as base64: the map is a square of 65535.")
    y: str = Field(description="The same, upwards.")
    attributes: dict[str, MapAttribute] = Field(description="Attributes with few enough values to colour by.")


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


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer with these error statuses, for its OpenAPI document."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses
    }
    return {**answers, "default": {"model": ErrorAnswer, "description": "Any other error, in the same shape"}}


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model with what it refers to in place: a request body stands for itself."""
    schema = model.model_json_schema()
    named = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = named[node["$ref"].removeprefix("#/$defs/")]
            return resolved({**target, **{key: value for key, value in node.items() if key != "$ref"}})
        return {key: resolved(value) for key, value in node.items()}

    found: dict[str, Any] = resolved(schema)
    return found


FILE_SCHEMA: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": f"One picture: {NAMED}.",
}


def json_body(schema: dict[str, Any], **examples: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an OpenAPI request body of JSON; an example is (summary, value)."""
    shown = {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": shown}}}


def with_form(
    body: dict[str, Any], structured: tuple[str, ...], needed: dict[str, Any], **examples: tuple[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return `body` with the same fields as a multipart form beside it: a file `image`, and `structured` ones as JSON.

    `needed` is the part of the form's schema that says which fields there must be.
    """
    schema = body["content"]["application/json"]["schema"]
    fields = {
        name: {"type": "string", "contentMediaType": "application/json", "description": f"As JSON: {about}"}
        if name in structured and (about := field["description"])
        else _without_null(field)
        for name, field in schema["properties"].items()
    }
    form = {
        "type": "object",
        "properties": {**fields, "image": FILE_SCHEMA},
        "additionalProperties": False,
        **needed,
    }
    shown = {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
    return {
        "required": True,
        "content": {**body["content"], "multipart/form-data": {"schema": form, "examples": shown}},
    }


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a form's field, which can be left out but not be null."""
    options = [option for option in field.get("anyOf", []) if option != {"type": "null"}]
    about = {key: value for key, value in field.items() if key not in ("anyOf", "default") or "anyOf" not in field}
    return {**about, **options[0]} if len(options) == 1 else field


def search_schema() -> dict[str, Any]:
    """Return the JSON schema of a search, with what pydantic cannot say: one part of a query must be there."""
    return {**inlined(SearchRequest), "anyOf": [{"required": [part]} for part in WEIGHTS]}


def search_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a search."""
    return with_form(
        json_body(
            search_schema(),
            text=("A text", {"text": "red dress", "k": 10}),
            filtered=(
                "A text among some products, with counts for a choice of filters",
                {
                    "text": "shoes for a rainy day",
                    "k": 20,
                    "filters": {"gender": "Women", "baseColour": {"not": ["White", "Yellow"]}},
                    "facets": ["baseColour"],
                },
            ),
            picture=("A picture as a data URI, one result per title", {"image": PIXEL, "collapse": "title"}),
        ),
        SearchRequest.structured,
        {"anyOf": [{"required": [part]} for part in WEIGHTS]},
        picture=("A picture", {"image": "@shoe.jpg", "k": 10}),
        both=(
            "A picture, changed by words",
            {"image": "@shoe.jpg", "text": "in blue", "weights": '{"text": 0.4, "image": 0.6}'},
        ),
        filtered=("A picture among some products", {"image": "@shoe.jpg", "filters": '{"gender": "Women"}'}),
    )


def batch_body() -> dict[str, Any]:
    """Return the OpenAPI request body of several searches."""
    schema = inlined(BatchRequest)
    schema["properties"]["queries"]["items"] = {"anyOf": [search_schema(), {"type": "object"}]}
    queries = [{"text": "red dress", "k": 3}, {"text": "watch", "filters": {"gender": "Men"}}]
    return json_body(schema, two=("Two searches", {"queries": queries}))


def embeddings_body() -> dict[str, Any]:
    """Return the OpenAPI request body of embeddings."""
    return json_body(
        inlined(EmbeddingsRequest),
        texts=("Texts", {"input": ["red dress", "blue bag"], "model": MODEL_NAME}),
        picture=("A picture", {"input": PIXEL, "encoding_format": "base64"}),
    )


def classify_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a classification."""
    one = [{"required": ["image"]}, {"required": ["product_id"]}]
    return with_form(
        json_body(
            {**inlined(ClassifyRequest), "anyOf": one},
            picture=("A picture", {"image": PIXEL, "labels": ["red", "blue"], "templates": ["a {} thing", "{}"]}),
        ),
        ClassifyRequest.structured,
        {"required": ["labels"], "oneOf": one},
        picture=("A picture", {"image": "@shoe.jpg", "labels": '["shoes", "bag", "dress"]'}),
    )


def explain_body() -> dict[str, Any]:
    """Return the OpenAPI request body of an explanation."""
    some = [{"required": [part]} for part in ("image", "like", "vector")]
    descriptions = ["Women Red Heels", "Men Blue Shirt"]
    return with_form(
        json_body(
            {**inlined(ExplainRequest), "anyOf": some},
            picture=("A picture and two descriptions", {"image": PIXEL, "descriptions": descriptions}),
        ),
        ExplainRequest.structured,
        {"required": ["descriptions"], "anyOf": some},
        picture=("A picture", {"image": "@shoe.jpg", "descriptions": json.dumps(descriptions)}),
    )


def product_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a product."""
    example = {"title": "Catwalk Women Red Heels", "attributes": {"gender": "Women", "baseColour": "Red"}}
    return with_form(
        json_body(
            inlined(ProductRequest), product=("A product with its picture as a data URI", {**example, "image": PIXEL})
        ),
        ProductRequest.structured,
        {"required": ["title"]},
        picture=(
            "A product and its picture",
            {"image": "@shoe.jpg", "title": example["title"], "attributes": '{"gender": "Women", "baseColour": "Red"}'},
        ),
    )


def bulk_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a bulk call."""
    lines = [{"id": "10054", "title": "Catwalk Women Red Heels", "image": PIXEL}, {"id": "10061", "delete": True}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    about = "One JSON object a line: " + ", ".join(ProductLine.model_fields)
    return {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"description": about},
                "examples": {"lines": {"summary": "A product to put in, and one to take out", "value": text}},
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "products": {"type": "string", "format": "binary", "description": about},
                        "images": {"type": "array", "items": FILE_SCHEMA},
                    },
                    "required": ["products"],
                },
                "examples": {
                    "files": {
                        "summary": "Lines, and the pictures that they name",
                        "value": {"products": "@products.ndjson", "images": "@shoe.jpg"},
                    }
                },
            },
        },
    }
