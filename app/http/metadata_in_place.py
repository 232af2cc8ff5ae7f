"""Takes metadata out of files whose parts name each other by their place: TIFF, AVIF, HEIC and JPEG 2000.

What goes is written over.

References: TIFF 6.0 and BigTIFF; AVIF and HEIC, ISO/IEC 14496-12 and 23008-12; JPEG 2000, ITU T.800 A and I.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TIFF_PRIVATE = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x02BC, 0x83BB, 0x8649, 0x8298, 0x8769, 0x8825}
"""Description, maker, model, software, date, artist, host, XMP, IPTC, Photoshop, copyright, EXIF, GPS."""
TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
JPEG_2000_KEPT = (b"jP  ", b"ftyp", b"jp2h", b"jp2c")
COMMENT = 0x64
EMPTY_EXIF = b"\0\0\0\0II*\0\x08\0\0\0"
"""Of an AVIF file: the place of the block behind these four bytes, and a block with nothing in it."""


class _Blanked:
    """A file in which parts are written over; no file can ask for more of it than a multiple of its size."""

    def __init__(self, data: bytes) -> None:
        self.bytes = bytearray(data)
        self._left = 4 * len(data)

    def count(self, amount: int) -> None:
        """Count bytes that are looked at or written.

        Raises:
            ValueError: they are too many.
        """
        self._left -= amount
        if self._left < 0:
            raise ValueError("parts that lie over each other")

    def blank(self, place: int, size: int, filler: bytes = b"") -> None:
        """Write `filler` and zeros over a part.

        Raises:
            ValueError: it is not in the file.
        """
        self.count(size)
        if place + size > len(self.bytes):
            raise ValueError("a part beyond the end")
        self.bytes[place : place + size] = filler[:size].ljust(size, b"\0")


@dataclass(frozen=True, slots=True)
class _Form:
    """How a TIFF file writes its directories: in its byte order, and in the classic sizes or those of BigTIFF."""

    order: Literal["little", "big"]
    count: struct.Struct
    """Of a directory's entries."""
    entry: struct.Struct
    """Tag, kind, length, and the value itself or its place."""
    place: struct.Struct

    @classmethod
    def of(cls, data: bytes) -> _Form:
        order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        sizes = ("Q", "HHQ8s", "Q") if b"+" in data[2:4] else ("H", "HHI4s", "I")
        return cls(order, *(struct.Struct(f"{'<' if order == 'little' else '>'}{size}") for size in sizes))

    def entries(self, data: bytes | bytearray, place: int) -> range:
        """Return where the entries of a directory begin; the range ends where they do.

        Raises:
            ValueError: the directory is not in the file.
        """
        begin = place + self.count.size
        count = int.from_bytes(data[place:begin], self.order)
        end = begin + self.entry.size * count
        if end > len(data):
            raise ValueError("a directory beyond the end")
        return range(begin, end, self.entry.size)


def tiff(data: bytes) -> bytes:
    """Take the private tags out of every directory in the file, and write zeros where their values were.

    Raises:
        ValueError: the directories do not fit together.
        struct.error: they are cut.
    """
    form = _Form.of(data)
    file = _Blanked(data)
    seen: set[int] = set()
    (place,) = form.place.unpack_from(data, form.place.size)
    while place and place not in seen:
        seen.add(place)
        starts = form.entries(data, place)
        size = starts.stop - place + form.place.size
        file.count(size)
        kept = []
        for start in starts:
            tag, kind, length, value = form.entry.unpack_from(data, start)
            if tag in TIFF_PRIVATE:
                _blank_tag(file, form, tag, TIFF_WIDTHS.get(kind, 1) * length, value)
            else:
                kept.append(data[start : start + form.entry.size])
        following = data[starts.stop : starts.stop + form.place.size]
        file.blank(place, size, form.count.pack(len(kept)) + b"".join(kept) + following)
        (place,) = form.place.unpack(following)
    return bytes(file.bytes)


def _blank_tag(file: _Blanked, form: _Form, tag: int, size: int, value: bytes) -> None:
    """Write zeros over the value of a tag; over all values of the directory that EXIF and GPS are."""
    if tag in (0x8769, 0x8825) and size in (4, form.place.size):
        place = int.from_bytes(value[:size], form.order)
        starts = form.entries(file.bytes, place)
        for start in starts:
            _, kind, length, inner = form.entry.unpack_from(file.bytes, start)
            _blank_value(file, form, TIFF_WIDTHS.get(kind, 1) * length, inner)
        file.blank(place, starts.stop - place + form.place.size)
    else:
        _blank_value(file, form, size, value)


def _blank_value(file: _Blanked, form: _Form, size: int, value: bytes) -> None:
    """Write zeros over a value that is not in its entry."""
    if size > len(value):
        file.blank(int.from_bytes(value, form.order), size)


def _boxes(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a part of an ISO base media file: name, and where the body begins and ends."""
    while place + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        size = size or end - place
        if size < head or place + size > end:
            raise ValueError("a box beyond the end")
        yield name, place + head, place + size
        place += size


def avif(data: bytes) -> bytes:
    """Write an empty block over EXIF, and zeros over XMP and other texts, in a file and in its tracks.

    Raises:
        ValueError: the boxes do not fit together.
        struct.error: they are cut.
    """
    file = _Blanked(data)
    _blank_boxes(file, data, 0, len(data))
    return bytes(file.bytes)


def _blank_boxes(file: _Blanked, data: bytes, start: int, end: int) -> None:
    """Write over what is not the picture, in the boxes of a part of a file."""
    for name, begin, stop in _boxes(data, start, end):
        if name in (b"moov", b"trak"):
            _blank_boxes(file, data, begin, stop)
        elif name in (b"uuid", b"udta"):
            file.blank(begin, stop - begin)
        elif name == b"meta":
            inner = {part: (first, last) for part, first, last in _boxes(data, begin + 4, stop)}
            if b"iinf" not in inner or b"iloc" not in inner:
                continue
            kinds = dict(_items(data, *inner[b"iinf"]))
            for item, method, place, size in _extents(file, *inner[b"iloc"]):
                if method > 1:
                    raise ValueError("an item inside another one")
                if kinds.get(item) in (b"Exif", b"mime", b"uri "):
                    origin = inner[b"idat"][0] if method else 0
                    file.blank(origin + place, size, EMPTY_EXIF if kinds[item] == b"Exif" else b"")


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number and type of every item."""
    first = start + (6 if data[start] == 0 else 8)
    for name, begin, _ in _boxes(data, first, end):
        if name == b"infe" and data[begin] in (2, 3):
            wide = data[begin] == 3
            (item,) = struct.unpack_from(">I" if wide else ">H", data, begin + 4)
            place = begin + (10 if wide else 8)
            yield item, data[place : place + 4]


def _extents(file: _Blanked, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield of every part of an item: number of the item, how its place is meant (0: in the file), place, size."""
    version, (first, second) = file.bytes[start], file.bytes[start + 4 : start + 6]
    wide = 4 if version == 2 else 2
    place = start + 6

    def number(width: int) -> int:
        nonlocal place
        if place + width > end:
            raise ValueError("a list of places beyond its end")
        place += width
        return int.from_bytes(file.bytes[place - width : place], "big")

    for _ in range(number(wide)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(second >> 4)
        for _ in range(number(2)):
            file.count(1)
            number(second & 15 if version else 0)
            offset = number(first >> 4)
            yield item, method, base + offset, number(first & 15)


def jpeg_2000(data: bytes) -> bytes:
    """Write zeros over the boxes of a file that the picture does not need, and over comments in its code.

    Raises:
        ValueError: the boxes do not fit together.
        struct.error: they are cut.
    """
    file = _Blanked(data)
    for name, begin, end in _boxes(data, 0, len(data)):
        if name == b"jp2c":
            _blank_comments(file, data, begin + 2, end)
        elif name not in JPEG_2000_KEPT:
            file.blank(begin, end - begin)
    return bytes(file.bytes)


def jpeg_2000_code(data: bytes) -> bytes:
    """Write zeros over the comments of a picture's code that has no file around it.

    Raises:
        struct.error: it is cut.
    """
    file = _Blanked(data)
    _blank_comments(file, data, 2, len(data))
    return bytes(file.bytes)


def _blank_comments(file: _Blanked, data: bytes, place: int, end: int) -> None:
    """Write over the comments in the head of the code, which ends with the first tile."""
    while place + 4 <= end:
        marker, size = struct.unpack_from(">HH", data, place)
        if marker & 0xFF in (0x90, 0xD9) or marker < 0xFF00 or size < 2:
            break
        if marker & 0xFF == COMMENT:
            file.blank(place + 6, size - 4)
        place += 2 + size
