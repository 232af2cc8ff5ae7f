"""The real service as the load tests run it: `vitrine serve` in a process group of its own, and products to put in.

A product's words and its picture each follow from a mark that stands in its attributes, so that whoever sees a product
can tell whether all of it belongs together.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from PIL import Image, ImageDraw

from app.http import create_key
from common import write_json
from index import CatalogueInfo, Database, Entry, Location, Product, SplitRule, write_catalogue
from models import Encoder, load_encoder
from models.images import decode_image

Place = TypeVar("Place", Path, Database)

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "checkpoints" / "minilm-dinov2"
START_S = 180.0

COLOURS = ("red", "blue", "green", "yellow", "black", "pink", "brown", "purple", "white", "orange")
KINDS = ("dress", "shirt", "shoe", "bag", "watch", "belt", "scarf", "skirt")
GENDERS = ("Women", "Men", "Unisex")


def seeded(mark: str) -> random.Random:
    """Return a generator that follows from `mark` alone, in every process."""
    return random.Random(int.from_bytes(hashlib.blake2b(mark.encode(), digest_size=8).digest()))


def title_of(words: str) -> str:
    """Return the title that belongs to the mark of a product's words."""
    dice = seeded(words)
    return f"{dice.choice(COLOURS)} {dice.choice(KINDS)} for {dice.choice(GENDERS)} {words}"


def attributes_of(words: str, picture: str) -> dict[str, str]:
    """Return the attributes of a product with these marks."""
    dice = seeded(words)
    return {
        "baseColour": dice.choice(COLOURS),
        "articleType": dice.choice(KINDS),
        "gender": dice.choice(GENDERS),
        "words": words,
        "picture": picture,
    }


def picture_of(picture: str, kind: str = "PNG") -> bytes:
    """Return the picture that belongs to its mark, 60x80."""
    dice = seeded(picture)
    image = Image.new("RGB", (60, 80), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(dice.randint(2, 5)):
        x, y = dice.randint(0, 40), dice.randint(0, 60)
        box = (x, y, x + dice.randint(8, 40), y + dice.randint(8, 50))
        draw = dice.choice((pen.ellipse, pen.rectangle))
        draw(box, fill=(dice.randint(0, 255), dice.randint(0, 255), dice.randint(0, 255)))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def data_uri(picture: bytes) -> str:
    """Return a picture as JSON carries it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def write_shop(checkpoint: Path, place: Place, count: int) -> Place:
    """Write a catalogue of `count` drawn products, the first ones in every language of the marks: base0, base1, ..."""
    encoder = load_encoder(checkpoint, "cpu")
    marks = [f"base{number}" for number in range(count)]
    pairs = [(_product(info := _info(encoder), mark), picture_of(mark)) for mark in marks]
    with write_catalogue(place, info, lambda changed: encoded(encoder, changed)) as writer:
        for start in range(0, count, 32):
            writer.add(encoded(encoder, pairs[start : start + 32]))
    return place


def encoded(encoder: Encoder, pairs: Sequence[tuple[Product, bytes]]) -> list[Entry]:
    """Return products and pictures with their vectors."""
    images = encoder.encode_image([decode_image(picture) for _, picture in pairs])
    texts = encoder.encode_text([product.title for product, _ in pairs])
    return [Entry(*pair, image, text) for pair, image, text in zip(pairs, images, texts, strict=True)]


def _info(encoder: Encoder) -> CatalogueInfo:
    return CatalogueInfo(encoder.encoder_id, encoder.dim, "drawn", SplitRule(), "2025-01-01T00:00:00+00:00")


def _product(info: CatalogueInfo, mark: str) -> Product:
    title = title_of(mark)
    return Product(mark, title, attributes_of(mark, mark), info.split.of(title))


@dataclass(frozen=True)
class Service:
    """A service as an operator has it: a process, its children, its log, its address."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str
    secret: str

    def client(self, **options: Any) -> httpx.Client:
        """Return a client with a connection of its own, which stays with one worker as long as it is used."""
        headers = {"authorization": f"Bearer {self.secret}"}
        return httpx.Client(**{"base_url": self.url, "timeout": 60, "trust_env": False, "headers": headers, **options})

    def said(self, message: str) -> int:
        """Return how often a line of the log has `message` in it."""
        return self.log.read_text(encoding="utf-8").count(message)

    def processes(self) -> list[int]:
        """Return the processes of the group that live."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                except OSError:
                    continue
                if int(group) == self.process.pid and state != "Z":
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill every process of the group at once, and wait until none is left."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until(lambda: not self.processes(), 20)


@contextmanager
def serving(
    checkpoint: Path, catalogue: Location, log: Path, workers: int = 1, **environment: str
) -> Iterator[Service]:
    """Serve a catalogue, and yield when all workers are ready; what is left of the service is ended at the end."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    keys = log.with_suffix(".keys.json")
    secret = create_key(keys, f"load-{time.time_ns()}", "admin")[1]
    places = ["--checkpoint", str(checkpoint), "--device", "cpu"]
    command = [sys.executable, "-m", "vitrine", "serve", *places, "--port", str(port), "--workers", str(workers)]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")},
        "VITRINE_LOG_FORMAT": "json",
        "VITRINE_LOG_LEVEL": "info",
        "VITRINE_KEYS": str(keys),
        "VITRINE_CATALOGUE": catalogue.url if isinstance(catalogue, Database) else str(catalogue),
        "TMPDIR": str(log.parent),
        **environment,
    }
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=variables, cwd=ROOT, stdout=file, stderr=file, process_group=0)
    service = Service(process, log, f"http://127.0.0.1:{port}", secret)
    try:
        until(lambda: process.poll() is not None or service.said("Application startup complete") == workers, START_S)
        if process.poll() is not None:
            raise RuntimeError(f"the service did not start:\n{log.read_text(encoding='utf-8')}")
        with service.client() as client:
            until(lambda: client.get("/readyz").status_code == 200, START_S)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                service.kill()


def until(holds: Callable[[], object], seconds: float) -> None:
    """Wait until `holds()`, leaving the cores to the processes that are waited for."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {seconds:g} s")
        time.sleep(0.05)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all are not above, 0 for none; milliseconds come out with two decimals."""
    return round(float(np.quantile(values, part, method="inverted_cdf")), 2) if len(values) else 0.0


def options(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with what all of these programs take."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="[default: the one of the repository]")
    parser.add_argument("--out", type=Path, required=True, help="where the figures go, as JSON")
    return parser


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a temporary folder on a disk; what is in it goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="vitrine-load-") as folder:
        yield Path(folder)


def save(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures, with what they were measured on."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    write_json(path, {"machine": machine, **figures})
    say(json.dumps(figures, ensure_ascii=False))


def say(text: str) -> None:
    """Tell whoever watches how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
