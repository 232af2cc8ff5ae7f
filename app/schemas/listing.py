"""Lists of products, and deletions of many of them: by filter, or of what a feed lacks."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from app.errors import InvalidError
from app.schemas.fields import EXAMPLE_PRODUCT, AnsweredValue

ListedField = Literal["id", "title", "split", "attributes", "image_url", "image_urls", "etag", "picture_digests"]
LISTED: tuple[ListedField, ...] = get_args(ListedField)
USUAL: tuple[ListedField, ...] = ("id", "title", "split", "attributes", "image_url", "etag")
"""What is said of a product where nothing else is asked for."""


def listed_fields(text: str) -> tuple[ListedField, ...]:
    """Return the fields that a query parameter names, with commas between; the id is always among them.

    Raises:
        InvalidError: there is no such field.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in LISTED]
    if unknown:
        raise InvalidError(
            f"there is no field {unknown[0][:100]!r}; the fields are {', '.join(LISTED)}",
            [{"field": "fields", "message": f"not one of {', '.join(LISTED)}"}],
        )
    return tuple(name for name in LISTED if name in named or name == "id") if named else USUAL


class ListedProduct(BaseModel):
    """A product in a list: the fields that were asked for."""

    id: str
    title: str | None = None
    split: str | None = None
    attributes: dict[str, AnsweredValue] | None = None
    image_url: str | None = None
    image_urls: list[str] | None = None
    etag: str | None = Field(None, description="Names the product's content, for If-Match.")
    picture_digests: list[str] | None = Field(
        None, description="Of each picture, in order: BLAKE2b of its bytes, 16 bytes long, in hexadecimal digits."
    )


class ListAnswer(BaseModel):
    """Some products, in the order of their ids."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "products": [{**EXAMPLE_PRODUCT, "split": "test", "etag": '"5f1d7b8c9e0a4c3d8f6b2a1908e7d6c5"'}],
                    "next": "10054",
                    "catalogue_version": 0,
                }
            ]
        }
    )

    products: list[ListedProduct]
    next: str | None = Field(description="What to send as `after` for the products behind these; null at the end.")
    catalogue_version: int = Field(description="Version of the catalogue when the list was made.")


class DeletionAnswer(BaseModel):
    """What a deletion by filter came to, or would come to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "count": 3,
                    "examples": ["10054", "10061", "10077"],
                    "deleted": 0,
                    "changed": 0,
                    "catalogue_version": 4,
                }
            ]
        }
    )

    count: int = Field(description="Products that pass the filters; to be sent as `confirm`.")
    examples: list[str] = Field(description="The ids of the first ten.")
    deleted: int = Field(default=0, description="How many were taken out; 0 with dry_run.")
    changed: int = Field(default=0, description="How many stay, as others changed them in the meantime.")
    catalogue_version: int
