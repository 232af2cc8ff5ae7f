"""The HTTP endpoints: search, products, insight and the pages. Thin: each calls the service and answers.

Only `app.server` imports this package.
"""

from __future__ import annotations

from app.routes.insight import PAGE, Maps, details, pages
from app.routes.products import admin, reading, writing
from app.routes.search import metrics, operations, router, searching

__all__ = [
    "PAGE",
    "Maps",
    "admin",
    "details",
    "metrics",
    "operations",
    "pages",
    "reading",
    "router",
    "searching",
    "writing",
]
