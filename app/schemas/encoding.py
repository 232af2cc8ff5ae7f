"""Vectors of texts and pictures in the shape of OpenAI's call, and the names of the model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.errors import InvalidError
from app.schemas.fields import MAX_DIM, MAX_TEXT, MODEL_NAME, Cropped, CroppedPicture, Fields, Name

MAX_INPUTS = 256
MAX_INPUT = 100_000_000
"""Characters of one input of /v1/embeddings, which may be a picture; the body's bytes are what bounds it."""
MAX_EMBEDDED_TEXT = 20_000


def is_picture(text: str) -> bool:
    """Return whether an input of /v1/embeddings is a picture."""
    return text[:100].lstrip()[:11].lower() == "data:image/"


class EncodingOptions(Fields):
    """How vectors are asked for, in the shape of OpenAI's call."""

    max_values: ClassVar[int] = 1_000

    model: Name | None = Field(None, description="A name that /v1/models lists; there is one model.")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="Numbers, or the bytes of little-endian float32 as base64."
    )
    dimensions: Annotated[int, Field(ge=1, le=MAX_DIM)] | None = Field(
        None, description="The vectors' length; only the model's own is possible."
    )
    user: Annotated[str, Field(max_length=MAX_TEXT)] | None = Field(None, description="Ignored.")

    def check_dimensions(self, dim: int) -> None:
        """Refuse a length of vectors that is not the model's.

        Raises:
            InvalidError: names the field.
        """
        if self.dimensions not in (None, dim):
            raise InvalidError(
                f"dimensions is {self.dimensions}; this model makes vectors of {dim}: send that, or leave it out",
                [{"field": "dimensions", "message": f"only {dim} is possible"}],
            )


class PictureToEncode(EncodingOptions, CroppedPicture):
    """One picture to encode, or a part of it: a form, or the picture alone with the fields in the address."""

    structured: ClassVar[tuple[str, ...]] = ("crop",)
    """Fields that are JSON in a form."""

    def check(self, pictures: int) -> None:
        """Refuse anything but one picture; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: there is none, or more than one.
        """
        self.check_one(pictures, "pictures to encode", ", or several inputs as JSON")


class EmbeddingsRequest(EncodingOptions, Cropped):
    """Texts and pictures to encode, in the shape of OpenAI's call."""

    input: (
        Annotated[str, Field(min_length=1, max_length=MAX_INPUT)]
        | Annotated[
            list[Annotated[str, Field(min_length=1, max_length=MAX_INPUT)]], Field(min_length=1, max_length=MAX_INPUTS)
        ]
    ) = Field(description="A text or a list of them; one that begins with data:image/ is a picture.")

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
        self.check_dimensions(dim)
        self.check_crop(sum(map(is_picture, self.inputs())))
        for number, text in enumerate(self.inputs()):
            if len(text) > MAX_EMBEDDED_TEXT and not is_picture(text):
                raise InvalidError(
                    f"input {number} has {len(text):,} characters; send at most {MAX_EMBEDDED_TEXT:,}",
                    [{"field": f"input.{number}", "message": f"more than {MAX_EMBEDDED_TEXT} characters"}],
                )

    def inputs(self) -> list[str]:
        """Return the inputs as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


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
    encoder_id: str = Field(description="The id of its weights; a catalogue carries the same.")
    dimensions: int = Field(description="Numbers in a vector.")
    image_size: list[int] = Field(description="Height and width in pixels that pictures are scaled to.")
    max_tokens: int | None = Field(default=None, description="Tokens of a text that are read; what follows is not.")
    text_tower: str | None = Field(default=None, description="What texts are read by, before training.")
    image_tower: str | None = Field(default=None, description="What pictures are seen by, before training.")
    recipe: str | None = Field(default=None, description="The configuration that it was trained by.")


class ModelsAnswer(BaseModel):
    """The model that is served, by its lasting name and by the id of its weights."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [
                        {
                            "id": name,
                            "object": "model",
                            "created": 1735689600,
                            "owned_by": "vitrine",
                            "encoder_id": "9f0c2ab4d1e87a63",
                            "dimensions": 128,
                            "image_size": [112, 112],
                            "max_tokens": 64,
                            "text_tower": "minilm-l6",
                            "image_tower": "dinov2-small",
                            "recipe": "minilm-dinov2",
                        }
                        for name in (MODEL_NAME, "9f0c2ab4d1e87a63")
                    ],
                }
            ]
        }
    )

    object: Literal["list"] = "list"
    data: list[Model]
