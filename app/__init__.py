"""The HTTP service: takes queries and pictures, answers with products. Knows no training."""

from __future__ import annotations

from app.server import create_app, serve
from app.settings import Settings

__all__ = ["Settings", "create_app", "serve"]
