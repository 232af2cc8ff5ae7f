"""A tool: a small drawn shop to test the service with: pictures, an encoder for them, a catalogue, a server."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI
from PIL import Image, ImageDraw

from app.http import BoundedProtocol
from app.server import create_app
from app.settings import Settings
from index import CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule, first_text
from models import read_pixels, scaled, to_rgb

COLOURS = {
    "red": (200, 30, 45),
    "blue": (35, 80, 190),
    "green": (40, 140, 70),
    "yellow": (235, 190, 40),
    "black": (35, 33, 36),
    "pink": (240, 140, 180),
    "brown": (120, 75, 45),
    "purple": (120, 60, 150),
}
KINDS = {
    "dress": [(40, 10), (80, 10), (74, 60), (105, 150), (15, 150), (46, 60)],
    "shirt": [(35, 30), (85, 30), (115, 60), (98, 78), (88, 68), (88, 140), (32, 140), (32, 68), (22, 78), (5, 60)],
    "shoes": [(8, 70), (40, 70), (60, 92), (110, 100), (114, 120), (8, 120)],
    "bag": [(30, 60), (45, 60), (45, 30), (75, 30), (75, 60), (90, 60), (105, 140), (15, 140)],
    "watch": [(48, 10), (72, 10), (74, 52), (90, 80), (74, 108), (72, 150), (48, 150), (46, 108), (30, 80), (46, 52)],
}
IMAGES = "/v1/search/images"
DESCRIPTIONS = "/v1/search/descriptions"
GENDERS = ["Women", "Men", "Unisex"]


def draw(colour: str, kind: str) -> Image.Image:
    """Return a 120x160 picture of a thing on white."""
    image = Image.new("RGB", (120, 160), "white")
    ImageDraw.Draw(image).polygon(KINDS[kind], fill=COLOURS[colour])
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of `image` as a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def _file(colour: str, kind: str, file: str) -> bytes:
    """Return the bytes of a drawn picture, which catalogues are made of again and again."""
    return encoded(draw(colour, kind), file)


def png_chunk(name: bytes, body: bytes, check: int = 0) -> bytes:
    """Return a chunk of a PNG file; its check sum is wrong by `check`."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ check)


def data_uri(image: Image.Image | bytes, kind: str = "png") -> str:
    """Return a picture, or what is said to be one, as JSON carries it."""
    data = image if isinstance(image, bytes) else encoded(image)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


class DrawnEncoder:
    """Knows colours and outlines: D = 8 colours + 12x9 outline + 12 for all other words."""

    encoder_id = "drawn-1"
    dim = 128
    device = "cpu"
    logit_scale = 20.0
    image_size = (48, 36)

    def __init__(self) -> None:
        self.text_batches: list[list[str]] = []
        self.pixel_batches: list[int] = []
        self._outlines: dict[str, np.ndarray] = {}

    def encode_counted(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return self.encode_text(texts), np.array([len(text.split()) for text in texts])

    def prepare_image(self, image: Image.Image) -> np.ndarray:
        return scaled(to_rgb(image), self.image_size)

    def read_image(self, data: bytes) -> np.ndarray:
        return read_pixels(data, self.image_size)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.ndim == 4
        assert pixels.dtype == np.uint8
        self.pixel_batches.append(len(pixels))
        return self._of_pixels(pixels)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        self.text_batches.append(list(texts))
        return unit(np.stack([self._of_text(text) for text in texts]))

    def encode_image(self, images: Sequence[Image.Image]) -> np.ndarray:
        return self._of_pixels(np.stack([self.prepare_image(image) for image in images]))

    def _of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        thing = (pixels.min(axis=3) < 235).astype(np.float64)  # (B, H, W): what is not background
        weight = thing.sum(axis=(1, 2))
        mean = (pixels * thing[..., None]).sum(axis=(1, 2)) / np.maximum(weight, 1)[:, None]
        rows = np.full((len(pixels), self.dim), 1e-3)
        distance = np.linalg.norm(mean[:, None] - np.array(list(COLOURS.values())), axis=2)
        rows[:, :8] = np.exp(-((distance / 40) ** 2)) * (weight > 0)[:, None]
        rows[:, 8:116] = 0.12 * (thing.reshape(len(pixels), 12, 4, 9, 4).mean(axis=(2, 4)).reshape(-1, 108) - 0.35)
        return unit(rows)

    def _of_text(self, text: str) -> np.ndarray:
        row = np.full(self.dim, 1e-3)
        for word in text.casefold().split():
            if word in COLOURS:
                row[:8] += np.eye(8)[list(COLOURS).index(word)]
            elif word in KINDS:
                row[8:116] += self._outline(word)
            else:
                row[116 + hashlib.blake2b(word.encode()).digest()[0] % 12] += 0.05
        return row

    def _outline(self, kind: str) -> np.ndarray:
        if kind not in self._outlines:
            self._outlines[kind] = self._of_pixels(self.prepare_image(draw("black", kind))[None])[0, 8:116]
        return self._outlines[kind]


def products() -> list[Product]:
    """Return 40 things of all colours and kinds; every fifth title belongs to two products."""
    found = []
    for number, (colour, kind) in enumerate((c, k) for c in COLOURS for k in KINDS):
        gender = GENDERS[number % 3]
        attributes = {"gender": gender, "articleType": kind.title(), "baseColour": colour.title()}
        title = f"{colour.title()} {kind.title()} for {gender}"
        found.append(Product(str(1000 + number), title, attributes, SplitRule(0.4, 0.3, 0.3).of(title)))
        if number % 5 == 0:
            found.append(Product(f"twin/{number}?50%#", title, attributes, found[-1].split))
    return found


def write_catalogue(folder: Path, encoder: DrawnEncoder, shop: Sequence[Product] | None = None) -> Path:
    """Write a catalogue of `shop`, by default all of it; pictures are PNG and JPEG in turn."""
    shop = products() if shop is None else shop
    info = CatalogueInfo(encoder.encoder_id, encoder.dim, "drawn", SplitRule(0.4, 0.3, 0.3), "2025-01-01T00:00:00Z")
    things = [[first_text(one.attributes[name]).lower() for name in ("baseColour", "articleType")] for one in shop]
    vectors = list(encoder.encode_image([draw(*thing) for thing in things])) if things else []
    with CatalogueWriter(folder, info) as writer:
        writer.add(
            Entry(product, _file(*thing, ["PNG", "JPEG"][number % 2]), vector, unit(encoder._of_text(product.title)))
            for number, (product, thing, vector) in enumerate(zip(shop, things, vectors, strict=True))
        )
    return folder


async def _no_chore(served: Any) -> None:
    """Do nothing: the collector would walk through every object of all tests, most of a second for each start."""


@contextmanager
def served(app: FastAPI, port: int = 0) -> Iterator[httpx.Client]:
    """Run `app` under a real server on a free port, or on this one, and yield a client for it."""
    options: dict[str, Any] = {"http": BoundedProtocol, "ws": "none", "proxy_headers": False}
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=5, **options))
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    with patch("app.server.trim_loop", _no_chore):
        thread.start()
        until(lambda: server.started or not thread.is_alive(), 60)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        with httpx.Client(base_url=f"http://{host}:{port}", timeout=200, trust_env=False, verify=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server did not stop"


PATIENT: dict[str, Any] = {"deadline_s": 60, "ready_timeout_s": 60}
"""Settings of a service whose answers may take long: a machine that tests side by side is busy."""


@contextmanager
def shop_open(folder: Path, encoder: DrawnEncoder | None = None, **settings: Any) -> Iterator[httpx.Client]:
    """Serve the catalogue in `folder` with these settings, and patience where they say nothing of it."""
    found = Settings.read(catalogue=folder, **{**PATIENT, **settings})
    with served(create_app(found, encoder=encoder or DrawnEncoder())) as client:
        yield client


def until(holds: Any, seconds: float = 60) -> None:
    """Wait until `holds()`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def ask(client: httpx.Client, path: str, **fields: Any) -> Any:
    answer = client.post(path, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def show(client: httpx.Client, path: str, image: Image.Image | bytes, **fields: Any) -> Any:
    data = image if isinstance(image, bytes) else encoded(image)
    answer = client.post(path, files={"image": ("x", data)}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error_of(answer: httpx.Response, status: int, code: str) -> Any:
    """Return the error of `answer` after checking the one shape that errors have."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["code"] == code
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    for detail in error["details"]:
        assert set(detail) == {"field", "message"}
    return error
