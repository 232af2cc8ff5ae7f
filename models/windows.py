"""Parts of a picture in which one thing of several may be seen: what stands out of a plain ground, and a grid.

Knows no model. numpy is not imported: a process that only decodes starts without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TypeVar

from PIL import Image, ImageFilter

from models.crop import WHOLE, Crop

T = TypeVar("T")

MAX_WINDOWS = 32
"""Of a picture, the whole one among them."""
WINDOWED = (640, 640)
"""Height and width within which a picture is read before its windows are cut out: more than their pixels need."""
SCALES = (0.75, 0.52, 0.36)
"""Sides of the windows of the grid, in parts of the picture's shorter side."""
LONGEST = 3
"""Longer side of a picture in shorter ones, up to which windows are measured by the shorter one."""
SHAPE = 1.15
"""Height of such a window in its widths: photos of products are a little higher than wide."""
STEPS = (0.5, 0.5, 0.62)
"""From one window of a scale to the next, at most, in parts of its side."""
MAX_THINGS = 8
"""What stands out of a ground, at most; more are the pattern of one thing."""
LOOKED = 72
"""Longer side, in pixels, of the picture in which things are told from their ground."""
MIN_LOOKED = 8
"""Shorter side of that one; a picture that is narrower is not looked through."""
DIFFERENT = 22
"""From the ground, in levels of a colour: the noise of a JPEG is less."""
PLAIN = 0.8
"""Part of the picture's edge that has the colour of a plain ground."""
LEAST = 0.008
"""Part of the picture that a thing covers."""
MARGIN = 0.05
"""Around a thing, in parts of its longer side."""
WITHIN = 0.75
"""Part of a window of the grid that is within a thing, where there are things."""
NARROWEST, WIDEST = 0.6, 1.0
"""Width of the box around a thing in its heights: encoders know things from photos of such shapes, with room around."""


def windows(picture: Image.Image) -> list[Crop]:
    """Return the windows of an upright RGB picture: the whole, things on a plain ground, a grid at three scales."""
    things = _things(picture)
    found = [WHOLE, *things]
    stretch = 1.0
    while True:
        grid = [
            one
            for scale, step in zip(SCALES, STEPS, strict=True)
            for one in _grid(picture.size, scale, step * stretch)
            # What is beside things or across them is ground; within a large one there may be several, as on a person.
            if not things or any(one.shared(thing) / one.area >= WITHIN for thing in things)
        ]
        if len(found) + len(grid) <= MAX_WINDOWS:
            return [*found, *grid]
        stretch *= 1.1


def windowed(picture: Image.Image, size: tuple[int, int]) -> Iterator[tuple[Crop, bytes]]:
    """Yield each window of an upright RGB picture, and its pixels scaled to `size` (height, width)."""
    for window in windows(picture):
        box = window.within((0.0, 0.0, float(picture.size[0]), float(picture.size[1])))
        yield window, picture.resize(size[::-1], Image.Resampling.BICUBIC, box, reducing_gap=3.0).tobytes()


def _grid(size: tuple[int, int], scale: float, step: float) -> Iterator[Crop]:
    """Yield windows over a picture of `size` (width, height), evenly, `step` of their sides apart or less."""
    width, height = size
    side = scale * max(min(size), max(size) / LONGEST)
    wide, high = min(1.0, side / SHAPE**0.5 / width), min(1.0, side * SHAPE**0.5 / height)
    columns, rows = (1 + ceil(round((1 - part) / (part * step), 6)) for part in (wide, high))
    for row in range(rows):
        for column in range(columns):
            yield Crop((1 - wide) * column / max(1, columns - 1), (1 - high) * row / max(1, rows - 1), wide, high)


def _things(picture: Image.Image) -> list[Crop]:
    """Return the boxes of what stands out of a plain ground, the largest first; none where the ground is not plain."""
    small = picture.copy()
    small.thumbnail((LOOKED, LOOKED), Image.Resampling.BOX)
    width, height = small.size
    if min(width, height) < MIN_LOOKED:
        return []
    samples = small.tobytes()
    colours = list(zip(samples[::3], samples[1::3], samples[2::3], strict=True))
    edge = _edge(colours, width)
    ground = [sorted(band)[len(edge) // 2] for band in zip(*edge, strict=True)]
    marked = [any(abs(one - own) > DIFFERENT for one, own in zip(colour, ground, strict=True)) for colour in colours]
    around = _edge(marked, width)
    if sum(around) > (1 - PLAIN) * len(around):
        return []
    mask = Image.frombytes("L", small.size, bytes(255 * one for one in marked))
    grown = mask.filter(ImageFilter.MaxFilter(3)).tobytes()  # a pair of shoes is one thing
    found = list(_connected({place for place, on in enumerate(grown) if on}, width))
    found = [one for one in found if len(one) >= LEAST * width * height]
    if len(found) > MAX_THINGS:
        return []
    return [_box_around(one, small.size) for one in sorted(found, key=len, reverse=True)]


def _edge(values: Sequence[T], width: int) -> list[T]:
    """Return the values at the edge of a picture so wide; those in its corners twice."""
    return [*values[:width], *values[-width:], *values[::width], *values[width - 1 :: width]]


def _connected(places: set[int], width: int) -> Iterator[list[int]]:
    """Yield the groups of places that touch each other, corners among them, in a picture so wide; empties `places`."""
    while places:
        group = [places.pop()]
        for place in group:
            beside = [step for step in (-1, 0, 1) if 0 <= place % width + step < width]
            touching = {place + step + line for line in (-width, 0, width) for step in beside} & places
            places -= touching
            group.extend(touching)
        yield group


def _box_around(places: list[int], size: tuple[int, int]) -> Crop:
    """Return the box around some places of a picture of `size` (width, height), framed as shops frame a thing."""
    width, height = size
    columns, rows = [place % width for place in places], [place // width for place in places]
    left, right, top, bottom = min(columns), max(columns) + 1, min(rows), max(rows) + 1
    margin = 2 * MARGIN * max(right - left, bottom - top)
    wide, high = right - left + margin, bottom - top + margin
    wide, high = max(wide, NARROWEST * high), max(high, wide / WIDEST)
    middle, centre = (left + right) / 2, (top + bottom) / 2
    left_part, right_part = max(0.0, (middle - wide / 2) / width), min(1.0, (middle + wide / 2) / width)
    top_part, bottom_part = max(0.0, (centre - high / 2) / height), min(1.0, (centre + high / 2) / height)
    return Crop(left_part, top_part, right_part - left_part, bottom_part - top_part)
