"""What the service says of its own state."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """A query went through the whole service."""

    status: Literal["ready"] = "ready"
    encoder_id: str
    catalogue_version: int
    products: int
    device: str
    took_ms: float
