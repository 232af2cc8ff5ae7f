"""Kills the service, all of it at once and at random moments, while clients write and search; then nothing is lost.

    python -m tests.load.kill --rounds 50 --out docs/reliability/kill.json

Each round starts the real service, two processes of it, on the catalogue that the round before left behind. Writers put
products in, replace them, take them out, one at a time and in bulk; editors count up one product under If-Match;
readers search. In some rounds the catalogue is replaced over and over beside it, as `vitrine index` does. SIGKILL ends
the whole process group. What every client was told is compared with what is there afterwards:

- what was acknowledged is there, exactly; what was not is there as a whole or not at all;
- words, picture and both vectors of every product belong together;
- a search finds what is in the catalogue and nothing else, in the order that an index made anew gives;
- no two editors were told that they had set the same count;
- SQLite finds the file sound.
"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from index import Catalogue, CatalogueWriter, SearchIndex, SearchQuery, etag_of
from models import Encoder, load_encoder
from tests.load.running import (
    ROOT,
    START_S,
    Service,
    attributes_of,
    data_uri,
    encoded,
    options,
    percentile,
    picture_of,
    save,
    say,
    serving,
    title_of,
    until,
    work_folder,
    write_shop,
)

WRITERS = 3
SLOTS = 16
"""Products that each writer has for itself."""
EDITORS = 2
READERS = 2
BASE = 40
"""Products that nobody changes."""
LONGEST_S = 4.0
"""A round is killed at a random moment within this time."""
CLOSE = 0.999
"""Cosine of the same input encoded in batches of different sizes, at least."""

Marks = tuple[str, str]
"""The marks of a product's words and of its picture."""


@dataclass
class Slot:
    """What a writer knows of one product."""

    id: str
    there: Marks | None = None
    """As it was acknowledged; None: there is none."""
    maybe: list[Marks | None] = field(default_factory=list)
    """What was sent since and never answered."""


@dataclass
class Tally:
    """What happened in all rounds; a fault is a promise that was broken."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    stale_ms: list[float] = field(default_factory=list)

    def fault(self, text: str) -> None:
        self.faults.append(text)
        say(f"FAULT: {text}")


class Writer(threading.Thread):
    """Writes its own products, one call at a time, until the service is gone."""

    def __init__(self, name: str, slots: list[Slot], seed: int, service: Service, tally: Tally) -> None:
        super().__init__(name=name, daemon=True)
        self.slots = slots
        self.dice = random.Random(seed)
        self.service = service
        self.tally = tally
        self.pause = threading.Event()
        self.paused = threading.Event()
        self.go = threading.Event()

    def run(self) -> None:
        with self.service.client(timeout=20) as self.client, suppress(httpx.TransportError):
            while True:
                if self.pause.is_set():
                    self.paused.set()
                    self.go.wait()
                free = [slot for slot in self.slots if not slot.maybe]
                if not free:
                    return
                if self.dice.random() < 0.25:
                    self.bulk(free)
                else:
                    self.one(self.dice.choice(free))

    def mark(self) -> str:
        """Return a mark that was never used."""
        return f"{self.dice.getrandbits(64):016x}"

    def one(self, slot: Slot) -> None:
        """Put in, replace or take out one product, in one of several ways, and see that a search agrees."""
        way = self.dice.choice(("json", "json", "form", "words", "match", "stale", "new", "delete"))
        url = f"/v1/products/{quote(slot.id, safe='')}"
        words, picture = self.mark(), self.mark()
        headers: dict[str, str] = {}
        if way == "words" and slot.there is not None:
            picture = slot.there[1]
        elif way == "words":
            way = "json"
        if way == "match":
            headers["if-match"] = self.client.get(url).headers.get("etag", '"none"')
        elif way == "stale":
            headers["if-match"] = f'"{self.mark()}"'
        elif way == "new":
            headers["if-none-match"] = "*"
        refused = way == "stale" or (way == "new" and slot.there is not None) or (way == "match" and slot.there is None)
        after = None if way == "delete" else (words, picture)
        slot.maybe.append(after)
        body = {"title": title_of(words), "attributes": attributes_of(words, picture)}
        if way == "delete":
            answer = self.client.delete(url)
        elif way == "form":
            fields = {"title": body["title"], "attributes": json.dumps(body["attributes"])}
            answer = self.client.put(url, data=fields, files={"image": ("x.png", picture_of(picture))})
        else:
            sent = body if way == "words" else {**body, "image": data_uri(picture_of(picture))}
            answer = self.client.put(url, json=sent, headers=headers)
        if answer.status_code == 412 and refused:
            self.tally.counts["refused by condition"] += 1
            slot.maybe.clear()
        elif answer.is_success and not refused:
            self.tally.counts[f"acknowledged: {way}"] += 1
            slot.there, slot.maybe = after, []
            self.see(slot)
        elif answer.status_code in (503, 504):
            self.tally.counts[f"answered {answer.status_code}"] += 1
        else:
            self.tally.fault(f"{way} of {slot.id} with {slot.there} was answered {answer.status_code} {answer.text}")

    def bulk(self, free: list[Slot]) -> None:
        """Write many products in one call, some of them twice."""
        chosen = self.dice.choices(free, k=self.dice.choice((3, 10, 45)))
        lines = []
        wanted: dict[str, Marks | None] = {}
        for slot in chosen:
            words, picture = self.mark(), self.mark()
            gone = self.dice.random() < 0.25
            after = None if gone else (words, picture)
            slot.maybe.append(after)
            wanted[slot.id] = after
            line: dict[str, Any] = {"id": slot.id, "delete": True}
            if not gone:
                line = {"id": slot.id, "title": title_of(words), "attributes": attributes_of(words, picture)}
                line["image"] = data_uri(picture_of(picture))
            lines.append(json.dumps(line))
        answer = self.client.post(
            "/v1/products", content="\n".join(lines), headers={"content-type": "application/x-ndjson"}
        )
        if answer.status_code in (503, 504):
            self.tally.counts[f"answered {answer.status_code}"] += 1
            return
        if answer.status_code != 200:
            self.tally.fault(f"a bulk call was answered {answer.status_code} {answer.text}")
            return
        if answer.json()["failed"]:
            self.tally.counts["lines of a bulk call that failed"] += answer.json()["failed"]
            return
        self.tally.counts["acknowledged: lines of a bulk call"] += len(lines)
        for slot in self.slots:
            if slot.id in wanted:
                slot.there, slot.maybe = wanted[slot.id], []
        self.see(self.dice.choice(chosen))

    def see(self, slot: Slot) -> None:
        """Check that a search of this very moment, of the same worker, finds what was acknowledged."""
        if slot.there is None:
            answer = self.client.get(f"/v1/products/{quote(slot.id, safe='')}")
            if answer.status_code != 404:
                self.tally.fault(f"{slot.id} was taken out and is answered {answer.status_code}")
            return
        words = slot.there[0]
        fields = {"text": title_of(words), "k": 10, "filters": {"words": words}}
        answer = self.client.post("/v1/search/images", json=fields)
        found = [(hit["id"], hit["title"]) for hit in answer.json().get("results", ())]
        self.tally.counts["searches for what was just acknowledged"] += 1
        if answer.status_code != 200 or found != [(slot.id, title_of(words))]:
            self.tally.fault(f"{slot.id} was acknowledged as {words} and a search answers {answer.text[:300]}")


class Editor(threading.Thread):
    """Counts a product up, in the title, only if it is as it was read; another one does the same."""

    def __init__(self, name: str, service: Service, tally: Tally, counted: list[int], seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.service, self.tally, self.counted = service, tally, counted
        self.dice = random.Random(seed)
        self.pending: int | None = None

    def run(self) -> None:
        with self.service.client(timeout=20) as client, suppress(httpx.TransportError):
            while True:
                now = client.get("/v1/products/counter")
                count = int(now.json()["title"].split()[1]) + 1
                self.pending = count
                # The name makes it a change of this editor's own: the same again would be acknowledged to both.
                words = {"title": f"count {count} by {self.name}", "attributes": {"by": self.name}}
                answer = client.put("/v1/products/counter", json=words, headers={"if-match": now.headers["etag"]})
                if answer.status_code == 200:
                    self.counted.append(count)
                    self.tally.counts["acknowledged: counts under If-Match"] += 1
                elif answer.status_code == 412:
                    self.tally.counts["counts refused as another was first"] += 1
                elif answer.status_code in (503, 504):
                    self.tally.counts[f"answered {answer.status_code}"] += 1
                    return  # whether it was made is not known: it ends here, with this count pending
                else:
                    self.tally.fault(f"a count was answered {answer.status_code} {answer.text}")
                self.pending = None
                time.sleep(self.dice.random() / 50)


class Reader(threading.Thread):
    """Searches, and checks that everything it is shown belongs together."""

    def __init__(self, seed: int, service: Service, tally: Tally) -> None:
        super().__init__(daemon=True)
        self.dice = random.Random(seed)
        self.service, self.tally = service, tally

    def run(self) -> None:
        with self.service.client(timeout=20) as client, suppress(httpx.TransportError):
            while True:
                mark = f"{self.dice.random()}"
                path = self.dice.choice(("/v1/search/images", "/v1/search/images", "/v1/search/descriptions"))
                if self.dice.random() < 0.3:
                    answer = client.post(path, files={"image": ("x.png", picture_of(mark))}, data={"k": "50"})
                else:
                    answer = client.post(path, json={"text": title_of(mark), "k": 50, "facets": ["gender"]})
                if answer.status_code not in (200, 503, 504):
                    self.tally.fault(f"a search was answered {answer.status_code} {answer.text}")
                    continue
                self.tally.counts["searches"] += 1
                for hit in answer.json().get("results", ()):
                    self.tally.counts["results looked at"] += 1
                    marks = hit.get("attributes", {})
                    if "words" in marks and (
                        hit["title"] != title_of(marks["words"])
                        or marks != attributes_of(marks["words"], marks["picture"])
                    ):
                        self.tally.fault(f"a search shows half of something: {hit}")


def rebuild_on_and_on(checkpoint: Path, folder: Path) -> None:
    """Replace the catalogue by one with the same products, made beside it, until killed; print a line for each."""
    encoder = load_encoder(checkpoint, "cpu")
    while True:
        with Catalogue.open(folder) as old:
            info = old.info
        # In this order: what is changed after the build has begun is carried over.
        with (
            CatalogueWriter(folder, info, lambda changed: encoded(encoder, changed)) as writer,
            Catalogue.open(folder) as before,
        ):
            writer.add(before.entry(product.id)[0] for product in before.snapshot().products)
        sys.stdout.write("replaced\n")
        sys.stdout.flush()
        time.sleep(0.3)


class Check:
    """Compares a service that has just been started, and its file, with what all clients were told."""

    def __init__(self, checkpoint: Path, folder: Path, tally: Tally) -> None:
        self.encoder: Encoder = load_encoder(checkpoint, "cpu")
        self.folder = folder
        self.tally = tally
        self.sound: set[tuple[str, str]] = set()

    def products(self, client: httpx.Client, slots: list[Slot]) -> None:
        """Check that each product is as it was acknowledged, or as a call wanted it that was never answered."""
        for slot in slots:
            url = f"/v1/products/{quote(slot.id, safe='')}"
            answer = client.get(url)
            found: Marks | None = None
            if answer.status_code == 200:
                body = answer.json()
                marks = body["attributes"]
                found = (marks["words"], marks["picture"])
                whole = body["title"] == title_of(found[0]) and marks == attributes_of(*found)
                if not whole or client.get(f"{url}/image").content != picture_of(found[1]):
                    self.tally.fault(f"{slot.id} is half of something: {body}")
            elif answer.status_code != 404:
                self.tally.fault(f"{slot.id} is answered {answer.status_code} {answer.text}")
            self.tally.counts["products checked after a kill"] += 1
            if slot.maybe:
                self.tally.counts["unanswered, and made" if found in slot.maybe else "unanswered, and not made"] += 1
            if found != slot.there and found not in slot.maybe:
                self.tally.fault(f"{slot.id} is {found}; acknowledged was {slot.there}, sent was {slot.maybe}")
            slot.there, slot.maybe = found, []

    def count(self, client: httpx.Client, counted: list[int], pending: list[int]) -> None:
        """Check that no count was lost, and none given twice."""
        now = int(client.get("/v1/products/counter").json()["title"].split()[1])
        if len(set(counted)) != len(counted):
            self.tally.fault(f"two editors were told that they had set the same count: {sorted(counted)}")
        best = max(counted, default=0)
        if now != best and now not in pending:
            self.tally.fault(f"the count is {now}; acknowledged was {best}, pending were {pending}")
        if now not in counted:
            counted.append(now)

    def file(self, shown: set[str]) -> None:
        """Check the file: sound, every product whole, and the very products that the service shows."""
        with closing(sqlite3.connect((self.folder / "catalogue.sqlite").resolve())) as connection:
            ((verdict,),) = connection.execute("PRAGMA integrity_check").fetchall()
        if verdict != "ok":
            self.tally.fault(f"SQLite finds: {verdict}")
        with Catalogue.open(self.folder) as catalogue:
            snapshot = catalogue.snapshot()
            entries = [catalogue.entry(product.id) for product in snapshot.products]
        if {product.id for product in snapshot.products} != shown:
            self.tally.fault(f"the search differs from the file by {shown ^ {p.id for p in snapshot.products}}")
        fresh = []
        for entry, digest in entries:
            if (entry.product.id, digest) not in self.sound:
                fresh.append(entry)
                if digest != etag_of(entry.product, entry.image):
                    self.tally.fault(f"{entry.product.id} is called by the digest of something else")
        for start in range(0, len(fresh), 64):
            batch = fresh[start : start + 64]
            again = encoded(self.encoder, [(entry.product, entry.image) for entry in batch])
            for entry, other in zip(batch, again, strict=True):
                for name in ("image_vector", "text_vector"):
                    cosine = float(getattr(entry, name) @ getattr(other, name))
                    if cosine < CLOSE:
                        self.tally.fault(f"the {name} of {entry.product.id} is another product's: cosine {cosine:.4f}")
                self.tally.counts["vectors encoded again and compared"] += 2
                self.sound.add((entry.product.id, etag_of(entry.product, entry.image)))

    def index(self, service: Service, *, timed: bool = False) -> set[str]:
        """Check that every worker answers as an index made anew from the file does; return the ids that are found.

        `timed`: something has just been changed, and how long a worker takes to see it is taken down.
        """
        with Catalogue.open(self.folder) as catalogue:
            fresh = SearchIndex(catalogue.snapshot())
        seen: set[str] = set()
        dice = np.random.default_rng(len(fresh))
        for _ in range(4):  # each time a new connection, which any of the workers takes
            query = dice.standard_normal((1, self.encoder.dim)).astype(np.float32)
            query /= np.linalg.norm(query)
            with service.client() as client:
                self.follow(client, fresh.version, timed)
                answer = client.post("/v1/search/images", json={"vector": query[0].tolist(), "k": 1000}).json()
                described = client.post("/v1/search/descriptions", json={"vector": query[0].tolist(), "k": 1000}).json()
            if answer["catalogue_version"] != fresh.version:
                self.tally.fault(f"a worker is at version {answer['catalogue_version']}, the file at {fresh.version}")
            ids = [hit["id"] for hit in answer["results"]]
            (page,) = fresh.search("images", query, [SearchQuery(k=1000)])
            (titles,) = fresh.search("texts", query, [SearchQuery(k=1000)])
            expected = [hit.product.id for hit in page.hits]
            # Values go over the wire in double precision and are normalised again: the last bit may differ.
            close = all(abs(h["score"] - o.score) < 2e-6 for h, o in zip(answer["results"], page.hits, strict=False))
            if sorted(ids) != sorted(expected) or not close:
                self.tally.fault(f"a worker answers as no index made anew does: {set(ids) ^ set(expected)}")
            if sorted(hit["description"] for hit in described["results"]) != sorted(t.description for t in titles.hits):
                self.tally.fault("a worker describes other things than an index made anew")
            self.tally.counts["answers compared with an index made anew"] += 2
            seen.update(ids)
        return seen

    def follow(self, client: httpx.Client, version: int, timed: bool) -> None:
        """Wait until the worker that we speak to has caught up with the file; `timed`: take down how long that was."""
        start = time.perf_counter()
        while client.get("/v1/facets", params={"attribute": "gender"}).json()["catalogue_version"] < version:
            if time.perf_counter() - start > 10:
                return
            time.sleep(0.01)
        if timed:
            self.tally.stale_ms.append(1000 * (time.perf_counter() - start))


def run(
    checkpoint: Path,
    work: Path,
    rounds: int,
    seed: int,
    *,
    replace_every: int = 4,
    after_each: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Run all rounds and return the figures; `after_each` gets those of the rounds until then."""
    dice = random.Random(seed)
    folder = write_shop(checkpoint, work / "catalogue", BASE)
    tally = Tally()
    slots = [[Slot(f"w{writer}/{number} ?ü") for number in range(SLOTS)] for writer in range(WRITERS)]
    everything = [slot for of_writer in slots for slot in of_writer]
    check = Check(checkpoint, folder, tally)
    counted: list[int] = []
    pending: list[int] = []
    for number in range(rounds + 1):
        log = work / f"round{number}.log"
        with serving(checkpoint, folder, log, workers=2, OMP_NUM_THREADS="1") as service, service.client() as client:
            if not number:
                body = {"title": "count 0", "image": data_uri(picture_of("counter"))}
                client.put("/v1/products/counter", json=body).raise_for_status()
            check.products(client, everything)
            check.count(client, counted, pending)
            check.file(check.index(service))
            after_each(_figures(tally, number, seed))
            if number < rounds:
                replacing = number % replace_every == replace_every - 1
                places = (checkpoint, folder) if replacing else None
                _traffic(service, tally, slots, counted, pending, dice, check, places)
        log.unlink()
    return _figures(tally, rounds, seed)


def _figures(tally: Tally, rounds: int, seed: int) -> dict[str, Any]:
    """Return what came out of the rounds that are done, checks included."""
    return {
        "rounds": rounds,
        "seed": seed,
        "clients": {"writers": WRITERS, "editors": EDITORS, "readers": READERS, "workers": 2},
        "counts": dict(sorted(tally.counts.items())),
        "acknowledged": sum(count for name, count in tally.counts.items() if name.startswith("acknowledged")),
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
) -> None:
    """Let all clients loose, look at the index in between, and kill the service."""
    seeds = (dice.getrandbits(32) for _ in itertools.count())
    writers = [Writer(f"writer{n}", own, next(seeds), service, tally) for n, own in enumerate(slots)]
    editors = [Editor(f"editor{n}", service, tally, counted, next(seeds)) for n in range(EDITORS)]
    readers = [Reader(next(seeds), service, tally) for _ in range(READERS)]
    rebuilding = None
    if replacing is not None:
        checkpoint, folder = replacing
        with (folder.parent / "replaced.log").open("wb") as out:
            rebuilding = subprocess.Popen(
                [sys.executable, "-m", "tests.load.kill", "--checkpoint", str(checkpoint), "--rebuild", str(folder)],
                cwd=ROOT,
                stdout=out,
                process_group=service.process.pid,
            )
        until(lambda: (folder.parent / "replaced.log").stat().st_size, START_S)
    for writer in writers:
        writer.start()
    if replacing is None and dice.random() < 0.4:
        # A quiet moment, to hold an index that was carried on by many changes against one made anew.
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
    time.sleep(dice.uniform(0.02, LONGEST_S))
    service.kill()
    tally.counts["kills"] += 1
    if rebuilding is not None and replacing is not None:
        rebuilding.wait()
        tally.counts["catalogues replaced"] += (replacing[1].parent / "replaced.log").read_text().count("replaced")
        tally.counts["rounds in which the catalogue was being replaced"] += 1
    for thread in (*writers, *editors, *readers):
        thread.join(30)
        if thread.is_alive():
            tally.fault(f"{thread.name} hangs although the service is gone")
    pending[:] = [editor.pending for editor in editors if editor.pending is not None]


def main() -> None:
    """Run the rounds and write the figures; or, as a process of such a run, replace the catalogue over and over."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31), help="[default: random]")
    if "--rebuild" in sys.argv:
        parser.add_argument("--rebuild", type=Path)
        next(action for action in parser._actions if action.dest == "out").required = False
        arguments = parser.parse_args()
        rebuild_on_and_on(arguments.checkpoint, arguments.rebuild)
        return
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
