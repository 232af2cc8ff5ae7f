"""Filters: what is asked of the attributes of products. Knows no call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from app.bounded_json import parse_json
from app.errors import InvalidError, invalid
from app.schemas.fields import Fields, ListedValues, Name, Number, Value, Values, as_list, at_most
from common import InputError
from index import Filter, Filters

MAX_FILTERS = 32
MAX_BOUND = 50
"""Characters of a bound that is a text."""


def as_condition(value: Any) -> Any:
    """Return a filter as a condition: a lone value, or a list, is what it allows."""
    return value if isinstance(value, dict) else {"any": as_list(value)}


Bound = Number | Annotated[str, Field(min_length=1, max_length=MAX_BOUND)]
"""A number, or a text that is a date (2026-11-26, also with a time), a number or a price."""


class Condition(Fields):
    """What a filter asks of one attribute; all that is given must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    any: Values | None = Field(None, description="Allowed value or values; case does not matter.")
    none: Values | None = Field(
        None, alias="not", description="Forbidden value or values; a product without the attribute passes."
    )
    gte: Bound | None = Field(None, description="The value is a number or a date, and at least this.")
    gt: Bound | None = Field(None, description="The same, and more than this; with a day, after all of it.")
    lte: Bound | None = Field(None, description="The same, and at most this; with a day, until its end.")
    lt: Bound | None = Field(None, description="The same, and less than this.")

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("empty; give at least one of any, not, gte, gt, lte, lt")
        try:
            self.as_filter()
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def as_filter(self) -> Filter:
        """Return it as the index takes it."""
        allowed = None if self.any is None else tuple(self.any)
        return Filter(allowed, tuple(self.none or ()), gte=self.gte, gt=self.gt, lte=self.lte, lt=self.lt)


Filtering = Annotated[
    dict[
        Name,
        Annotated[Condition, BeforeValidator(as_condition, json_schema_input_type=Value | ListedValues | Condition)],
    ],
    Field(max_length=MAX_FILTERS),
    at_most(MAX_FILTERS),
]


MAX_PARAMETER_VALUES = 15_000
"""Of the filters in a query parameter: as many as there can be."""


def filters_of(text: str) -> Filters:
    """Return the filters that a query parameter holds as JSON, as the index takes them.

    Raises:
        InvalidError: no JSON, or no filters.
    """
    try:
        # Numbers are read by Python: what is JSON is the same here as in a body.
        asked = FILTERING.validate_python({"filters": parse_json(text, MAX_PARAMETER_VALUES)}, strict=True)["filters"]
    except ValidationError as error:
        raise invalid(error) from None
    except ValueError:
        raise InvalidError(
            "filters is not JSON; send an object",
            [{"field": "filters", "message": 'not JSON, such as {"gender": "Women"}'}],
        ) from None
    return as_filters(asked)


def as_filters(conditions: Mapping[str, Condition]) -> Filters:
    """Return conditions as the index takes them."""
    return {name: condition.as_filter() for name, condition in conditions.items()}


FILTERING = TypeAdapter(dict[Literal["filters"], Filtering])
