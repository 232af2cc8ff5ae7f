"""From a job to its result: the service, the queue, the engine that encodes and searches.

One thread encodes and searches in batches; the event loop only waits for it. Heavy jobs wait in a line of their own.
Knows no request and no route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.query.batcher import MicroBatcher as MicroBatcher
    from app.query.classify import classify_labels as classify_labels
    from app.query.classify import explain_match as explain_match
    from app.query.cost import LIGHT as LIGHT
    from app.query.cost import counting_work as counting_work
    from app.query.engine import Engine as Engine
    from app.query.jobs import WEIGHTS as WEIGHTS
    from app.query.jobs import Encoder as Encoder
    from app.query.jobs import Job as Job
    from app.query.jobs import JobResult as JobResult
    from app.query.jobs import Lookup as Lookup
    from app.query.jobs import Modify as Modify
    from app.query.jobs import Part as Part
    from app.query.jobs import Serving as Serving
    from app.query.jobs import TextOptions as TextOptions
    from app.query.jobs import product_vectors as product_vectors
    from app.query.jobs import unit_vector as unit_vector
    from app.query.line import QueuedJob as QueuedJob
    from app.query.modified import answer_modified as answer_modified
    from app.query.regions import find_regions as find_regions
    from app.query.service import Service as Service
    from app.query.towers import tower_details as tower_details

__getattr__ = lazy_exports(
    __name__,
    {
        "app.query.batcher": "MicroBatcher",
        "app.query.classify": "classify_labels explain_match",
        "app.query.cost": "LIGHT counting_work",
        "app.query.engine": "Engine",
        "app.query.jobs": (
            "Encoder Job JobResult Lookup Modify Part Serving TextOptions WEIGHTS product_vectors unit_vector"
        ),
        "app.query.line": "QueuedJob",
        "app.query.modified": "answer_modified",
        "app.query.regions": "find_regions",
        "app.query.service": "Service",
        "app.query.towers": "tower_details",
    },
)
