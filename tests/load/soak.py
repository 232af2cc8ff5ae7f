"""Sends tens of thousands of requests of all kinds, good and bad, and watches the memory of the process that serves.

    python -m tests.load.soak --out docs/reliability/soak.json

One process of the real service, on drawn products; several clients, each sending one request after the other. Every
answer must have one of the statuses that such a request may get. The resident memory of the process is read every
second; what counts is how much it has grown since the first thousand requests.
"""

from __future__ import annotations

import io
import json
import random
import socket
import statistics
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.load.products import attributes_of, data_uri, picture_of, title_of
from tests.load.running import Service, options, percentile, save, say, serving_shop

CLIENTS = 6
WARM = 1_000
"""Requests after which memory is expected to stay as it is."""
POOL = 300
"""Products that are put in, replaced and taken out."""
IMAGES = "/v1/search/images"
DESCRIPTIONS = "/v1/search/descriptions"
NDJSON = {"content-type": "application/x-ndjson"}


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    """Return the bytes of `image` as a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """Return a small file that says it is a picture of this size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b"")


def odd_pictures() -> dict[str, tuple[bytes, int]]:
    """Return pictures of every unusual kind, with the status that is the defined answer to each."""
    photo = Image.open(io.BytesIO(picture_of("photo"))).convert("RGB")
    upright = Image.Exif()
    upright[0x0112] = 6
    frames = [Image.open(io.BytesIO(picture_of(f"frame{number}"))).convert("RGB") for number in range(4)]
    noise = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), dtype=np.uint8)
    return {
        "1x1": (saved(Image.new("RGB", (1, 1), "red")), 200),
        "1x5000": (saved(Image.new("RGB", (1, 5000), "red")), 200),
        "5000x1": (saved(Image.new("RGB", (5000, 1), "red")), 200),
        "EXIF orientation": (saved(photo, "JPEG", exif=upright), 200),
        "CMYK": (saved(photo.convert("CMYK"), "JPEG"), 200),
        "16 bit": (saved(Image.new("I;16", (60, 80), 40_000)), 200),
        "palette": (saved(photo.convert("P")), 200),
        "transparent": (saved(photo.convert("RGBA")), 200),
        "grey": (saved(photo.convert("L")), 200),
        "animated GIF": (saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), 200),
        "animated WebP": (saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]), 200),
        "TIFF": (saved(photo, "TIFF"), 200),
        "photo of 3 megapixels": (saved(Image.fromarray(noise), "JPEG"), 200),
        "blank of 16 megapixels": (saved(Image.new("RGB", (4000, 4000), "white")), 200),
        "truncated PNG": (saved(photo)[:-200], 422),
        "truncated JPEG": (saved(Image.fromarray(noise), "JPEG")[:-90_000], 422),
        "header only": (saved(photo)[:40], 422),
        "50,000x50,000 PNG": (huge_png(50_000, 50_000), 422),
        "empty": (b"", 422),
        "text": (b"this is no picture", 422),
        "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 422),
        "PDF": (b"%PDF-1.7\n", 422),
        "random bytes": (random.Random(0).randbytes(20_000), 422),
    }


ODD = odd_pictures()

# Method, path, what httpx takes, and the status that is due.
BAD: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "no JSON": ("POST", IMAGES, {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    "deep JSON": ("POST", IMAGES, {"content": b"[" * 50_000, "headers": {"content-type": "application/json"}}, 400),
    "a list": ("POST", IMAGES, {"json": []}, 422),
    "nothing asked": ("POST", IMAGES, {"json": {}}, 422),
    "no content type": ("POST", IMAGES, {"content": b"x"}, 415),
    "XML": ("POST", IMAGES, {"content": b"<a/>", "headers": {"content-type": "text/xml"}}, 415),
    "k of 0": ("POST", IMAGES, {"json": {"text": "x", "k": 0}}, 422),
    "k of a million": ("POST", IMAGES, {"json": {"text": "x", "k": 10**6}}, 422),
    "text of a megabyte": ("POST", IMAGES, {"json": {"text": "x" * 10**6}}, 413),
    "unknown filter": ("POST", IMAGES, {"json": {"text": "x", "filters": {"price": "3"}}}, 422),
    "unknown field": ("POST", IMAGES, {"json": {"text": "x", "colour": "red"}}, 422),
    "vector of 3": ("POST", IMAGES, {"json": {"vector": [1, 2, 3]}}, 422),
    "vector of NaN": (
        "POST",
        IMAGES,
        {"content": b'{"vector": [NaN]}', "headers": {"content-type": "application/json"}},
        422,
    ),
    "like nobody": ("POST", IMAGES, {"json": {"like": ["nobody"]}}, 422),
    "an address": ("POST", IMAGES, {"json": {"image": "http://169.254.169.254/latest/meta-data"}}, 422),
    "bad base64": ("POST", IMAGES, {"json": {"image": "data:image/png;base64,%%%"}}, 422),
    "a form without boundary": (
        "POST",
        IMAGES,
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        400,
    ),
    "two pictures": (
        "POST",
        IMAGES,
        {"files": [("image", ("a", ODD["1x1"][0])), ("image", ("b", ODD["1x1"][0]))]},
        400,
    ),
    "12 megabytes": ("POST", IMAGES, {"files": {"image": ("a", bytes(12_000_000))}}, 413),
    "an empty batch": ("POST", f"{IMAGES}/batch", {"json": {"queries": []}}, 422),
    "unknown model": ("POST", "/v1/embeddings", {"json": {"input": "x", "model": "gpt"}}, 404),
    "no labels": ("POST", "/v1/classify", {"json": {"product_id": "base1", "labels": []}}, 422),
    "unknown facet": ("GET", "/v1/facets", {"params": {"attribute": "price"}}, 422),
    "unknown split": ("GET", "/v1/evaluation", {"params": {"split": "exam"}}, 422),
    "unknown product": ("GET", "/v1/products/nobody", {}, 404),
    "unknown path": ("GET", "/v2", {}, 404),
    "wrong method": ("DELETE", IMAGES, {}, 405),
    "a new product without picture": ("PUT", "/v1/products/nobody", {"json": {"title": "x"}}, 422),
    "wrong key": ("PUT", "/v1/products/base1", {"json": {"title": "x"}, "headers": {"authorization": "Bearer x"}}, 401),
    "wrong tag": ("PUT", "/v1/products/base1", {"json": {"title": "x"}, "headers": {"if-match": '"x"'}}, 412),
}

Sent = tuple[httpx.Response, set[int]]


def text(client: httpx.Client, dice: random.Random) -> Sent:
    fields: dict[str, Any] = {"text": title_of(f"{dice.randrange(5000)}"), "k": dice.choice((3, 10, 100))}
    if dice.random() < 0.3:
        fields |= {"filters": {"gender": "Women"}, "facets": ["baseColour"]}
    if dice.random() < 0.2:
        fields |= {"collapse": dice.choice(("title", "image"))}
    return client.post(dice.choice((IMAGES, DESCRIPTIONS)), json=fields), {200}


def image(client: httpx.Client, dice: random.Random) -> Sent:
    files = {"image": ("x.png", picture_of(f"{dice.random()}", dice.choice(("PNG", "JPEG"))))}
    return client.post(dice.choice((IMAGES, DESCRIPTIONS)), files=files), {200}


def both(client: httpx.Client, dice: random.Random) -> Sent:
    fields = {
        "text": dice.choice(("red", "blue")),
        "image": data_uri(picture_of(f"{dice.random()}")),
        "like": ["base1"],
    }
    return client.post(IMAGES, json=fields), {200}


def batch(client: httpx.Client, dice: random.Random) -> Sent:
    queries: list[Any] = [{"text": title_of(f"{dice.random()}")} for _ in range(dice.randint(1, 12))]
    queries += [{"image": data_uri(ODD["truncated PNG"][0])}, {"like": [f"base{dice.randrange(50)}"]}]
    return client.post(f"{IMAGES}/batch", json={"queries": queries}), {200}


def embeddings(client: httpx.Client, dice: random.Random) -> Sent:
    inputs = [title_of(f"{dice.random()}"), data_uri(picture_of(f"{dice.random()}"))]
    form = dice.choice(("float", "base64"))
    return client.post("/v1/embeddings", json={"input": inputs, "encoding_format": form}), {200}


def classify(client: httpx.Client, dice: random.Random) -> Sent:
    files = {"image": ("x.png", picture_of(f"{dice.random()}"))}
    labels = json.dumps([f"a {word}" for word in ("dress", "shoe", "bag", f"thing {dice.randrange(100)}")])
    return client.post("/v1/classify", files=files, data={"labels": labels}), {200}


def read(client: httpx.Client, dice: random.Random) -> Sent:
    path = f"/v1/products/base{dice.randrange(200)}{dice.choice(('', '/image'))}"
    return client.get(dice.choice((path, path, "/v1/facets?attribute=baseColour&attribute=gender"))), {200}


def put(client: httpx.Client, dice: random.Random) -> Sent:
    words, picture = f"{dice.random()}", f"{dice.random()}"
    fields = {"title": title_of(words), "attributes": attributes_of(words, picture)}
    fields["image"] = data_uri(picture_of(picture))
    return client.put(f"/v1/products/soak{dice.randrange(POOL)}", json=fields), {200, 201}


def bulk(client: httpx.Client, dice: random.Random) -> Sent:
    lines = []
    for _ in range(dice.randint(1, 40)):
        name, words = f"soak{dice.randrange(POOL)}", f"{dice.random()}"
        line: dict[str, Any] = {"id": name, "delete": True}
        if dice.random() < 0.7:
            line = {"id": name, "title": title_of(words), "image": data_uri(picture_of(words))}
        lines.append(json.dumps(line) if dice.random() < 0.95 else "{no JSON")
    return client.post("/v1/products", content="\n".join(lines), headers=NDJSON), {200}


def delete(client: httpx.Client, dice: random.Random) -> Sent:
    return client.delete(f"/v1/products/soak{dice.randrange(POOL)}"), {204}


def odd(client: httpx.Client, dice: random.Random) -> Sent:
    name = dice.choice(list(ODD))
    data, status = ODD[name]
    return client.post(IMAGES, files={"image": ("x", data)}), {status}


def bad(client: httpx.Client, dice: random.Random) -> Sent:
    method, path, fields, status = BAD[dice.choice(list(BAD))]
    return client.request(method, path, **fields), {status}


def leave(client: httpx.Client, dice: random.Random) -> Sent:
    """Hang up: before the body is sent, in the middle of it, or without waiting for the answer."""
    body = json.dumps(
        {"text": title_of(f"{dice.random()}"), "image": data_uri(ODD["photo of 3 megapixels"][0])}
    ).encode()
    head = (
        f"POST {IMAGES} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=20) as raw:
        raw.sendall(head.encode() + body[: dice.choice((0, len(body) // 2, len(body)))])
    return httpx.Response(499), {499}


def operations(client: httpx.Client, dice: random.Random) -> Sent:
    paths = ("/readyz", "/healthz", "/metrics", "/", "/docs", "/openapi.json", "/v1/models")
    return client.get(dice.choice(paths)), {200}


def evaluation(client: httpx.Client, dice: random.Random) -> Sent:
    return client.get("/v1/evaluation", params={"split": dice.choice(("test", "all"))}, timeout=120), {200}


KINDS: dict[Callable[[httpx.Client, random.Random], Sent], float] = {
    text: 30,
    image: 12,
    both: 5,
    batch: 3,
    embeddings: 6,
    classify: 4,
    read: 10,
    put: 6,
    bulk: 1,
    delete: 3,
    odd: 6,
    bad: 10,
    leave: 2,
    operations: 2,
    evaluation: 0.05,
}


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no resident memory")


def run(service: Service, requests: int, seed: int) -> dict[str, Any]:
    """Send `requests` requests and return the figures."""
    lock = threading.Lock()
    done: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    wrong: list[str] = []
    times: dict[str, list[float]] = {}
    samples: list[tuple[int, int]] = []
    finished = threading.Event()

    def client(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        with service.client(timeout=60) as client:
            while done.total() < requests:
                (kind,) = dice.choices(list(KINDS), weights=list(KINDS.values()))
                start = time.perf_counter()
                try:
                    answer, due = kind(client, dice)
                except httpx.TransportError as error:
                    answer, due = httpx.Response(599, text=repr(error)), set()
                took = 1000 * (time.perf_counter() - start)
                with lock:
                    done[kind.__name__] += 1
                    statuses[str(answer.status_code)] += 1
                    times.setdefault(kind.__name__, []).append(took)
                    if answer.status_code not in due:
                        sent = "" if answer.status_code == 599 else f"{answer.request.method} {answer.request.url}"
                        wrong.append(f"{kind.__name__}: {answer.status_code} to {sent}: {answer.text[:300]}")
                        say(f"WRONG: {wrong[-1]}")

    def watch() -> None:
        while not finished.wait(1):
            samples.append((done.total(), resident_kb(service.process.pid)))
            if len(samples) % 30 == 0:
                say(f"{samples[-1][0]} requests, {samples[-1][1] / 1000:.0f} MB")

    clients = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(CLIENTS)]
    watcher = threading.Thread(target=watch, daemon=True)
    start = time.monotonic()
    for thread in (*clients, watcher):
        thread.start()
    for thread in clients:
        thread.join()
    seconds = time.monotonic() - start
    finished.set()
    watcher.join()
    warm = next(kb for count, kb in samples if count >= WARM)
    # Memory goes up and down by what is at work: the end is the median of the last tenth.
    end = statistics.median(kb for count, kb in samples if count >= 0.9 * done.total())
    peak = max(kb for count, kb in samples if count >= WARM)
    every = max(1, len(samples) // 40)
    return {
        "requests": done.total(),
        "seconds": round(seconds),
        "seed": seed,
        "by kind": dict(done.most_common()),
        "by status": dict(sorted(statuses.items())),
        "wrong answers": len(wrong),
        "examples of wrong answers": wrong[:20],
        "kinds of odd pictures": len(ODD),
        "kinds of bad requests": len(BAD),
        "bad inputs sent": done["odd"] + done["bad"],
        "clients that hung up": done["leave"],
        "median ms": {kind: percentile(found, 0.5) for kind, found in sorted(times.items())},
        "memory, MB": {
            "after the first thousand": round(warm / 1000, 1),
            "at the end": round(end / 1000, 1),
            "peak since": round(peak / 1000, 1),
            "growth": round(end / warm - 1, 4),
            "peak growth": round(peak / warm - 1, 4),
            "course": [[count, round(kb / 1000, 1)] for count, kb in samples[::every]],
        },
    }


def main() -> None:
    """Serve a drawn shop, send the requests, and write the figures."""
    parser = options(__doc__)
    parser.add_argument("--requests", type=int, default=20_500)
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with serving_shop(arguments.checkpoint, arguments.products) as service:
        figures = run(service, arguments.requests, arguments.seed)
        with service.client() as client:
            figures["ready afterwards"] = client.get("/readyz").status_code == 200
        service.stop()
        figures["lines of the log at level error"] = sum(
            '"level": "ERROR"' in line or '"level": "CRITICAL"' in line
            for line in service.log.read_text(encoding="utf-8").splitlines()
        )
    figures["products"] = arguments.products
    save(arguments.out, figures)
    sys.exit(1 if figures["wrong answers"] or not figures["ready afterwards"] else 0)


if __name__ == "__main__":
    main()
