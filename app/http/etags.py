"""Entity tags and the headers that name them: If-Match and If-None-Match (RFC 9110, section 13). Knows no product."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from app.errors import MalformedError

TAG = re.compile(r'(W/)?"([^"]*)"')

ETAG: dict[str, Any] = {
    "ETag": {"description": "Names the product's content, for If-Match.", "schema": {"type": "string"}}
}
"""The header of an answer in the OpenAPI document; the two below are those of a request."""
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "ETag of the product as the caller knows it, or * for any: else nothing is changed (412).",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "*: only if there is no such product yet, else nothing is changed (412).",
    "schema": {"type": "string", "enum": ["*"]},
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """On what a change depends."""

    expected: frozenset[str] | None
    """Digests, of which the product must have one ("*": any); None: whatever it is."""
    absent: bool
    """Whether there must be no such product yet."""


def conditions(headers: Headers) -> Conditions:
    """Return what the headers of a change ask.

    Raises:
        MalformedError: If-None-Match with anything but *.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None and none_match.strip() != "*":
        raise MalformedError(f"If-None-Match is {none_match[:100]!r}; with a change only * is of use")
    absent = none_match is not None
    if match is None:
        return Conditions(None, absent)
    if match.strip() == "*":
        return Conditions(frozenset("*"), absent)
    # Weak tags, and what is no tag, match nothing here (RFC 9110, section 13.1.1).
    return Conditions(frozenset(digest for weak, digest in TAG.findall(match) if not weak), absent)


def is_known(headers: Headers, etag: str) -> bool:
    """Return whether the caller has what this tag names already (If-None-Match of a request that reads)."""
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in known or "*" in known
