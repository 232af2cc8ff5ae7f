"""Searches with and without an evaluation beside them, and compares the evaluation with that of the command line.

    python -m tests.load.evaluation_beside CATALOGUE --out docs/reliability/evaluation_beside.json

The real service on a copy of CATALOGUE. Phases of searches alone and of searches while GET /v1/evaluation works take
turns, so that whatever else the machine does meets both alike; every evaluation is a new one, since a product is put in
before it. In the end the figures of both are compared, to the last digit.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.load.products import data_uri, picture_of, title_of
from tests.load.running import Service, options, percentile, save, say, serving, work_folder
from tests.tools.root import ROOT

SPLITS = ("test", "all")


def search(service: Service, until_set: threading.Event, dice: random.Random) -> list[float]:
    """Search, text and picture in turn, until told to stop; return the milliseconds that each took."""
    times: list[float] = []
    with service.client() as client:
        while not until_set.is_set():
            start = time.perf_counter()
            if len(times) % 3 == 2:
                answer = client.post("/v1/search/images", files={"image": ("x.png", picture_of(f"{dice.random()}"))})
            else:
                answer = client.post("/v1/search/images", json={"text": title_of(f"{dice.random()}")})
            answer.raise_for_status()
            times.append(1000 * (time.perf_counter() - start))
    return times


def phase(service: Service, seconds: float, dice: random.Random, *, evaluating: bool) -> tuple[list[float], int]:
    """Return the times of searches for so many seconds, and how many evaluations were finished meanwhile."""
    stop = threading.Event()
    done = 0

    def evaluate() -> None:
        nonlocal done
        number = 0
        with service.client(timeout=600) as client:
            while not stop.is_set():
                number += 1
                body = {"title": f"beside {dice.random()}", "image": data_uri(picture_of(f"{number}"))}
                client.put("/v1/products/beside", json=body).raise_for_status()
                client.get("/v1/evaluation", params={"split": "test"}).raise_for_status()
                done += 1

    worker = threading.Thread(target=evaluate, daemon=True)
    if evaluating:
        worker.start()
        time.sleep(1.5)  # until its process computes
    threading.Timer(seconds, stop.set).start()
    times = search(service, stop, dice)
    if evaluating:
        worker.join(600)
    return times, done


def compare(service: Service, folder: Path) -> dict[str, Any]:
    """Return, per split, whether the service's figures are those of the command line."""
    same = {}
    with service.client(timeout=600) as client:
        for split in SPLITS:
            online = client.get("/v1/evaluation", params={"split": split}).json()
            command = [
                sys.executable,
                "-m",
                "vitrine",
                "evaluate",
                "--catalogue",
                str(folder),
                "--split",
                split,
                "--json",
            ]
            environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}  # as a user calls it
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            offline = json.loads(done.stdout)
            same[split] = online == offline
            if not same[split]:
                say(f"{split}: {_differences(online, offline)}")
    return same


def _differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Return where two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            text for key in {**one, **other} for text in _differences(one.get(key), other.get(key), f"{place}/{key}")
        ]
    return [] if one == other else [f"{place}: {one!r} {other!r}"]


def run(service: Service, folder: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the figures."""
    dice = random.Random(1)
    same = compare(service, folder)
    times: dict[str, list[float]] = {"alone": [], "beside an evaluation": []}
    evaluations = 0
    phase(service, 3, dice, evaluating=False)
    for _ in range(rounds):
        for name, found in times.items():
            more, done = phase(service, seconds, dice, evaluating=name != "alone")
            found += more
            evaluations += done
            say(f"{name}: p50 {percentile(more, 0.5)} ms, p99 {percentile(more, 0.99)} ms, {len(more)} searches")
    return {
        "equal to the last digit": same,
        "search": {
            name: {"searches": len(found), "p50 ms": percentile(found, 0.5), "p99 ms": percentile(found, 0.99)}
            for name, found in times.items()
        },
        "evaluations": evaluations,
        "p50 ratio": round(percentile(times["beside an evaluation"], 0.5) / percentile(times["alone"], 0.5), 2),
        "p99 ratio": round(percentile(times["beside an evaluation"], 0.99) / percentile(times["alone"], 0.99), 2),
    }


def main() -> None:
    """Serve a copy of the catalogue, and write the figures."""
    parser = options(__doc__)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each phase takes")
    arguments = parser.parse_args()
    with work_folder() as work:
        folder = work / "catalogue"
        shutil.copytree(arguments.catalogue, folder, symlinks=True)
        with serving(arguments.checkpoint, folder, work / "log") as service:
            figures = run(service, folder, arguments.rounds, arguments.seconds)
            with service.client() as client:
                figures["products"] = client.get("/readyz").json()["products"]
    save(arguments.out, figures)
    sys.exit(0 if all(figures["equal to the last digit"].values()) else 1)


if __name__ == "__main__":
    main()
