"""Attributes for pictures by the vote of the products that look most like them: what is asked, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from app.errors import InvalidError
from app.schemas.conditions import MAX_FILTERS
from app.schemas.fields import Fields, Name, Uri

MAX_TAGGED = 32
"""Products or pictures of one call."""


class TagRequest(Fields):
    """Products, or pictures, to find values of attributes for."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["ids"]}, {"required": ["images"]}]})

    max_values: ClassVar[int] = 1_000
    structured: ClassVar[tuple[str, ...]] = ("ids", "images", "attributes")
    """Fields that are JSON in a form."""
    also: ClassVar[Mapping[str, str]] = {"image": "images", "id": "ids", "min": "min_confidence"}

    ids: Annotated[list[Name], Field(max_length=MAX_TAGGED)] = Field(
        default_factory=list,
        description="Products of the catalogue. Neither itself nor products of its title vote for one.",
    )
    images: Annotated[list[Uri], Field(max_length=MAX_TAGGED)] = Field(
        default_factory=list, description="Pictures as data:image/png;base64,... Addresses are not fetched."
    )
    attributes: Annotated[list[Name], Field(max_length=MAX_FILTERS)] = Field(
        default_factory=list, description="Attributes to find values of; all that a vote can tell, unless given."
    )
    min_confidence: float = Field(0.0, ge=0, le=1, description="Leave out values that are less sure than this.")

    @property
    def pictures(self) -> list[str]:
        """The pictures as they were sent."""
        return self.images

    def check(self, pictures: int) -> None:
        """Refuse what cannot be tagged; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: neither products nor pictures, both, or too many.
        """
        count = pictures + len(self.images)
        if bool(count) == bool(self.ids):
            raise InvalidError(
                f"send either ids or pictures, 1 to {MAX_TAGGED} of them",
                [{"field": "ids", "message": "one of ids and images is needed, and not both"}],
            )
        if count > MAX_TAGGED:
            raise InvalidError(
                f"there are {count} pictures; send at most {MAX_TAGGED} in one call",
                [{"field": "images", "message": f"more than {MAX_TAGGED}"}],
            )


class TagResult(BaseModel):
    """The value of one attribute."""

    value: str | int | float | bool = Field(description="As the catalogue writes it; of a list, one item.")
    confidence: float = Field(description="How often a vote like this one is right in this catalogue, 0 to 1.")


class Tagged(BaseModel):
    """What was found for one product or picture."""

    id: str = Field(default="", description="Of the product; not there for a picture.")
    index: int = Field(default=0, description="Number of the picture, from 0; not there for a product.")
    tags: dict[str, TagResult] = Field(description="Attribute to value; one on which the vote is open is left out.")


EXAMPLE_TAGS: dict[str, Any] = {
    "gender": {"value": "Women", "confidence": 0.98},
    "articleType": {"value": "Heels", "confidence": 0.95},
    "baseColour": {"value": "Red", "confidence": 0.81},
}


class TagAnswer(BaseModel):
    """The attributes of each product or picture, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [{"id": "10054", "tags": EXAMPLE_TAGS}],
                    "encoder_id": "9f0c2ab4d1e87a63",
                    "catalogue_version": 1,
                }
            ]
        }
    )

    results: list[Tagged]
    encoder_id: str
    catalogue_version: int
