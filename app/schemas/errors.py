"""The one shape of every error, and what a route says of the errors that it may answer with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

EXAMPLE_ERROR: dict[str, Any] = {
    "error": {
        "code": "invalid_request",
        "message": "the request cannot be used: k: Input should be greater than or equal to 1",
        "details": [{"field": "k", "message": "Input should be greater than or equal to 1"}],
        "request_id": "6f7c1d0e5b3a4f2c9d8e7a6b5c4d3e2f",
    }
}


class ErrorDetail(BaseModel):
    """One field that cannot be used."""

    field: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong: `code` for programs, `message` for people."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str


class ErrorAnswer(BaseModel):
    """The shape of every error."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ERROR]})

    error: ErrorBody


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer with these error statuses, for its OpenAPI document."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses
    }
    return {**answers, "default": {"model": ErrorAnswer, "description": "Any other error, in the same shape"}}
