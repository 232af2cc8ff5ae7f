"""How watches, caps, sunglasses, socks and scarves are drawn, one function a kind.

Each is drawn from the back to the front, with a little chance in its proportions; `u` is a number between two bounds.
"""

from __future__ import annotations

import math

from training.demo.canvas import INK, LEATHER, METAL, TRIM, Sketch
from training.demo.details import draw_button
from training.demo.shapes import DARK, PAPER, RGB, Outline, box, lightness, mirror, mix, moved, oval, whole

# Outlines are easier to read in rows than one point a line.
# fmt: off


def watch(s: Sketch) -> None:
    """A wristwatch with hands, or with figures where the style is digital."""
    u, look = s.u, s.look
    r = u(21, 24) - 2.5 * (look.gender == "Women")
    half = r * u(0.54, 0.64)
    s.part(whole([(0, -66), (half - 3, -66, half - 3, -60), (half, 4 - r), (0, 4 - r)]), **LEATHER)
    s.part(whole([(0, r - 4), (half, r - 4), (half - 3, 58), (half - 4, 67, 0, 67)]), **LEATHER)
    for y in (38, 45, 52, 59):
        s.line([(0, y - 1), (0, y + 1)], s.tone(-0.6), 2)
    for side in (-1, 1):
        s.stitch([(side * (half - 3), -r - 2), (side * (half - 5.5), -60)], s.thread())
        s.stitch([(side * (half - 3), r + 2), (side * (half - 5.5), 60)], s.thread())
    s.part(box(-half, -64, half, -58, 1.5), look.metal, **METAL)
    s.part(box(2.5 - half, -62, half - 2.5, -60), s.tone(-0.1), **INK)
    s.part(box(-half - 1, 30, half + 1, 34, 1), s.tone(-0.15), **TRIM)
    s.part(box(r - 1, -2.6, r + 4.5, 2.6, 1), look.metal, **METAL)
    if look.style == "Digital":
        s.part(box(-r - 1, -r, r + 1, r, 8), round_=3.5, rim=0.3, bevel=0.8, drop=0.4)
        s.part(box(4 - r, 5 - r, r - 4, r - 5, 4), DARK, round_=2, drop=0)
        s.part(box(6 - r, -8, r - 6, 9, 1.5), (188, 202, 184), round_=2, bevel=-0.3, drop=0)
        s.line([(-6, 8.5 - r), (6, 8.5 - r)], look.accent, 1.6)
        _digits(s, f"{s.dice.randrange(1, 13):02d}{s.dice.randrange(60):02d}", (r - 6) * 0.27)
        return
    s.part(oval(0, 0, r + 1, r + 1), look.metal, round_=2.5, rim=0.35, bevel=1, drop=0.4)
    face = s.dice.choice((PAPER, DARK, look.colour))
    s.part(oval(0, 0, r - 3, r - 3), face, round_=2.5, bevel=-0.35, drop=0)
    ink, thin = DARK if lightness(face) > 0.5 else PAPER, u(0, 1) < 0.4

    def hand(degrees: float, start: float, end: float, colour: RGB, width: float) -> None:
        x, y = math.sin(math.radians(degrees)), -math.cos(math.radians(degrees))
        s.line([(x * start, y * start), (x * end, y * end)], colour, width)

    for i in range(12):
        hand(i * 30, r - (7 if i % 3 else 9), r - 5, ink, 1 if i % 3 or thin else 1.7)
    minute = s.dice.randrange(7, 12)
    hand(300 + minute / 2, -3, r * 0.44, ink, 2)
    hand(minute * 6, -3, r * 0.66, ink, 1.4)
    hand(u(0, 360), -4, r * 0.7, look.accent, 0.8)
    draw_button(s, 0, 0, 1.6, look.metal)


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
        s.stitch(moved(seam, 1.8, 0), s.thread(), 0.6, 0.5)
    for x, y in ((-22, high + 12), (-38, 0)):
        s.part(oval(x, y, 1.6, 1.5), s.tone(-0.5), **INK)
    s.shade([(6, high + 8), (16, high + 18, 18, 0)], 0.2, 5, 2.5)
    emblem = s.dice.choice(("ring", "crown", "patch"))
    if emblem == "ring":
        s.part(oval(11, -6, 6, 8), mark, **TRIM)
        s.part(oval(11, -6, 3, 4.4), look.colour, **INK)
    elif emblem == "crown":
        s.part([(6, 1), (8, -14), (12, -8), (16, -13), (17, 2)], mark, **TRIM)
    else:
        s.part(box(4, -9, 18, -1, 1.5), mark, **TRIM)
        s.line([(6.5, -5), (15.5, -5)], look.colour, 1.6)
    s.part([(-46, 20), (-26, 14.5, -9, 12.5)], width=3, round_=1.3, drop=0, light=-0.15)
    brim = look.second if look.style == "Colour-Block" else None
    s.part([(-12, 14), (6, 6, 27, 9), (48, 12, 51, 23), (50, 28, 42, 26), (22, 18, 0, 21), (-10, 22, -12, 14)], brim,
           round_=3.5, bevel=0.7, drop=0.45)
    for k in (0, 1, 2):
        s.stitch([(-7, 18 - k), (10, 12 - k * 1.4, 26, 16 - k * 2.4), (38, 19 - k * 2, 45 + k, 23 - k * 2)], s.thread(),
                 0.6, 0.5)
    s.part(oval(-9, high, 3, 1.8), brim, **TRIM)


def sunglasses(s: Sketch) -> None:
    """Sunglasses from the front, in the shape that the style says."""
    u, look, y = s.u, s.look, s.u(-6, 2)
    w, h, rim = u(20, 22), u(14, 17), 4.4
    shape: Outline = [(-w, -h * 0.75), (-w, -h, 6 - w, -h), (w - 2, -h * 1.06), (w + 3, -h * 1.1, w + 2, -h * 0.6),
                      (w, h * 0.5, w * 0.55, h), (0, h * 1.25, -w * 0.6, h), (-w * 0.98, h * 0.6, -w, -h * 0.75)]
    if look.style == "Round":
        w = h = u(17.5, 19.5)
        shape, rim = oval(0, 0, w, h), 4.2
    elif look.style == "Aviator":
        shape, rim = [(4 - w, -h * 0.9), (0, -h * 1.1, w - 2, -h * 0.85), (w + 5, -h * 0.4, w, h * 0.4),
                      (w * 0.6, h * 1.35, -w * 0.2, h * 1.15), (-w * 1.05, h * 0.6, 4 - w, -h * 0.9)], 3.6
    x = w + u(3, 4.5)
    glass = s.dice.choice(((52, 48, 54), (70, 52, 44), (48, 62, 74), mix(look.accent, (40, 40, 48), 0.6)))
    s.both([(x + w, y - h * 0.6), (x + w - 6, y + h, x - w * 0.9, y + h * 1.15)], s.tone(-0.25), width=3, round_=1.4)
    s.part([(-x + w * 0.8, y - 4), (0, y - 11, x - w * 0.8, y - 4)], width=rim + 0.8, round_=1.6, bevel=0.7)
    if look.style == "Aviator":
        s.part([(w * 0.3 - x, y - h * 0.95), (x - w * 0.3, y - h * 0.95)], width=2.4, round_=1.2, bevel=0.7)
    for side in (-1, 1):
        lens = moved(shape if side > 0 else mirror(shape), side * x, y)
        s.part(lens, glass, rim=0.1, bevel=-0.4, drop=0)
        s.shade(moved(oval(0, h * 0.7, w * 0.8, h * 0.5), side * x, y), 0.3, None, 4)
        s.shade([(side * x - 10, y + 6), (side * x - 2, y - h + 3)], 0.3, 3.4, 0.8)
        s.shade([(side * x - 4, y + 8), (side * x + 3, y - h + 5)], 0.22, 1.6, 0.6)
        s.part(lens, width=rim, round_=1.8, rim=0.2, bevel=0.8, drop=0.2)
        if look.style == "":
            a, b = side * (x + w), side * (x + w + 4.5)
            s.part([(a - side, y - h * 0.95), (b, y - h), (b, y - h * 0.4), (a, y - h * 0.3)], **TRIM)
            s.line([(a, y - h * 0.72), (a + side * 2, y - h * 0.72)], look.metal, 1.6)


def socks(s: Sketch) -> None:
    """A pair of socks, short or long, one before the other."""
    u, trim = s.u, s.trim()
    s.facing, top = s.dice.choice((1, -1)), u(-56, -48) if u(0, 1) < 0.7 else u(-34, -26)
    for dx, dy, light in ((-21, -4, -0.08), (4, 5, 0.0)):

        def put(*outline: tuple[float, ...], dx: float = dx, dy: float = dy) -> Outline:
            return moved(outline, dx, dy)

        s.part(put((-12, top), (12, top), (11, -10, 13, 14), (18, 22, 30, 28), (44, 36, 37, 49), (32, 55, 22, 51),
                   (2, 45, -8, 40), (-20, 34, -14, 16), (-11, 0, -12, top)), round_=5, light=light, **LEATHER)
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
