"""The HTTP calls, a file for each kind. Thin: each reads its input, asks a component, and shapes the answer.

Only `app.server` imports this package.
"""

from __future__ import annotations

from app.routes import encoding, insight, operations, products, search
from app.routes.components import Components
from app.routes.operations import PAGE, metrics

DIRECT = (search.router, encoding.direct)
"""The calls that come most often; the application tries their routes before all others."""
INCLUDED = (
    encoding.router,
    insight.router,
    products.reading,
    products.writing,
    products.admin,
    operations.router,
    operations.pages,
)

__all__ = [
    "DIRECT",
    "INCLUDED",
    "PAGE",
    "Components",
    "metrics",
]
