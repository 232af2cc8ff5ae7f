"""The live catalogue against a dict: whatever is done to it through two services, both answer as the dict would."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from index import Catalogue, CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule, entry_digest
from models.images import decode_image
from tests.tools.shop import DESCRIPTIONS, IMAGES, KINDS, DrawnEncoder, draw, encoded, served, show, write_catalogue

ENCODER = DrawnEncoder()
INFO = CatalogueInfo(ENCODER.encoder_id, ENCODER.dim, "drawn", SplitRule(0.4, 0.3, 0.3), "2025-01-01T00:00:00Z")


@dataclass(frozen=True)
class Thing:
    """A product as a client sends it."""

    title: str
    gender: str
    colour: str
    kind: str
    year: str | None = None

    @property
    def attributes(self) -> dict[str, str]:
        year = {} if self.year is None else {"year": self.year}
        return {"gender": self.gender, "baseColour": self.colour, **year}

    @property
    def picture(self) -> bytes:
        return encoded(draw(self.colour, self.kind))

    @property
    def digest(self) -> str:
        return entry_digest(Product("", self.title, self.attributes), self.picture)

    def over(self, before: Thing | None) -> Thing:
        """Return what is there once this was sent: an attribute that is not named stays."""
        return replace(self, year=self.year or before.year) if before is not None else self

    def body(self, *, picture: bool = True) -> dict[str, Any]:
        body: dict[str, Any] = {"title": self.title, "attributes": self.attributes}
        if picture:
            body["image"] = "data:image/png;base64," + base64.b64encode(self.picture).decode()
        return body


# Few of each, so that ids, titles and pictures meet.
IDS = st.sampled_from(["a", "b", "c/d ?#%", "ü", "e", "f"])
THINGS = st.builds(
    Thing,
    st.sampled_from(["Red Dress", "red  dress", "Blue Bag", "A watch for Men"]),
    st.sampled_from(["Women", "Men"]),
    st.sampled_from(["red", "blue", "green"]),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([None, None, "2011", "2012"]),
)
APPS = st.sampled_from([0, 1])


class LiveCatalogue(RuleBasedStateMachine):
    """Two services on one folder, and a dict."""

    @initialize(things=st.dictionaries(IDS, THINGS, max_size=4))
    def begin(self, things: dict[str, Thing]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vitrine-model-"))
        self.stack = ExitStack()
        self.stack.callback(shutil.rmtree, self.folder)
        self.there = dict(things)
        write_catalogue(self.folder / "catalogue", ENCODER, [])
        with CatalogueWriter(self.folder / "catalogue", INFO) as writer:
            writer.add(entry(name, thing) for name, thing in things.items())
        _, secret = create_key(self.folder / "keys.json", "model", "admin")
        self.clients: list[httpx.Client] = []
        for _ in range(2):
            app = create_app(
                Settings.read(catalogue=self.folder / "catalogue", keys=self.folder / "keys.json"),
                encoder=DrawnEncoder(),
            )
            client = self.stack.enter_context(served(app))
            client.headers["authorization"] = f"Bearer {secret}"
            self.clients.append(client)
        self.behind: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def changed(self, at: int) -> None:
        """Record that the other service has yet to see what this one has just written."""
        self.behind.discard(at)
        self.behind.add(1 - at)

    def up_to_date(self, at: int) -> httpx.Client:
        """Return the client of a service once that has taken over everything."""
        client = self.clients[at]
        if at in self.behind:
            answer = client.post("/v1/admin/reload")
            assert answer.status_code == 200, answer.text
            self.behind.discard(at)
        return client

    def put(self, at: int, name: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self.clients[at].put(path(name), json=body, headers=headers)

    @rule(at=APPS, name=IDS, thing=THINGS)
    def put_in(self, at: int, name: str, thing: Thing) -> None:
        answer = self.put(at, name, {**thing.body(), "replace": True})
        assert answer.status_code == (200 if name in self.there else 201), answer.text
        assert answer.headers["etag"] == f'"{thing.digest}"'
        self.there[name] = thing
        self.changed(at)

    @rule(at=APPS, name=IDS, thing=THINGS)
    def change_the_words(self, at: int, name: str, thing: Thing) -> None:
        answer = self.put(at, name, thing.body(picture=False))
        before = self.there.get(name)
        if before is None:
            assert answer.status_code == 422, answer.text
        else:
            assert answer.status_code == 200, answer.text
            # The picture that stays is the one there was, whatever colour the words say.
            year = thing.over(before).year
            self.there[name] = Kept(thing.title, thing.gender, thing.colour, thing.kind, year, before.picture)
            assert answer.headers["etag"] == f'"{self.there[name].digest}"'
            self.changed(at)

    @rule(at=APPS, name=IDS, thing=THINGS, known=st.sampled_from(["right", "wrong", "any", "none yet"]))
    def put_under_a_condition(self, at: int, name: str, thing: Thing, known: str) -> None:
        before = self.there.get(name)
        headers = {
            "right": {"if-match": f'"{before.digest}"' if before else '"nothing"'},
            "wrong": {"if-match": '"wrong"'},
            "any": {"if-match": "*"},
            "none yet": {"if-none-match": "*"},
        }[known]
        answer = self.put(at, name, thing.body(), **headers)
        thing = thing.over(before)
        holds = {"right": before is not None, "wrong": False, "any": before is not None, "none yet": before is None}
        if before is not None and thing.digest == before.digest:
            assert answer.status_code == 200, answer.text  # what is there already needs no condition
        elif holds[known]:
            assert answer.status_code == (200 if before else 201), answer.text
            self.there[name] = thing
            self.changed(at)
        else:
            assert answer.status_code == 412, answer.text

    @rule(at=APPS, name=IDS, known=st.sampled_from(["", "right", "wrong"]))
    def take_out(self, at: int, name: str, known: str) -> None:
        before = self.there.get(name)
        tag = before.digest if before and known == "right" else "wrong"
        answer = self.clients[at].delete(path(name), headers={"if-match": f'"{tag}"'} if known else {})
        if before is not None and known == "wrong":
            assert answer.status_code == 412, answer.text
        else:
            assert answer.status_code == 204, answer.text
            self.there.pop(name, None)
            self.changed(at)

    @rule(at=APPS, edits=st.lists(st.tuples(IDS, st.one_of(st.none(), THINGS)), min_size=1, max_size=8))
    def write_many(self, at: int, edits: list[tuple[str, Thing | None]]) -> None:
        lines = [{"id": name, **thing.body()} if thing else {"id": name, "delete": True} for name, thing in edits]
        # A line that cannot be used fails alone, wherever it stands.
        content = "\n".join(["{", *map(json.dumps, lines)])
        answer = self.clients[at].post(
            "/v1/products", content=content, headers={"content-type": "application/x-ndjson"}
        )
        assert answer.status_code == 200, answer.text
        counts: Counter[str] = Counter()
        for name, thing in edits:
            before = self.there.pop(name, None)
            if thing is None:
                counts["unchanged" if before is None else "deleted"] += 1
                continue
            thing = thing.over(before)
            same = before is not None and before.digest == thing.digest
            counts["created" if before is None else "unchanged" if same else "replaced"] += 1
            self.there[name] = thing
        told = answer.json()
        names = ("created", "replaced", "deleted", "unchanged")
        assert {name: told[name] for name in names} == {name: counts[name] for name in names}
        assert told["failed"] == 1
        self.changed(at)

    @rule(at=APPS)
    def reload(self, at: int) -> None:
        answer = self.clients[at].post("/v1/admin/reload")
        assert answer.json()["products"] == len(self.there), answer.text
        self.behind.discard(at)

    @rule()
    def replace_the_catalogue(self) -> None:
        """As `vitrine index` does with a data set that has the same products in it."""

        def encode(changed: Any) -> list[Entry]:
            return [_entry(product, picture) for product, picture in changed]

        with (
            CatalogueWriter(self.folder / "catalogue", INFO, encode) as writer,
            Catalogue.open(self.folder / "catalogue") as before,
        ):
            writer.add(before.entry(product.id)[0] for product in before.snapshot().products)
        self.behind = {0, 1}

    @rule(at=APPS, name=IDS)
    def look_at(self, at: int, name: str) -> None:
        client = self.up_to_date(at)
        answer = client.get(path(name))
        thing = self.there.get(name)
        if thing is None:
            assert answer.status_code == 404
            return
        assert answer.json()["title"] == thing.title
        assert answer.json()["attributes"] == thing.attributes
        assert answer.headers["etag"] == f'"{thing.digest}"'
        assert client.get(path(name, "/image")).content == thing.picture

    @rule(
        at=APPS, words=st.sampled_from(["red dress", "blue", "bag 7"]), gender=st.sampled_from([None, "women", "Men"])
    )
    def search(self, at: int, words: str, gender: str | None) -> None:
        client = self.up_to_date(at)
        passing = {
            name: thing for name, thing in self.there.items() if gender in (None, thing.gender, thing.gender.lower())
        }
        fields: dict[str, Any] = {"text": words, "k": 100, "mode": "vector"}
        if gender is not None and not any(self.there.values()):
            return  # an empty catalogue has no attribute to filter by
        if gender is not None:
            fields["filters"] = {"gender": gender}
        found = client.post(IMAGES, json=fields)
        assert found.status_code == 200, found.text
        query = ENCODER.encode_text([words])[0]
        scores = {name: float(vector(thing) @ query) for name, thing in passing.items()}
        hits = found.json()["results"]
        assert {hit["id"]: hit["title"] for hit in hits} == {name: thing.title for name, thing in passing.items()}
        assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
        assert all(abs(hit["score"] - scores[hit["id"]]) < 1e-5 for hit in hits)
        described = client.post(DESCRIPTIONS, json=fields).json()["results"]
        titles: dict[str, set[str]] = {}
        for name, thing in passing.items():
            titles.setdefault(" ".join(thing.title.casefold().split()), set()).add(name)
        got = {" ".join(one["description"].casefold().split()): set(one["product_ids"]) for one in described}
        assert len(described) == len(titles)
        assert got == titles

    @precondition(lambda self: self.there)
    @rule(at=APPS, data=st.data())
    def a_picture_finds_its_product(self, at: int, data: st.DataObject) -> None:
        client = self.up_to_date(at)
        thing = self.there[data.draw(st.sampled_from(sorted(self.there)))]
        best = show(client, IMAGES, thing.picture, k="1")["results"][0]
        assert best["score"] > 0.999
        assert self.there[best["id"]].picture == thing.picture

    @rule(at=APPS)
    def count(self, at: int) -> None:
        client = self.up_to_date(at)
        answer = client.get("/v1/facets").json()
        assert answer["total"] == len(self.there)
        expected: dict[str, Counter[str]] = {}
        for thing in self.there.values():
            for name, value in thing.attributes.items():
                expected.setdefault(name, Counter())[value] += 1
        assert answer["facets"] == expected

    @rule(at=APPS)
    def filter_by_what_only_some_have(self, at: int) -> None:
        client = self.up_to_date(at)
        answer = client.post(IMAGES, json={"text": "x", "k": 100, "filters": {"year": {"gte": 2012}}})
        if any(thing.year for thing in self.there.values()):
            expected = {name for name, thing in self.there.items() if thing.year == "2012"}
            assert {hit["id"] for hit in answer.json()["results"]} == expected
        elif answer.status_code == 200:  # some had it once
            assert answer.json()["results"] == []
        else:
            assert answer.status_code == 422, answer.text


@dataclass(frozen=True)
class Kept(Thing):
    """A product whose words were changed, and whose picture was not."""

    kept: bytes = b""

    @property
    def picture(self) -> bytes:
        return self.kept


def path(name: str, end: str = "") -> str:
    return f"/v1/products/{quote(name, safe='')}{end}"


def entry(name: str, thing: Thing) -> Entry:
    return _entry(Product(name, thing.title, thing.attributes, INFO.split.of(thing.title)), thing.picture)


def _entry(product: Product, picture: bytes) -> Entry:
    image = ENCODER.encode_image([decode_image(picture)])[0]
    return Entry(product, picture, image, ENCODER.encode_text([product.title])[0])


def vector(thing: Thing) -> np.ndarray:
    return np.asarray(ENCODER.encode_image([decode_image(thing.picture)])[0])


TestLiveCatalogue = LiveCatalogue.TestCase
TestLiveCatalogue.settings = settings(
    max_examples=10,  # each starts two services: few long stories find as much as many short ones
    stateful_step_count=45,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
