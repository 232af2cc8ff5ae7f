"""How clothes are drawn, one function a kind.

Each is drawn from the back to the front, with a little chance in its proportions; `u` is a number between two bounds.
"""

from __future__ import annotations

from training.demo.canvas import INSIDE, METAL, TRIM, Sketch
from training.demo.details import draw_button, draw_creases, draw_label, draw_print
from training.demo.shapes import PAPER, RGB, Outline, band, box, flat, lightness, mirror, moved, whole

# Outlines are easier to read in rows than one point a line.
# fmt: off


def tshirt(s: Sketch) -> None:
    """A T-shirt: short sleeves, a ribbed neck, a print where the style says so."""
    u, women = s.u, s.look.gender == "Women"
    shoulder, top, bottom = u(25, 28) - 2 * women, -48.0, u(44, 54)
    chest, hem = shoulder - 1, shoulder + u(-2, 1)
    waist = chest - (5 if women else 1) * u(0.6, 1.2)
    neck, deep = u(10, 12) + 2 * women, top + (u(13, 18) if women else u(8, 11))
    out = u(0.75, 1.1) * (13 if women else 17)
    down = out * 1.6
    s.part(whole([(0, top + 3), (neck * 0.6, top + 2.4, neck, top), (neck + 2, deep), (0, deep + 4)]), **INSIDE)
    s.part([(-neck, top), (0, top + 4.5, neck, top)], s.tone(-0.15), width=2.4, round_=1.5, drop=0)
    draw_label(s, top + 4)
    s.both([(shoulder - 9, top + 1), (shoulder + 3, top + 3, shoulder + out, top + 7 + down),
            (shoulder + out - 5, top + 13 + down, shoulder + out - 13, top + 13 + down * 1.05), (chest - 4, top + 34)],
           angle=40)
    neckline: Outline = [(0, deep), (neck * 0.95, deep, neck, top)]
    if u(0, 1) < 0.3:
        neckline = [(0, deep + 5), (neck * 0.7, deep - 3, neck, top)]
    armhole: Outline = [(shoulder, top + 4.5), (shoulder - 5, top + 18, chest, top + 32)]
    s.part(whole([*neckline, *armhole, (waist, top + 52, waist, 4), (waist + 1, bottom - 12, hem, bottom - 2),
                  (hem * 0.6, bottom + 1, 0, bottom + 1)]))
    draw_creases(s, chest, top, bottom)
    s.shade(armhole, -0.25, 1.6, 0.8)
    s.shade(mirror(armhole), -0.25, 1.6, 0.8)
    s.stitch([(-hem, bottom - 4.5), (0, bottom - 1.5, hem, bottom - 4.5)], s.seam(), 0.6, 0.5)
    printed = s.look.style == "Printed"
    rib = s.look.accent if printed and u(0, 1) < 0.5 else s.tone(-0.14)
    s.part([*reversed(flat(mirror(neckline))), *flat(neckline)], rib, width=2.8, round_=1.4, rim=0.1, drop=0.2)
    if printed:
        draw_print(s, top + 38)


def shirt(s: Sketch) -> None:
    """A shirt with a collar and buttons, its sleeves long or short."""
    u, women = s.u, s.look.gender == "Women"
    shoulder, top, bottom, neck = u(23, 25) - 2 * women, -50.0, u(44, 50), 9.0
    chest = shoulder - 1
    waist, hem = chest - (4 if women else 1), chest + u(0, 2)
    s.part(whole([(0, top - 5), (neck, top - 5, neck, top), (neck, top + 12), (0, top + 14)]), **INSIDE)
    draw_label(s, top - 1)
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
    s.part(whole([(0, top + 12), (neck + 1, top - 2), (shoulder, top + 4.5), (shoulder - 4, top + 18, chest, top + 34),
                  (waist, top + 54, waist, 4), (waist + 1, bottom - 14, hem, bottom - 10),
                  (hem - 4, bottom - 2, hem * 0.5, bottom, 0, bottom + 2)]))
    draw_creases(s, chest, top, bottom - 6)
    s.part(box(-3.2, top + 11, 3.2, bottom + 1), round_=1.6, rim=0.14)
    button = PAPER if lightness(s.look.colour) < 0.8 else s.trim()
    for i in range(6):
        draw_button(s, 0, top + 19 + i * (bottom - top - 24) / 6, 1.5, button)
    if not women and u(0, 1) < 0.6:
        s.part([(8, top + 32), (18, top + 32), (18, top + 43), (13, top + 46), (8, top + 43)], **TRIM)
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
        s.part(whole([(0, top + 15), (12, top + 15), (12, top + 22), (0, top + 24)]), **INSIDE)
        s.both([(9, top + 18), (9, top + 6, 10.5, top)], width=2.4, round_=1.2)
        edge: Outline = [(0, top + 21), (6, top + 15, 10, top + 16), (chest - 4, top + 17, chest, top + 27)]
    else:
        s.part(whole([(0, top + 3), (neck, top), (neck + 2, deep), (0, deep + 4)]), **INSIDE)
        draw_label(s, top + 4)
        s.part([(-neck, top), (0, top + 4, neck, top)], s.tone(-0.15), width=1.8, round_=1, drop=0)
        edge = [(0, deep), (neck, deep, neck, top), (chest + 2, top + 4), (chest - 3, top + 14, chest, top + 27)]
    if cut == "sleeves":
        s.both([(chest - 6, top + 1), (chest + 9, top + 4, chest + 13, top + 21), (chest + 2, top + 26),
                (chest - 4, top + 26)], angle=30)
    s.part(whole([*edge, (waist + 1, low - 14, waist, low + 2), (0, low + 4)]), round_=3.5)
    for side in (-1, 1):
        s.folds([(side * chest, top + 32), (side * 9, top + 36, side * 5, low - 4)], amount=0.1)
    s.part(whole([(0, low), (waist, low - 1), (waist + 3, low + 14, flare, bottom - 5),
                  (flare * 0.75, bottom + 3, flare * 0.4, bottom - 1), (flare * 0.2, bottom - 2, 0, bottom + 1)]))
    for k in (-0.75, -0.45, -0.15, 0.15, 0.45, 0.75):
        x = k + u(-0.08, 0.08)
        s.folds([(x * waist, low + u(3, 9)), (x * waist * 1.2, low + 20, x * flare, bottom)], amount=0.22)
    if s.look.style == "Maxi":
        s.stitch([(4 - flare, bottom - 16), (0, bottom - 9, flare - 4, bottom - 16)], s.seam())
    belt = s.look.accent if u(0, 1) < 0.55 else s.tone(-0.2)
    s.part(band(waist + 0.3, low - 1.8, 1.5, 3.8), belt, **TRIM)
    if cut != "straps" and u(0, 1) < 0.5:
        s.both([(0, low + 2), (7, low - 4), (8, low + 4)], belt, **TRIM)


def skirt(s: Sketch) -> None:
    """A skirt: pleated where the style says so, else flared or narrow."""
    u, top, waist = s.u, -40.0, s.u(17, 20)
    cut = s.look.style if s.look.style == "Pleated" else s.dice.choice(("flared", "flared", "pencil"))
    bottom, flare = (u(38, 54), waist + u(4, 7)) if cut == "pencil" else (u(26, 50), waist + u(15, 24))
    s.part(whole([(0, top - 2), (waist - 1, top - 2, waist, top), (waist, top + 4), (0, top + 5)]), **INSIDE)
    if cut == "Pleated":
        hem = [(x * flare, bottom - 4 * x * x + rise)
               for i in range(9) for x, rise in (((2 * i - 9) / 9, 2.5), ((2 * i - 7) / 9, -1.0))]
        s.part([(-waist, top), (0, top + 4, waist, top), (waist + 4, top + 20, *hem[-1]), *reversed(hem),
                (-waist - 4, top + 20, -waist, top)])
        for k in (2 * i / 9 - 1 for i in range(1, 9)):
            s.shade([(k * waist, top + 6), (k * (waist + 4), top + 22, k * flare, bottom - 2)], -0.34, 1.6, 0.7)
            s.shade([(k * waist + 2, top + 6), (k * waist + 3, top + 22, k * flare + 3.6, bottom - 2)], 0.16, 2.6, 1)
    elif cut == "pencil":
        s.part(whole([(0, top + 4), (waist, top), (waist + 7, top + 20, flare, bottom - 1), (0, bottom + 1)]))
    else:
        s.part(whole([(0, top + 4), (waist, top), (waist + 7, top + 18, flare, bottom - 6),
                      (flare * 0.7, bottom + 2, flare * 0.35, bottom - 1), (flare * 0.15, bottom - 2, 0, bottom + 1)]))
    if cut == "pencil":
        s.folds([(-4, bottom), (-3, bottom - 16)], [(flare - 6, top + 30), (flare - 10, bottom)])
        s.line([(0.5, bottom + 1), (0, bottom - 14)], s.seam(), 0.9, 0.8)
    elif cut == "flared":
        for k in (-0.8, -0.45, -0.1, 0.25, 0.6):
            x = k + u(-0.08, 0.08)
            s.folds([(x * waist, top + u(8, 16)), (x * (waist + 8), top + 30, x * flare, bottom)], amount=0.22)
    s.part(band(waist + 0.6, top - 0.5, 2.2, 5.5), s.look.accent if u(0, 1) < 0.3 else s.tone(-0.12), **TRIM)
    if u(0, 1) < 0.5:
        draw_button(s, 0, top + 4, 1.7, s.look.metal)


def _legs(s: Sketch, top: float, bottom: float, waist: float, ankle: float, spread: float) -> None:
    """Draw trousers of any length; `spread` is how far from the middle a leg of width `ankle` ends."""
    u, seam, hip, crotch = s.u, s.seam(), waist + s.u(3, 5), top + s.u(38, 42)
    inner, outer, knee = spread - ankle / 2, spread + ankle / 2, (crotch + bottom) / 2
    s.part(whole([(0, top - 1.5), (waist - 1, top - 2, waist, top), (waist, top + 4), (0, top + 5)]), **INSIDE)
    s.part(whole([(0, top + 3), (waist, top), (hip, top + 20),
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
    s.part(band(waist + 0.6, top - 0.5, 2, 6), s.tone(-0.08), **TRIM)


def trousers(s: Sketch) -> None:
    """Trousers with wide or narrow legs."""
    u, top = s.u, -66.0
    wide = u(0, 1) < 0.3
    _legs(s, top, u(60, 66), u(17, 19), u(17, 21) if wide else u(10.5, 13), u(15, 19) if wide else u(11, 14))
    s.both(box(9, top + 0.5, 11, top + 8), s.tone(-0.05), **TRIM)
    draw_button(s, 0, top + 6, 1.7, s.look.metal)


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
        s.part(arm if side > 0 else mirror(arm), angle=12 * side)
        a = side * shoulder
        s.folds([(a + side, top + 46), (a + side * 6, top + 44, a + side * 10, top + 38)])
        for i in range(puffs):
            b, k = top + 22 + i * 13, side * i * 2
            crease = [(a + k - side * 10, b + 4), (a + k + side * 4, b + 4, a + k + side * 16, b - 2)]
            s.shade(crease, -0.32, 1.6, 0.8)
            s.shade(moved(crease, 0, 4), 0.16, 4, 1.6)
    s.both(end, cuff, angle=12, round_=1.8)


def jacket(s: Sketch) -> None:
    """A jacket with a zip, in puffs where the style is quilted."""
    u, quilted = s.u, s.look.style == "Quilted"
    shoulder, top, bottom = u(25, 27) - 2 * (s.look.gender == "Women"), -48.0, u(34, 42)
    rib = None if quilted else s.look.accent if u(0, 1) < 0.5 else s.tone(-0.25)
    _arms(s, shoulder, top, rib, 4 if quilted else 0)
    s.part(whole([(0, top - 7), (10, top - 7, 11, top), (8, top + 18), (0, top + 22)]), **INSIDE)
    s.part(whole([(0, top + 2), (9, top - 2), (shoulder + 1, top + 4), (shoulder - 3, top + 18, shoulder, top + 34),
                  (shoulder + 1, 6, shoulder - 1, bottom), (0, bottom + 2)]), round_=5)
    if quilted:
        for y in (top + 6 + i * (bottom - top - 8) / 6 for i in range(1, 6)):
            for side in (-1, 1):
                crease: Outline = [(0, y + 2), (side * shoulder / 2, y + 3, side * (shoulder + 3), y)]
                s.shade(crease, -0.42, 1.5, 0.7)
                s.shade(moved(crease, 0, 4.5), 0.2, 5, 1.8)
    else:
        draw_creases(s, shoulder, top, bottom)
        s.part(band(shoulder - 0.4, bottom - 4, 1, 7), rib, round_=2.2)
        for x in range(-22, 23, 3):
            s.shade([(x, bottom - 4), (x, bottom + 5)], -0.2, 0.7, 0.4)
        for side in (-1, 1):
            s.line([(side * 11, 12), (side * 19, 24)], s.seam(), 1.8, 0.9)
            s.line([(side * 11, 12), (side * 19, 24)], s.look.metal, 0.7)
    s.line([(0, top + 4), (0, bottom + 4)], s.tone(-0.5), 3, 0.8)
    s.stitch([(0, top + 4), (0, bottom + 4)], s.look.metal, 1.5, 1)
    s.part(box(-1.3, top + 18, 1.3, top + 24, 1), s.look.metal, **METAL)
    s.both([(0.6, top + 10), (1, top + 1), (9, top - 8), (13, top - 1), (8, top + 5)], rib, round_=2.5, drop=0.35)


def sweatshirt(s: Sketch) -> None:
    """A sweatshirt with a hood and a pocket, a print where the style says so."""
    u, look = s.u, s.look
    shoulder, top, bottom, rib = u(25, 28) - 2 * (look.gender == "Women"), -44.0, u(40, 46), s.tone(-0.18)
    _arms(s, shoulder, top, rib)
    s.part(whole([(0, top - 16), (15, top - 17, 18, top - 2), (18, top + 6, 10, top + 14), (0, top + 18)]), round_=5)
    s.part(whole([(0, top + 16), (9, top + 8), (13, top + 1), (shoulder, top + 4.5),
                  (shoulder - 4, top + 18, shoulder, top + 34), (shoulder + 1, 6, shoulder - 1, bottom),
                  (0, bottom + 2)]), round_=5)
    draw_creases(s, shoulder, top, bottom)
    s.part(whole([(0, top - 10), (11, top - 10, 12, top), (9, top + 10, 0, top + 15)]),
           look.accent if u(0, 1) < 0.6 else s.tone(-0.4), rim=0.5, bevel=-0.3, drop=0.1)
    s.both([(1, top - 11), (13, top - 10, 12.5, top), (10, top + 10, 0, top + 16)], width=3.4, round_=1.6)
    s.part(whole([(0, bottom - 32), (11, bottom - 32), (19, bottom - 19), (19, bottom - 6), (0, bottom - 5)]),
           round_=2.5, drop=0.3)
    s.part(band(shoulder - 0.4, bottom - 3, 1, 7), rib, round_=2.2)
    for side in (-1, 1):
        x, y = u(4, 7), top + u(28, 36)
        s.stitch([(side * 12, bottom - 30), (side * 18, bottom - 18.5)], s.seam())
        s.part([(side * 4, top + 14), (side * 7, top + 22, side * x, y)],
               PAPER if lightness(look.colour) < 0.7 else look.accent, width=1.7, round_=0.8, drop=0.4)
    if look.style == "Printed":
        draw_print(s, top + 40)
