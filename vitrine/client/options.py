"""What a call may say beside what its method names, as typed keyword arguments.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class ClassifyOptions(TypedDict, total=False):
    """A picture, or a product for its picture, and the labels to choose from."""

    crop: list[float] | None
    templates: list[str]


class EmbeddingsOptions(TypedDict, total=False):
    """Texts and pictures to encode, in the shape of OpenAI's call."""

    crop: list[float] | None
    model: str | None
    encoding_format: Literal["float", "base64"]
    dimensions: int | None
    user: str | None


class ExplainOptions(TypedDict, total=False):
    """Descriptions, and what they are matched with: a picture, products for their pictures, a vector, or several."""

    crop: list[float] | None
    like: list[str]
    vector: list[float] | None


class Weights(TypedDict, total=False):
    """How much each part of a query counts."""

    text: float
    image: float
    like: float
    unlike: float
    vector: float
    modify: float


Condition = TypedDict(
    "Condition",
    {
        "any": str | float | bool | list[str | float | bool] | None,
        "not": str | float | bool | list[str | float | bool] | None,
        "gte": float | str | None,
        "gt": float | str | None,
        "lte": float | str | None,
        "lt": float | str | None,
    },
    total=False,
)


class SearchOptions(TypedDict, total=False):
    """What to search for and how: at least one of text, image, like, unlike and vector."""

    crop: list[float] | None
    like: list[str]
    unlike: list[str]
    vector: list[float] | None
    modify: str | None
    keep: bool
    weights: Weights
    k: int
    offset: int
    filters: dict[str, str | float | bool | list[str | float | bool] | Condition]
    facets: list[str]
    histograms: list[str]
    collapse: Literal["title", "image"] | None
    collapse_threshold: float
    min_score: float | None
    mode: Literal["hybrid", "vector", "lexical"] | None
    language: Literal["en", "fr", "de", "es", "it"] | None
    correct: bool
    dismiss: list[str]
    strict: bool
    hub_correction: bool
    cutoff: Literal["auto", "none"] | float
    sort: str
    group_by: str | None
    image_versions: bool
