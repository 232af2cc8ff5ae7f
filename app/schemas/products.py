"""Products as they are put in and shown, the values of their attributes, and their places on a map."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.schemas.fields import (
    EXAMPLE_PRODUCT,
    MAX_TEXT,
    Fields,
    Name,
    Picture,
    Value,
    as_value,
    at_most,
    clean,
)
from index import MAX_ID, PRODUCT_ID

MAX_FACET_VALUES = 10_000
MAX_ATTRIBUTES = 64
CHANGES = "changes"
"""The tag of calls that change something, which need a key."""


def not_blank(value: str) -> str:
    """Refuse a value of blanks."""
    if not value.strip():
        raise ValueError("empty; leave the attribute out instead")
    return value


ProductId = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=PRODUCT_ID), BeforeValidator(as_value)]
Title = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(clean)]
AttributeValue = Annotated[Value, AfterValidator(not_blank)]


class ProductRequest(Fields):
    """A product to put into the catalogue, in place of the one of its id if there is one."""

    max_values: ClassVar[int] = 1_000
    structured: ClassVar[tuple[str, ...]] = ("attributes",)
    """Fields that are JSON in a form."""

    title: Title = Field(description="What it is called; it is found under these words.")
    attributes: Annotated[dict[Name, AttributeValue], Field(max_length=MAX_ATTRIBUTES), at_most(MAX_ATTRIBUTES)] = (
        Field(default_factory=dict, description="Attribute to value, to filter by.")
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
    attributes: dict[str, Any]
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


class MapAttribute(BaseModel):
    """The values of one attribute, to colour a map by."""

    values: list[str] = Field(description="The most frequent first.")
    codes: str = Field(description="Per product its value's place in `values`, 65535 for none: uint16 as base64.")


class MapAnswer(BaseModel):
    """The places of the products in two dimensions; near ones look alike."""

    method: Literal["pca", "umap"]
    created: str
    encoder_id: str
    catalogue_version: int
    left_out: int = Field(description="Products that came after a map by UMAP was made, and have no place on it.")
    ids: list[str] = Field(description="Of the products, N.")
    x: str = Field(description="N little-endian uint16 as base64: the map is a square of 65535.")
    y: str = Field(description="The same, upwards.")
    attributes: dict[str, MapAttribute] = Field(description="Attributes with few enough values to colour by.")
