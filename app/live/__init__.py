"""What the service serves now, and how it is edited, replaced, evaluated and found ready while it runs.

Knows no request and no route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.live.edits import Edit as Edit
    from app.live.edits import Editor as Editor
    from app.live.evaluation import Evaluations as Evaluations
    from app.live.product_map import Maps as Maps
    from app.live.readiness import Readiness as Readiness
    from app.live.readiness import check_ready as check_ready
    from app.live.serving import CANARY as CANARY
    from app.live.serving import ServingState as ServingState

__getattr__ = lazy_exports(
    __name__,
    {
        "app.live.edits": "Edit Editor",
        "app.live.evaluation": "Evaluations",
        "app.live.product_map": "Maps",
        "app.live.readiness": "Readiness check_ready",
        "app.live.serving": "CANARY ServingState",
    },
)
