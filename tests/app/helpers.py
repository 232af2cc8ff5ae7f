"""Short words for the calls of a service, and one whose catalogue is edited with a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    PATIENT,
    DrawnEncoder,
    ask,
    draw,
    encoded,
    served,
)

LIMIT = 300_000
"""Most bytes that the shop of the tests takes in one upload."""


def opened(folder: Path, scope: Any = "write", **settings: Any) -> Any:
    """Serve the catalogue with a key for its calls; a second service of the same folder shares the keys."""
    path = folder.parent / "keys.json"
    _, secret = create_key(path, f"{scope}-{len(list(folder.parent.iterdir()))}-{id(settings)}", scope)
    app = create_app(Settings.read(catalogue=folder, keys=path, **{**PATIENT, **settings}), encoder=DrawnEncoder())
    return _with_key(app, secret)


def _with_key(app: Any, secret: str) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def run() -> Iterator[httpx.Client]:
        with served(app) as client:
            client.headers["authorization"] = f"Bearer {secret}"
            yield client

    return run()


def uri(colour: str, kind: str) -> str:
    return "data:image/png;base64," + base64.b64encode(encoded(draw(colour, kind))).decode()


def body(colour: str, kind: str, **more: Any) -> dict[str, Any]:
    attributes = {"baseColour": colour.title(), "articleType": kind.title(), "gender": "Women"}
    return {"title": f"{colour} {kind} new", "attributes": attributes, "image": uri(colour, kind), **more}


def put(client: httpx.Client, product_id: str, value: dict[str, Any], **headers: str) -> httpx.Response:
    return client.put(f"/v1/products/{product_id}", json=value, headers=headers)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def send(client: httpx.Client, content: bytes) -> Any:
    answer = client.post("/v1/products", content=content, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def same_as_on_disk(client: httpx.Client, folder: Path) -> None:
    """Check that the service answers as a newly started one would."""
    with opened(folder, "read") as fresh:
        for path in (IMAGES, DESCRIPTIONS):
            for query in (
                {"text": "pink bag"},
                {"text": "red", "filters": {"gender": "Women"}, "facets": ["baseColour"]},
                {"text": "pink bag for women in winter", "mode": "vector"},  # long enough for hub correction
            ):
                one, other = (ask(each, path, **query, k=1000) for each in (client, fresh))
                for answer in (one, other):
                    del answer["timing_ms"]
                assert one == other


def ids(answer: Any) -> list[str]:
    """Return the products of an answer, best first."""
    return [result["id"] for result in answer["results"]]


def bearer(key: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key}"}
