"""Fields of a request, checked against their model; an unknown one hears which field was probably meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from app.errors import invalid

M = TypeVar("M", bound=BaseModel)
OTHER_NAMES: Mapping[str, str] = {
    "q": "text",
    "query": "text",
    "limit": "k",
    "size": "k",
    "top_k": "k",
    "page": "offset",
    "filter": "filters",
    "facet": "facets",
    "sort_by": "sort",
    "order": "sort",
    "threshold": "min_score",
}
"""What the fields of a search are called elsewhere; a message names ours."""


def checked(model: type[M], fields: Any, *, strict: bool, sent_as: Mapping[str, str] = {}) -> M:
    """Return `fields` checked; `strict` for JSON, which has types of its own, unlike a form.

    `sent_as` has the names that some fields were sent under, for messages.

    Raises:
        InvalidError: says which fields do not fit.
    """
    try:
        return model.model_validate(fields, strict=strict)
    except ValidationError as error:
        raise invalid(error, lambda place: known_fields(model, place), sent_as) from None


def known_fields(model: Any, place: Sequence[int | str]) -> dict[str, str]:
    """Return the names that a field may have at a place of a body of this model, each with the field it stands for."""
    models = [model]
    for part in place[:-1]:
        inside = [one.model_fields[name] for one in models for name in (_name_of(one, part),) if name]
        # A part that names no field is a key or an item: what is in there is what the field before it says.
        models = [found for field in inside for found in _models_in(field.annotation)] or models
    names: dict[str, str] = {}
    for one in models:
        fields = [field.alias or name for name, field in one.model_fields.items()]
        names |= {name: name for name in fields} | dict(getattr(one, "also", {}))
    return names


def _name_of(model: type[BaseModel], part: int | str) -> str | None:
    return next((name for name, field in model.model_fields.items() if part in (name, field.alias)), None)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
