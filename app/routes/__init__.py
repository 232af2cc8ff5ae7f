"""The HTTP calls, a file for each kind. Thin: each reads its input, asks a component, and shapes the answer.

Only `app.server` imports this package.
"""

from __future__ import annotations

from app.routes.bulk import router as bulk_router
from app.routes.components import Components
from app.routes.direct import frequent_calls
from app.routes.documents import PAGES
from app.routes.encoding import direct as direct_encoding
from app.routes.encoding import known as names_router
from app.routes.encoding import router as encoding_router
from app.routes.insight import for_pages as insight_for_pages
from app.routes.insight import router as insight_router
from app.routes.listing import changing as changing_router
from app.routes.listing import router as listing_router
from app.routes.operations import metrics
from app.routes.operations import router as operations_router
from app.routes.product_image import router as image_router
from app.routes.products import admin, reading, writing
from app.routes.regions import router as regions_router
from app.routes.search import router as search_router
from app.routes.search_address import router as address_router
from app.routes.similar import router as similar_router
from app.routes.suggest import router as suggest_router
from app.routes.tagging import router as tagging_router

DIRECT = (search_router, direct_encoding, regions_router, address_router)
"""The calls that come most often; the application tries their routes before all others."""
INCLUDED = (
    suggest_router,
    encoding_router,
    names_router,
    tagging_router,
    insight_for_pages,
    insight_router,
    listing_router,
    bulk_router,
    changing_router,
    image_router,
    similar_router,
    reading,
    writing,
    admin,
    operations_router,
)
"""The others but those of pages, which a setting chooses.

An id may end like the path of a picture, or of what is similar: these routes come before those of products.
"""

__all__ = [
    "DIRECT",
    "INCLUDED",
    "PAGES",
    "Components",
    "frequent_calls",
    "metrics",
]
