"""What the attackers send, built here in full, so that no attack needs the service's help. Sends nothing."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.tools.root import ROOT

BOUNDARY = "attack"
IMAGES = "/v1/search/images"
FORMS = (
    IMAGES,
    "/v1/search/descriptions",
    "/v1/classify",
    "/v1/explain",
)
"""Calls that take a form without a key."""


def head(method: str, path: str, *headers: str, host: str = "127.0.0.1") -> bytes:
    """Return a request's head, with its empty line."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def request(
    method: str, path: str, body: bytes = b"", kind: str = "application/json", *headers: str, close: bool = True
) -> bytes:
    """Return a whole request; the connection closes after the answer unless told otherwise."""
    ending = ("Connection: close",) if close else ()
    length = (f"Content-Type: {kind}", f"Content-Length: {len(body)}") if body else ()
    return head(method, path, *headers, *ending, *length) + body


def as_json(path: str, value: object, *headers: str) -> bytes:
    """Return a POST of JSON."""
    return request("POST", path, json.dumps(value).encode(), "application/json", *headers)


def form(path: str, picture: bytes, parameters: str = "") -> bytes:
    """Return a POST of a form with one picture; `parameters` follow the boundary in the content type."""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'.encode()
        + picture
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    return request("POST", path, body, f"multipart/form-data; boundary={BOUNDARY}{parameters}")


def png(side: int, channels: int) -> bytes:
    """Return a square PNG of one colour, compressed a thousandfold; channels: 1 grey, 4 RGBA."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, {1: 0, 4: 6}[channels], 0, 0, 0)
    deflate = zlib.compressobj(9)
    row = bytes(1 + channels * side)
    pixels = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg2000() -> bytes:
    """Return a grey JPEG 2000 of 7,000 x 7,000 pixels in some hundred bytes, seconds of work for its decoder."""
    file = io.BytesIO()
    Image.new("L", (7000, 7000), 128).save(file, "JPEG2000")
    return file.getvalue()


def avif(side: int) -> bytes:
    """Return a grey square AVIF in some hundred bytes; side: 4000 or 7000, decoded in 0.2 or 0.7 s.

    They are kept in files, since encoding them takes seconds.
    """
    return (ROOT / "tests" / "data" / f"grey-{side}.avif").read_bytes()


def wide_png() -> bytes:
    """Return an RGBA PNG of just under 50 million pixels, 194 kB that become 200 MB."""
    return png(7071, 4)


def ico() -> bytes:
    """Return an icon that names one picture of 16 x 16 and holds a PNG of 13,000 x 13,000."""
    inner = png(13_000, 4)
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def icns() -> bytes:
    """Return an Apple icon whose entry for 1,024 x 1,024 holds a PNG of 13,000 x 13,000."""
    inner = png(13_000, 4)
    return b"icns" + struct.pack(">I", 16 + len(inner)) + b"ic10" + struct.pack(">I", 8 + len(inner)) + inner


def unknown_fields(count: int = 1_250_000) -> bytes:
    """Return a search with so many fields that it does not have: 12.6 MB, within the limit since it names a picture."""
    names = ",".join(f'"{number:x}":0' for number in range(count))
    return request("POST", IMAGES, f'{{"image":"x",{names}}}'.encode())


def bad_filters(count: int = 900_000) -> bytes:
    """Return a search with so many filters that are none."""
    body = b'{"image":"x","filters":[' + b",".join([b"{}"] * count) + b"]}"
    return request("POST", IMAGES, body)


def bad_inputs(count: int = 1_500_000) -> bytes:
    """Return a call for the vectors of so many empty lists."""
    return request("POST", "/v1/embeddings", b'{"input":[' + b",".join([b"[]"] * count) + b"]}")


def bad_batch(queries: int = 100, fields: int = 11_000) -> bytes:
    """Return a batch whose queries have so many unknown fields each."""
    names = ",".join(f'"{number}":0' for number in range(fields))
    return request("POST", f"{IMAGES}/batch", f'{{"queries":[{",".join([f"{{{names}}}"] * queries)}]}}'.encode())


def unread(queries: int) -> bytes:
    """Return a batch of so many queries, of 26 bytes each, with 300 kB of answers each."""
    return as_json(f"{IMAGES}/batch", {"queries": [{"text": "a", "k": 1000}] * queries})


def costly_batch(queries: int, k: int, offset: int) -> bytes:
    """Return a batch whose queries each compare the pictures of all results with each other."""
    query = {"text": "shoe", "k": k, "offset": offset, "collapse": "image", "collapse_threshold": 1e-9}
    return as_json(f"{IMAGES}/batch", {"queries": [query] * queries})


def far_batch(queries: int, offset: int) -> bytes:
    """Return a batch that begins far down in the results."""
    return as_json(
        f"{IMAGES}/batch", {"queries": [{"text": "shoe", "k": 10_000 // queries, "offset": offset}] * queries}
    )


def long_header(size: int) -> Iterator[bytes]:
    """Yield a request with one header of `size` bytes in pieces."""
    yield b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "
    piece = b"a" * 65_536
    for _ in range(size // len(piece)):
        yield piece
    yield b"\r\nConnection: close\r\n\r\n"


def many_headers(count: int = 1_000_000) -> Iterator[bytes]:
    """Yield a request with so many headers in pieces."""
    yield b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for start in range(0, count, 5_000):
        yield b"".join(b"a%d: b\r\n" % number for number in range(start, start + 5_000))
    yield b"Connection: close\r\n\r\n"


def product_line(number: int, picture: str, attributes: int) -> bytes:
    """Return a line of a bulk call: a product with so many attributes that no other product has."""
    names = {f"name {number} {one}": "x" for one in range(attributes)}
    line = {"id": f"attack-{number}", "title": f"Attack {number}", "image": picture, "attributes": names}
    return json.dumps(line).encode() + b"\n"
