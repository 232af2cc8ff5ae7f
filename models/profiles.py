"""Colours that a file declares without a profile, as the profile that says the same.

PNG has chunks for them (cICP, cHRM), AVIF and HEIC a box (nclx). References: ICC.1:2022; PNG, W3C 2025; ITU-T H.273.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image

from models.picture_kinds import AVIF, HEIF, PNG, Kind

Point = tuple[float, float]
"""A colour's x and y (CIE 1931)."""
Primaries = tuple[Point, Point, Point, Point]
"""White, red, green, blue."""

D65 = (0.3127, 0.3290)
SRGB: Primaries = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3: Primaries = (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT2020: Primaries = (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
CODES = {9: BT2020, 12: DISPLAY_P3}
"""Primaries that are not sRGB's, by their code in H.273."""
CURVES = {1: None, 6: None, 13: None, 14: None, 15: None, 4: 2.2, 5: 2.8, 8: 1.0}
"""The gamma of a curve by its code; None: that of sRGB, as browsers show all that are meant for usual displays."""
ALIKE = 0.01
"""Most by which primaries may differ from sRGB's to be taken for them."""
HEAD = 65_536
"""Bytes of a file in which a box is looked for."""

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_Matrix = Sequence[Sequence[float]]


def declared_profile(image: Image.Image, kind: Kind, data: bytes) -> bytes | None:
    """Return a profile of the colours that an opened picture declares; None where they are sRGB's or its own profile's.

    Raises:
        ValueError: the primaries lie on one line.
    """
    codes = None
    if kind is PNG:
        place = data.find(b"\0\0\0\x04cICP", 8, data.find(b"IDAT"))
        if place >= 0:
            codes = struct.unpack_from(">BB", data, place + 8)
        elif "icc_profile" not in image.info and "srgb" not in image.info and "chromaticity" in image.info:
            return _of_chromaticity(image.info["chromaticity"], image.info.get("gamma"))
    elif kind in (AVIF, HEIF) and "icc_profile" not in image.info:
        place = data.find(b"colrnclx", 0, HEAD)
        if 0 <= place <= len(data) - 12:
            codes = struct.unpack_from(">HH", data, place + 8)
    if codes is None or codes[0] not in CODES or codes[1] not in CURVES:
        return None
    return matrix_profile(CODES[codes[0]], CURVES[codes[1]])


def _of_chromaticity(values: Sequence[float], gamma: float | None) -> bytes | None:
    white, red, green, blue = zip(values[::2], values[1::2], strict=True)
    found: Primaries = (white, red, green, blue)
    pairs = zip(sum(found, ()), sum(SRGB, ()), strict=True)
    if all(abs(one - other) <= ALIKE for one, other in pairs) or any(y <= 0 for _, y in found):
        return None
    return matrix_profile(found, 1 / gamma if gamma else None)


@lru_cache(maxsize=16)
def matrix_profile(primaries: Primaries, gamma: float | None = None) -> bytes:
    """Return an ICC profile of three primaries and one curve; `gamma` None: the curve of sRGB.

    Raises:
        ValueError: the primaries lie on one line.
    """
    white, *colours = (_xyz(point) for point in primaries)
    columns = list(zip(*colours, strict=True))
    scales = _times(_inverse(columns), white)
    adapted = _adaptation(white)
    if gamma is None:
        curve = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(value * 65_536) for value in _SRGB_CURVE))
    else:
        curve = struct.pack(">4sIHHi", b"para", 0, 0, 0, round(gamma * 65_536))
    name = "declared".encode("utf-16-be")
    text = struct.pack(">4sIIIHHII", b"mluc", 0, 1, 12, 0x656E, 0x5553, len(name), 28) + name
    tags = {b"desc": text, b"cprt": text, b"wtpt": _xyz_tag(_D50)}
    for letter, colour, scale in zip(b"rgb", colours, scales, strict=True):
        tags[bytes([letter]) + b"XYZ"] = _xyz_tag(_times(adapted, [part * scale for part in colour]))
        tags[bytes([letter]) + b"TRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    illuminant = struct.pack(">3i", *(round(part * 65_536) for part in _D50))
    return (head.ljust(68, b"\0") + illuminant).ljust(128, b"\0") + table + body


def _xyz(point: Point) -> list[float]:
    x, y = point
    return [x / y, 1.0, (1 - x - y) / y]


def _xyz_tag(values: Sequence[float]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65_536) for value in values))


def _adaptation(white: Sequence[float]) -> list[list[float]]:
    """Return what takes colours under `white` to the white of profiles, D50, as Bradford does."""
    gains = [to / now for to, now in zip(_times(_BRADFORD, _D50), _times(_BRADFORD, white), strict=True)]
    scaled = [[gain * part for part in row] for gain, row in zip(gains, _BRADFORD, strict=True)]
    columns = [_times(_inverse(_BRADFORD), column) for column in zip(*scaled, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _times(matrix: _Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(one * other for one, other in zip(row, vector, strict=True)) for row in matrix]


def _inverse(matrix: _Matrix) -> list[list[float]]:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    if abs(determinant) < 1e-9:
        raise ValueError("primaries on one line")
    return [[part / determinant for part in row] for row in cofactors]
