"""Products as they are put in and shown, the values of their attributes, and their places on a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from app.errors import InvalidError
from app.schemas.fields import (
    EXAMPLE_PRODUCT,
    MAX_PRODUCT_JSON,
    AnsweredValue,
    Fields,
    Picture,
    Uri,
    as_value,
    clean,
)
from app.schemas.values import Attributes
from index import MAX_ID, MAX_PICTURES, PRODUCT_ID, FieldType, Value, is_id

MAX_FACET_VALUES = 10_000
CHANGES = "changes"
"""The tag of calls that change something, which need a key."""


ProductId = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=PRODUCT_ID), BeforeValidator(as_value)]
MOST_TITLE = 100_000
"""Characters of a title in a body: an older catalogue may have one that is beyond the limit, and may be put back."""
Title = Annotated[
    str, Field(min_length=1, max_length=MOST_TITLE), BeforeValidator(lambda value: clean(value, MOST_TITLE))
]
READ_ONLY = frozenset(
    ("split", "image_url", "image_urls", "etag", "picture_digests", "score", "relevance", "signals", "picture", "group")
)
"""What answers say of a product beside what can be written: one who sends a product back need not take it out."""


class ProductRequest(Fields):
    """What a product is to be; what is left out stays as it is."""

    max_values: ClassVar[int] = 20_000
    max_bytes: ClassVar[int] = MAX_PRODUCT_JSON
    structured: ClassVar[tuple[str, ...]] = ("attributes", "images")
    """Fields that are JSON in a form."""

    id: ProductId | None = Field(None, description="Its id; in a call for one product, that of the address.")
    title: Title | None = Field(
        None, description="What it is called; it is found under these words. A new product needs one."
    )
    attributes: Attributes | None = Field(
        None,
        description="Attribute to value, to filter by: a text, a number, true, false or a list. Those that are not "
        "named stay; null takes one out, and null for all of them takes out all.",
    )
    image: Picture = Field(
        None, description="Its picture: data:image/png;base64,... A new product needs one; left out, the pictures stay."
    )
    images: Annotated[list[Uri], Field(max_length=MAX_PICTURES)] | None = Field(
        None, description="Its pictures, in order, behind `image` where both are sent. They replace all that it has."
    )
    replace: bool = Field(
        False,
        description="Whether what is not sent goes: all attributes that are not named. Pictures stay all the same.",
    )

    @model_validator(mode="before")
    @classmethod
    def _writable(cls, value: Any) -> Any:
        """Leave out what an answer has that is not written, and the title of null of what is taken out."""
        if not isinstance(value, dict):
            return value
        left = READ_ONLY | {"title"} if value.get("delete") is True and value.get("title", "") is None else READ_ONLY
        return value if left.isdisjoint(value) else {name: one for name, one in value.items() if name not in left}

    @field_validator("title", mode="before")
    @classmethod
    def _keeps_title(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("empty; a product needs a title: leave it out to keep the one that it has")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.replace and self.title is None:
            raise ValueError("replace is true, and there is no title; send the whole product, or leave replace out")
        return self

    def check(self, pictures: int) -> None:
        """Refuse more pictures than a product may have; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: there are too many.
        """
        if len(self.pictures) + pictures > MAX_PICTURES:
            raise InvalidError(
                f"there are more than {MAX_PICTURES} pictures; send at most that",
                [{"field": "images", "message": f"with image more than {MAX_PICTURES}"}],
            )

    @property
    def pictures(self) -> list[str]:
        """The pictures that are sent, in order."""
        return [*([] if self.image is None else [self.image]), *(self.images or ())]

    @property
    def changed_attributes(self) -> Mapping[str, Value | None] | None:
        """What is sent of the attributes, None for one that goes; None: all go."""
        return {} if "attributes" not in self.model_fields_set else self.attributes


class ProductLine(ProductRequest):
    """One line of a bulk call: a product, or the id of one to take out."""

    id: Annotated[str, Field(min_length=1, max_length=MAX_ID), BeforeValidator(as_value)]
    image: str | None = Field(None, description="A data URI; in a form also the name of one of its files.")
    images: Annotated[list[str], Field(max_length=MAX_PICTURES)] | None = Field(
        None, description="Pictures behind it, each as `image` is given."
    )
    delete: bool = Field(False, description="Take the product out instead.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.delete and self.title is not None:
            raise ValueError("delete is true, and there is a title; send one of the two")
        if not self.delete and not is_id(self.id):
            raise ValueError("id: has control characters, or is . or .., which no address can name; choose another id")
        return self


class FacetsAnswer(BaseModel):
    """How many products have which value."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "facets": {"gender": {"Men": 22147, "Women": 18632, "Unisex": 2161}},
                    "types": {"gender": "text"},
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
    types: dict[str, FieldType] = Field(description="Attribute to what all its values are.")
    total: int | None = Field(description="How many products pass all filters; null where it is not known.")
    catalogue_version: int


class LabelsAnswer(BaseModel):
    """What pages write for attributes and values in a language; what is not named stays as the catalogue has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "language": "fr",
                    "attributes": {"baseColour": "Couleur"},
                    "values": {"baseColour": {"Red": "Rouge", "Navy Blue": "Bleu marine"}},
                }
            ]
        }
    )

    language: str = Field(description="The language of the labels: en, fr, de, es or it.")
    attributes: dict[str, str] = Field(description="Attribute to its name.")
    values: dict[str, dict[str, str]] = Field(
        description="Attribute to value to label, at most 2,000 of them; no two values of an attribute share a label."
    )


class ProductDetail(BaseModel):
    """One product of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE_PRODUCT, "split": "test"}]})

    id: str
    title: str
    split: str = Field(description="The part of the data this product belongs to: train, validation or test.")
    attributes: dict[str, AnsweredValue]
    image_url: str = Field(description="Its first picture.")
    image_urls: list[str] = Field(description="All of its pictures, in order.")


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
    unchanged: int = Field(default=0, description="Products that were what was sent, or gone, already.")
    deleted: int = 0
    failed: int = 0
    errors: list[LineError] = Field(description="Why lines failed; the first hundred.")
    dry_run: bool = Field(
        default=False,
        description="Whether this says what would be, and nothing was changed; where either was asked for.",
    )
    missing: int = Field(default=0, description="In mode sync: products that no line names; they are among `deleted`.")
    missing_examples: list[str] = Field(
        default_factory=list, description="In mode sync: the ids of the first ten of these."
    )
    catalogue_version: int = Field(description="With all of it.")


class MapAttribute(BaseModel):
    """The values of one attribute, to colour a map by."""

    values: list[str] = Field(description="The most frequent first.")
    codes: str = Field(description="Per product its value's place in `values`, 65535 for none: uint16 as base64.")


class RegionWordAnswer(BaseModel):
    """One word of what a region of the map is called."""

    text: str
    attribute: str | None = Field(None, description="The attribute whose value it is; null for a word of titles.")


class RegionAnswer(BaseModel):
    """What a region of the map is called."""

    level: int = Field(description="0 for the largest regions; each level has four times as many.")
    x: int = Field(description="Its middle, in the square of the products.")
    y: int
    count: int = Field(description="Products of the region that have its word.")
    words: list[RegionWordAnswer] = Field(
        description="Its own word, and behind it one of a region around it, if that says what it is a part of."
    )


class MapAnswer(BaseModel):
    """The places of the products in two dimensions; near ones look alike."""

    method: Literal["tsne", "pca", "umap"] = Field(description="umap: a map that an earlier version has made.")
    created: str
    encoder_id: str
    catalogue_version: int
    left_out: int = Field(description="Products that are not shown: of more than 200,000, some are left out evenly.")
    ids: list[str] = Field(description="Of the products, N.")
    x: str = Field(description="N little-endian uint16 as base64: the map is a square of 65535.")
    y: str = Field(description="The same, upwards.")
    attributes: dict[str, MapAttribute] = Field(description="Attributes with few enough values to colour by.")
    labels: list[RegionAnswer] = Field(description="What its regions are called, the largest regions first.")
