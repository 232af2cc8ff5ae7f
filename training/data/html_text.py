"""Markup in the cells of a table: HTML and its entities become the text that a browser shows.

Knows no column. What only looks like markup (`5 < 6`, `T<3`, `AT&T`) stays as it is.
"""

from __future__ import annotations

import html
import re
from functools import partial

_INLINE = (
    "a abbr acronym b bdi bdo big center cite code data del dfn em font i ins kbd label mark q s samp small span "
    "strike strong sub sup time tt u var wbr"
)
_BLOCK = (
    "address article aside blockquote body br button caption col colgroup dd details dialog div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html img input legend li link main menu "
    "meta nav object ol optgroup option p param picture pre section select source summary table tbody td textarea "
    "tfoot th thead title tr track ul video audio canvas map area embed"
)
_HIDDEN = "script style noscript template svg math iframe"
_ALL = "|".join(sorted(f"{_INLINE} {_BLOCK} {_HIDDEN}".split(), key=len, reverse=True))
# An attribute has a value, or is one of those that need none: "a < b and c > d" holds no tag.
_BARE = "allowfullscreen|async|autoplay|checked|compact|controls|default|defer|disabled|hidden|loop|muted|nowrap|open"
_ATTRIBUTE = rf"""(?:[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]*)|(?:{_BARE})\b)"""
_TAG = re.compile(rf"<(/?)({_ALL}|[ovwm]:\w+|st1:\w+)(?:[\s/]+{_ATTRIBUTE})*[\s/]*>", re.IGNORECASE)
_CUT = re.compile(rf"<(?:/?(?:{_ALL}))\s+[\w:.-]+\s*=[^<>]*$", re.IGNORECASE)
_CONTENT = re.compile(
    rf"<({'|'.join(_HIDDEN.split())})(?:\s+{_ATTRIBUTE})*\s*>.*?(?:</\1\s*>|$)"
    r"|<!--.*?(?:-->|$)|<!doctype[^>]*>|<\?xml.*?\?>",
    re.IGNORECASE | re.DOTALL,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|$)", re.DOTALL)
# With a semicolon any entity; without, those that shops cut by hand, where no name goes on (AT&T, ?a=1&copy=2).
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|&(?:amp|lt|gt|quot|nbsp|#\d{2,5})(?![\w=;])"
)
_SPACED = frozenset(_BLOCK.split())
_LETTERS = frozenset("abiqsu")
_ROUNDS = 4
"""How often text may have been escaped: `&amp;amp;amp;amp;`."""


def plain_text(text: str) -> str:
    """Return the text of HTML in one line: tags gone, block tags as spaces, entities decoded however often escaped."""
    for _ in range(_ROUNDS):
        if "<" not in text and "&" not in text:
            break
        before = text
        if "<" in text:
            text = _CDATA.sub(r"\1", text)
            text = _CONTENT.sub(" ", text)
            closed = "</" in text
            text = _TAG.sub(partial(_space, closed=closed), text)
            text = _CUT.sub("", text)
        text = _ENTITY.sub(_decoded, text)
        if text == before:
            break
    return " ".join(text.split())


def _space(tag: re.Match[str], closed: bool) -> str:
    """Return what stands for a tag: words on both sides of a block tag are two words.

    "T-shirt <S>" names a size: a letter that nothing in the text closes is no tag.
    """
    if not closed and tag[0][1:-1].lower() in _LETTERS:
        return tag[0]
    return " " if tag[2].lower() in _SPACED else ""


def _decoded(entity: re.Match[str]) -> str:
    text = entity[0] if entity[0].endswith(";") else f"{entity[0]};"
    decoded = html.unescape(text)
    # A number beyond Unicode is no character; a title has no use for control characters and soft hyphens.
    if decoded == text:
        return entity[0]
    return "".join(c if c.isprintable() or c.isspace() else "" for c in decoded if c != "\ufffd")
