"""Outlines, and what a picture shows: size, colours, and the `Look` of one product. Knows no pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 120, 160
"""Size of a picture in pixels."""

RGB = tuple[float, float, float]
"""A colour in 0..255."""

PAPER: RGB = (248, 246, 240)
"""The white of prints, buttons, soles and the patterns of cloth."""

DARK: RGB = (46, 45, 50)
"""The black of soles, dials and drawn figures."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture shows: the colours, and those words of the title that can be seen."""

    colour: RGB
    second: RGB  # of the pattern
    accent: RGB  # of labels and trims
    metal: RGB
    gender: str
    style: str  # a pattern or a cut; "" for plain


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Return colour `a` moved towards `b` by `share` in 0..1."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def lightness(colour: RGB) -> float:
    """Return how light a colour looks, in 0..1."""
    return (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) / 255


# ------------------------------------------------------------------------------------------------------- outlines

Point = tuple[float, float]
Outline = Sequence[tuple[float, ...]]
"""(x, y) goes straight to a point; (cx, cy, x, y) and (cx, cy, dx, dy, x, y) go there in a Bézier curve."""


def flat(outline: Outline, steps: int = 12) -> list[Point]:
    """Return `outline` as points, its curves cut into `steps` straight pieces."""
    points: list[Point] = [(outline[0][0], outline[0][1])]
    for step in outline[1:]:
        if len(step) == 2:
            points.append((step[0], step[1]))
            continue
        knots: list[Point] = [points[-1], *zip(step[::2], step[1::2], strict=True)]
        for i in range(1, steps + 1):
            t, level = i / steps, knots
            while len(level) > 1:  # de Casteljau's construction
                level = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in itertools.pairwise(level)]
            points.append(level[0])
    return points


def mirror(outline: Outline) -> Outline:
    """Return `outline` mirrored at the vertical axis."""
    return [tuple(v if i % 2 else -v for i, v in enumerate(step)) for step in outline]


def whole(half: Outline) -> Outline:
    """Return the closed outline whose right half is `half`, from the vertical axis down to it again."""
    right = flat(half)
    return [*right, *((-x, y) for x, y in reversed(right))]


def moved(outline: Outline, dx: float, dy: float) -> Outline:
    """Return `outline` shifted by (dx, dy)."""
    return [tuple(v + (dy if i % 2 else dx) for i, v in enumerate(step)) for step in outline]


def turned(outline: Outline, degrees: float) -> Outline:
    """Return `outline` turned clockwise about the origin."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x * c - y * s, x * s + y * c) for x, y in flat(outline)]


def oval(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Outline:
    """Return an ellipse, or the arc of it from `start` to `end` degrees, clockwise from three o'clock."""
    turns = [math.radians(start + (end - start) * i / 40) for i in range(41)]
    return [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in turns]


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0) -> Outline:
    """Return a rectangle with corners of radius `r`."""
    right: Outline = [(x1 - r, y0), (x1, y0, x1, y0 + r), (x1, y1 - r), (x1, y1, x1 - r, y1)]
    return [(x0 + r, y0), *right, (x0 + r, y1), (x0, y1, x0, y1 - r), (x0, y0 + r), (x0, y0, x0 + r, y0)]


def band(x: float, y: float, sag: float, tall: float) -> Outline:
    """Return a band from -x to x whose middle hangs down by `sag`."""
    return [(-x, y), (0, y + 2 * sag, x, y), (x, y + tall), (0, y + 2 * sag + tall, -x, y + tall)]
