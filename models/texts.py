"""What an encoder reads of a text: how it looks, so that texts that look the same have one vector. Knows no model."""

from __future__ import annotations

import re
import unicodedata

from common import UNSEEN

_UNSEEN = re.compile(f"[{UNSEEN}]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_ALIKE: dict[int, str] = {
    **{wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},  # of the full width that East Asian keyboards type
    **dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-"),
}
"""Signs that look like one on every keyboard. Others, such as \u2122, have a look of their own and stay."""


def plain(text: str) -> str:
    """Return `text` as it looks: single spaces, nothing that is not seen, one sign of those that look alike.

    Empty where nothing can be seen. Lone surrogates, which JSON lets through, become a replacement sign.
    """
    text = _CONTROL.sub(" ", _UNSEEN.sub("", text.encode("utf-8", "replace").decode("utf-8")))
    return " ".join(unicodedata.normalize("NFC", text).translate(_ALIKE).split())
