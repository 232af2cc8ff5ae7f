"""Labels for a picture, and the words of a description that carry its match with one."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.errors import InvalidError
from app.schemas.fields import MAX_NAME, MAX_PROMPTS, CroppedPicture, Ids, Name, Picture, Vector, clean, clean_title
from index import MAX_TITLE

MAX_LABELS = 200
MAX_TEMPLATES = 100
MAX_EXPLAINED = 50
"""Descriptions of one explanation."""
Label = Annotated[str, Field(max_length=MAX_NAME, min_length=1), BeforeValidator(clean)]
Template = Annotated[str, Field(max_length=MAX_NAME, pattern=r"\{\}")]


class ClassifyRequest(CroppedPicture):
    """A picture, or a product for its picture, and the labels to choose from."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["image"]}, {"required": ["product_id"]}]})

    max_values: ClassVar[int] = 1_000
    structured: ClassVar[tuple[str, ...]] = ("labels", "templates", "crop")
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

    def check(self, pictures: int) -> None:
        """Refuse what cannot be classified; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: no picture or two, labels that are the same, or too many texts.
        """
        self.check_crop(pictures + len(self.pictures))
        if (bool(pictures) or self.image is not None) == (self.product_id is not None):
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


class ExplainRequest(CroppedPicture):
    """Descriptions, and what they are matched with: a picture, products for their pictures, a vector, or several."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [one]} for one in ("image", "like", "vector")]})

    max_values: ClassVar[int] = 5_000
    structured: ClassVar[tuple[str, ...]] = ("like", "vector", "descriptions", "crop")
    """Fields that are JSON in a form."""

    image: Picture = Field(None, description="The picture as data:image/png;base64,... Addresses are not fetched.")
    like: Ids = Field(default_factory=list, description="Ids of products whose pictures they are.")
    vector: Vector | None = Field(
        None, description="A vector such as /v1/embeddings gives; its length does not matter."
    )
    descriptions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_TITLE), BeforeValidator(clean_title)]],
        Field(min_length=1, max_length=MAX_EXPLAINED),
    ] = Field(description="What may be said of the picture, each in words.")

    def check(self, pictures: int) -> None:
        """Refuse what cannot be explained; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: nothing to match the descriptions with, or too many words.
        """
        self.check_crop(pictures + len(self.pictures))
        if not (pictures or self.image or self.like or self.vector):
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
