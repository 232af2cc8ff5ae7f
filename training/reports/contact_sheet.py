"""The contact sheet: titles drawn at random, and the pictures that each finds first. Draws one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import InputError
from models import read_reduced
from training.data import Item
from training.reports.plots import GREEN, GREY, INK, PALE
from training.reports.same_title import number_titles

QUERIES = 12
HITS = 5

CELL = (120, 160)
"""Width and height of a picture on the sheet: twice that of the small fashion pictures."""
FRAME = 5
"""Width of a hit's frame, in pixels, around the picture."""
GAP = 12
"""Between pictures, in pixels."""
TITLE_WIDTH = 230
MAX_LINES = 7
"""Lines of a title."""
LINE = 20
"""Height of the line below a picture, in pixels."""
HEAD = 64
"""Height of the head of the sheet, in pixels."""


def draw_contact_sheet(
    items: Sequence[Item], image_vectors: np.ndarray, text_vectors: np.ndarray, seed: int = 0
) -> Image.Image:
    """Draw some titles, each with its own picture and the first pictures it finds among those of all V items.

    The titles are drawn at random, whether they find their picture or not. A hit of the same title has a green frame;
    below each hit is its cosine. `cell` says where a picture is.

    Args:
        items: V products.
        image_vectors: (V, D) of unit length.
        text_vectors: (V, D) of unit length.
        seed: of the draw.
    """
    groups = number_titles([item.title for item in items])
    firsts = np.unique(groups, return_index=True)[1]
    queries = np.random.default_rng(seed).permutation(firsts)[:QUERIES]
    hits = min(HITS, len(items))
    right, bottom = cell(len(queries) - 1, HITS)
    sheet = Image.new("RGB", (right + CELL[0] + FRAME + GAP, bottom + CELL[1] + FRAME + LINE + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(size=16), ImageFont.load_default(size=14)

    found = 0
    for row, query in enumerate(queries):
        scores = image_vectors @ text_vectors[query]  # (V,)
        answers = np.argsort(-scores, kind="stable")[:hits]
        found += bool((groups[answers] == groups[query]).any())
        left, top = GAP, cell(row, 0)[1]
        if row:
            draw.line((GAP, top - FRAME - GAP // 2, sheet.width - GAP, top - FRAME - GAP // 2), fill=PALE)
        draw.multiline_text((left, top), _wrapped(items[query].title, large), fill=INK, font=large, spacing=5)
        for column, item in enumerate([query, *answers]):
            x, y = cell(row, column)
            box = (x, y, x + CELL[0] - 1, y + CELL[1] - 1)
            if column and groups[item] == groups[query]:
                draw.rectangle((box[0] - FRAME, box[1] - FRAME, box[2] + FRAME, box[3] + FRAME), fill=GREEN)
            draw.rectangle(box, fill="white")
            _paste(sheet, items[item], (x, y), small)
            if column:
                draw.text(
                    (x + CELL[0] // 2, y + CELL[1] + FRAME + 2), f"{scores[item]:.3f}", INK, font=small, anchor="ma"
                )
    draw.text(
        (GAP, GAP),
        f"{len(queries)} titles drawn at random, the first {hits} of {len(items):,} validation pictures: "
        f"{found} have one of their own title there (green). Below: cosine.",
        INK,
        font=large,
    )
    for column, label in enumerate(["its picture", *(str(n) for n in range(1, hits + 1))]):
        draw.text((cell(0, column)[0] + CELL[0] // 2, HEAD - 24), label, GREY, font=small, anchor="ma")
    return sheet


def cell(row: int, column: int) -> tuple[int, int]:
    """Return the left and upper edge of a picture on the sheet: column 0 is the query's own, then the hits."""
    apart = 2 * GAP if column else 0  # a gap between the query's own picture and its hits
    step = CELL[0] + 2 * FRAME + GAP
    return GAP + TITLE_WIDTH + column * step + apart, HEAD + FRAME + row * (CELL[1] + 2 * FRAME + LINE + GAP)


def _paste(
    sheet: Image.Image, item: Item, corner: tuple[int, int], font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    """Put the item's picture into its cell, in its own aspect; a blank where it cannot be read."""
    try:
        picture = read_reduced(item.read(), (2 * CELL[1], 2 * CELL[0]))
    except (InputError, OSError):
        draw = ImageDraw.Draw(sheet)
        draw.rectangle((*corner, corner[0] + CELL[0] - 1, corner[1] + CELL[1] - 1), fill="#eeeeee")
        draw.text((corner[0] + CELL[0] // 2, corner[1] + CELL[1] // 2), "no picture", GREY, font=font, anchor="mm")
        return
    factor = min(CELL[0] / picture.width, CELL[1] / picture.height)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    shown = picture.resize(size, Image.Resampling.LANCZOS)
    sheet.paste(shown, (corner[0] + (CELL[0] - size[0]) // 2, corner[1] + (CELL[1] - size[1]) // 2))


def _wrapped(title: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Break a title into lines that fit beside the pictures; the rest becomes an ellipsis."""
    width = TITLE_WIDTH - 2 * GAP
    lines = [""]
    for word in title.split():
        if lines[-1] and font.getlength(f"{lines[-1]} {word}") > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1] + " …"]
    for number, line in enumerate(lines):
        while font.getlength(line) > width:  # a single word that is wider than the column
            line = line.removesuffix("…")[:-1] + "…"
        lines[number] = line
    return "\n".join(lines)
