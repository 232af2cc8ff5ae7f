"""What the service serves now: the encoder, the catalogue, and how both are replaced or edited while it runs.

Also the evaluation of what is served, in a subprocess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.live.evaluation import Evaluations as Evaluations
    from app.live.serving import CANARY as CANARY
    from app.live.serving import ServingState as ServingState

__getattr__ = lazy_exports(
    __name__,
    {
        "app.live.evaluation": "Evaluations",
        "app.live.serving": "CANARY ServingState",
    },
)
