"""The figures of an evaluation, and the error analysis behind them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Figure(BaseModel):
    """A fraction in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


class Direction(BaseModel):
    """Figures of one direction: only the query's own product counts, or any product with its title."""

    strict_id: dict[str, Figure]
    same_title: dict[str, Figure]


class Slice(BaseModel):
    """The titles of one value of an attribute."""

    value: str
    queries: int = Field(description="Number of distinct titles that are queries.")
    recall1: Figure
    recall10: Figure
    mrr10: Figure


class Measured(BaseModel):
    """When figures were measured, and what it took."""

    at: str = Field(description="When it ended; UTC.", examples=["2026-11-27T02:08:15Z"])
    seconds: float = Field(description="How long it was computed.")
    threads: int = Field(description="On how many threads.")


class ProgressAnswer(BaseModel):
    """How far an evaluation is."""

    state: Literal["idle", "waiting", "measuring", "ready"] = Field(
        description="idle: nobody has asked for it here; waiting: others are computed before it; ready: it is kept."
    )
    stage: Literal["reading", "image_to_text", "text_to_image", "titles", "intervals", "slices"] | None = Field(
        description="What is computed."
    )
    done: float = Field(ge=0, le=1, description="Part of all that is done.")
    seconds: float = Field(description="For how long it is computed.")
    left_s: float | None = Field(description="Estimate of the seconds until it ends; null as long as there is none.")


class EvaluationAnswer(BaseModel):
    """How well the served encoder finds the served products."""

    split: Literal["test", "validation", "train", "all"] = Field(description="Queries from these products.")
    encoder_id: str
    catalogue_version: int
    source: str = Field(description="Name of the data set that the catalogue was built from.")
    queries: int = Field(description="Number of products that are queries.")
    gallery: int = Field(description="How many products they are looked for among: all of them.")
    image_to_text: Direction
    text_to_image: Direction
    titles: dict[str, int | Figure] = Field(
        description="One query per distinct title, text to image; recall counts every product of that title."
    )
    titles_hub_corrected: dict[str, int | Figure] | None = Field(
        None,
        description="The same, ranked as mode vector ranks a search for the title: by the cosine less a part of the "
        "product's hubness (see hub_correction), which is measured against the catalogue's own titles. Null where the "
        "catalogue has no hubness.",
    )
    slices: dict[str, list[Slice]] = Field(
        description="The titles apart, by attribute and by how many products share them."
    )
    attributes: list[str] = Field(description="What the titles can be told apart by: names that `slices` takes.")
    measured: Measured


class FoundExample(BaseModel):
    """One of the first results of a query."""

    id: str
    title: str
    score: float
    right: bool = Field(description="Whether it is an answer that was looked for.")


class QueryExample(BaseModel):
    """A query that does very well or very badly."""

    id: str = Field(description="The product that asks; of a text, the one of its products that comes first.")
    title: str
    rank: int = Field(description="Where its best right answer stands, from 1; ties count against it.")
    score: float = Field(description="Cosine of that answer.")
    found: list[FoundExample] = Field(description="What was found first.")


class Similarity(BaseModel):
    """How many pairs of query and answer are how similar."""

    edges: list[float] = Field(description="Of the bins; one more than there are bins.")
    right: list[int] = Field(description="Pairs that belong together.")
    wrong: list[int] = Field(description="All other pairs.")
    nearest_wrong: list[int] = Field(description="Of the other pairs, the most similar one of each query.")


class DirectionDetails(BaseModel):
    """One direction: which queries do worst and best, and how similar pairs are."""

    queries: int = Field(description="How many there are, of the slice where one is asked for.")
    worst: list[QueryExample]
    best: list[QueryExample]
    similarity: Similarity = Field(description="Of all queries.")


class DetailsAnswer(BaseModel):
    """The error analysis behind the figures of an evaluation."""

    split: Literal["test", "validation", "train", "all"] = Field(description="Queries from these products.")
    encoder_id: str
    catalogue_version: int
    source: str = Field(description="Name of the data set that the catalogue was built from.")
    text_to_image: DirectionDetails = Field(description="Each distinct title asks for its pictures.")
    image_to_text: DirectionDetails = Field(description="Each picture asks for its title among the distinct ones.")
    measured: Measured
