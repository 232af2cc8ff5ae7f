"""A part of tests.load.kill: the clients, and what each of them was told.

Writers put their own products in, replace them and take them out; editors count one product up under If-Match; readers
search. Each goes on until the service is gone.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.load.products import attributes_of, data_uri, picture_of, title_of
from tests.load.running import Service, say

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

    @property
    def acknowledged(self) -> int:
        """How many writes were acknowledged."""
        return sum(count for name, count in list(self.counts.items()) if name.startswith("acknowledged"))

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
