"""The HTTP service: takes queries and pictures, answers with products. Knows no training.

What is named here is imported when it is asked for: `vitrine key` needs a file of keys, not a server and an encoder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.server import create_app, serve
    from app.settings import Settings

__all__ = ["Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("app.settings" if name == "Settings" else "app.server"), name)
