"""The process that decodes pictures for a service: one at a time, with bounds of its own, over one socket.

It is started as `python -P -m models.decoder_process MEGABYTES` with the socket as its standard input, and ends when
the other end is closed. It imports Pillow and nothing heavier, so that it starts in a tenth of a second.

It sends `READY` first. A task is `TASK` and the picture's bytes. Its answer is `ANSWER` and a body: the pixels, or a
message in UTF-8.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import sys
from contextlib import suppress

from PIL import AvifImagePlugin, Image

from common import ImageError
from models.images import opened, upright_scaled

TASK = struct.Struct("!QIIQdQ")
"""Bytes of the picture; height and width to scale it to; most pixels; seconds that it may take; most bytes of memory
that it may take now."""
ANSWER = struct.Struct("!BQ")
"""What came of it, one of the below; bytes of the body."""
READY = b"r"
DONE, REFUSED, LARGE, NO_MEMORY = range(4)
"""The pixels, H x W x 3 bytes; an error of the picture; it takes more memory than it may now; there is no memory."""

NICENESS = 10
"""Pictures give way to texts, which are answered in the service's own process."""
OWN_BYTES = 96_000_000
"""Of data, beside the picture that is decoded: the interpreter, the libraries, the file and the blocks."""
PROBE_BYTES = 64_000_000


def main() -> None:
    """Decode until the other end of the socket is closed."""
    most = int(float(sys.argv[1]) * 1_000_000)
    _bound(most)
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as link:
        link.sendall(READY)
        while head := receive(link, TASK.size):
            size, height, width, max_pixels, seconds, now = TASK.unpack(head)
            data = receive(link, size)
            # Whoever asked ends this process when the time is over. Where they are gone, it ends by itself.
            signal.setitimer(signal.ITIMER_REAL, seconds)
            status, body = decode(data, (height, width), max_pixels, most, now)
            signal.setitimer(signal.ITIMER_REAL, 0)
            del data
            link.sendall(ANSWER.pack(status, len(body)) + body)


def decode(data: bytes, size: tuple[int, int], max_pixels: int, most: int, now: int) -> tuple[int, bytes]:
    """Return what comes of a picture, and the body of the answer.

    Args:
        data: the file.
        size: height and width to scale it to.
        max_pixels: the largest picture, width x height.
        most: bytes of memory that a picture may take to decode.
        now: the same for this call; one that takes more is not decoded and may be sent again.
    """
    Image.MAX_IMAGE_PIXELS = max_pixels  # some decoders allocate when they open a file: Pillow itself asks before
    try:
        with opened(data, max_pixels) as image:
            needed = bytes_to_decode(image)
            if needed > most:
                raise ImageError(
                    f"the image takes {needed // 1_000_000:,} MB of memory to decode; at most {most // 1_000_000:,} MB "
                    "are allowed: scale it down, or save it as PNG or baseline JPEG"
                )
            if needed > now:
                return LARGE, b""
            return DONE, upright_scaled(image, size).tobytes()
    except ImageError as error:
        return REFUSED, str(error).encode(errors="replace")
    except MemoryError:
        pass  # what the picture holds is free only after this block
    if not _memory_left():
        return NO_MEMORY, b""
    return REFUSED, f"the image takes more than {most // 1_000_000:,} MB of memory to decode; scale it down".encode()


def bytes_to_decode(image: Image.Image) -> int:
    """Return about how much memory it takes to decode an opened picture (measured with Pillow 13, up to 49 Mpx)."""
    width, height = image.size
    samples = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    beside = 0  # what the decoder itself holds of the whole picture
    if image.format == "WEBP":
        beside = 12  # two canvases, and the bytes that Pillow copies
    elif image.format == "AVIF":
        beside = 12  # planes of up to 16 bits, and the bytes that Pillow copies
    elif image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        beside = 6 if len(image.getbands()) < 4 else 8  # all coefficients
    return width * height * (samples + beside)


def receive(link: socket.socket, size: int) -> bytes:
    """Return `size` bytes; fewer, where the other end was closed before."""
    data = bytearray()
    while len(data) < size:
        part = link.recv(min(size - len(data), 1 << 20))
        if not part:
            return b""
        data += part
    return bytes(data)


def _bound(most: int) -> None:
    """Give way to others, and take from this process what decoding does not need: memory, files, dumps."""
    os.nice(NICENESS)
    Image.init()  # all that is imported later is imported now
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    limits = {
        resource.RLIMIT_DATA: most + OWN_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, limit in limits.items():
        with suppress(ValueError, OSError):  # a system without it, or with a lower one
            resource.setrlimit(kind, (limit, limit))


def _memory_left() -> bool:
    """Whether the system still gives memory; then it was the picture that asked for too much."""
    try:
        bytes(PROBE_BYTES)
    except MemoryError:
        return False
    return True


if __name__ == "__main__":
    main()
