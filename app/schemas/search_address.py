"""A search in an address: the parameters of `GET /v1/search` and of similar products, and the search that they are.

Knows no call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.address import FILTER, range_of
from app.bounded_json import parse_json
from app.errors import InvalidError
from app.schemas.checking import checked
from app.schemas.conditions import MAX_PARAMETER_VALUES
from app.schemas.search import ABOUT, SearchRequest
from index import did_you_mean

TEXT = "q"
LISTS = ("like", "unlike", "facets", "histograms", "dismiss", "same")
OBJECTS = ("filters", "weights")
"""Parameters that are JSON."""
ONLY_IN_BODY = ("image", "crop", "vector")
ALIASES = {name: TEXT if field == "text" else field for name, field in {"text": "text", **SearchRequest.also}.items()}
"""Names that other services, or the body of a search, have for a parameter."""
SEARCHED_FOR = ("text", "like", "unlike")
"""Fields of what an address can search for."""
OF_SEARCH = (TEXT, *(name for name in SearchRequest.model_fields if name not in (*ONLY_IN_BODY, "text")))
SAME, NOT = "same", "not"
OF_SIMILAR = (
    *("k", "offset", SAME, NOT, "filters", "facets", "sort", "collapse", "collapse_threshold", "group_by"),
    *("min_score", "cutoff", "image_versions"),
)
NOT_THESE = ("title",)


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """What is asked of the neighbours of a product."""

    search: SearchRequest
    """For what is like the product."""
    same: tuple[str, ...]
    """Attributes whose values are to be the product's."""
    other_titles: bool
    """Whether products with its title are left out."""


def search_of_address(parameters: Iterable[tuple[str, str]]) -> SearchRequest:
    """Return the search that the parameters of an address are; one without a value counts as not sent.

    Raises:
        InvalidError: one is unknown, comes twice, or cannot be used, or there is nothing to search for.
    """
    fields = _fields(parameters, OF_SEARCH)
    if not fields.keys() & {*SEARCHED_FOR, *ABOUT}:
        raise _unusable(
            TEXT,
            f"there is nothing to search for; send {TEXT}, like or unlike, or for all products that pass: "
            f"{', '.join(ABOUT[:-1])} or {ABOUT[-1]}",
            "empty, and there is no like or unlike",
        )
    return _search(fields)


def similar_of_address(product_id: str, parameters: Iterable[tuple[str, str]]) -> SimilarRequest:
    """Return what the parameters of an address ask of the neighbours of a product.

    Raises:
        InvalidError: as `search_of_address`.
    """
    fields = _fields(parameters, OF_SIMILAR)
    same = fields.pop(SAME, [])
    if not isinstance(same, list) or not all(isinstance(name, str) and name for name in same):
        raise _unusable(SAME, "same is no list of attributes; send same=gender,articleType", "no list of names")
    other = fields.pop(NOT, None)
    if other is not None and other not in NOT_THESE:
        hint = did_you_mean(other, NOT_THESE) or "; it may be title"
        raise _unusable(NOT, f"not is {other[:100]!r}{hint}", f"title is what it may be{hint}")
    for name in same:
        if name in fields.get("filters", {}):
            raise _unusable(
                SAME, f"{name!r} is to be the product's, and is filtered; send one of both", "filtered, too"
            )
    return SimilarRequest(_search({**fields, "like": [product_id]}), tuple(dict.fromkeys(same)), other is not None)


def listed(name: str, values: Sequence[str]) -> Any:
    """Return the items of a parameter that is a list: it comes once for each, has commas between, or is JSON.

    Raises:
        InvalidError: it begins as a JSON list does, and is none.
    """
    if len(values) == 1 and values[0].lstrip().startswith("["):
        return _json(name, values[0])
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def fields_of_address(sent: Mapping[str, Sequence[str]], lists: Collection[str]) -> dict[str, Any]:
    """Return the fields that an address has for a picture in the body: those in `lists` as `listed`, others once.

    Raises:
        InvalidError: as `listed`, or one comes twice that is no list.
    """
    return {name: listed(name, values) if name in lists else _once(name, values) for name, values in sent.items()}


def _once(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise _unusable(name, f"{name[:100]} comes twice; send it once", "comes twice")
    return values[0]


def _search(fields: dict[str, Any]) -> SearchRequest:
    search = checked(SearchRequest, fields, strict=False, sent_as={"text": TEXT})
    search.check(0)
    return search


def _fields(parameters: Iterable[tuple[str, str]], known: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a search that parameters are; `known` are their names."""
    sent: dict[str, list[str]] = {}
    for name, value in parameters:
        if name == FILTER:
            raise _unusable(name, "f. names no attribute; send a filter such as f.gender=Women", "names no attribute")
        if not name.startswith(FILTER):
            _check_name(name, known)
        if value.strip():
            sent.setdefault(name, []).append(value)
    fields: dict[str, Any] = {}
    by_name: dict[str, Any] = {}
    for name, values in sent.items():
        if name.startswith(FILTER):
            by_name[name.removeprefix(FILTER)] = _condition(name, values)
        elif name in LISTS:
            fields[name] = listed(name, values)
        else:
            value = _once(name, values)
            fields["text" if name == TEXT else name] = _json(name, value) if name in OBJECTS else value
    if by_name:
        fields["filters"] = _with_named(fields.get("filters", {}), by_name)
    if not isinstance(fields.get("filters", {}), dict):
        raise _unusable("filters", 'filters is no object; send {"gender": "Women"}', "no object")
    return fields


def _with_named(filters: Any, by_name: dict[str, Any]) -> Any:
    if not isinstance(filters, dict):
        return filters  # refused for what it is
    for name in by_name:
        if name in filters:
            raise _unusable(
                f"{FILTER}{name}", f"{name!r} is filtered twice, by filters and by {FILTER}{name}; send one", "twice"
            )
    return {**filters, **by_name}


def _condition(name: str, values: list[str]) -> Any:
    """Return the values that a filter allows, or the bounds that a single one such as `10..50` is."""
    bounds = [range_of(value) for value in values]
    if len(values) > 1 and any(bounds):
        raise _unusable(name, f"{name} comes twice, and once with bounds; send one", "bounds, and other values")
    return bounds[0] or values


def _check_name(name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    if name in ONLY_IN_BODY and TEXT in known:
        raise _unusable(
            name, f"an address takes no {name}; send it as the body of POST /v1/search", "only in a body, with POST"
        )
    meant = ALIASES.get(name)
    hint = f"; did you mean {meant!r}?" if meant in known else did_you_mean(name, known)
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
    return [_documented(name) for name in OF_SEARCH]


def similar_parameters() -> list[dict[str, Any]]:
    """Return the parameters of the neighbours of a product, for the OpenAPI document."""
    return [_documented(name) for name in OF_SIMILAR]


def _documented(name: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": False}
    if name == SAME:
        about = "Attributes whose values must be the product's, of those that it has, such as same=gender,articleType."
        names = {"type": "array", "items": {"type": "string"}}
        return {**parameter, "description": about, "schema": names, "style": "form", "explode": True}
    if name == NOT:
        about = "title: products with the title of this one are left out, which are often the same thing."
        return {**parameter, "description": about, "schema": {"type": "string", "enum": [*NOT_THESE]}}
    schemas = SearchRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    schema = schemas["text" if name == TEXT else name]
    about = schema["description"]
    if name in OBJECTS:
        shown = {"type": "string", "contentMediaType": "application/json"}
        return {**parameter, "description": f"As JSON: {about}", "schema": shown}
    bare = {key: value for key, value in schema.items() if key not in ("description", "title")}
    options = [option for option in bare.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        bare = {key: value for key, value in bare.items() if key not in ("anyOf", "default")} | options[0]
    if bare.get("type") not in ("array", "integer", "number", "boolean"):  # one left empty counts as not sent
        empty = {"type": "string", "maxLength": 0}
        bare = {"anyOf": [*bare["anyOf"], empty]} if "anyOf" in bare else {"anyOf": [bare, empty]}
    list_style = {"style": "form", "explode": True} if name in LISTS else {}
    return {**parameter, "description": about, "schema": bare, **list_style}
