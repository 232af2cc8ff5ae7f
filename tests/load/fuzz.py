"""Sends thousands of broken requests to a service: broken as HTTP, and whole ones with broken fields.

    python -m tests.load.fuzz --out docs/reliability/fuzz.json

Bytes of valid requests are changed at random for the first kind (as in tests/app/test_malformed.py); for the second,
values of valid bodies are replaced by others of all types and sizes, as JSON and as forms, on all calls that take
either, with a key that may write. No answer may be a 5xx but 503 (too much at once), 504 and 507; no traceback may be
in the log, and no connection may be left. Exits with 1 otherwise.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from tests.app.test_malformed import broken
from tests.load.products import data_uri, picture_of
from tests.load.running import Service, options, save, say, serving_shop
from tests.load.soak import resident_kb

RAW, FIELDS = 20_000, 40_000
CLIENTS = 4
PRODUCTS = 500
WAIT_S = 0.05
"""How long an answer to broken HTTP is waited for: often there is none, as more bytes are expected."""
EXCUSED = {503, 504, 507}

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e308, 10**30, -(10**18)),
    *("", " ", "red", "a" * 2001, "\u0000", "\ud800", "\u202e", "é" * 300, "<b>", "' OR 1=1 --", "../..", "%2e", "💍"),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": ""},
        ["red", 1, None],
        [0.0] * 128,
        {"gte": "a"},
        {"not": ["x"]},
        {"a": {"b": {"c": []}}},
    ),
    *(float("nan"), float("inf"), "data:image/png;base64,AAAA", "data:,", "auto", "none", "image", "title", "id"),
]


ATTRIBUTES = {"colour": "red", "price": "19.99 EUR", "stock": 3, "new": True, "size": ["S", "M"], "gone": None}


DOCUMENTS = (
    "/",
    "/p/fuzz",
    "/p/ODD",
    "/embed",
    "/map",
    "/evaluation/beside",
    "/embed/studio",
    "/assets/x/ODD",
    "/assets/ODD",
    "/v1/labels",
    "/v1/facets",
    "/v1/suggest",
    "/v1/evaluation/progress",
    "/v1/search",
    "/v1/products/fuzz/similar",
    "/v1/products/ODD/similar",
    "/v1/models/ODD",
    "/robots.txt",
    "/sitemap/ODD.xml",
)
"""Pages, and what they read; `ODD` stands for anything."""
OF_PAGES = {
    "q": "red dress",
    "plain": "1",
    "lang": "fr",
    "like": "fuzz",
    "f.price": "10..50",
    "from": "24",
    "count": "5",
}
OF_CALLS = {
    "search": {
        "q": "red dress",
        "like": "fuzz",
        "f.price": "10..50",
        "filters": '{"colour": "red"}',
        "k": "5",
        "offset": "1",
        "facets": "colour,price",
        "sort": "price:asc",
        "weights": '{"text": 0.5}',
        "cutoff": "auto",
        "strict": "true",
        "hub_correction": "false",
    },
    "similar": {
        "same": "colour",
        "not": "title",
        "f.price": "10..50",
        "k": "5",
        "facets": "colour",
        "group_by": "size",
    },
}
"""The parameters of pages, and those of calls that take no others, by the end of their paths."""
ALONE = {
    "/v1/tag": {"attributes": "colour,size", "min_confidence": "0.5"},
    "/v1/embeddings": {"crop": "0,0.5,1,0.5", "model": "vitrine", "encoding_format": "base64"},
    "/v1/regions": {},
}
"""The parameters of calls whose body may be a picture."""


def bodies() -> dict[str, dict[str, Any]]:
    """Return a valid body of each call that takes fields."""
    picture = data_uri(picture_of("fuzz"))
    search = {
        "text": "red dress",
        "image": picture,
        "like": [],
        "unlike": [],
        "vector": None,
        "k": 5,
        "offset": 0,
        "filters": {"colour": "red"},
        "facets": ["colour"],
        "collapse": "none",
        "collapse_threshold": 0.9,
        "min_score": None,
        "weights": {"text": 1},
        "mode": "hybrid",
        "language": None,
        "correct": True,
        "dismiss": [],
        "strict": False,
        "hub_correction": False,
        "cutoff": "none",
        "sort": "relevance",
        "group_by": "colour",
        "image_versions": True,
        "histograms": ["price"],
        "crop": [0.1, 0.1, 0.5, 0.5],
    }
    search.pop("collapse")
    edit = {
        "modify": "in blue, not red",
        "image": picture,
        "keep": True,
        "weights": {"modify": 1.5},
        "dismiss": ["blue"],
    }
    return {
        "/v1/search": search,
        "/v1/search/images": search,
        "/v1/search/images?": edit,
        "/v1/search/descriptions": search,
        "/v1/search/images/batch": {"queries": [{"text": "red dress", "k": 2}, {"modify": "shoe", "like": ["fuzz"]}]},
        "/v1/regions": {"image": picture},
        "/v1/embeddings": {"input": ["red dress", picture], "model": "vitrine"},
        "/v1/classify": {"text": "red dress", "image": None, "labels": ["red", "blue"]},
        "/v1/tag": {"ids": ["fuzz"], "attributes": ["colour"], "min_confidence": 0.5},
        "/v1/tag?": {"images": [picture], "min_confidence": 0.5},
        "/v1/explain": {"image": picture, "descriptions": ["red dress"]},
        "/v1/products/fuzz": {"title": "Fuzz", "attributes": ATTRIBUTES, "image": picture, "replace": False},
        "/v1/products": {"id": "fuzz", "title": "Fuzz", "attributes": ATTRIBUTES, "images": [picture], "delete": False},
    }


def mutated(dice: random.Random, value: Any) -> Any:
    """Return a copy of a JSON value in which something is another value, missing, or new."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        copy = dict(value)
        name = dice.choice(list(copy))
        change = dice.random()
        if change < 0.15:
            del copy[name]
        elif change < 0.25:
            copy[dice.choice(["x", "", name.upper(), "é", "a" * 300])] = dice.choice(ODD)
        else:
            copy[name] = mutated(dice, copy[name])
        return copy
    if isinstance(value, list) and value and dice.random() < 0.5:
        place = dice.randrange(len(value))
        return [*value[:place], mutated(dice, value[place]), *value[place + dice.choice([0, 1]) :]]
    return dice.choice(ODD)


def parameters(dice: random.Random) -> dict[str, str]:
    """Return parameters of a listing or a deletion, some of them broken."""
    filters = mutated(dice, {"colour": "red", "price": {"gte": 10}})
    given = {"filters": json.dumps(filters), "limit": 5, "after": "a", "fields": "id,etag", "dry_run": "true"}
    name = dice.choice(list(given))
    return {
        key: str(dice.choice(ODD))[:2_000].encode("utf-8", "replace").decode() if key == name else str(one)
        for key, one in given.items()
    }


def document(dice: random.Random) -> str:
    """Return the address of a page, or of what pages read, with parameters of which some are broken."""
    path, odd = dice.choice(DOCUMENTS), something(dice)
    given = OF_CALLS.get(path.rpartition("/")[2], OF_PAGES)
    if given is not OF_PAGES:
        given = {name: given[name] for name in given if dice.random() < 0.4}
    return f"{path.replace('ODD', quote(odd[:300]))}?{with_one_odd(dice, given, odd)}"


def something(dice: random.Random) -> bytes:
    """Return any value as a part of an address."""
    return str(dice.choice(ODD))[:2_000].encode("utf-8", "replace")


def with_one_odd(dice: random.Random, given: Mapping[str, str], odd: bytes) -> str:
    """Return parameters as an address has them, one of them `odd`, missing, twice there, or of another name."""
    name = dice.choice([*given, "x"])
    pairs: list[tuple[str, str | bytes]] = [(key, one) for key, one in given.items() if key != name]
    return urlencode(pairs + [(dice.choice([name, name, name[:-1]]), odd)] * dice.choice([0, 1, 1, 1, 2]))


def send_raw(service: Service, seed: int, count: int) -> Counter[str]:
    """Send requests that are broken as HTTP; return how often each status came, `none` where there was no answer."""
    dice = random.Random(seed)
    url = httpx.URL(service.url)
    statuses: Counter[str] = Counter()
    for _ in range(count):
        answer = b""
        with suppress(OSError), socket.create_connection((url.host, url.port or 80), timeout=5) as raw:
            raw.sendall(broken(dice))
            if dice.random() < 0.3:
                raw.shutdown(socket.SHUT_WR)
            raw.settimeout(WAIT_S)
            answer = raw.recv(65_536)
        statuses[answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/") else "none"] += 1
    return statuses


def send_fields(service: Service, seed: int, count: int) -> Counter[str]:
    """Send requests whose fields are broken; return how often each status came."""
    dice = random.Random(seed)
    valid = bodies()
    statuses: Counter[str] = Counter()
    with service.client() as client:
        for _ in range(count):
            path, body = dice.choice(list[tuple[str, Any]](valid.items()))
            for _ in range(dice.choice([1, 1, 2, 4])):
                body = mutated(dice, body) if isinstance(body, dict) else body
            method = dice.choice(["PUT", "PATCH"]) if "/products/" in path else "POST"
            if path == "/v1/products":
                if dice.random() < 0.3:  # the calls whose parameters say what is listed or taken out
                    method, path = dice.choice(["GET", "DELETE"]), f"{path}?{urlencode(parameters(dice))}"
                elif dice.random() < 0.3:
                    path = f"{path}?{urlencode({'mode': 'sync', 'dry_run': 'true'})}"
                    body = [body]
            if dice.random() < 0.1:
                method, path = "GET", document(dice)
            elif method != "POST" and "?" not in path and dice.random() < 0.3:
                path = f"/v1/products/{quote(str(dice.choice(ODD))[:300].encode('utf-8', 'replace'))}"
            how: dict[str, Any] = {"content": json.dumps(body).encode()}
            how["headers"] = {"content-type": "application/json"}
            if path in ALONE and dice.random() < 0.3:
                how = {"content": picture_of("fuzz"), "headers": {"content-type": "image/png"}}
                path = f"{path}?{with_one_odd(dice, ALONE[path], something(dice))}"
            elif isinstance(body, dict) and dice.random() < 0.3:
                how = {"data": {name: json.dumps(one) for name, one in body.items() if name != "image"}}
                how["files"] = {"image": ("x", picture_of("fuzz"))}
            with suppress(httpx.TransportError, UnicodeError):
                statuses[str(client.request(method, path, **how).status_code)] += 1
    return statuses


def together(send: Callable[[Service, int, int], Counter[str]], service: Service, seed: int, count: int) -> Any:
    """Return what several clients at once saw, and how long it took."""
    start = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as people:
        parts = [people.submit(send, service, seed + number, count // CLIENTS) for number in range(CLIENTS)]
        statuses = sum((part.result() for part in parts), Counter[str]())
    say(f"{sum(statuses.values()):,} requests: {dict(statuses.most_common())}")
    return {"statuses": dict(sorted(statuses.items())), "seconds": round(time.monotonic() - start, 1)}


def open_files(pid: int) -> int:
    """Return how many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main() -> None:
    """Send both kinds, and write down what came back and what is left."""
    parser = options(__doc__)
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--raw", type=int, default=RAW)
    parser.add_argument("--fields", type=int, default=FIELDS)
    arguments = parser.parse_args()
    with serving_shop(arguments.checkpoint, PRODUCTS) as service:
        pid = service.process.pid
        together(send_fields, service, arguments.seed + 1000, 400)  # what is made once is made now
        before = {"resident MB": resident_kb(pid) // 1000, "descriptors": open_files(pid)}
        raw = together(send_raw, service, arguments.seed, arguments.raw)
        fields = together(send_fields, service, arguments.seed, arguments.fields)
        time.sleep(20)  # connections that wait for more bytes come to their time
        after = {"resident MB": resident_kb(pid) // 1000, "descriptors": open_files(pid)}
        with service.client() as client:
            ready = client.get("/readyz").status_code
        tracebacks = service.said("Traceback")
    found = {int(status) for part in (raw, fields) for status in part["statuses"] if status.isdigit()}
    bad = sorted(status for status in found if status >= 500 and status not in EXCUSED)
    figures = {"seed": arguments.seed, "raw": raw, "fields": fields, "before": before, "after": after}
    save(arguments.out, {**figures, "ready": ready, "tracebacks": tracebacks, "other 5xx": bad})
    sys.exit(bool(bad or tracebacks or ready != 200))


if __name__ == "__main__":
    main()
