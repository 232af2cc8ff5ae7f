"""What the service answers to calls about evaluation, as typed dictionaries.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class FoundExample(TypedDict):
    """One of the first results of a query."""

    id: str
    title: str
    score: float
    right: bool


class QueryExample(TypedDict):
    """A query that does very well or very badly."""

    id: str
    title: str
    rank: int
    score: float
    found: list[FoundExample]


class Similarity(TypedDict):
    """How many pairs of query and answer are how similar."""

    edges: list[float]
    right: list[int]
    wrong: list[int]
    nearest_wrong: list[int]


class DirectionDetails(TypedDict):
    """One direction: which queries do worst and best, and how similar pairs are."""

    queries: int
    worst: list[QueryExample]
    best: list[QueryExample]
    similarity: Similarity


class Measured(TypedDict):
    """When figures were measured, and what it took."""

    at: str
    seconds: float
    threads: int


class DetailsAnswer(TypedDict):
    """The error analysis behind the figures of an evaluation."""

    split: Literal["test", "validation", "train", "all"]
    encoder_id: str
    catalogue_version: int
    source: str
    text_to_image: DirectionDetails
    image_to_text: DirectionDetails
    measured: Measured


class Figure(TypedDict):
    """A fraction in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


class Direction(TypedDict):
    """Figures of one direction: only the query's own product counts, or any product with its title."""

    strict_id: dict[str, Figure]
    same_title: dict[str, Figure]


class Slice(TypedDict):
    """The titles of one value of an attribute."""

    value: str
    queries: int
    recall1: Figure
    recall10: Figure
    mrr10: Figure


class EvaluationAnswer(TypedDict):
    """How well the served encoder finds the served products."""

    split: Literal["test", "validation", "train", "all"]
    encoder_id: str
    catalogue_version: int
    source: str
    queries: int
    gallery: int
    image_to_text: Direction
    text_to_image: Direction
    titles: dict[str, int | Figure]
    titles_hub_corrected: NotRequired[dict[str, int | Figure] | None]
    slices: dict[str, list[Slice]]
    attributes: list[str]
    measured: Measured


class ProgressAnswer(TypedDict):
    """How far an evaluation is."""

    state: Literal["idle", "waiting", "measuring", "ready"]
    stage: Literal["reading", "image_to_text", "text_to_image", "titles", "intervals", "slices"] | None
    done: float
    seconds: float
    left_s: float | None
