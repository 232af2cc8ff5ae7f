"""Kills the whole service at random moments while clients write and search, and checks that nothing is lost.

    python -m tests.load.kill --rounds 50 --out docs/reliability/kill.json

Each round starts the real service, two processes of it, on the catalogue that the round before left behind. Writers put
products in, replace them, take them out, one at a time and in bulk; editors count up one product under If-Match;
readers search. In some rounds the catalogue is built over and over beside it from the data that it was first made of,
as `vitrine index` does. SIGKILL ends the whole process group. What every client was told is compared with what is
there afterwards:

- what was acknowledged is there, exactly; what was not is there as a whole or not at all;
- words, picture and both vectors of every product belong together;
- a search finds what is in the catalogue and nothing else, in the order that a fresh index gives;
- no two editors were told that they had set the same count;
- SQLite finds the file sound.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from index import copy_catalogue
from tests.load.kill_check import Check
from tests.load.kill_clients import Editor, Reader, Slot, Tally, Writer
from tests.load.products import data_uri, picture_of, write_shop
from tests.load.running import START_S, Service, options, percentile, save, say, serving, until, work_folder
from tests.tools.root import ROOT

WRITERS = 3
SLOTS = 16
"""Products that each writer has for itself, besides those of the data set."""
EDITED = 4
"""Products of the data set that each writer changes and takes out."""
EDITORS = 2
READERS = 2
BASE = 40
"""Products of the data set; most of them nobody changes."""
PATIENT = {"OMP_NUM_THREADS": "1", "VITRINE_DEADLINE_S": "60"}
"""A busy machine may need longer than the default for an answer."""
MOST_WRITES = 75
"""A round is killed after a random number of acknowledged writes, at most so many; a time would mean few of them on a
busy machine."""
BUILDS = 3
"""Least number of times that the catalogue is built from its data in a round that does so."""


def run(
    checkpoint: Path,
    work: Path,
    rounds: int,
    seed: int,
    *,
    replace_every: int = 2,
    most_writes: int = MOST_WRITES,
    after_each: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Run all rounds and return the figures; `after_each` gets those of the rounds until then."""
    dice = random.Random(seed)
    original = write_shop(checkpoint, work / "original", BASE)
    folder = work / "catalogue"
    copy_catalogue(original, folder)
    tally = Tally()
    slots = [[Slot(f"w{writer}/{number} ?ü") for number in range(SLOTS)] for writer in range(WRITERS)]
    for number in range(EDITED * WRITERS):
        mark = f"base{number}"
        slots[number % WRITERS].append(Slot(mark, (mark, mark)))
    everything = [slot for of_writer in slots for slot in of_writer]
    check = Check(checkpoint, folder, tally)
    counted: list[int] = []
    pending: list[int] = []
    for number in range(rounds + 1):
        log = work / f"round{number}.log"
        with serving(checkpoint, folder, log, workers=2, **PATIENT) as service, service.client() as client:
            if not number:
                body = {"title": "count 0", "image": data_uri(picture_of("counter"))}
                client.put("/v1/products/counter", json=body).raise_for_status()
            check.products(client, everything)
            check.count(client, counted, pending)
            check.file(check.index(service))
            after_each(_figures(tally, number, seed))
            if number < rounds:
                replacing = number % replace_every == replace_every - 1
                places = (original, folder) if replacing else None
                writes = dice.randint(1, most_writes)
                _traffic(service, tally, slots, counted, pending, dice, check, places, writes)
        log.unlink()
    return _figures(tally, rounds, seed)


def _figures(tally: Tally, rounds: int, seed: int) -> dict[str, Any]:
    """Return what came out of the rounds that are done, checks included."""
    return {
        "rounds": rounds,
        "seed": seed,
        "clients": {"writers": WRITERS, "editors": EDITORS, "readers": READERS, "workers": 2},
        "counts": dict(sorted(tally.counts.items())),
        "acknowledged": tally.acknowledged,
        "other worker sees it, ms": {
            "times": len(tally.stale_ms),
            "median": percentile(tally.stale_ms, 0.5),
            "longest": percentile(tally.stale_ms, 1.0),
        },
        "lost_writes": len(tally.faults),
        "faults": tally.faults[:50],
    }


def _traffic(
    service: Service,
    tally: Tally,
    slots: list[list[Slot]],
    counted: list[int],
    pending: list[int],
    dice: random.Random,
    check: Check,
    replacing: tuple[Path, Path] | None,
    writes: int,
) -> None:
    """Let all clients loose, look at the index in between, and kill the service once `writes` more are acknowledged."""
    seeds = (dice.getrandbits(32) for _ in itertools.count())
    writers = [Writer(f"writer{n}", own, next(seeds), service, tally) for n, own in enumerate(slots)]
    editors = [Editor(f"editor{n}", service, tally, counted, next(seeds)) for n in range(EDITORS)]
    readers = [Reader(next(seeds), service, tally) for _ in range(READERS)]
    rebuilding = None
    if replacing is not None:
        original, folder = replacing
        built = folder.parent / "replaced.log"
        with built.open("wb") as out:
            rebuilding = subprocess.Popen(
                [sys.executable, "-m", "tests.load.rebuild", str(original), str(folder)],
                cwd=ROOT,
                stdout=out,
                process_group=service.process.pid,
            )
        until(lambda: built.stat().st_size, START_S)
    for writer in writers:
        writer.start()
    if replacing is None and dice.random() < 0.4:
        # A quiet moment, to compare an index that many changes updated with a fresh one.
        time.sleep(dice.uniform(0.3, 1))
        for writer in writers:
            writer.pause.set()
        for writer in writers:
            writer.paused.wait(20)
        check.index(service, timed=True)
        tally.counts["quiet moments"] += 1
        for writer in writers:
            writer.pause.clear()
            writer.go.set()
    for thread in (*editors, *readers):
        thread.start()
    enough = tally.acknowledged + writes
    # Writers that were refused everywhere, as on a machine that is too busy, have ended.
    until(lambda: tally.acknowledged >= enough or not any(writer.is_alive() for writer in writers), START_S)
    if replacing is not None:
        until(lambda: built.read_text().count("replaced") >= BUILDS, START_S)
    service.kill()
    tally.counts["kills"] += 1
    if rebuilding is not None:
        rebuilding.wait()
        tally.counts["catalogues built from the first data"] += built.read_text().count("replaced")
        tally.counts["rounds in which the catalogue was being built"] += 1
    for thread in (*writers, *editors, *readers):
        thread.join(30)
        if thread.is_alive():
            tally.fault(f"{thread.name} hangs although the service is gone")
    pending[:] = [editor.pending for editor in editors if editor.pending is not None]


def main() -> None:
    """Run the rounds and write the figures."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31), help="[default: random]")
    arguments = parser.parse_args()
    say(f"seed {arguments.seed}")
    with work_folder() as work:
        # After every round, so that a run that is stopped early leaves what it has found.
        figures = run(
            arguments.checkpoint, work, arguments.rounds, arguments.seed, after_each=lambda f: save(arguments.out, f)
        )
    sys.exit(1 if figures["lost_writes"] else 0)


if __name__ == "__main__":
    main()
