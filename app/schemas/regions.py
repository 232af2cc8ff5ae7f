"""The things in a picture: where each is, what it is called, and its vector."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.fields import OnePicture

Part = Annotated[float, Field(ge=0, le=1)]


class RegionsRequest(OnePicture):
    """A picture that may show several things."""

    structured: ClassVar[tuple[str, ...]] = ()
    """Fields that are JSON in a form."""

    def check(self, pictures: int) -> None:
        """Refuse anything but one picture; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: there is none, or more than one.
        """
        self.check_one(pictures, "pictures")


class Region(BaseModel):
    """A part of the picture that shows one thing."""

    box: Annotated[list[Part], Field(min_length=4, max_length=4)] = Field(
        description="Left, top, width and height in parts of the upright picture, as `crop` takes them."
    )
    label: str | None = Field(description="Value that most of the nearest products have; null where they disagree.")
    attribute: str | None = Field(description="The attribute that it is a value of.")
    score: float = Field(description="Cosine of the angle between the region and the nearest product; 1 at best.")
    vector: list[float] = Field(description="Unit vector of the region, to search with.")


class RegionsAnswer(BaseModel):
    """The things that stand out, the clearest first; the whole picture where nothing does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "regions": [
                        {
                            "box": [0.31, 0.02, 0.38, 0.41],
                            "label": "Tshirts",
                            "attribute": "articleType",
                            "score": 0.87,
                            "vector": [0.0312, -0.1178, 0.0904],
                        }
                    ],
                    "encoder_id": "9f0c2ab4d1e87a63",
                }
            ]
        }
    )

    regions: list[Region]
    encoder_id: str = Field(description="The encoder that made the vectors.")
