"""The evaluation subprocess of the service: opens a catalogue, measures a split, writes how far it is and the figures.

The only module of metrics that knows stores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Literal

from common import ArtefactError, InputError
from index.location import parse_location
from index.metrics import progress
from index.metrics.analysis import details_of, measured_details
from index.metrics.kept import Array, packed, unpacked
from index.metrics.labels import KeptLabels
from index.metrics.slices import slices_by
from index.metrics.split import measured_split
from index.store import open_catalogue

Report = Literal["figures", "details"]
CATALOGUE_VARIABLE = "VITRINE_CATALOGUE"
"""Environment variable that names the catalogue to the subprocess."""
TELL_S = 0.1
"""Seconds between two lines about progress, at least."""


def main() -> None:
    """Do what the arguments say; write lines of JSON, and after the last one as many bytes as it says are kept.

    `measure SPLIT REPORT` measures a split of the catalogue that `CATALOGUE_VARIABLE` names. `slices ATTRIBUTE ...`
    reads what a measurement of figures has kept from standard input, and returns slices of it. Lines before the last
    one are `{"stage", "done"}`; the last one is `{"report", "cpu_s", "kept"}`.

    What a service runs as a process of its own: at the lowest priority, and on one core if the environment says so.
    """
    os.nice(19)
    told = -TELL_S

    def tell(stage: progress.Stage, done: float) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= TELL_S:
            told = now
            _write({"stage": stage, "done": round(done, 4)})

    kept = b""
    try:
        with progress.listening(tell):
            if sys.argv[1] == "slices":
                answer: dict[str, Any] = slices_by(unpacked(sys.stdin.buffer.read()), sys.argv[2:])
            else:
                answer, arrays = _measured(*sys.argv[2:])
                kept = packed(arrays)
    except InputError as error:
        answer = {"error": str(error), "catalogue_at_fault": isinstance(error, ArtefactError)}
    _write({"report": answer, "cpu_s": time.process_time(), "kept": len(kept)})
    sys.stdout.buffer.write(kept)
    sys.stdout.buffer.flush()


def _measured(split: str, report: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a report of a split, and what is kept of it."""
    with open_catalogue(parse_location(os.environ[CATALOGUE_VARIABLE])) as catalogue:
        snapshot = catalogue.snapshot()
    if report == "figures":
        figures, arrays = measured_split(snapshot, split)
        return {**figures, "attributes": KeptLabels(arrays).names}, arrays
    arrays = measured_details(snapshot, split)
    return details_of(arrays), arrays


def _write(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()
