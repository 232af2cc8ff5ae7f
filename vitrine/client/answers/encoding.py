"""What the service answers to calls about encoding, as typed dictionaries.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class LabelResult(TypedDict):
    """How well one label fits."""

    label: str
    probability: float
    score: float


class ClassifyAnswer(TypedDict):
    """The labels, best first."""

    results: list[LabelResult]
    encoder_id: str


class Embedding(TypedDict):
    """The vector of one input."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(TypedDict):
    """How many tokens the texts have; pictures have none."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(TypedDict):
    """Vectors of unit length in the order of the inputs."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class Model(TypedDict):
    """One name of the model that is served."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    encoder_id: str
    dimensions: int
    image_size: list[int]
    max_tokens: NotRequired[int | None]
    text_tower: NotRequired[str | None]
    image_tower: NotRequired[str | None]
    recipe: NotRequired[str | None]


class ModelsAnswer(TypedDict):
    """The model that is served, by its lasting name and by the id of its weights."""

    object: Literal["list"]
    data: list[Model]


class TagResult(TypedDict):
    """The value of one attribute."""

    value: str | int | float | bool
    confidence: float


class Tagged(TypedDict):
    """What was found for one product or picture."""

    id: str
    index: int
    tags: dict[str, TagResult]


class TagAnswer(TypedDict):
    """The attributes of each product or picture, in the order of the request."""

    results: list[Tagged]
    encoder_id: str
    catalogue_version: int
