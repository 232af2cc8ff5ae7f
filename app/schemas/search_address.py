"""A search in an address: the parameters of `GET /v1/search`, and the search that they are. Knows no call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.bounded_json import parse_json
from app.errors import InvalidError
from app.schemas.conditions import MAX_PARAMETER_VALUES
from app.schemas.fields import checked
from app.schemas.search import SearchRequest
from index import did_you_mean

TEXT = "q"
FILTER = "f."
"""Begins a parameter that is a filter: f.gender=Women."""
LISTS = ("like", "unlike", "facets", "histograms", "dismiss")
OBJECTS = ("filters", "weights")
"""Parameters that are JSON."""
ONLY_IN_BODY = ("image", "crop", "vector")
ALIASES = {"text": TEXT, "query": TEXT, "limit": "k", "size": "k", "page": "offset", "filter": "filters"}
"""Names that other services, or the body of a search, have for a parameter."""
FIELDS = {name: field for name, field in SearchRequest.model_fields.items() if name not in (*ONLY_IN_BODY, "text")}


def search_of_address(parameters: Iterable[tuple[str, str]]) -> SearchRequest:
    """Return the search that the parameters of an address are; one without a value counts as not sent.

    Raises:
        InvalidError: one is unknown, comes twice, or cannot be used, or there is nothing to search for.
    """
    sent: dict[str, list[str]] = {}
    for name, value in parameters:
        if not name.startswith(FILTER):
            _check_name(name)
        if value.strip():
            sent.setdefault(name, []).append(value)
    fields: dict[str, Any] = {}
    by_name: dict[str, list[str]] = {}
    for name, values in sent.items():
        if name.startswith(FILTER):
            by_name[name.removeprefix(FILTER)] = values
        elif name in LISTS:
            fields[name] = listed(name, values)
        elif len(values) > 1:
            raise _unusable(name, f"{name} comes twice; send it once", "comes twice")
        else:
            fields["text" if name == TEXT else name] = _json(name, values[0]) if name in OBJECTS else values[0]
    if by_name:
        fields["filters"] = _with_named(fields.get("filters", {}), by_name)
    search = checked(SearchRequest, fields, strict=False)
    search.check(0)
    return search


def listed(name: str, values: Sequence[str]) -> Any:
    """Return the items of a parameter that is a list: it comes once for each, has commas between, or is JSON.

    Raises:
        InvalidError: it begins as a JSON list does, and is none.
    """
    if len(values) == 1 and values[0].lstrip().startswith("["):
        return _json(name, values[0])
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def _with_named(filters: Any, by_name: dict[str, list[str]]) -> Any:
    if not isinstance(filters, dict):
        return filters  # refused for what it is
    for name in by_name:
        if name in filters:
            raise _unusable(
                f"{FILTER}{name}", f"{name!r} is filtered twice, by filters and by {FILTER}{name}; send one", "twice"
            )
    return {**filters, **by_name}


def _check_name(name: str) -> None:
    if name == TEXT or name in FIELDS:
        return
    if name in ONLY_IN_BODY:
        raise _unusable(
            name, f"an address takes no {name}; send it as the body of POST /v1/search", "only in a body, with POST"
        )
    known = ALIASES.get(name)
    hint = f"; did you mean {known!r}?" if known else did_you_mean(name, (TEXT, *FIELDS))
    message = f"unknown parameter {name[:100]!r}{hint}"
    raise _unusable(name, message if hint else f"{message}; GET /openapi.json lists what there is", message)


def _json(name: str, text: str) -> Any:
    try:
        return parse_json(text, MAX_PARAMETER_VALUES)
    except ValueError:
        example = '{"gender": "Women"}' if name == "filters" else '{"text": 0.5}' if name == "weights" else '["a", "b"]'
        raise _unusable(name, f"{name} is not JSON; send it as {example}", f"not JSON, such as {example}") from None


def _unusable(name: str, message: str, detail: str) -> InvalidError:
    return InvalidError(message, [{"field": name[:100], "message": detail}])


def address_parameters() -> list[dict[str, Any]]:
    """Return the parameters of a search in an address, for the OpenAPI document."""
    schemas = SearchRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    return [_documented(TEXT, schemas["text"]), *(_documented(name, schemas[name]) for name in FIELDS)]


def _documented(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    about = schema["description"]
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": False, "description": about}
    if name in OBJECTS:
        shown = {"type": "string", "contentMediaType": "application/json"}
        return {**parameter, "description": f"As JSON: {about}", "schema": shown}
    bare = {key: value for key, value in schema.items() if key not in ("description", "title")}
    options = [option for option in bare.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        bare = {key: value for key, value in bare.items() if key not in ("anyOf", "default")} | options[0]
    return {**parameter, "schema": bare, **({"style": "form", "explode": True} if name in LISTS else {})}
