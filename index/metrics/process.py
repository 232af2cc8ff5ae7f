"""The evaluation subprocess of the service: opens a catalogue, measures a split, prints the figures as JSON.

The only module of metrics that knows stores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from common import ArtefactError, InputError
from index.location import parse_location
from index.metrics.evaluation import evaluate_split
from index.metrics.examples import evaluate_details
from index.records import Snapshot
from index.store import open_catalogue

Report = Literal["figures", "details"]
CATALOGUE_VARIABLE = "VITRINE_CATALOGUE"
"""Environment variable that names the catalogue to the subprocess."""

EVALUATIONS: Mapping[Report, Callable[[Snapshot, str], dict[str, Any]]] = {
    "figures": evaluate_split,
    "details": evaluate_details,
}


def main() -> None:
    """Measure a split of the catalogue that `CATALOGUE_VARIABLE` names; print the figures and their cost as JSON.

    What a service runs as a process of its own: at the lowest priority, and on one core if the environment says so.
    """
    os.nice(19)
    split, named = sys.argv[1:]
    measure = next(measure for what, measure in EVALUATIONS.items() if what == named)
    try:
        with open_catalogue(parse_location(os.environ[CATALOGUE_VARIABLE])) as catalogue:
            answer = measure(catalogue.snapshot(), split)
    except InputError as error:
        answer = {"error": str(error), "catalogue_at_fault": isinstance(error, ArtefactError)}
    sys.stdout.write(json.dumps({"report": answer, "cpu_s": time.process_time()}))
