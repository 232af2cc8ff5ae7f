"""Details that many products share: labels, buttons, creases and prints."""

from __future__ import annotations

import math

from training.demo.canvas import INK, TRIM, Sketch
from training.demo.shapes import PAPER, RGB, box, mix, oval

# fmt: off


def draw_label(s: Sketch, y: float) -> None:
    """Draw the brand's label in a neck, its upper edge at `y`."""
    s.part(box(-4, y, 4, y + 4.4, 0.6), s.look.accent, **TRIM)
    s.line([(-2.2, y + 2.2), (2.2, y + 2.2)], PAPER, 0.7, 0.9)


def draw_button(s: Sketch, x: float, y: float, r: float, colour: RGB) -> None:
    """Draw a button of radius `r`."""
    s.part(oval(x, y, r, r), colour, round_=1, drop=0.4)


def draw_creases(s: Sketch, chest: float, top: float, bottom: float) -> None:
    """Crease a garment under the arms and above the hem."""
    u = s.u
    for side in (-1, 1):
        y, x = top + u(30, 36), side * u(9, chest - 5)
        s.folds([(side * (chest - 1), y), (side * chest * 0.6, y + 5, side * u(4, 9), y + u(14, 20))])
        s.folds([(x, bottom), (x - side * 2, bottom - 14, x + side * u(-4, 4), bottom - u(24, 34))])
    y = bottom - u(26, 36)
    s.folds([(-chest, y), (-chest / 2, y + 5, u(-6, 2), y + u(3, 8))], amount=0.1)


def draw_print(s: Sketch, y: float) -> None:
    """Print a picture on a chest, its middle at `y`."""
    a, b = s.look.second, s.trim(mix(s.look.second, s.look.colour, 0.4))
    motif = s.dice.randrange(5)
    if motif == 0:  # a sun going down
        s.part(oval(0, y - 2, 11, 11), a, **INK)
        for i in range(3):
            s.line([(-12, y + 2 + 3.4 * i), (12, y + 2 + 3.4 * i)], s.look.colour, 0.9 + 0.5 * i)
    elif motif == 1:  # mountains
        s.part(oval(6, y - 9, 4, 4), b, **INK)
        s.part([(-14, y + 9), (-4, y - 10), (2, y), (6, y - 5), (15, y + 9)], a, **INK)
        s.part([(-7, y - 4.5), (-4, y - 10), (-0.8, y - 4.5), (-3, y - 2), (-5, y - 4)], b, **INK)
    elif motif == 2:  # a star
        turns = [(i * math.pi / 5, 5.2 if i % 2 else 12.5) for i in range(10)]
        s.part([(r * math.sin(t), y - r * math.cos(t)) for t, r in turns], a, **INK)
    elif motif == 3:  # a badge
        s.part(oval(0, y, 12, 12), a, **INK)
        s.part(oval(0, y, 9, 9), s.look.colour, **INK)
        s.part([(-5, y + 4), (0, y - 6), (5, y + 4)], b, **INK)
    else:  # waves
        for i in range(4):
            h = y - 8 + 5 * i
            swell = [(7 * k - 10.5, h + (-5 if k % 2 else 5), 7 * k - 7.0, h) for k in range(4)]
            s.line([(-14, h), *swell], a if i % 2 else b, 1.9)
