"""The HTTP service: takes queries and pictures, answers with products. Knows no training.

Names are imported on first use: `vitrine key` needs a file of keys, not a server and an encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.local import search_here as search_here
    from app.local import search_request as search_request
    from app.server import create_app as create_app
    from app.server import serve as serve
    from app.settings import Settings as Settings

__getattr__ = lazy_exports(
    __name__,
    {
        "app.local": "search_here search_request",
        "app.server": "create_app serve",
        "app.settings": "Settings",
    },
)
