"""Repairs files that browsers show and Pillow refuses: odd parts beside the picture, and an end that is missing.

What the picture does not need is left out. Where lines are missing, it is a picture only if most of it came. Decodes
nothing but to see how much that is. References: JPEG, ITU T.81 B; PNG, W3C 2025;
WebP, RFC 9649.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from PIL import Image, ImageChops, PngImagePlugin

from models.picture_kinds import BMP, JPEG, PNG, WEBP, Kind

LEAST = 0.9
"""Of the lines of a picture: so many must have come."""
FILLER = 20_000
"""Bytes behind a JPEG that ends too early, to see where."""
JPEG_SCALE = 8
"""By how much a JPEG is reduced to see how much of it came."""
JPEG_KEPT = ((0xE0, b"JFIF\0", 16), (0xE1, b"Exif\0\0", 16), (0xE2, b"ICC_PROFILE\0", 18), (0xEE, b"Adobe", 14))
"""Of the segments for applications, what tells turn and colours: marker, name, least length."""
JPEG_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The next marker behind coded data, in which 00 and restart markers follow FF."""
PNG_KEPT = (b"PLTE", b"tRNS", b"iCCP", b"eXIf")
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by the type of colour."""
PART = 1 << 20
WEBP_KEPT = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF")


def repaired(data: bytes, kind: Kind, max_pixels: int) -> bytes | None:
    """Return a sound file with the same picture, for one that cannot be decoded as it is; None: too much is missing.

    A JPEG whose end is missing is grey or coarse there, a PNG repeats its last line, a BMP is white. A picture of
    more than `max_pixels` is not repaired.
    """
    with suppress(struct.error, IndexError, ValueError, zlib.error, OSError, SyntaxError):
        if kind is JPEG:
            return _jpeg(data, max_pixels)
        if kind is PNG:
            return _png(data, max_pixels)
        if kind is WEBP:
            return _webp(data)
        if kind is BMP:
            return _bmp(data)
    return None


def _jpeg(data: bytes, max_pixels: int) -> bytes | None:
    kept = [b"\xff\xd8"]
    frame, first = b"", 0
    for marker, start, end in _segments(data, 2):
        segment = data[start:end]
        if marker == 0xDA:
            first = start
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = segment
        is_needed = not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        for kind, name, least in JPEG_KEPT:
            is_needed |= marker == kind and segment[4:].startswith(name) and len(segment) >= least
        if is_needed:
            kept.append(segment)
    if not first or not frame:
        return None
    head = b"".join(kept)
    height, width = struct.unpack_from(">HH", frame, 5)
    if width * height > max_pixels:
        return None
    scans = list(_segments(data, first))
    if scans[-1][0] == 0xD9:
        return head + data[first : scans[-1][1]] + b"\xff\xd9"
    coded = data[first:].rstrip(b"\xff")
    if frame[1] in (0xC2, 0xC6, 0xCA, 0xCE):
        came = _all_components_came(data, frame, [start for marker, start, _ in scans if marker == 0xDA])
    else:
        came = _share_of_jpeg(head, frame, coded) >= LEAST
    return head + coded + b"\xff\xd9" if came else None


def _segments(data: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, start and end of every segment, and skip what is none; D9 is the last one."""
    while (found := JPEG_NEXT.search(data, place)) is not None:
        start, marker = found.start(), data[found.start() + 1]
        if marker in (0xD8, 0x01):
            place = start + 2
            continue
        if marker == 0xD9:
            yield marker, start, start + 2
            return
        if start + 4 > len(data):
            return
        place = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))
        yield marker, start, place


def _all_components_came(data: bytes, frame: bytes, scans: list[int]) -> bool:
    """Whether every component of a progressive JPEG has its details, at least coarsely, in the scans that came."""
    known: set[int] = set()
    for start in scans[:-1]:  # the last one is cut
        count = data[start + 4]
        if data[start + 6 + 2 * count] > 0:  # the last coefficient in it; 0 is the average alone
            known |= {data[start + 5 + 2 * number] for number in range(count)}
    return known >= {frame[10 + 3 * number] for number in range(frame[9])}


def _share_of_jpeg(head: bytes, frame: bytes, coded: bytes) -> float:
    """Return how much of a JPEG its coded data has: up to where two continuations of the data begin to differ."""
    fillers = (Random(seed).randbytes(FILLER).replace(b"\xff", b"") for seed in (1, 2))  # noqa: S311 - no secret
    differing = ImageChops.difference(*(_reduced_jpeg(head + coded + filler + b"\xff\xd9") for filler in fillers))
    box = differing.getbbox()
    if box is None:
        return 1.0
    # Blocks come in rows of one or two, from the left to the right.
    rows = max(frame[11 + 3 * number] & 15 for number in range(frame[9])) if frame[9] > 1 else 1
    top = box[1] // rows * rows
    row = differing.crop((0, top, differing.width, min(top + rows, differing.height))).getbbox()
    left = row[0] if row else 0
    return (top * differing.width + rows * left) / (differing.width * differing.height)


def _reduced_jpeg(data: bytes) -> Image.Image:
    """Return a JPEG small and grey."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft("L", (max(1, image.width // JPEG_SCALE), max(1, image.height // JPEG_SCALE)))
        return image.convert("L")


def _png(data: bytes, max_pixels: int) -> bytes | None:
    chunks, coded, is_complete = _png_chunks(data)
    if not chunks or chunks[0][0] != b"IHDR":
        return None
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if not 0 < width * height <= max_pixels:
        return None
    if not is_complete or not _inflates(coded):
        if interlaced:
            return None
        filled = _filled(coded, 1 + (width * bits * PNG_CHANNELS[colour] + 7) // 8, height)
        if filled is None:
            return None
        coded = filled
    needed = {0: 2, 2: 6}.get(colour, 1)
    kept = [chunk for chunk in chunks if chunk[0] != b"tRNS" or len(chunk[1]) >= needed]
    kept = [chunk for chunk in kept if chunk[0] != b"iCCP" or _is_readable_profile(chunk[1])]
    written = (_png_chunk(*chunk) for chunk in (*kept, (b"IDAT", coded), (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def _png_chunks(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes, bool]:
    """Return the chunks that the picture needs, its coded data, and whether none of that is missing.

    Chunks whose check sum is wrong are left out, but for coded data, of which Pillow looks at none either.
    """
    chunks: list[tuple[bytes, bytes]] = []
    coded: list[bytes] = []
    place = 8
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        end = place + 12 + size
        is_whole = end <= len(data)
        is_right = is_whole and zlib.crc32(name + body) == int.from_bytes(data[end - 4 : end], "big")
        if name == b"IEND":
            return chunks, b"".join(coded), True
        if name == b"IDAT":
            coded.append(body)
        elif is_right and (name == b"IHDR" or name in PNG_KEPT):
            chunks.append((name, body))
        place = end
    return chunks, b"".join(coded), False


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _inflates(coded: bytes) -> bool:
    stream = zlib.decompressobj()
    while not stream.eof:
        if not stream.decompress(coded, PART) and not stream.unconsumed_tail:
            return False
        coded = stream.unconsumed_tail
    return True


def _filled(coded: bytes, line: int, height: int) -> bytes | None:
    """Return the coded lines of `line` bytes that are there, and the last one again for those that are missing."""
    stream, again = zlib.decompressobj(), zlib.compressobj(1)
    parts, came = [], 0
    with suppress(zlib.error):
        while came < line * height and not stream.eof:
            part = stream.decompress(coded, min(PART, line * height - came))
            coded = stream.unconsumed_tail
            if not part and not coded:
                break
            came += len(part)
            parts.append(again.compress(part))
    if came < LEAST * line * height:
        return None
    # In the line that is cut, too: zeros are like the line above, or like what is on the left.
    parts.append(again.compress(bytes(-came % line)))
    for _ in range(height - -(-came // line)):
        parts.append(again.compress(b"\2" + bytes(line - 1)))
    return b"".join([*parts, again.flush()])


def _is_readable_profile(body: bytes) -> bool:
    name, _, rest = body.partition(b"\0")
    if not 0 < len(name) < 80 or rest[:1] != b"\0":
        return False
    stream = zlib.decompressobj()
    with suppress(zlib.error):
        stream.decompress(rest[1:], PngImagePlugin.MAX_TEXT_CHUNK)
        return stream.eof
    return False


def _webp(data: bytes) -> bytes | None:
    """Return the chunks that the picture needs, with sizes that are right."""
    chunks = []
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + size]
        if name in WEBP_KEPT and (len(body) == size or name.startswith(b"VP8")):
            if len(body) < LEAST * size:
                return None
            chunks.append(name + struct.pack("<I", size) + body.ljust(size + size % 2, b"\0"))
        place += 8 + size + size % 2
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WEBP" + b"".join(chunks)


def _bmp(data: bytes) -> bytes | None:
    """Return a picture without compression with white for what is missing."""
    (start,) = struct.unpack_from("<I", data, 10)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    size = start + abs(height) * ((width * bits + 31) // 32 * 4)
    return data.ljust(size, b"\xff") if not compression and len(data) - start >= LEAST * (size - start) else None
