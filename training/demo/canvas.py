"""The canvas: parts of a product laid over each other, each with its own light and shade, before a pale backdrop.

Knows outlines, colours and cloth. Refuses to know what product they make.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.demo.cloth import PATTERNS, SQUARE, Floats, weave
from training.demo.shapes import (
    DARK,
    HEIGHT,
    PAPER,
    RGB,
    WIDTH,
    Look,
    Outline,
    Point,
    flat,
    lightness,
    mirror,
    mix,
    moved,
)

_FINE = 4  # outlines are drawn this much larger and scaled down, which makes their edges smooth

# What a part is made of: keywords of `Sketch.part`.
LEATHER = {"rim": 0.23, "bevel": 0.55}
METAL = {"round_": 1.6, "rim": 0.3, "bevel": 0.7, "drop": 0.4}
TRIM = {"round_": 1.5, "drop": 0.35}
INK = {"round_": 1.0, "rim": 0.05, "bevel": 0.0, "drop": 0.0}
INSIDE = {"rim": 0.3, "bevel": 0.0, "drop": 0.0, "light": -0.34}


class _Stain(NamedTuple):
    """Where something falls on the canvas, and how much of each pixel there it covers."""

    at: tuple[slice, slice]
    cover: Floats  # (h, w) in 0..1


class Sketch:
    """One picture while it is drawn: parts are laid over each other, each with its own light and shade.

    Units are pixels of the finished picture; the origin is its middle and y runs down. Light comes from the upper left
    at any angle of the product.
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
        # The blurred cover falls off towards the edges: it stands for the height of the part, and its difference along
        # the diagonal for the slope that faces the light.
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
        self.part(mirror(outline), fill, angle=-angle, **more)

    def line(self, outline: Outline, colour: RGB, width: float = 0.8, alpha: float = 1) -> None:
        """Draw a line on the parts that are there; nothing shows beside them."""
        self._lines([outline], colour, width, alpha)

    def stitch(self, outline: Outline, colour: RGB, width: float = 0.7, alpha: float = 0.8) -> None:
        """Draw a row of stitches on the parts that are there."""
        run: list[Point] = []
        for a, b in itertools.pairwise(flat(outline)):
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
            self.shade(moved(outline, 2.2, 0.8), k * 0.6, width * 0.7, 1.2)

    def tone(self, amount: float) -> RGB:
        """Return the main colour, moved towards black (below 0) or white."""
        return mix(self.look.colour, (0, 0, 0) if amount < 0 else (255, 255, 255), abs(amount))

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
        return otherwise or (PAPER if lightness(self.look.colour) < 0.7 else DARK)

    def finish(self) -> Image.Image:
        """Return the picture in its studio: a pale backdrop, a soft shadow, the product."""
        tint = np.asarray([self.u(-3, 2), self.u(-2, 1), self.u(-2, 3)], np.float32)
        drop = np.linspace(250, self.u(236, 244), HEIGHT, dtype=np.float32)[:, None, None]
        shape = _grey(self._cover[..., 0])
        if self.floor is None:  # it lies flat: a shadow all around, shifted away from the light
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
            [(self.facing * x * c - y * s + self._x, self.facing * x * s + y * c + self._y) for x, y in flat(outline)]
            for outline in outlines
        ]
        # Only the box around the outlines is drawn: a picture has a hundred parts, most of them small.
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
            for x, y in (fine[0], fine[-1]) if thick > 4 else ():  # round ends
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
            self._weave = weave(self.look, self.dice)
        if angle not in self._cloths:
            # Patterns keep their angle to the part, however the whole picture is turned.
            turned = self._weave.rotate(-(angle * self.facing + self._turn), Image.Resampling.BILINEAR)
            x, y = (SQUARE - WIDTH) // 2, (SQUARE - HEIGHT) // 2
            self._cloths[angle] = np.asarray(turned.crop((x, y, x + WIDTH, y + HEIGHT)), np.float32)
        return self._cloths[angle]


def _grey(share: Floats) -> Image.Image:
    return Image.fromarray((share * 255).astype(np.uint8))


def _share(grey: Image.Image) -> Floats:
    return np.asarray(grey, np.float32) * np.float32(1 / 255)


def _lit(colour: Floats, glow: Floats, cover: Floats | float = 1) -> Floats:
    """Return `colour` (..., 3) moved towards black where `glow` (..., 1) is below 0, else towards white."""
    return np.where(glow < 0, colour * (1 + glow), colour + (255 * cover - colour) * glow * 0.75)
