"""From a request to its result: the service, the queue of jobs, the engine that encodes and searches.

One thread encodes and searches in batches; the event loop only waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.query.batcher import Answered as Answered
    from app.query.batcher import MicroBatcher as MicroBatcher
    from app.query.engine import WEIGHTS as WEIGHTS
    from app.query.engine import Encoder as Encoder
    from app.query.engine import Outcome as Outcome
    from app.query.engine import Part as Part
    from app.query.engine import Serving as Serving
    from app.query.service import Edit as Edit
    from app.query.service import Service as Service
    from app.query.service import TheService as TheService
    from app.query.service import get_service as get_service
    from app.query.service import product_vectors as product_vectors
    from app.query.service import unit_vector as unit_vector

__getattr__ = lazy_exports(
    __name__,
    {
        "app.query.batcher": "Answered MicroBatcher",
        "app.query.engine": "Encoder Outcome Part Serving WEIGHTS",
        "app.query.service": "Edit Service TheService get_service product_vectors unit_vector",
    },
)
