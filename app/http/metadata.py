"""Takes out of a picture what says where, when and by whom it was taken; its pixels stay as they are, to the byte.

Kept is what the pixels need to look right: colour profiles, transparency, animation, and the orientation in an EXIF
block of its own. Comments, XMP, IPTC, thumbnails, further pictures and what comes after the end go. What is not
understood is metadata. References: JPEG, ITU T.81 B; PNG, W3C 2025; WebP, RFC 9649; GIF89a.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

from PIL import ExifTags, Image

from app.http.metadata_in_place import JPEG_2000, avif, jpeg_2000, jpeg_2000_code, tiff
from common import ImageError

ORIENTATION = ExifTags.Base.Orientation
JPEG_ALONE = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The next marker behind coded data, in which 00 and restart markers follow FF."""
PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)
WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
WEBP_EXIF, WEBP_XMP = 0x08, 0x04
"""Flags of the chunk VP8X."""
GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def without_metadata(data: bytes) -> bytes:
    """Return the picture without its metadata; of one that is cut or damaged, what can be told to be the picture.

    Raises:
        ImageError: a TIFF, AVIF, HEIC or JPEG 2000 file in which the metadata cannot be told from the picture.
    """
    kinds: list[tuple[bytes, int, Callable[[bytes], bytes]]] = [
        (b"\xff\xd8", 0, _jpeg),
        (b"\x89PNG\r\n\x1a\n", 0, _png),
        (b"WEBP", 8, _webp),
        (b"GIF8", 0, _gif),
        (b"II*\0", 0, tiff),
        (b"MM\0*", 0, tiff),
        (b"II+\0", 0, tiff),
        (b"MM\0+", 0, tiff),
        (b"ftyp", 4, avif),
        (JPEG_2000, 0, jpeg_2000),
        (b"\xff\x4f\xff\x51", 0, jpeg_2000_code),
    ]
    for magic, place, strip in kinds:
        if data[place : place + len(magic)] == magic:
            try:
                return strip(data)
            except (struct.error, IndexError, ValueError) as error:
                raise ImageError(
                    f"the picture's metadata cannot be taken out ({error}); save it again, or set "
                    "VITRINE_PICTURE_METADATA=keep"
                ) from error
    return data  # BMP has none, and what is no picture is served as bytes


def _exif_of(orientation: int) -> bytes:
    """Return an EXIF block that has the orientation and nothing else; none for an upright picture."""
    if orientation not in range(2, 9):
        return b""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, ORIENTATION, 3, 1, orientation, 0, 0)


def _orientation(exif: bytes) -> int:
    """Return the orientation that an EXIF block asks for; 1, upright, where it says none or cannot be read."""
    try:
        found = Image.Exif()
        found.load(exif)
        return int(found.get(ORIENTATION, 1))
    except Exception:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        return 1


def _jpeg(data: bytes) -> bytes:
    kept = [b"\xff\xd8"]
    place, exif = 2, b""
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a filling byte
            place += 1
            continue
        if marker == 0xD9:
            break
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        segment = data[place:end]
        if marker == 0xDA:
            following = JPEG_ALONE.search(data, end)
            end = following.start() if following else len(data)
            kept.append(data[place:end])
        elif marker == 0xE1 and segment[4:10] == b"Exif\0\0" and not exif:
            exif = _exif_of(_orientation(segment[4:]))
        elif _needed_in_jpeg(marker, segment[4:]):
            kept.append(segment)
        place = max(end, place + 2)
    if exif:
        first = 2 if len(kept) > 1 and kept[1][1] == 0xE0 else 1
        kept.insert(first, b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif)
    return b"".join([*kept, b"\xff\xd9"])


def _needed_in_jpeg(marker: int, body: bytes) -> bool:
    if marker == 0xE0:
        return body.startswith(b"JFIF\0")
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return body.startswith(b"Adobe")  # says how the colours are coded
    return not 0xE0 <= marker <= 0xEF and marker != 0xFE


def _png(data: bytes) -> bytes:
    kept, exif = [data[:8]], b""
    place = 8
    while place + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        if name in PNG_KEPT:
            kept.append(data[place : place + 12 + size])
        elif name == b"eXIf" and not exif:
            exif = _exif_of(_orientation(data[place + 8 : place + 8 + size]))
        if name == b"IEND":
            break
        place += 12 + size
    if exif:
        body = b"eXIf" + exif
        kept.insert(2, struct.pack(">I", len(exif)) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(kept)


def _webp(data: bytes) -> bytes:
    chunks: list[tuple[bytes, bytes]] = []
    exif = b""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + size]
        if name in WEBP_KEPT:
            chunks.append((name, body))
        elif name == b"EXIF" and not exif:
            exif = _exif_of(_orientation(body))
        place += 8 + size + size % 2
    if exif:
        chunks.append((b"EXIF", exif))
    if chunks and chunks[0][0] == b"VP8X":
        flags = chunks[0][1][0] & ~(WEBP_EXIF | WEBP_XMP) | (WEBP_EXIF if exif else 0)
        chunks[0] = (b"VP8X", bytes([flags]) + chunks[0][1][1:])
    kept = b"".join(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks)
    return b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept


def _gif(data: bytes) -> bytes:
    flags = data[10]
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [data[:place]]
    while place < len(data) and data[place] in (0x21, 0x2C):
        start = place
        if place + 10 > len(data):
            break
        if data[place] == 0x2C:
            flags = data[place + 9]
            place += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
            needed = True
        else:
            label = data[place + 1]
            needed = label == 0xF9 or (label == 0xFF and data[place + 3 : place + 14] in GIF_KEPT)
            place += 2
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
        if needed:
            kept.append(data[start:place])
    return b"".join([*kept, b";"])
