"""What the service answers to calls about products, as typed dictionaries.

Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class LineError(TypedDict):
    """A line of a bulk call that could not be carried out."""

    line: int
    id: str | None
    code: str
    message: str


class BulkAnswer(TypedDict):
    """What the lines of a bulk call came to."""

    created: int
    replaced: int
    unchanged: int
    deleted: int
    failed: int
    errors: list[LineError]
    dry_run: bool
    missing: int
    missing_examples: list[str]
    catalogue_version: int


class DeletionAnswer(TypedDict):
    """What a deletion by filter came to, or would come to."""

    count: int
    examples: list[str]
    deleted: int
    changed: int
    catalogue_version: int


class FacetsAnswer(TypedDict):
    """How many products have which value."""

    facets: dict[str, dict[str, int]]
    types: dict[str, Literal["text", "number", "boolean", "date", "list", "mixed"]]
    total: int | None
    catalogue_version: int


class Health(TypedDict):
    """The process runs."""

    status: Literal["ok"]


class LabelsAnswer(TypedDict):
    """What pages write for attributes and values in a language; what is not named stays as the catalogue has it."""

    language: str
    attributes: dict[str, str]
    values: dict[str, dict[str, str]]


class ListedProduct(TypedDict):
    """A product in a list: the fields that were asked for."""

    id: str
    title: NotRequired[str | None]
    split: NotRequired[str | None]
    attributes: NotRequired[dict[str, str | int | float | bool | list[str]] | None]
    image_url: NotRequired[str | None]
    image_urls: NotRequired[list[str] | None]
    etag: NotRequired[str | None]
    picture_digests: NotRequired[list[str] | None]


class ListAnswer(TypedDict):
    """Some products, in the order of their ids."""

    products: list[ListedProduct]
    next: str | None
    catalogue_version: int


class MapAttribute(TypedDict):
    """The values of one attribute, to colour a map by."""

    values: list[str]
    codes: str


class RegionWordAnswer(TypedDict):
    """One word of what a region of the map is called."""

    text: str
    attribute: NotRequired[str | None]


class RegionAnswer(TypedDict):
    """What a region of the map is called."""

    level: int
    x: int
    y: int
    count: int
    words: list[RegionWordAnswer]


class MapAnswer(TypedDict):
    """The places of the products in two dimensions; near ones look alike."""

    method: Literal["tsne", "pca", "umap"]
    created: str
    encoder_id: str
    catalogue_version: int
    left_out: int
    ids: list[str]
    x: str
    y: str
    attributes: dict[str, MapAttribute]
    labels: list[RegionAnswer]


class ProductDetail(TypedDict):
    """One product of the catalogue."""

    id: str
    title: str
    split: str
    attributes: dict[str, str | int | float | bool | list[str]]
    image_url: str
    image_urls: list[str]


class Ready(TypedDict):
    """A query went through the whole service."""

    status: Literal["ready"]
    encoder_id: str
    catalogue_version: int
    products: int
    device: str
    took_ms: float
