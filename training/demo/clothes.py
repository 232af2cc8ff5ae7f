"""How things are drawn: outlines, light and shade, cloth and its patterns, one drawing function a kind of product.

Knows the one thing in hand, by its `Look`. Refuses to know what a shop sells, how it words titles, and any file.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 120, 160
"""Size of a picture in pixels."""

RGB = tuple[float, float, float]
"""A colour in 0..255."""

PAPER: RGB = (248, 246, 240)
"""The white of prints, buttons, soles and the patterns of cloth."""

_DARK: RGB = (46, 45, 50)
_INSOLE: RGB = (217, 195, 160)


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture shows: the main colour, its company, and the words of the title that can be seen."""

    colour: RGB
    second: RGB  # of the pattern
    accent: RGB  # of labels and trims
    metal: RGB
    gender: str
    style: str  # a pattern or a cut; "" for plain


def _mix(a: RGB, b: RGB, share: float) -> RGB:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def lightness(colour: RGB) -> float:
    """Return how light a colour looks, in 0..1."""
    return (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) / 255


# --- Outlines ---------------------------------------------------------------------------------------------------------

Point = tuple[float, float]
Outline = Sequence[tuple[float, ...]]
"""(x, y) goes straight to a point; (cx, cy, x, y) and (cx, cy, dx, dy, x, y) go there in a Bézier curve."""


def _flat(outline: Outline, steps: int = 12) -> list[Point]:
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


def _mirror(outline: Outline) -> Outline:
    """Return `outline` mirrored at the vertical axis."""
    return [tuple(v if i % 2 else -v for i, v in enumerate(step)) for step in outline]


def _whole(half: Outline) -> Outline:
    """Return the closed outline whose right half is `half`, from the vertical axis down to it again."""
    right = _flat(half)
    return [*right, *((-x, y) for x, y in reversed(right))]


def _moved(outline: Outline, dx: float, dy: float) -> Outline:
    return [tuple(v + (dy if i % 2 else dx) for i, v in enumerate(step)) for step in outline]


def _turned(outline: Outline, degrees: float) -> Outline:
    """Return `outline` turned clockwise about the origin."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x * c - y * s, x * s + y * c) for x, y in _flat(outline)]


def _oval(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Outline:
    """Return an ellipse, or the arc of it from `start` to `end` degrees, clockwise from three o'clock."""
    turns = [math.radians(start + (end - start) * i / 40) for i in range(41)]
    return [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in turns]


def _box(x0: float, y0: float, x1: float, y1: float, r: float = 0) -> Outline:
    """Return a rectangle with corners of radius `r`."""
    right: Outline = [(x1 - r, y0), (x1, y0, x1, y0 + r), (x1, y1 - r), (x1, y1, x1 - r, y1)]
    return [(x0 + r, y0), *right, (x0 + r, y1), (x0, y1, x0, y1 - r), (x0, y0 + r), (x0, y0, x0 + r, y0)]


def _band(x: float, y: float, sag: float, tall: float) -> Outline:
    """Return a band from -x to x whose middle hangs down by `sag`."""
    return [(-x, y), (0, y + 2 * sag, x, y), (x, y + tall), (0, y + 2 * sag + tall, -x, y + tall)]


# --- Cloth, light and shade -------------------------------------------------------------------------------------------

Floats = NDArray[np.float32]

_FINE = 4  # outlines are drawn this much larger and scaled down, which makes their edges smooth
_SQUARE = 200  # side of the square of cloth that patterns are drawn on: it fills a picture however it is turned

PATTERNS = ("Striped", "Checked", "Polka Dot", "Floral", "Colour-Block")
"""Styles that are woven into the cloth."""

# What a part is made of: keywords of `Sketch.part`.
_LEATHER = {"rim": 0.23, "bevel": 0.55}
_METAL = {"round_": 1.6, "rim": 0.3, "bevel": 0.7, "drop": 0.4}
_TRIM = {"round_": 1.5, "drop": 0.35}
_INK = {"round_": 1.0, "rim": 0.05, "bevel": 0.0, "drop": 0.0}
_INSIDE = {"rim": 0.3, "bevel": 0.0, "drop": 0.0, "light": -0.34}


class _Stain(NamedTuple):
    """Where something falls on the canvas, and how much of each pixel there it covers."""

    at: tuple[slice, slice]
    cover: Floats  # (h, w) in 0..1


class Sketch:
    """A picture in the making: parts are laid over each other, each with its own light and shade.

    Units are pixels of the finished picture; the origin is its middle and y runs down. Light comes from the upper left
    however the thing is turned.
    """

    def __init__(self, look: Look, dice: random.Random, size: float) -> None:
        self.look, self.dice, self.u = look, dice, dice.uniform
        self.facing = 1  # -1 to look the other way
        self.floor: float | None = None  # where a thing that stands meets the ground; None for one that lies flat
        self._size = size * self.u(0.94, 1.04)
        self._turn = self.u(-2.5, 2.5)
        self._x, self._y = WIDTH / 2 + self.u(-3, 3), HEIGHT / 2 + self.u(-3, 3)
        self._rgb: Floats = np.zeros((HEIGHT, WIDTH, 3), np.float32)  # multiplied by cover
        self._cover: Floats = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        self._last: _Stain | None = None
        self._weave: Image.Image | None = None
        self._cloths: dict[float, Floats] = {}
        grain = np.random.default_rng(dice.getrandbits(32)).normal(0, 0.012, (HEIGHT, WIDTH))
        self._ambient: Floats = (grain + np.linspace(0.1, -0.02, HEIGHT)[:, None]).astype(np.float32)

    def part(
        self,
        outline: Outline,
        fill: RGB | None = None,
        /,
        *,
        angle: float = 0,
        width: float | None = None,
        round_: float = 4,
        rim: float = 0.19,
        bevel: float = 0.35,
        drop: float = 0.25,
        light: float = 0,
    ) -> None:
        """Lay a part on the canvas, in the cloth of the product (turned by `angle` degrees) or in one colour.

        Its edges fall away over `round_` pixels: `rim` darkens them all, `bevel` lights those that face the light and
        darkens the others. `drop` is the shadow it throws on what lies below. With a `width` it is a stroke along the
        outline: a strap, a cord, a handle.
        """
        stain = self._stain([outline], width, pad=int(round_ * 2) + 3)
        at, cover = stain
        inner = _share(_grey(cover).filter(ImageFilter.GaussianBlur(round_)))
        d = max(1, round(round_ / 2))
        slope = np.roll(inner, (-d, -d), (0, 1)) - np.roll(inner, (d, d), (0, 1))
        glow = (inner - 1) * 2 * rim + slope * bevel + self._ambient[at] + light
        colour = np.asarray(self.look.colour if fill is None else fill, np.float32)
        if fill is None and self.look.style in PATTERNS:
            colour = self._cloth(angle)[at]
        a = cover[..., None]
        below = self._rgb[at] * (1 - drop * np.roll(inner, (1, 1), (0, 1))[..., None])
        self._rgb[at] = below * (1 - a) + _lit(colour, glow[..., None]) * a
        self._cover[at] = self._cover[at] * (1 - a) + a
        self._last = stain

    def both(self, outline: Outline, fill: RGB | None = None, /, *, angle: float = 0, **more: float) -> None:
        """Lay a part, and its mirror image on the other side."""
        self.part(outline, fill, angle=angle, **more)
        self.part(_mirror(outline), fill, angle=-angle, **more)

    def line(self, outline: Outline, colour: RGB, width: float = 0.8, alpha: float = 1) -> None:
        """Draw a line on the parts that are there; nothing shows beside them."""
        self._lines([outline], colour, width, alpha)

    def stitch(self, outline: Outline, colour: RGB, width: float = 0.7, alpha: float = 0.8) -> None:
        """Draw a row of stitches on the parts that are there."""
        run: list[Point] = []
        for a, b in itertools.pairwise(_flat(outline)):
            n = max(1, round(math.dist(a, b) / 0.6))
            run += [(a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n) for i in range(n)]
        self._lines([run[i : i + 4] for i in range(0, len(run) - 3, 6)], colour, width, alpha)

    def shade(self, outline: Outline, amount: float, width: float | None = 3, blur: float = 1.5) -> None:
        """Darken (below 0) or lighten a soft stroke, or without a width an area, of the part laid last."""
        at, cover = self._stain([outline], width, blur=blur, pad=int(blur * 3))
        if self._last is not None:
            clip = np.zeros((HEIGHT, WIDTH), np.float32)
            clip[self._last.at] = self._last.cover
            self._rgb[at] = _lit(self._rgb[at], (cover * clip[at] * amount)[..., None], self._cover[at])

    def folds(self, *outlines: Outline, amount: float = 0.16, width: float = 3) -> None:
        """Crease the part laid last: a dark valley with a light ridge beside it."""
        for outline in outlines:
            k = amount * self.u(0.5, 1.2)
            self.shade(outline, -k, width, 1.4)
            self.shade(_moved(outline, 2.2, 0.8), k * 0.6, width * 0.7, 1.2)

    def tone(self, amount: float) -> RGB:
        """Return the main colour, moved towards black (below 0) or white."""
        return _mix(self.look.colour, (0, 0, 0) if amount < 0 else (255, 255, 255), abs(amount))

    def seam(self) -> RGB:
        """Return a colour that shows as a seam on the main one."""
        return self.tone(-0.42) if lightness(self.look.colour) > 0.24 else self.tone(0.2)

    def thread(self) -> RGB:
        """Return a colour for stitches that are meant to be seen."""
        return self.tone(0.45) if lightness(self.look.colour) < 0.6 else self.tone(-0.35)

    def trim(self, otherwise: RGB | None = None) -> RGB:
        """Return the accent where it stands out from the main colour, else a neutral that does."""
        if math.dist(self.look.accent, self.look.colour) > 80:
            return self.look.accent
        return otherwise or (PAPER if lightness(self.look.colour) < 0.7 else _DARK)

    def finish(self) -> Image.Image:
        """Return the picture in its studio: a pale backdrop, a soft shadow, the product."""
        tint = np.asarray([self.u(-3, 2), self.u(-2, 1), self.u(-2, 3)], np.float32)
        drop = np.linspace(250, self.u(236, 244), HEIGHT, dtype=np.float32)[:, None, None]
        shape = _grey(self._cover[..., 0])
        if self.floor is None:
            shadow = 0.26 * np.roll(_share(shape.filter(ImageFilter.GaussianBlur(4))), (3, 2), (0, 1))
        else:
            left, _, right, _ = shape.getbbox() or (0, 0, WIDTH, HEIGHT)
            y = self.floor * self._size + self._y
            pool = Image.new("L", (WIDTH, HEIGHT))
            ImageDraw.Draw(pool).ellipse((left - 1, y - 4, right + 3, y + 5), fill=255)
            shadow = 0.38 * _share(pool.filter(ImageFilter.GaussianBlur(3.5)))
        picture = (drop + tint) * (1 - shadow[..., None]) * (1 - self._cover) + self._rgb
        return Image.fromarray(picture.clip(0, 255).astype(np.uint8))

    def _stain(self, outlines: Sequence[Outline], width: float | None, *, blur: float = 0, pad: int = 1) -> _Stain:
        """Return where strokes of `width`, or without one filled outlines, fall on the canvas."""
        c, s = self._size * math.cos(math.radians(self._turn)), self._size * math.sin(math.radians(self._turn))
        placed = [
            [(self.facing * x * c - y * s + self._x, self.facing * x * s + y * c + self._y) for x, y in _flat(outline)]
            for outline in outlines
        ]
        reach = pad + (width or 0) / 2 + 2
        xs, ys = [x for points in placed for x, _ in points], [y for points in placed for _, y in points]
        x0, y0 = (min(max(0, int(min(vs) - reach)), end - 1) for vs, end in ((xs, WIDTH), (ys, HEIGHT)))
        x1, y1 = (max(min(end, int(max(vs) + reach) + 1), 1) for vs, end in ((xs, WIDTH), (ys, HEIGHT)))
        mask = Image.new("L", ((x1 - x0) * _FINE, (y1 - y0) * _FINE))
        pen = ImageDraw.Draw(mask)
        for points in placed:
            fine = [((x - x0) * _FINE, (y - y0) * _FINE) for x, y in points]
            if width is None:
                pen.polygon(fine, fill=255)
                continue
            thick = max(1, round(width * self._size * _FINE))
            pen.line(fine, fill=255, width=thick, joint=None if blur else "curve")
            for x, y in (fine[0], fine[-1]) if thick > 4 else ():
                pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)
        mask = mask.reduce(_FINE)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur))
        return _Stain((slice(y0, y1), slice(x0, x1)), _share(mask))

    def _lines(self, outlines: Sequence[Outline], colour: RGB, width: float, alpha: float) -> None:
        at, cover = self._stain(outlines, width)
        a = cover[..., None] * alpha
        self._rgb[at] = self._rgb[at] * (1 - a) + np.asarray(colour, np.float32) * a * self._cover[at]

    def _cloth(self, angle: float) -> Floats:
        """Return a picture full of the product's cloth, (HEIGHT, WIDTH, 3) in 0..255."""
        if self._weave is None:
            self._weave = _weave(self.look, self.dice)
        if angle not in self._cloths:
            turned = self._weave.rotate(-(angle * self.facing + self._turn), Image.Resampling.BILINEAR)
            x, y = (_SQUARE - WIDTH) // 2, (_SQUARE - HEIGHT) // 2
            self._cloths[angle] = np.asarray(turned.crop((x, y, x + WIDTH, y + HEIGHT)), np.float32)
        return self._cloths[angle]


def _grey(share: Floats) -> Image.Image:
    return Image.fromarray((share * 255).astype(np.uint8))


def _share(grey: Image.Image) -> Floats:
    return np.asarray(grey, np.float32) * np.float32(1 / 255)


def _lit(colour: Floats, glow: Floats, cover: Floats | float = 1) -> Floats:
    """Return `colour` (..., 3) moved towards black where `glow` (..., 1) is below 0, else towards white."""
    return np.where(glow < 0, colour * (1 + glow), colour + (255 * cover - colour) * glow * 0.75)


def _weave(look: Look, dice: random.Random) -> Image.Image:
    """Return a square of cloth in the pattern of `look`, (_SQUARE, _SQUARE)."""
    u, fine = dice.uniform, 2
    side = _SQUARE * fine
    main, second, accent = (tuple(round(v) for v in colour) for colour in (look.colour, look.second, look.accent))
    cloth = Image.new("RGB", (side, side), main)
    pen = ImageDraw.Draw(cloth)

    def dot(x: float, y: float, r: float, colour: tuple[int, ...]) -> None:
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    if look.style == "Striped":
        period, share, start = u(9, 14) * fine, u(0.32, 0.42), u(0, 24)
        for i in range(int(side / period) + 1):
            y = start + i * period
            hang = [(x, y + 5 * fine * (1 - (2 * x / side - 1) ** 2) ** 2) for x in range(0, side + 1, 12)]
            pen.line(hang, fill=second, width=round(period * share))
    elif look.style == "Checked":
        period, start = u(13, 18) * fine, u(0, 24)
        for across in (False, True):
            threads = Image.new("L", (side, side))
            for i in range(int(side / period) + 1):
                for offset, wide, strength in ((0, 0.42, 90), (0.68, 0.07, 150)):
                    a = start + (i + offset) * period
                    b = a + wide * period
                    box = (a, 0, b, side) if across else (0, a, side, b)
                    ImageDraw.Draw(threads).rectangle(box, fill=strength)
            cloth.paste(second, (0, 0, side, side), threads)
    elif look.style == "Polka Dot":
        gap, r = u(9, 12) * fine, u(1.9, 2.5) * fine
        for i in range(int(side / gap * 2) + 1):
            for j in range(int(side / gap) + 1):
                dot((j + i % 2 / 2) * gap, i * gap / 2, r, second)
    elif look.style == "Floral":
        gap, r = u(13, 16) * fine, u(2.0, 2.5) * fine
        leaf = (58, 120, 66) if math.dist(main, (58, 120, 66)) > 90 else (150, 196, 130)
        heart = (246, 205, 52) if math.dist(second, (246, 205, 52)) > 120 else (226, 100, 40)
        for i in range(int(side / gap * 1.3) + 1):
            for j in range(int(side / gap) + 1):
                x, y = (j + i % 2 / 2) * gap + u(-5, 5), i * gap * 0.77 + u(-4, 4)
                turn = u(0, math.tau)
                for t in (turn, turn + 2):
                    tip = (x + 2.6 * r * math.cos(t), y + 2.6 * r * math.sin(t))
                    pen.line(((x, y), tip), fill=leaf, width=round(r * 0.55))
                for t in (turn + k * math.tau / 5 for k in range(5)):
                    dot(x + r * 1.05 * math.cos(t), y + r * 1.05 * math.sin(t), r * 0.8, second)
                dot(x, y, r * 0.55, heart)
    elif look.style == "Colour-Block":
        y = side / 2 + u(8, 20) * fine
        pen.rectangle((0, y, side, side), fill=second)
        pen.rectangle((0, y - 2 * fine, side, y + fine), fill=accent)
    return cloth.reduce(fine)


# --- Products ---------------------------------------------------------------------------------------------------------
#
# Each is drawn from the back to the front, with a little chance in its proportions. `u` is a number between two bounds.

# Outlines are easier to read in rows than one point a line.
# fmt: off


def _label(s: Sketch, y: float) -> None:
    s.part(_box(-4, y, 4, y + 4.4, 0.6), s.look.accent, **_TRIM)
    s.line([(-2.2, y + 2.2), (2.2, y + 2.2)], PAPER, 0.7, 0.9)


def _button(s: Sketch, x: float, y: float, r: float, colour: RGB) -> None:
    s.part(_oval(x, y, r, r), colour, round_=1, drop=0.4)


def _creases(s: Sketch, chest: float, top: float, bottom: float) -> None:
    """Crease a garment under the arms and above the hem."""
    u = s.u
    for side in (-1, 1):
        y, x = top + u(30, 36), side * u(9, chest - 5)
        s.folds([(side * (chest - 1), y), (side * chest * 0.6, y + 5, side * u(4, 9), y + u(14, 20))])
        s.folds([(x, bottom), (x - side * 2, bottom - 14, x + side * u(-4, 4), bottom - u(24, 34))])
    y = bottom - u(26, 36)
    s.folds([(-chest, y), (-chest / 2, y + 5, u(-6, 2), y + u(3, 8))], amount=0.1)


def _print(s: Sketch, y: float) -> None:
    """Print a picture on a chest, its middle at `y`."""
    a, b = s.look.second, s.trim(_mix(s.look.second, s.look.colour, 0.4))
    motif = s.dice.randrange(5)
    if motif == 0:  # a sun going down
        s.part(_oval(0, y - 2, 11, 11), a, **_INK)
        for i in range(3):
            s.line([(-12, y + 2 + 3.4 * i), (12, y + 2 + 3.4 * i)], s.look.colour, 0.9 + 0.5 * i)
    elif motif == 1:  # mountains
        s.part(_oval(6, y - 9, 4, 4), b, **_INK)
        s.part([(-14, y + 9), (-4, y - 10), (2, y), (6, y - 5), (15, y + 9)], a, **_INK)
        s.part([(-7, y - 4.5), (-4, y - 10), (-0.8, y - 4.5), (-3, y - 2), (-5, y - 4)], b, **_INK)
    elif motif == 2:  # a star
        turns = [(i * math.pi / 5, 5.2 if i % 2 else 12.5) for i in range(10)]
        s.part([(r * math.sin(t), y - r * math.cos(t)) for t, r in turns], a, **_INK)
    elif motif == 3:  # a badge
        s.part(_oval(0, y, 12, 12), a, **_INK)
        s.part(_oval(0, y, 9, 9), s.look.colour, **_INK)
        s.part([(-5, y + 4), (0, y - 6), (5, y + 4)], b, **_INK)
    else:  # waves
        for i in range(4):
            h = y - 8 + 5 * i
            swell = [(7 * k - 10.5, h + (-5 if k % 2 else 5), 7 * k - 7.0, h) for k in range(4)]
            s.line([(-14, h), *swell], a if i % 2 else b, 1.9)


def tshirt(s: Sketch) -> None:
    """A T-shirt: short sleeves, a ribbed neck, a print where the style says so."""
    u, women = s.u, s.look.gender == "Women"
    shoulder, top, bottom = u(25, 28) - 2 * women, -48.0, u(44, 54)
    chest, hem = shoulder - 1, shoulder + u(-2, 1)
    waist = chest - (5 if women else 1) * u(0.6, 1.2)
    neck, deep = u(10, 12) + 2 * women, top + (u(13, 18) if women else u(8, 11))
    out = u(0.75, 1.1) * (13 if women else 17)
    down = out * 1.6
    s.part(_whole([(0, top + 3), (neck * 0.6, top + 2.4, neck, top), (neck + 2, deep), (0, deep + 4)]), **_INSIDE)
    s.part([(-neck, top), (0, top + 4.5, neck, top)], s.tone(-0.15), width=2.4, round_=1.5, drop=0)
    _label(s, top + 4)
    s.both([(shoulder - 9, top + 1), (shoulder + 3, top + 3, shoulder + out, top + 7 + down),
            (shoulder + out - 5, top + 13 + down, shoulder + out - 13, top + 13 + down * 1.05), (chest - 4, top + 34)],
           angle=40)
    neckline: Outline = [(0, deep), (neck * 0.95, deep, neck, top)]
    if u(0, 1) < 0.3:
        neckline = [(0, deep + 5), (neck * 0.7, deep - 3, neck, top)]
    armhole: Outline = [(shoulder, top + 4.5), (shoulder - 5, top + 18, chest, top + 32)]
    s.part(_whole([*neckline, *armhole, (waist, top + 52, waist, 4), (waist + 1, bottom - 12, hem, bottom - 2),
                   (hem * 0.6, bottom + 1, 0, bottom + 1)]))
    _creases(s, chest, top, bottom)
    s.shade(armhole, -0.25, 1.6, 0.8)
    s.shade(_mirror(armhole), -0.25, 1.6, 0.8)
    s.stitch([(-hem, bottom - 4.5), (0, bottom - 1.5, hem, bottom - 4.5)], s.seam(), 0.6, 0.5)
    printed = s.look.style == "Printed"
    rib = s.look.accent if printed and u(0, 1) < 0.5 else s.tone(-0.14)
    s.part([*reversed(_flat(_mirror(neckline))), *_flat(neckline)], rib, width=2.8, round_=1.4, rim=0.1, drop=0.2)
    if printed:
        _print(s, top + 38)


def shirt(s: Sketch) -> None:
    """A shirt with a collar and buttons, its sleeves long or short."""
    u, women = s.u, s.look.gender == "Women"
    shoulder, top, bottom, neck = u(23, 25) - 2 * women, -50.0, u(44, 50), 9.0
    chest = shoulder - 1
    waist, hem = chest - (4 if women else 1), chest + u(0, 2)
    s.part(_whole([(0, top - 5), (neck, top - 5, neck, top), (neck, top + 12), (0, top + 14)]), **_INSIDE)
    _label(s, top - 1)
    if u(0, 1) < 0.7:
        x, y, slim = shoulder + u(16, 21), top + u(84, 90), u(9, 11)
        s.both([(shoulder - 9, top + 1), (shoulder + 5, top + 3, shoulder + 8, top + 20), (x + 1, y), (x - slim, y + 2),
                (chest + 3, top + 56, chest - 4, top + 36)], angle=10)
        s.both([(x + 1.4, y - 8), (x + 1.6, y + 1), (x - slim, y + 3), (x - slim - 1, y - 6)], angle=10, round_=2)
        for side in (-1, 1):
            s.line([(side * (x - slim + 2), y - 2), (side * (x - slim + 2.6), y - 2)], PAPER, 1.4)
    else:
        s.both([(shoulder - 9, top + 1), (shoulder + 3, top + 3, shoulder + 17, top + 33), (shoulder + 5, top + 40),
                (chest - 4, top + 34)], angle=34)
    s.part(_whole([(0, top + 12), (neck + 1, top - 2), (shoulder, top + 4.5), (shoulder - 4, top + 18, chest, top + 34),
                   (waist, top + 54, waist, 4), (waist + 1, bottom - 14, hem, bottom - 10),
                   (hem - 4, bottom - 2, hem * 0.5, bottom, 0, bottom + 2)]))
    _creases(s, chest, top, bottom - 6)
    s.part(_box(-3.2, top + 11, 3.2, bottom + 1), round_=1.6, rim=0.14)
    button = PAPER if lightness(s.look.colour) < 0.8 else s.trim()
    for i in range(6):
        _button(s, 0, top + 19 + i * (bottom - top - 24) / 6, 1.5, button)
    if not women and u(0, 1) < 0.6:
        s.part([(8, top + 32), (18, top + 32), (18, top + 43), (13, top + 46), (8, top + 43)], **_TRIM)
        s.stitch([(8.6, top + 34.5), (17.4, top + 34.5)], s.seam(), 0.6)
    s.both([(0, top + 13), (2, top + 3), (neck - 0.5, top - 6), (neck + 5, top + 4), (neck - 1, top + 17)], angle=24,
           round_=2, rim=0.14, drop=0.4, light=0.05)


def dress(s: Sketch) -> None:
    """A dress with a belt, on straps, sleeveless or with short sleeves; a maxi one reaches further down."""
    u, top, cut = s.u, -66.0, s.dice.choice(("straps", "sleeveless", "sleeves"))
    waist, chest, low, flare = u(12, 14), u(17, 19), u(-18, -10), u(26, 38)
    bottom = u(60, 66) if s.look.style == "Maxi" else u(34, 46)
    neck, deep = u(8, 11), top + u(12, 18)
    if cut == "straps":
        s.part(_whole([(0, top + 15), (12, top + 15), (12, top + 22), (0, top + 24)]), **_INSIDE)
        s.both([(9, top + 18), (9, top + 6, 10.5, top)], width=2.4, round_=1.2)
        edge: Outline = [(0, top + 21), (6, top + 15, 10, top + 16), (chest - 4, top + 17, chest, top + 27)]
    else:
        s.part(_whole([(0, top + 3), (neck, top), (neck + 2, deep), (0, deep + 4)]), **_INSIDE)
        _label(s, top + 4)
        s.part([(-neck, top), (0, top + 4, neck, top)], s.tone(-0.15), width=1.8, round_=1, drop=0)
        edge = [(0, deep), (neck, deep, neck, top), (chest + 2, top + 4), (chest - 3, top + 14, chest, top + 27)]
    if cut == "sleeves":
        s.both([(chest - 6, top + 1), (chest + 9, top + 4, chest + 13, top + 21), (chest + 2, top + 26),
                (chest - 4, top + 26)], angle=30)
    s.part(_whole([*edge, (waist + 1, low - 14, waist, low + 2), (0, low + 4)]), round_=3.5)
    for side in (-1, 1):
        s.folds([(side * chest, top + 32), (side * 9, top + 36, side * 5, low - 4)], amount=0.1)
    s.part(_whole([(0, low), (waist, low - 1), (waist + 3, low + 14, flare, bottom - 5),
                   (flare * 0.75, bottom + 3, flare * 0.4, bottom - 1), (flare * 0.2, bottom - 2, 0, bottom + 1)]))
    for k in (-0.75, -0.45, -0.15, 0.15, 0.45, 0.75):
        x = k + u(-0.08, 0.08)
        s.folds([(x * waist, low + u(3, 9)), (x * waist * 1.2, low + 20, x * flare, bottom)], amount=0.22)
    if s.look.style == "Maxi":
        s.stitch([(4 - flare, bottom - 16), (0, bottom - 9, flare - 4, bottom - 16)], s.seam())
    belt = s.look.accent if u(0, 1) < 0.55 else s.tone(-0.2)
    s.part(_band(waist + 0.3, low - 1.8, 1.5, 3.8), belt, **_TRIM)
    if cut != "straps" and u(0, 1) < 0.5:
        s.both([(0, low + 2), (7, low - 4), (8, low + 4)], belt, **_TRIM)


def skirt(s: Sketch) -> None:
    """A skirt: pleated where the style says so, else flared or narrow."""
    u, top, waist = s.u, -40.0, s.u(17, 20)
    cut = s.look.style if s.look.style == "Pleated" else s.dice.choice(("flared", "flared", "pencil"))
    bottom, flare = (u(38, 54), waist + u(4, 7)) if cut == "pencil" else (u(26, 50), waist + u(15, 24))
    s.part(_whole([(0, top - 2), (waist - 1, top - 2, waist, top), (waist, top + 4), (0, top + 5)]), **_INSIDE)
    if cut == "Pleated":
        hem = [(x * flare, bottom - 4 * x * x + rise)
               for i in range(9) for x, rise in (((2 * i - 9) / 9, 2.5), ((2 * i - 7) / 9, -1.0))]
        s.part([(-waist, top), (0, top + 4, waist, top), (waist + 4, top + 20, *hem[-1]), *reversed(hem),
                (-waist - 4, top + 20, -waist, top)])
        for k in (2 * i / 9 - 1 for i in range(1, 9)):
            s.shade([(k * waist, top + 6), (k * (waist + 4), top + 22, k * flare, bottom - 2)], -0.34, 1.6, 0.7)
            s.shade([(k * waist + 2, top + 6), (k * waist + 3, top + 22, k * flare + 3.6, bottom - 2)], 0.16, 2.6, 1)
    elif cut == "pencil":
        s.part(_whole([(0, top + 4), (waist, top), (waist + 7, top + 20, flare, bottom - 1), (0, bottom + 1)]))
    else:
        s.part(_whole([(0, top + 4), (waist, top), (waist + 7, top + 18, flare, bottom - 6),
                       (flare * 0.7, bottom + 2, flare * 0.35, bottom - 1), (flare * 0.15, bottom - 2, 0, bottom + 1)]))
    if cut == "pencil":
        s.folds([(-4, bottom), (-3, bottom - 16)], [(flare - 6, top + 30), (flare - 10, bottom)])
        s.line([(0.5, bottom + 1), (0, bottom - 14)], s.seam(), 0.9, 0.8)
    elif cut == "flared":
        for k in (-0.8, -0.45, -0.1, 0.25, 0.6):
            x = k + u(-0.08, 0.08)
            s.folds([(x * waist, top + u(8, 16)), (x * (waist + 8), top + 30, x * flare, bottom)], amount=0.22)
    s.part(_band(waist + 0.6, top - 0.5, 2.2, 5.5), s.look.accent if u(0, 1) < 0.3 else s.tone(-0.12), **_TRIM)
    if u(0, 1) < 0.5:
        _button(s, 0, top + 4, 1.7, s.look.metal)


def _legs(s: Sketch, top: float, bottom: float, waist: float, ankle: float, spread: float) -> None:
    """Draw trousers of any length; `spread` is how far from the middle a leg of width `ankle` ends."""
    u, seam, hip, crotch = s.u, s.seam(), waist + s.u(3, 5), top + s.u(38, 42)
    inner, outer, knee = spread - ankle / 2, spread + ankle / 2, (crotch + bottom) / 2
    s.part(_whole([(0, top - 1.5), (waist - 1, top - 2, waist, top), (waist, top + 4), (0, top + 5)]), **_INSIDE)
    s.part(_whole([(0, top + 3), (waist, top), (hip, top + 20),
                   (hip, knee - 8, (hip + outer) / 2, knee + 4, outer, bottom - 1), (inner, bottom + 1),
                   (inner * 0.6, knee, 1, crotch), (0, crotch - 1)]), round_=4.5)
    for side in (-1, 1):
        s.folds([(side * 2, crotch - 4), (side * 9, crotch - 4, side * u(12, 16), crotch - u(6, 10))],
                [(side * (hip - 1), knee + u(-6, 4)), (side * (hip - 7), knee + 3, side * u(9, 12), knee + u(4, 8))],
                amount=0.14)
        s.shade([(side * waist * 0.55, top + 16), (side * spread * 0.95, knee, side * spread, bottom)], 0.12, 2, 1)
        s.line([(side * (waist - 7), top + 6), (side * (waist - 5), top + 16, side * (hip - 0.5), top + 19)], seam, 0.9,
               0.7)
        s.stitch([(side * inner, bottom - 3), (side * outer, bottom - 4)], seam, 0.7, 0.6)
    s.line([(0, top + 6), (0, crotch)], seam, 0.9, 0.7)
    s.stitch([(4.5, top + 8), (4.5, top + 22), (4, crotch - 10, 0.5, crotch - 6)], s.thread())
    s.part(_band(waist + 0.6, top - 0.5, 2, 6), s.tone(-0.08), **_TRIM)


def trousers(s: Sketch) -> None:
    """Trousers with wide or narrow legs."""
    u, top = s.u, -66.0
    wide = u(0, 1) < 0.3
    _legs(s, top, u(60, 66), u(17, 19), u(17, 21) if wide else u(10.5, 13), u(15, 19) if wide else u(11, 14))
    s.both(_box(9, top + 0.5, 11, top + 8), s.tone(-0.05), **_TRIM)
    _button(s, 0, top + 6, 1.7, s.look.metal)


def shorts(s: Sketch) -> None:
    """Shorts with a cord at the waist."""
    u, top, leg = s.u, -38.0, s.u(24, 27)
    bottom = u(18, 26) if s.look.gender == "Women" else u(28, 38)
    _legs(s, top, bottom, u(20, 22), leg, leg / 2 + u(3, 6))
    if u(0, 1) < 0.45:
        s.both([(26, top + 24), (22, 0, 25.5, bottom - 2)], s.trim(), width=2.4, round_=1, drop=0.1)
    for side in (-1, 1):
        s.part([(side * 1.5, top + 6), (side * 5, top + 14, side * u(2, 4), top + u(18, 22))], s.trim(), width=1.4,
               round_=0.8, drop=0.4)


def _arms(s: Sketch, shoulder: float, top: float, cuff: RGB | None, puffs: int = 0) -> None:
    """Draw the long sleeves of something warm; a quilted one has `puffs`."""
    x, y, slim = shoulder + s.u(15, 18), top + s.u(80, 86), 11
    arm: Outline = [(shoulder - 9, top), (shoulder + 8, top + 2, shoulder + 10, top + 24), (x + 3, y - 14, x + 1, y),
                    (x - slim, y + 2), (shoulder + 2, top + 56, shoulder - 4, top + 36)]
    end: Outline = [(x - slim - 1, y - 2), (x + 2, y - 4), (x + 1.6, y + 2.5), (x - slim - 0.6, y + 4.5)]
    for side in (-1, 1):
        s.part(arm if side > 0 else _mirror(arm), angle=12 * side)
        a = side * shoulder
        s.folds([(a + side, top + 46), (a + side * 6, top + 44, a + side * 10, top + 38)])
        for i in range(puffs):
            b, k = top + 22 + i * 13, side * i * 2
            crease = [(a + k - side * 10, b + 4), (a + k + side * 4, b + 4, a + k + side * 16, b - 2)]
            s.shade(crease, -0.32, 1.6, 0.8)
            s.shade(_moved(crease, 0, 4), 0.16, 4, 1.6)
    s.both(end, cuff, angle=12, round_=1.8)


def jacket(s: Sketch) -> None:
    """A jacket with a zip, in puffs where the style is quilted."""
    u, quilted = s.u, s.look.style == "Quilted"
    shoulder, top, bottom = u(25, 27) - 2 * (s.look.gender == "Women"), -48.0, u(34, 42)
    rib = None if quilted else s.look.accent if u(0, 1) < 0.5 else s.tone(-0.25)
    _arms(s, shoulder, top, rib, 4 if quilted else 0)
    s.part(_whole([(0, top - 7), (10, top - 7, 11, top), (8, top + 18), (0, top + 22)]), **_INSIDE)
    s.part(_whole([(0, top + 2), (9, top - 2), (shoulder + 1, top + 4), (shoulder - 3, top + 18, shoulder, top + 34),
                   (shoulder + 1, 6, shoulder - 1, bottom), (0, bottom + 2)]), round_=5)
    if quilted:
        for y in (top + 6 + i * (bottom - top - 8) / 6 for i in range(1, 6)):
            for side in (-1, 1):
                crease: Outline = [(0, y + 2), (side * shoulder / 2, y + 3, side * (shoulder + 3), y)]
                s.shade(crease, -0.42, 1.5, 0.7)
                s.shade(_moved(crease, 0, 4.5), 0.2, 5, 1.8)
    else:
        _creases(s, shoulder, top, bottom)
        s.part(_band(shoulder - 0.4, bottom - 4, 1, 7), rib, round_=2.2)
        for x in range(-22, 23, 3):
            s.shade([(x, bottom - 4), (x, bottom + 5)], -0.2, 0.7, 0.4)
        for side in (-1, 1):
            s.line([(side * 11, 12), (side * 19, 24)], s.seam(), 1.8, 0.9)
            s.line([(side * 11, 12), (side * 19, 24)], s.look.metal, 0.7)
    s.line([(0, top + 4), (0, bottom + 4)], s.tone(-0.5), 3, 0.8)
    s.stitch([(0, top + 4), (0, bottom + 4)], s.look.metal, 1.5, 1)
    s.part(_box(-1.3, top + 18, 1.3, top + 24, 1), s.look.metal, **_METAL)
    s.both([(0.6, top + 10), (1, top + 1), (9, top - 8), (13, top - 1), (8, top + 5)], rib, round_=2.5, drop=0.35)


def sweatshirt(s: Sketch) -> None:
    """A sweatshirt with a hood and a pocket, a print where the style says so."""
    u, look = s.u, s.look
    shoulder, top, bottom, rib = u(25, 28) - 2 * (look.gender == "Women"), -44.0, u(40, 46), s.tone(-0.18)
    _arms(s, shoulder, top, rib)
    s.part(_whole([(0, top - 16), (15, top - 17, 18, top - 2), (18, top + 6, 10, top + 14), (0, top + 18)]), round_=5)
    s.part(_whole([(0, top + 16), (9, top + 8), (13, top + 1), (shoulder, top + 4.5),
                   (shoulder - 4, top + 18, shoulder, top + 34), (shoulder + 1, 6, shoulder - 1, bottom),
                   (0, bottom + 2)]), round_=5)
    _creases(s, shoulder, top, bottom)
    s.part(_whole([(0, top - 10), (11, top - 10, 12, top), (9, top + 10, 0, top + 15)]),
           look.accent if u(0, 1) < 0.6 else s.tone(-0.4), rim=0.5, bevel=-0.3, drop=0.1)
    s.both([(1, top - 11), (13, top - 10, 12.5, top), (10, top + 10, 0, top + 16)], width=3.4, round_=1.6)
    s.part(_whole([(0, bottom - 32), (11, bottom - 32), (19, bottom - 19), (19, bottom - 6), (0, bottom - 5)]),
           round_=2.5, drop=0.3)
    s.part(_band(shoulder - 0.4, bottom - 3, 1, 7), rib, round_=2.2)
    for side in (-1, 1):
        x, y = u(4, 7), top + u(28, 36)
        s.stitch([(side * 12, bottom - 30), (side * 18, bottom - 18.5)], s.seam())
        s.part([(side * 4, top + 14), (side * 7, top + 22, side * x, y)],
               PAPER if lightness(look.colour) < 0.7 else look.accent, width=1.7, round_=0.8, drop=0.4)
    if look.style == "Printed":
        _print(s, top + 40)


def sneaker(s: Sketch) -> None:
    """One casual shoe from its side, over the ankle where the style is high-top."""
    u, look, high = s.u, s.look, s.look.style == "High-Top"
    s.facing, s.floor = s.dice.choice((1, -1)), 25
    rise, back, trim = u(-46, -40) if high else u(-20, -16), -42.0, s.trim()
    pale = lightness(look.colour) > 0.6
    s.part([(-8, rise + 4), (2, rise - 8, 10, rise - 6), (12, rise + 4), (18, 0), (-4, 6)], s.tone(-0.25), round_=3)
    s.part([(back + 4, rise + 2), (-16, rise + 9, 4, rise + 2), (4, rise + 12), (back + 4, rise + 10)],
           _mix(trim, (0, 0, 0), 0.25), drop=0)
    s.part([(back + 1, rise - 2), (-24, rise + (5 if high else 10), -6, rise + 6), (6, rise - 1),
            (16, -6 if high else -8, 25, -4), (46, -2, 47, 14), (47, 20), (back - 1, 20),
            (back - 4, 4, back + 1, rise - 2)], round_=5, **_LEATHER)
    s.folds([(26, 2), (31, 6, 30, 14)], amount=0.12)
    s.part([(33, -3), (30, 8, 34, 18), (47, 18), (47, 4, 33, -3)], s.tone(-0.1 if pale else 0.12), round_=3, drop=0.2)
    s.part([(back, rise - 1), (back + 8, rise + 3), (back + 10, 4, back + 8, 16), (back - 2, 16),
            (back - 4, 4, back, rise - 1)], trim, round_=2.5, drop=0.2)
    if u(0, 1) < 0.5:
        s.part([(-24, 16), (-16, 2, 2, -4), (6, -1), (-10, 4, -16, 16)], trim, **_TRIM)
    else:
        s.part(_oval(-16, 4, 6.5, 6.5), trim, **_TRIM)
        s.part(_oval(-16, 4, 3.4, 3.4), look.colour, **_TRIM)
    s.stitch([(-6, rise + 9), (2, 0, 10, 12)], s.thread())
    s.stitch([(back + 11, 6), (-20, 15, 8, 15)], s.thread(), 0.6, 0.5)
    count = 6 if high else 4
    for k in ((i + 0.3) / count for i in range(count)):
        x, y = 4 + 18 * k**1.2, rise + 5 - (rise + 8) * k
        s.part([(x - 6, y + 4.5), (x - 1, y, x + 4, y - 0.5)], trim if pale else PAPER, width=1.9, round_=1, drop=0.4)
    s.part([(back - 3, 15), (0, 18, 30, 16), (46, 14, 50, 13), (51, 22, 45, 25), (back, 25),
            (back - 4, 24, back - 3, 15)], PAPER if u(0, 1) < 0.75 else _DARK, round_=2.5, drop=0.3)
    s.line([(back - 2, 20), (0, 22, 30, 20.5), (42, 20, 49.5, 18)], look.accent, 1.3)
    s.line([(back, 24.6), (45, 24.6)], _DARK, 1.2, 0.8)


def heels(s: Sketch) -> None:
    """One shoe with a heel from its side, plain, with a strap or a bow."""
    u, look, lift = s.u, s.look, s.u(-26, -18)
    s.facing, s.floor = s.dice.choice((1, -1)), 33
    toe, heel = u(44, 49), 5.5 if u(0, 1) < 0.3 else 1.6
    decor = s.dice.choice(("strap", "strap", "bow", ""))
    if decor == "strap":
        s.part(_oval(-25, lift - 5, 12.5, 4.5), s.tone(-0.3), width=2.2, round_=1.2)
    s.part([(-37, lift - 8), (-28, lift + 3, -22, lift + 8), (-11, 15, 4, 15), (14, 15, 21, 6), (16, 22), (-6, 24),
            (-28, lift + 16)], _mix(look.colour, _INSOLE, 0.6), rim=0.35, bevel=0)
    s.part([(-38, lift + 12), (-24, lift + 18), (-30, lift + 30, heel - 34, 33), (-35 - heel * 0.4, 33),
            (-37, lift + 30, -38, lift + 12)], s.tone(-0.12), round_=2.5, bevel=0.6)
    s.part([(-36, lift + 14), (-20, lift + 18, -10, 24, 10, 31), (38, 32, 47, 30), (46, 34, 36, 33.6), (8, 34),
            (-14, 27, -22, lift + 24, -34, lift + 21)], look.accent if u(0, 1) < 0.5 else _DARK, round_=2, drop=0.1)
    s.part([(-37, lift - 8), (-32, lift + 4, -26, lift + 11), (-14, 20, 2, 20), (14, 20, 21, 8), (26, 5),
            (36, 16, toe, 28), (toe, 31, toe - 4, 31.4), (10, 31.5), (-10, 26, -20, lift + 19, -36, lift + 16),
            (-42, lift + 6, -37, lift - 8)], **_LEATHER)
    s.shade([(28, 13), (36, 18, 42, 26)], 0.5, 2.4, 1.2)
    s.shade([(-37, lift), (-36, lift + 8)], 0.35, 2, 1)
    if decor == "strap":
        s.part(_oval(-25, lift - 5, 12.5, 4.5, 0, 180), width=2.6, round_=1.3, bevel=0.6, drop=0.2)
        s.part(_oval(-17, lift - 1.6, 1.9, 1.9), look.metal, **_METAL)
    elif decor == "bow":
        for x in (18, 32):
            s.part([(25, 8), (x, 3), (x, 12)], s.trim(), **_TRIM)
        _button(s, 25, 8, 1.7, s.trim())


def flip_flops(s: Sketch) -> None:
    """A pair of flip-flops, from above."""
    u, look, strap = s.u, s.look, s.trim()
    tilt, w = u(3, 9), u(15.5, 17.5) - 1.5 * (look.gender == "Women")
    edge = _mix(look.second, look.colour, 0.25) if u(0, 1) < 0.5 else s.tone(-0.35)
    sole: Outline = [(-2, -52), (w - 2, -54, w + 1, -26), (w + 1, -10, w - 5, 8), (w - 4, 24, w - 4, 34),
                     (w - 5, 51, 0, 51), (5 - w, 51, 4 - w, 34), (5 - w, 20, 2 - w, 2), (-w - 3, -16, 1 - w, -32),
                     (5 - w, -52, -2, -52)]
    for side in (-1, 1):

        def put(outline: Outline, side: int = side) -> Outline:
            return _moved(_turned(outline if side > 0 else _mirror(outline), tilt * side), side * 21, side * 2)

        s.part(put(_moved(sole, 0, 3)), edge, round_=2)
        s.part(put(sole), round_=3, rim=0.16, drop=0.2)
        s.shade(put(_oval(0, 36, 6, 8)), -0.1, None, 3)
        s.shade(put(_oval(0, -30, 8, 10)), -0.1, None, 3)
        if look.style == "Printed":
            spots = ((-5, -42), (6, -38), (-7, -20), (8, -18), (0, 16), (-5, 28), (5, 34), (-1, 44))
            for i, (x, y) in enumerate(spots):
                s.part(put(_oval(x, y, 3, 3)), look.second if i % 2 else strap, **_INK)
        else:
            s.stitch(put([(w - 4, -28), (w - 8, 8, w - 8, 34), (w - 9, 46, 0, 46), (9 - w, 46, 8 - w, 34)]), s.thread())
        s.part(put([(-1, -34), (-8, -26, 1 - w, 0)]), strap, width=5, round_=1.8, bevel=0.6, drop=0.4)
        s.part(put([(-1, -34), (8, -28, w - 3, -2)]), strap, width=5, round_=1.8, bevel=0.6, drop=0.4)
        s.part(put(_oval(-1, -34, 2.6, 3.2)), _mix(strap, (0, 0, 0), 0.15), **_TRIM)


def handbag(s: Sketch) -> None:
    """A handbag that stands: open at its top, under a flap or with a zip."""
    u, look, cut = s.u, s.look, s.dice.choice(("tote", "flap", "zip"))
    s.floor = 53
    leather = s.trim(s.tone(-0.3)) if u(0, 1) < 0.45 else s.tone(-0.3)
    wide, high, low = u(38, 44), u(-12, -2), 52.0
    top, reach = wide - (u(3, 6) if cut == "tote" else u(6, 11)), high - u(34, 44)
    handle: Outline = [(-19, high + 2), (-19, reach + 6, -10, reach, 0, reach),
                       (10, reach, 19, reach + 6, 19, high + 2)]
    if cut == "tote":
        s.part(_moved(handle, 3, -4), _mix(leather, (0, 0, 0), 0.3), width=3.6, round_=1.6)
        s.part(_whole([(0, high - 3), (top, high - 2), (top, high + 4), (0, high + 5)]), **_INSIDE)
    else:
        s.part(handle, leather, width=4, round_=1.8, bevel=0.6)
    s.part(_whole([(0, high), (top - 4, high), (top, high, top + 0.5, high + 5), (wide, low - 8),
                   (wide, low, wide - 8, low), (0, low + 0.5)]), round_=6, **_LEATHER)
    if look.style == "Quilted":
        for x, slant in ((x, slant) for x in range(-70, 71, 10) for slant in (-32, 32)):
            s.shade([(x - slant, high - 4), (x + slant, low + 4)], -0.36, 1, 0.5)
            s.shade([(x - slant + 1.6, high - 3), (x + slant + 1.6, low + 5)], 0.16, 1.6, 0.8)
    else:
        s.shade([(9 - wide, low - 12), (6 - top, high + 10)], 0.16, 6, 4)
        s.folds([(-9, low - 3), (-12, low - 18, -8, low - 26)], [(14, low - 3), (17, low - 16)], amount=0.1)
    if cut == "flap":
        mid = high + u(24, 30)
        s.part(_whole([(0, high - 1), (top - 3, high - 1), (top + 1.5, high, top + 2, high + 7),
                       (top + 1, mid, 10, mid + 2), (0, mid + 3)]), drop=0.45, light=0.03)
        s.stitch([(-top, high + 8), (2 - top, mid - 4, -9, mid - 1), (0, mid), (9, mid - 1),
                  (top - 2, mid - 4, top, high + 8)], s.thread())
        s.part(_box(-5, mid - 4, 5, mid + 6, 1.5), look.metal, **_METAL)
        s.line(_oval(0, mid + 1, 1.6, 1.6), _DARK, 1.2)
        s.both(_oval(19, high + 1, 2, 2), look.metal, **_METAL)
        return
    if cut == "zip":
        s.part([(2 - top, high + 4), (top - 2, high + 4)], leather, width=4.4, round_=1.5)
        s.stitch([(3 - top, high + 4), (top - 3, high + 4)], look.metal, 1.4, 1)
        s.part([(top - 6, high + 5), (top - 4, high + 18)], leather, width=3.2, **_TRIM)
        s.both([(wide - 1, low - 18), (wide - 10, low - 10, wide - 14, low), (wide - 6, low), (wide, low - 6)], leather,
               round_=3, drop=0.2)
    else:
        s.part(handle, leather, width=3.8, round_=1.7, bevel=0.6)
        s.part(_box(-6, high + 22, 6, high + 27, 1), look.metal, **_METAL)
    s.both([(19, high + 16), (19, high + 2)], leather, width=4.4, **_TRIM)
    s.both(_oval(19, high + 14, 2, 2), look.metal, **_METAL)


def backpack(s: Sketch) -> None:
    """A backpack that stands, seen from its pocket's side."""
    u, look, web, trim = s.u, s.look, s.tone(-0.35), s.trim(s.tone(-0.4))
    s.floor = 58
    w, top, low, y = u(31, 35), u(-48, -42), 57.0, u(6, 12)

    def zipper(teeth: Outline, x: float, y: float) -> None:
        s.line(teeth, s.tone(-0.5), 2.4, 0.9)
        s.stitch(teeth, look.metal, 1.1, 1)
        s.part([(x, y), (x, y + 8)], trim, width=2.1, **_TRIM)

    s.part([(-6, top + 2), (-6, top - 11, 6, top - 11, 6, top + 2)], web, width=3.4, round_=1.5)
    s.both([(w - 8, top + 14), (w + 14, top + 20, w + 9, 18), (w + 6, 36, w - 2, 44)], web, width=6, round_=2)
    s.both([(w - 6, 20), (w + 5, 22, w + 4, 38), (w + 4, low - 2), (w - 8, low - 1)], s.tone(-0.14), round_=3)
    s.part(_whole([(0, top - 1), (w - 4, top - 1, w - 1, top + 24), (w + 1, 20), (w + 1, low - 8),
                   (w + 1, low, w - 8, low), (0, low + 0.5)]), round_=7, **_LEATHER)
    zipper([(6 - w, 6), (5 - w, top + 7, 0, top + 7), (w - 5, top + 7, w - 6, 6)], w - 6.5, 5)
    if u(0, 1) < 0.5:
        s.part(_box(-8, top + 18, 8, top + 28, 2), trim, **_TRIM)
        s.line([(-4.5, top + 23), (4.5, top + 23)], PAPER, 1.6, 0.9)
    else:
        s.part(_oval(0, top + 23, 6.5, 6.5), trim, **_TRIM)
        s.part([(-3, top + 26), (0, top + 19), (3, top + 26)], PAPER, **_INK)
    s.part(_whole([(0, y), (w - 11, y), (w - 6, y, w - 6, y + 6), (w - 5, low - 10), (w - 6, low - 4, w - 11, low - 4),
                   (0, low - 4)]), look.second if look.style == "Colour-Block" else None, bevel=0.5, drop=0.4)
    zipper([(9 - w, y + 8), (w - 9, y + 8)], w - 14, y + 8)
    s.stitch([(10 - w, low - 7.5), (w - 10, low - 7.5)], s.thread(), 0.7, 0.6)


def watch(s: Sketch) -> None:
    """A wristwatch with hands, or with figures where the style is digital."""
    u, look = s.u, s.look
    r = u(21, 24) - 2.5 * (look.gender == "Women")
    half = r * u(0.54, 0.64)
    s.part(_whole([(0, -66), (half - 3, -66, half - 3, -60), (half, 4 - r), (0, 4 - r)]), **_LEATHER)
    s.part(_whole([(0, r - 4), (half, r - 4), (half - 3, 58), (half - 4, 67, 0, 67)]), **_LEATHER)
    for y in (38, 45, 52, 59):
        s.line([(0, y - 1), (0, y + 1)], s.tone(-0.6), 2)
    for side in (-1, 1):
        s.stitch([(side * (half - 3), -r - 2), (side * (half - 5.5), -60)], s.thread())
        s.stitch([(side * (half - 3), r + 2), (side * (half - 5.5), 60)], s.thread())
    s.part(_box(-half, -64, half, -58, 1.5), look.metal, **_METAL)
    s.part(_box(2.5 - half, -62, half - 2.5, -60), s.tone(-0.1), **_INK)
    s.part(_box(-half - 1, 30, half + 1, 34, 1), s.tone(-0.15), **_TRIM)
    s.part(_box(r - 1, -2.6, r + 4.5, 2.6, 1), look.metal, **_METAL)
    if look.style == "Digital":
        s.part(_box(-r - 1, -r, r + 1, r, 8), round_=3.5, rim=0.3, bevel=0.8, drop=0.4)
        s.part(_box(4 - r, 5 - r, r - 4, r - 5, 4), _DARK, round_=2, drop=0)
        s.part(_box(6 - r, -8, r - 6, 9, 1.5), (188, 202, 184), round_=2, bevel=-0.3, drop=0)
        s.line([(-6, 8.5 - r), (6, 8.5 - r)], look.accent, 1.6)
        _digits(s, f"{s.dice.randrange(1, 13):02d}{s.dice.randrange(60):02d}", (r - 6) * 0.27)
        return
    s.part(_oval(0, 0, r + 1, r + 1), look.metal, round_=2.5, rim=0.35, bevel=1, drop=0.4)
    face = s.dice.choice((PAPER, _DARK, look.colour))
    s.part(_oval(0, 0, r - 3, r - 3), face, round_=2.5, bevel=-0.35, drop=0)
    ink, thin = _DARK if lightness(face) > 0.5 else PAPER, u(0, 1) < 0.4

    def hand(degrees: float, start: float, end: float, colour: RGB, width: float) -> None:
        x, y = math.sin(math.radians(degrees)), -math.cos(math.radians(degrees))
        s.line([(x * start, y * start), (x * end, y * end)], colour, width)

    for i in range(12):
        hand(i * 30, r - (7 if i % 3 else 9), r - 5, ink, 1 if i % 3 or thin else 1.7)
    minute = s.dice.randrange(7, 12)
    hand(300 + minute / 2, -3, r * 0.44, ink, 2)
    hand(minute * 6, -3, r * 0.66, ink, 1.4)
    hand(u(0, 360), -4, r * 0.7, look.accent, 0.8)
    _button(s, 0, 0, 1.6, look.metal)


def _digits(s: Sketch, text: str, w: float) -> None:
    """Draw the four digits of a clock, each `w` wide, as seven-segment figures around the middle."""
    strokes = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2), "e": (0, 1, 0, 2),
               "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}
    figures = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
    for i, digit in enumerate(text):
        x, h = (i - 1.82 + (0.12 if i > 1 else -0.12)) * w * 1.55, 4.6
        for ax, ay, bx, by in (strokes[name] for name in figures[int(digit)]):
            s.line([(x + ax * w, ay * h - 4.2), (x + bx * w, by * h - 4.2)], (34, 40, 36), 1.3)


def cap(s: Sketch) -> None:
    """A cap from its side, an emblem on its front."""
    look, high, mark = s.look, s.u(-34, -28), s.trim()
    s.facing, s.floor = s.dice.choice((1, -1)), 22
    s.part([(-46, 22), (-50, -8, -40, high, -8, high), (18, high, 26, -10, 26, 14), (8, 10, -10, 14),
            (-28, 18, -46, 22)], round_=6, rim=0.23, bevel=0.6)
    for seam in ([(-10, high + 0.5), (-32, high + 12, -30, 19)], [(-9, high + 0.5), (0, high + 14, -2, 12)]):
        s.shade(seam, -0.34, 1.2, 0.6)
        s.stitch(_moved(seam, 1.8, 0), s.thread(), 0.6, 0.5)
    for x, y in ((-22, high + 12), (-38, 0)):
        s.part(_oval(x, y, 1.6, 1.5), s.tone(-0.5), **_INK)
    s.shade([(6, high + 8), (16, high + 18, 18, 0)], 0.2, 5, 2.5)
    emblem = s.dice.choice(("ring", "crown", "patch"))
    if emblem == "ring":
        s.part(_oval(11, -6, 6, 8), mark, **_TRIM)
        s.part(_oval(11, -6, 3, 4.4), look.colour, **_INK)
    elif emblem == "crown":
        s.part([(6, 1), (8, -14), (12, -8), (16, -13), (17, 2)], mark, **_TRIM)
    else:
        s.part(_box(4, -9, 18, -1, 1.5), mark, **_TRIM)
        s.line([(6.5, -5), (15.5, -5)], look.colour, 1.6)
    s.part([(-46, 20), (-26, 14.5, -9, 12.5)], width=3, round_=1.3, drop=0, light=-0.15)
    brim = look.second if look.style == "Colour-Block" else None
    s.part([(-12, 14), (6, 6, 27, 9), (48, 12, 51, 23), (50, 28, 42, 26), (22, 18, 0, 21), (-10, 22, -12, 14)], brim,
           round_=3.5, bevel=0.7, drop=0.45)
    for k in (0, 1, 2):
        s.stitch([(-7, 18 - k), (10, 12 - k * 1.4, 26, 16 - k * 2.4), (38, 19 - k * 2, 45 + k, 23 - k * 2)], s.thread(),
                 0.6, 0.5)
    s.part(_oval(-9, high, 3, 1.8), brim, **_TRIM)


def sunglasses(s: Sketch) -> None:
    """Sunglasses from the front, in the shape that the style says."""
    u, look, y = s.u, s.look, s.u(-6, 2)
    w, h, rim = u(20, 22), u(14, 17), 4.4
    shape: Outline = [(-w, -h * 0.75), (-w, -h, 6 - w, -h), (w - 2, -h * 1.06), (w + 3, -h * 1.1, w + 2, -h * 0.6),
                      (w, h * 0.5, w * 0.55, h), (0, h * 1.25, -w * 0.6, h), (-w * 0.98, h * 0.6, -w, -h * 0.75)]
    if look.style == "Round":
        w = h = u(17.5, 19.5)
        shape, rim = _oval(0, 0, w, h), 4.2
    elif look.style == "Aviator":
        shape, rim = [(4 - w, -h * 0.9), (0, -h * 1.1, w - 2, -h * 0.85), (w + 5, -h * 0.4, w, h * 0.4),
                      (w * 0.6, h * 1.35, -w * 0.2, h * 1.15), (-w * 1.05, h * 0.6, 4 - w, -h * 0.9)], 3.6
    x = w + u(3, 4.5)
    glass = s.dice.choice(((52, 48, 54), (70, 52, 44), (48, 62, 74), _mix(look.accent, (40, 40, 48), 0.6)))
    s.both([(x + w, y - h * 0.6), (x + w - 6, y + h, x - w * 0.9, y + h * 1.15)], s.tone(-0.25), width=3, round_=1.4)
    s.part([(-x + w * 0.8, y - 4), (0, y - 11, x - w * 0.8, y - 4)], width=rim + 0.8, round_=1.6, bevel=0.7)
    if look.style == "Aviator":
        s.part([(w * 0.3 - x, y - h * 0.95), (x - w * 0.3, y - h * 0.95)], width=2.4, round_=1.2, bevel=0.7)
    for side in (-1, 1):
        lens = _moved(shape if side > 0 else _mirror(shape), side * x, y)
        s.part(lens, glass, rim=0.1, bevel=-0.4, drop=0)
        s.shade(_moved(_oval(0, h * 0.7, w * 0.8, h * 0.5), side * x, y), 0.3, None, 4)
        s.shade([(side * x - 10, y + 6), (side * x - 2, y - h + 3)], 0.3, 3.4, 0.8)
        s.shade([(side * x - 4, y + 8), (side * x + 3, y - h + 5)], 0.22, 1.6, 0.6)
        s.part(lens, width=rim, round_=1.8, rim=0.2, bevel=0.8, drop=0.2)
        if look.style == "":
            a, b = side * (x + w), side * (x + w + 4.5)
            s.part([(a - side, y - h * 0.95), (b, y - h), (b, y - h * 0.4), (a, y - h * 0.3)], **_TRIM)
            s.line([(a, y - h * 0.72), (a + side * 2, y - h * 0.72)], look.metal, 1.6)


def socks(s: Sketch) -> None:
    """A pair of socks, short or long, one before the other."""
    u, trim = s.u, s.trim()
    s.facing, top = s.dice.choice((1, -1)), u(-56, -48) if u(0, 1) < 0.7 else u(-34, -26)
    for dx, dy, light in ((-21, -4, -0.08), (4, 5, 0.0)):

        def put(*outline: tuple[float, ...], dx: float = dx, dy: float = dy) -> Outline:
            return _moved(outline, dx, dy)

        s.part(put((-12, top), (12, top), (11, -10, 13, 14), (18, 22, 30, 28), (44, 36, 37, 49), (32, 55, 22, 51),
                   (2, 45, -8, 40), (-20, 34, -14, 16), (-11, 0, -12, top)), round_=5, light=light, **_LEATHER)
        s.folds(put((12, 16), (4, 22, -2, 20)), put((13, 20), (6, 28, -1, 27)))
        s.part(put((28, 27), (21, 38, 22, 51), (32, 55, 37, 49), (44, 36, 28, 27)), trim, drop=0, light=light)
        s.part(put((-13.6, 18), (-2, 24, -3, 42), (-8, 40), (-20, 34, -13.6, 18)), trim, drop=0, light=light)
        s.part(put((-12.4, top - 2), (12.4, top - 2), (12, top + 9), (-12, top + 9)), s.tone(-0.1), round_=2.5)
        for x in range(-10, 12, 3):
            s.line(put((x, top - 1), (x, top + 8)), s.seam(), 0.6, 0.35)
        s.line(put((-12, top + 3), (12, top + 3)), trim, 1.8)


def scarf(s: Sketch) -> None:
    """A scarf, knotted, with fringes."""
    u, sway = s.u, s.u(-3, 3)
    s.part([(-25, -20), (-24, -60, 0, -60), (24, -60, 25, -20)], width=13, light=-0.1)
    for side, end in ((-1, u(48, 52)), (1, u(55, 60))):
        x = side * 10 + sway
        for i in range(9):
            a = x - 10 + i * 2.5
            s.part([(a, end - 2), (a + u(-1, 1), end + u(6, 9))], s.thread() if i % 2 else s.tone(-0.12), width=1.5,
                   round_=0.8, drop=0)
        s.part([(side * 4 - 9, -16), (side * 4 + 9, -16), (x + 10, 10, x + 11, end), (x - 11, end),
                (x - 10, 10, side * 4 - 9, -16)], angle=4 * side, round_=5, drop=0.35)
        for k in (-5, 2):
            s.folds([(side * 4 + k * 0.6, -14), (x + k, 12, x + k * 1.3, end - 6)], amount=0.2)
    s.part([(-31, -34), (-22, -22, 0, -20), (22, -22, 31, -34), (38, -18, 18, -6), (0, 2, -18, -6),
            (-38, -18, -31, -34)], angle=-6, round_=5, drop=0.45)
    s.folds([(-28, -26), (-12, -10, 10, -13)], [(29, -28), (18, -14, 0, -8)], amount=0.2)
