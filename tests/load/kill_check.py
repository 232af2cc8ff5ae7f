"""A part of tests.load.kill: compares a service that has just been started with what all clients were told."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np

from index import Catalogue, SearchIndex, SearchQuery, entry_digest
from models import Encoder, load_encoder
from tests.load.kill_clients import Marks, Slot, Tally
from tests.load.products import attributes_of, encoded, picture_of, title_of
from tests.load.running import Service

CLOSE = 0.999
"""The least cosine of the same input encoded in batches of different sizes."""


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
                if digest != entry_digest(entry.product, entry.image):
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
                self.sound.add((entry.product.id, entry_digest(entry.product, entry.image)))

    def index(self, service: Service, *, timed: bool = False) -> set[str]:
        """Check that every worker answers as a fresh index of the file does; return the ids that are found.

        `timed`: something has just been changed, and how long a worker takes to see it is recorded.
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
                self.tally.fault(f"a worker answers as no fresh index does: {set(ids) ^ set(expected)}")
            if sorted(hit["description"] for hit in described["results"]) != sorted(t.description for t in titles.hits):
                self.tally.fault("a worker describes other things than a fresh index")
            self.tally.counts["answers compared with a fresh index"] += 2
            seen.update(ids)
        return seen

    def follow(self, client: httpx.Client, version: int, timed: bool) -> None:
        """Wait until the worker that we speak to has caught up with the file; `timed`: record how long that was."""
        start = time.perf_counter()
        while client.get("/v1/facets", params={"attribute": "gender"}).json()["catalogue_version"] < version:
            if time.perf_counter() - start > 10:
                return
            time.sleep(0.01)
        if timed:
            self.tally.stale_ms.append(1000 * (time.perf_counter() - start))
