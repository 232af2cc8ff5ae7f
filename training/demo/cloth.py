"""Cloth with a woven or printed pattern. Knows colours and chance, but nothing of what is cut out of the cloth."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.demo.shapes import Look

Floats = NDArray[np.float32]

SQUARE = 200
"""Side of a square of cloth in pixels: it fills a picture at any angle."""

_FINE = 2  # cloth is drawn this much larger and scaled down, which makes its edges smooth
_SIDE = SQUARE * _FINE

Ink = tuple[int, ...]


def weave(look: Look, dice: random.Random) -> Image.Image:
    """Return a square of cloth in the pattern and colours of `look`, (SQUARE, SQUARE)."""
    main, second, accent = (tuple(round(v) for v in colour) for colour in (look.colour, look.second, look.accent))
    cloth = Image.new("RGB", (_SIDE, _SIDE), main)
    if look.style in _DRAW:
        _DRAW[look.style](cloth, dice, main, second, accent)
    return cloth.reduce(_FINE)


# The order in which a pattern draws its random numbers is part of the format: the same seed gives the same bytes.


def _stripes(cloth: Image.Image, dice: random.Random, main: Ink, second: Ink, accent: Ink) -> None:
    u, pen = dice.uniform, ImageDraw.Draw(cloth)
    period, share, start = u(9, 14) * _FINE, u(0.32, 0.42), u(0, 24)
    for i in range(int(_SIDE / period) + 1):
        y = start + i * period
        hang = [(x, y + 5 * _FINE * (1 - (2 * x / _SIDE - 1) ** 2) ** 2) for x in range(0, _SIDE + 1, 12)]
        pen.line(hang, fill=second, width=round(period * share))


def _checks(cloth: Image.Image, dice: random.Random, main: Ink, second: Ink, accent: Ink) -> None:
    u = dice.uniform
    period, start = u(13, 18) * _FINE, u(0, 24)
    for across in (False, True):
        # Two half-transparent layers of bands: where they cross, the colour is strongest, as in a woven check.
        threads = Image.new("L", (_SIDE, _SIDE))
        for i in range(int(_SIDE / period) + 1):
            for offset, wide, strength in ((0, 0.42, 90), (0.68, 0.07, 150)):
                a = start + (i + offset) * period
                b = a + wide * period
                box = (a, 0, b, _SIDE) if across else (0, a, _SIDE, b)
                ImageDraw.Draw(threads).rectangle(box, fill=strength)
        cloth.paste(second, (0, 0, _SIDE, _SIDE), threads)


def _dots(cloth: Image.Image, dice: random.Random, main: Ink, second: Ink, accent: Ink) -> None:
    u, pen = dice.uniform, ImageDraw.Draw(cloth)
    gap, r = u(9, 12) * _FINE, u(1.9, 2.5) * _FINE
    for i in range(int(_SIDE / gap * 2) + 1):
        for j in range(int(_SIDE / gap) + 1):
            _dot(pen, (j + i % 2 / 2) * gap, i * gap / 2, r, second)


def _flowers(cloth: Image.Image, dice: random.Random, main: Ink, second: Ink, accent: Ink) -> None:
    u, pen = dice.uniform, ImageDraw.Draw(cloth)
    gap, r = u(13, 16) * _FINE, u(2.0, 2.5) * _FINE
    # Leaves and hearts must stand out from the cloth and from the petals.
    leaf = (58, 120, 66) if math.dist(main, (58, 120, 66)) > 90 else (150, 196, 130)
    heart = (246, 205, 52) if math.dist(second, (246, 205, 52)) > 120 else (226, 100, 40)
    for i in range(int(_SIDE / gap * 1.3) + 1):
        for j in range(int(_SIDE / gap) + 1):
            x, y = (j + i % 2 / 2) * gap + u(-5, 5), i * gap * 0.77 + u(-4, 4)
            turn = u(0, math.tau)
            for t in (turn, turn + 2):
                tip = (x + 2.6 * r * math.cos(t), y + 2.6 * r * math.sin(t))
                pen.line(((x, y), tip), fill=leaf, width=round(r * 0.55))
            for t in (turn + k * math.tau / 5 for k in range(5)):
                _dot(pen, x + r * 1.05 * math.cos(t), y + r * 1.05 * math.sin(t), r * 0.8, second)
            _dot(pen, x, y, r * 0.55, heart)


def _blocks(cloth: Image.Image, dice: random.Random, main: Ink, second: Ink, accent: Ink) -> None:
    pen = ImageDraw.Draw(cloth)
    y = _SIDE / 2 + dice.uniform(8, 20) * _FINE
    pen.rectangle((0, y, _SIDE, _SIDE), fill=second)
    pen.rectangle((0, y - 2 * _FINE, _SIDE, y + _FINE), fill=accent)


def _dot(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Ink) -> None:
    pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)


_DRAW: dict[str, Callable[[Image.Image, random.Random, Ink, Ink, Ink], None]] = {
    "Striped": _stripes,
    "Checked": _checks,
    "Polka Dot": _dots,
    "Floral": _flowers,
    "Colour-Block": _blocks,
}

PATTERNS = tuple(_DRAW)
"""Styles that are woven into the cloth."""
