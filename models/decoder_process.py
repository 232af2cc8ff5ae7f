"""The process that decodes pictures for a service: one at a time, with bounds of its own, over one socket.

It is started as `python -P -m models.decoder_process MEGABYTES` with the socket as its standard input, and ends when
the other end is closed. It imports Pillow and nothing heavier, so that it starts in a tenth of a second.

It sends `READY` first. A task is `TASK` and the picture's bytes. Its answer is `ANSWER` and a body: the pixels, the
file of a smaller picture, or a message in UTF-8.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import socket
import struct
import sys
from contextlib import suppress

from PIL import AvifImagePlugin, Image

from common import ImageError, OutOfMemoryError
from models.bounds import Bounds, LaterError
from models.crop import WHOLE, Crop
from models.images import read_picture, read_reduced
from models.windows import WINDOWED, windowed

TASK = struct.Struct("!QIIQdQB4d")
"""Bytes of the picture; height and width to scale it to; most pixels; seconds that it may take; most bytes of memory
that it may take now; what is made of it, one of the below; of which part of it, as a `Crop`."""
PIXELS, WEBP, JPEG, WINDOWS = range(4)
"""The pixels of the part at that size, for an encoder; or a file of the whole for a browser, of at most that size in
the picture's own aspect: upright, in sRGB, without metadata, transparent where WebP is; or its windows: how many, the
`BOX` of each, and the pixels of each at that size."""
BOX = struct.Struct("!4d")
"""A `Crop`."""
SAVED = {WEBP: ("WEBP", {"quality": 82, "method": 4}), JPEG: ("JPEG", {"quality": 84, "progressive": True})}
"""How Pillow saves them."""
LARGEST_SIDE = 16_383
"""Of a WebP file."""
ANSWER = struct.Struct("!BQ")
"""What came of it, one of the below; bytes of the body."""
READY = b"r"
DONE, REFUSED, LARGE, NO_MEMORY = range(4)
"""What was asked for; an error of the picture; it takes more memory than it may now; there is no memory."""

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
            size, height, width, max_pixels, seconds, now, form, *crop = TASK.unpack(head)
            data = receive(link, size)
            # The service ends this process when the time is over. Where the service is gone, it ends by itself.
            signal.setitimer(signal.ITIMER_REAL, seconds)
            status, body = decode(data, (height, width), Bounds(max_pixels, most, now), form, Crop(*crop))
            signal.setitimer(signal.ITIMER_REAL, 0)
            del data
            link.sendall(ANSWER.pack(status, len(body)) + body)


def decode(
    data: bytes, size: tuple[int, int], bounds: Bounds, form: int = PIXELS, crop: Crop = WHOLE
) -> tuple[int, bytes]:
    """Return what comes of a picture, and the body of the answer.

    Args:
        data: the file.
        size: height and width to scale it to.
        bounds: what it may take; one that takes more for the time being is not decoded and may be sent again.
        form: what is made of it.
        crop: the part that becomes pixels.
    """
    Image.MAX_IMAGE_PIXELS = bounds.max_pixels  # some decoders allocate when they open a file: Pillow asks before
    try:
        if form == PIXELS:
            return DONE, read_picture(data, size, bounds, crop=crop).tobytes()
        if form == WINDOWS:
            found = list(windowed(read_reduced(data, WINDOWED, bounds), size))
            return DONE, bytes([len(found)]) + b"".join(
                [*(BOX.pack(*box) for box, _ in found), *(seen for _, seen in found)]
            )
        sides = min(size[0], LARGEST_SIDE), min(size[1], LARGEST_SIDE)
        picture = read_reduced(data, sides, bounds, transparent=form == WEBP)
        file = io.BytesIO()
        kind, options = SAVED[form]
        picture.save(file, kind, **options)
        return DONE, file.getvalue()
    except LaterError:
        return LARGE, b""
    except ImageError as error:
        return REFUSED, str(error).encode(errors="replace")
    except (MemoryError, OutOfMemoryError):
        pass  # what the picture holds is free only after this block
    if not _memory_left():
        return NO_MEMORY, b""
    megabytes = bounds.max_bytes // 1_000_000
    return REFUSED, f"the image takes more than {megabytes:,} MB of memory to decode; scale it down".encode()


def read_windows(body: bytes | bytearray) -> tuple[list[Crop], memoryview]:
    """Return the boxes of the windows that an answer has, and the pixels of all."""
    end = 1 + body[0] * BOX.size
    return [Crop(*BOX.unpack_from(body, at)) for at in range(1, end, BOX.size)], memoryview(body)[end:]


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
