"""How shoes and bags are drawn, one function a kind.

Each is drawn from the back to the front, with a little chance in its proportions; `u` is a number between two bounds.
"""

from __future__ import annotations

from training.demo.canvas import INK, INSIDE, LEATHER, METAL, TRIM, Sketch
from training.demo.details import draw_button
from training.demo.shapes import DARK, PAPER, RGB, Outline, box, lightness, mirror, mix, moved, oval, turned, whole

INSOLE: RGB = (217, 195, 160)

# Outlines are easier to read in rows than one point a line.
# fmt: off


def sneaker(s: Sketch) -> None:
    """One casual shoe from its side, over the ankle where the style is high-top."""
    u, look, high = s.u, s.look, s.look.style == "High-Top"
    s.facing, s.floor = s.dice.choice((1, -1)), 25
    rise, back, trim = u(-46, -40) if high else u(-20, -16), -42.0, s.trim()
    pale = lightness(look.colour) > 0.6
    s.part([(-8, rise + 4), (2, rise - 8, 10, rise - 6), (12, rise + 4), (18, 0), (-4, 6)], s.tone(-0.25), round_=3)
    s.part([(back + 4, rise + 2), (-16, rise + 9, 4, rise + 2), (4, rise + 12), (back + 4, rise + 10)],
           mix(trim, (0, 0, 0), 0.25), drop=0)
    s.part([(back + 1, rise - 2), (-24, rise + (5 if high else 10), -6, rise + 6), (6, rise - 1),
            (16, -6 if high else -8, 25, -4), (46, -2, 47, 14), (47, 20), (back - 1, 20),
            (back - 4, 4, back + 1, rise - 2)], round_=5, **LEATHER)
    s.folds([(26, 2), (31, 6, 30, 14)], amount=0.12)
    s.part([(33, -3), (30, 8, 34, 18), (47, 18), (47, 4, 33, -3)], s.tone(-0.1 if pale else 0.12), round_=3, drop=0.2)
    s.part([(back, rise - 1), (back + 8, rise + 3), (back + 10, 4, back + 8, 16), (back - 2, 16),
            (back - 4, 4, back, rise - 1)], trim, round_=2.5, drop=0.2)
    if u(0, 1) < 0.5:
        s.part([(-24, 16), (-16, 2, 2, -4), (6, -1), (-10, 4, -16, 16)], trim, **TRIM)
    else:
        s.part(oval(-16, 4, 6.5, 6.5), trim, **TRIM)
        s.part(oval(-16, 4, 3.4, 3.4), look.colour, **TRIM)
    s.stitch([(-6, rise + 9), (2, 0, 10, 12)], s.thread())
    s.stitch([(back + 11, 6), (-20, 15, 8, 15)], s.thread(), 0.6, 0.5)
    count = 6 if high else 4
    for k in ((i + 0.3) / count for i in range(count)):
        x, y = 4 + 18 * k**1.2, rise + 5 - (rise + 8) * k
        s.part([(x - 6, y + 4.5), (x - 1, y, x + 4, y - 0.5)], trim if pale else PAPER, width=1.9, round_=1, drop=0.4)
    s.part([(back - 3, 15), (0, 18, 30, 16), (46, 14, 50, 13), (51, 22, 45, 25), (back, 25),
            (back - 4, 24, back - 3, 15)], PAPER if u(0, 1) < 0.75 else DARK, round_=2.5, drop=0.3)
    s.line([(back - 2, 20), (0, 22, 30, 20.5), (42, 20, 49.5, 18)], look.accent, 1.3)
    s.line([(back, 24.6), (45, 24.6)], DARK, 1.2, 0.8)


def heels(s: Sketch) -> None:
    """One shoe with a heel from its side, plain, with a strap or a bow."""
    u, look, lift = s.u, s.look, s.u(-26, -18)
    s.facing, s.floor = s.dice.choice((1, -1)), 33
    toe, heel = u(44, 49), 5.5 if u(0, 1) < 0.3 else 1.6
    decor = s.dice.choice(("strap", "strap", "bow", ""))
    if decor == "strap":
        s.part(oval(-25, lift - 5, 12.5, 4.5), s.tone(-0.3), width=2.2, round_=1.2)
    s.part([(-37, lift - 8), (-28, lift + 3, -22, lift + 8), (-11, 15, 4, 15), (14, 15, 21, 6), (16, 22), (-6, 24),
            (-28, lift + 16)], mix(look.colour, INSOLE, 0.6), rim=0.35, bevel=0)
    s.part([(-38, lift + 12), (-24, lift + 18), (-30, lift + 30, heel - 34, 33), (-35 - heel * 0.4, 33),
            (-37, lift + 30, -38, lift + 12)], s.tone(-0.12), round_=2.5, bevel=0.6)
    s.part([(-36, lift + 14), (-20, lift + 18, -10, 24, 10, 31), (38, 32, 47, 30), (46, 34, 36, 33.6), (8, 34),
            (-14, 27, -22, lift + 24, -34, lift + 21)], look.accent if u(0, 1) < 0.5 else DARK, round_=2, drop=0.1)
    s.part([(-37, lift - 8), (-32, lift + 4, -26, lift + 11), (-14, 20, 2, 20), (14, 20, 21, 8), (26, 5),
            (36, 16, toe, 28), (toe, 31, toe - 4, 31.4), (10, 31.5), (-10, 26, -20, lift + 19, -36, lift + 16),
            (-42, lift + 6, -37, lift - 8)], **LEATHER)
    s.shade([(28, 13), (36, 18, 42, 26)], 0.5, 2.4, 1.2)
    s.shade([(-37, lift), (-36, lift + 8)], 0.35, 2, 1)
    if decor == "strap":
        s.part(oval(-25, lift - 5, 12.5, 4.5, 0, 180), width=2.6, round_=1.3, bevel=0.6, drop=0.2)
        s.part(oval(-17, lift - 1.6, 1.9, 1.9), look.metal, **METAL)
    elif decor == "bow":
        for x in (18, 32):
            s.part([(25, 8), (x, 3), (x, 12)], s.trim(), **TRIM)
        draw_button(s, 25, 8, 1.7, s.trim())


def flip_flops(s: Sketch) -> None:
    """A pair of flip-flops, from above."""
    u, look, strap = s.u, s.look, s.trim()
    tilt, w = u(3, 9), u(15.5, 17.5) - 1.5 * (look.gender == "Women")
    edge = mix(look.second, look.colour, 0.25) if u(0, 1) < 0.5 else s.tone(-0.35)
    sole: Outline = [(-2, -52), (w - 2, -54, w + 1, -26), (w + 1, -10, w - 5, 8), (w - 4, 24, w - 4, 34),
                     (w - 5, 51, 0, 51), (5 - w, 51, 4 - w, 34), (5 - w, 20, 2 - w, 2), (-w - 3, -16, 1 - w, -32),
                     (5 - w, -52, -2, -52)]
    for side in (-1, 1):

        def put(outline: Outline, side: int = side) -> Outline:
            return moved(turned(outline if side > 0 else mirror(outline), tilt * side), side * 21, side * 2)

        s.part(put(moved(sole, 0, 3)), edge, round_=2)
        s.part(put(sole), round_=3, rim=0.16, drop=0.2)
        s.shade(put(oval(0, 36, 6, 8)), -0.1, None, 3)
        s.shade(put(oval(0, -30, 8, 10)), -0.1, None, 3)
        if look.style == "Printed":
            spots = ((-5, -42), (6, -38), (-7, -20), (8, -18), (0, 16), (-5, 28), (5, 34), (-1, 44))
            for i, (x, y) in enumerate(spots):
                s.part(put(oval(x, y, 3, 3)), look.second if i % 2 else strap, **INK)
        else:
            s.stitch(put([(w - 4, -28), (w - 8, 8, w - 8, 34), (w - 9, 46, 0, 46), (9 - w, 46, 8 - w, 34)]), s.thread())
        s.part(put([(-1, -34), (-8, -26, 1 - w, 0)]), strap, width=5, round_=1.8, bevel=0.6, drop=0.4)
        s.part(put([(-1, -34), (8, -28, w - 3, -2)]), strap, width=5, round_=1.8, bevel=0.6, drop=0.4)
        s.part(put(oval(-1, -34, 2.6, 3.2)), mix(strap, (0, 0, 0), 0.15), **TRIM)


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
        s.part(moved(handle, 3, -4), mix(leather, (0, 0, 0), 0.3), width=3.6, round_=1.6)
        s.part(whole([(0, high - 3), (top, high - 2), (top, high + 4), (0, high + 5)]), **INSIDE)
    else:
        s.part(handle, leather, width=4, round_=1.8, bevel=0.6)
    s.part(whole([(0, high), (top - 4, high), (top, high, top + 0.5, high + 5), (wide, low - 8),
                  (wide, low, wide - 8, low), (0, low + 0.5)]), round_=6, **LEATHER)
    if look.style == "Quilted":
        for x, slant in ((x, slant) for x in range(-70, 71, 10) for slant in (-32, 32)):
            s.shade([(x - slant, high - 4), (x + slant, low + 4)], -0.36, 1, 0.5)
            s.shade([(x - slant + 1.6, high - 3), (x + slant + 1.6, low + 5)], 0.16, 1.6, 0.8)
    else:
        s.shade([(9 - wide, low - 12), (6 - top, high + 10)], 0.16, 6, 4)
        s.folds([(-9, low - 3), (-12, low - 18, -8, low - 26)], [(14, low - 3), (17, low - 16)], amount=0.1)
    if cut == "flap":
        mid = high + u(24, 30)
        s.part(whole([(0, high - 1), (top - 3, high - 1), (top + 1.5, high, top + 2, high + 7),
                      (top + 1, mid, 10, mid + 2), (0, mid + 3)]), drop=0.45, light=0.03)
        s.stitch([(-top, high + 8), (2 - top, mid - 4, -9, mid - 1), (0, mid), (9, mid - 1),
                  (top - 2, mid - 4, top, high + 8)], s.thread())
        s.part(box(-5, mid - 4, 5, mid + 6, 1.5), look.metal, **METAL)
        s.line(oval(0, mid + 1, 1.6, 1.6), DARK, 1.2)
        s.both(oval(19, high + 1, 2, 2), look.metal, **METAL)
        return
    if cut == "zip":
        s.part([(2 - top, high + 4), (top - 2, high + 4)], leather, width=4.4, round_=1.5)
        s.stitch([(3 - top, high + 4), (top - 3, high + 4)], look.metal, 1.4, 1)
        s.part([(top - 6, high + 5), (top - 4, high + 18)], leather, width=3.2, **TRIM)
        s.both([(wide - 1, low - 18), (wide - 10, low - 10, wide - 14, low), (wide - 6, low), (wide, low - 6)], leather,
               round_=3, drop=0.2)
    else:
        s.part(handle, leather, width=3.8, round_=1.7, bevel=0.6)
        s.part(box(-6, high + 22, 6, high + 27, 1), look.metal, **METAL)
    s.both([(19, high + 16), (19, high + 2)], leather, width=4.4, **TRIM)
    s.both(oval(19, high + 14, 2, 2), look.metal, **METAL)


def backpack(s: Sketch) -> None:
    """A backpack that stands, seen from its pocket's side."""
    u, look, web, trim = s.u, s.look, s.tone(-0.35), s.trim(s.tone(-0.4))
    s.floor = 58
    w, top, low, y = u(31, 35), u(-48, -42), 57.0, u(6, 12)

    def zipper(teeth: Outline, x: float, y: float) -> None:
        s.line(teeth, s.tone(-0.5), 2.4, 0.9)
        s.stitch(teeth, look.metal, 1.1, 1)
        s.part([(x, y), (x, y + 8)], trim, width=2.1, **TRIM)

    s.part([(-6, top + 2), (-6, top - 11, 6, top - 11, 6, top + 2)], web, width=3.4, round_=1.5)
    s.both([(w - 8, top + 14), (w + 14, top + 20, w + 9, 18), (w + 6, 36, w - 2, 44)], web, width=6, round_=2)
    s.both([(w - 6, 20), (w + 5, 22, w + 4, 38), (w + 4, low - 2), (w - 8, low - 1)], s.tone(-0.14), round_=3)
    s.part(whole([(0, top - 1), (w - 4, top - 1, w - 1, top + 24), (w + 1, 20), (w + 1, low - 8),
                  (w + 1, low, w - 8, low), (0, low + 0.5)]), round_=7, **LEATHER)
    zipper([(6 - w, 6), (5 - w, top + 7, 0, top + 7), (w - 5, top + 7, w - 6, 6)], w - 6.5, 5)
    if u(0, 1) < 0.5:
        s.part(box(-8, top + 18, 8, top + 28, 2), trim, **TRIM)
        s.line([(-4.5, top + 23), (4.5, top + 23)], PAPER, 1.6, 0.9)
    else:
        s.part(oval(0, top + 23, 6.5, 6.5), trim, **TRIM)
        s.part([(-3, top + 26), (0, top + 19), (3, top + 26)], PAPER, **INK)
    s.part(whole([(0, y), (w - 11, y), (w - 6, y, w - 6, y + 6), (w - 5, low - 10), (w - 6, low - 4, w - 11, low - 4),
                  (0, low - 4)]), look.second if look.style == "Colour-Block" else None, bevel=0.5, drop=0.4)
    zipper([(9 - w, y + 8), (w - 9, y + 8)], w - 14, y + 8)
    s.stitch([(10 - w, low - 7.5), (w - 10, low - 7.5)], s.thread(), 0.7, 0.6)
