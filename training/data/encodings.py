"""From the bytes of a table to text: which encoding they are in, by evidence over the whole file.

Knows characters only, neither columns nor rows.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

UNREADABLE = "\udc80"
"""Stands in the text for bytes that no encoding explains: a lone surrogate, which no well-formed text has."""
_MARKS = (  # the mark of UTF-32 LE begins with that of UTF-16 LE
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_SINGLE = {  # of several that fit alike, the first is taken: it is what Excel writes
    "cp1252": "Windows-1252",
    "iso8859-15": "ISO 8859-15",
    "mac-roman": "Mac Roman",
    "cp850": "DOS code page 850",
    "cp1250": "Windows-1250",
    "iso8859-2": "ISO 8859-2",
    "cp1254": "Windows-1254",
    "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R",
    "iso8859-5": "ISO 8859-5",
    "cp866": "DOS code page 866",
    "cp1253": "Windows-1253",
}
_WIDE = {"cp932": "Shift JIS", "gb18030": "GB 18030", "big5hkscs": "Big5", "cp949": "EUC-KR", "euc_jp": "EUC-JP"}
_CLOSE = 0.02
"""Scores that differ by less are the same; the languages then decide."""
_EVIDENCE = 400
"""Distinct words that are weighed at most, the most frequent first."""
_WORDS = re.compile(rb"[^\s,;|]{0,15}[\x80-\xff][^\s,;|]{0,15}")
_SOUND = re.compile(rb"[\xc3-\xc5\xce-\xd1][\x80-\xbf](?![\x80-\xbf])|[\xe2-\xed][\x80-\xbf]{2}")
"""Characters in UTF-8 that are seldom two or three of an older encoding."""
_RARE = frozenset("þÞðÐýÝ")
_SIGNS = frozenset("“”„‚‘’–—…•€£©®™°²³½¼¾×«»¿¡º\xa0")
_ALPHABETS = (  # letters beside a to z: German, French, Spanish, Portuguese, Italian, Nordic, Estonian, Polish, …
    *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúüçàèïò", "áâãàçéêíóôõú", "àèéìíòóù", "æøåéäö", "áðéíóúýþæö", "äõöüšž"),
    *("ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çğıöşüâîi̇"),
    *("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш"),
    "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώϊϋΐΰ",
)


class Decoded(NamedTuple):
    """A text whose lines end in a line feed, and the encoding it was in.

    `older` are the numbers (from 1) of lines that were not UTF-8 in a file that is otherwise; `name` is theirs then.
    """

    text: str
    name: str
    older: frozenset[int] = frozenset()


def decode(data: bytes) -> Decoded:
    """Return a table as text: by its byte-order mark, as UTF-8, or in the older encoding that fits its words best.

    UTF-16 without a mark is known by its NUL bytes. Lines of two encodings in one file are read each in its own.
    Bytes that fit none become `UNREADABLE`.
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            if codec != "utf-8":
                return Decoded(_lines(_decoded(data[len(mark) :], codec)), name)
            data = data[len(mark) :]
            break
    if wide := _wide_codec(data):
        return Decoded(_lines(_decoded(data, wide)), "UTF-16")
    try:
        return Decoded(_lines(data.decode()), "UTF-8")
    except UnicodeDecodeError:
        return _decode_older(data)


def _decode_older(data: bytes) -> Decoded:
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    texts: list[str | None] = [_utf8(line) for line in lines]
    strange = [place for place, text in enumerate(texts) if text is None]
    utf8 = sum(not line.isascii() for line in lines) - len(strange)
    if utf8 >= len(strange):
        for place in strange:
            texts[place] = _cut(lines[place])
        strange = [place for place in strange if texts[place] is None]
        if not strange:
            return Decoded("\n".join(text or "" for text in texts), "UTF-8")
    codec, name = guess([lines[place] for place in strange])
    if codec in _WIDE and utf8 < len(strange):  # pairs of bytes are UTF-8 by chance now and then
        return Decoded(_lines(_decoded(data, codec)), name)
    found = [_decoded(line, codec) if text is None else text for line, text in zip(lines, texts, strict=True)]
    return Decoded("\n".join(found), name, frozenset(place + 1 for place in strange) if utf8 else frozenset())


def guess(lines: Sequence[bytes]) -> tuple[str, str]:
    """Return (codec, name) of the older encoding that explains `lines` best; Windows-1252 where nothing decides."""
    spread = lines[:: max(1, len(lines) // 50_000)]
    words = Counter(word for line in spread for word in _WORDS.findall(line))
    weighed = dict(words.most_common(_EVIDENCE))
    shown: Counter[int] = Counter()
    for word, count in words.items():  # a sign that stands in one word only may decide
        if any(shown[byte] < 3 for byte in word if byte > 127):
            weighed[word] = count
            shown.update(set(word))
    scores = {codec: _score((_decoded(word, codec), count) for word, count in weighed.items()) for codec in _SINGLE}
    sample = b"\n".join(lines[:: max(1, len(lines) // 2_000)])
    for codec in _WIDE:
        try:
            scores[codec] = _score([(sample.decode(codec), 1)])
        except UnicodeDecodeError:
            continue
    best = max(scores.values())
    close = [codec for codec in scores if scores[codec] >= best - _CLOSE]
    chosen = close[0]
    if len({_decoded(sample, codec) for codec in close}) > 1:
        chosen = max(close, key=lambda codec: _coverage(_decoded(sample, codec)))
        if chosen in _WIDE:
            from charset_normalizer import from_bytes

            match = from_bytes(sample, cp_isolation=close).best()
            asked = codecs.lookup(match.encoding).name if match is not None and match.coherence > 0 else ""
            chosen = next((codec for codec in close if codecs.lookup(codec).name == asked), chosen)
    return chosen, (_SINGLE | _WIDE)[chosen]


def _score(texts: Iterable[tuple[str, int]]) -> float:
    """Return how much texts look like words of people: 1 at best; for each character that is not ASCII."""
    total = weight = native = 0.0
    for text, count in texts:
        for place, char in enumerate(text):
            if not char.isascii():
                before, after = text[place - 1 : place], text[place + 1 : place + 2]
                total += count * _fits(before, char, after)
                weight += count
                # Chinese characters come out of any pairs of bytes; kana and Hangul do not.
                native += count * ("\u3041" <= char <= "\u30fa" or "\uac00" <= char <= "\ud7a3")
        for run in re.findall(r"[\x80-\u024f]{3,}", text):  # Latin words have few such letters in a row
            total -= count * 0.7 * len(run)
    score = total / max(weight, 1.0)
    return score + 0.1 if native > 0.2 * weight else score


def _coverage(text: str) -> float:
    """Return the part of the letters beside a to z that the alphabet of one language covers."""
    letters = Counter(char for char in text.casefold() if not char.isascii() and char.isalpha())
    known = sum(count for char, count in letters.items() if char < "\u0530")
    covered = max(sum(letters[char] for char in alphabet) for alphabet in _ALPHABETS)
    return round(covered / known, 2) if known else 1.0


@lru_cache(maxsize=100_000)
def _fits(before: str, char: str, after: str) -> float:
    """Return how well a character fits between its neighbours: from 1, as in a word, to -3, as in no text."""
    category = unicodedata.category(char)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return -3.0
    usual = 0.7 if char in _RARE else 1.0
    if not category.startswith("L"):
        inside = before.isalpha() and after.isalpha() and char not in "’‘·"
        opens = not before and after.isalpha() and char in "…–—•®™°²³½¼¾×»º€"
        return -1.0 if inside or opens or char not in _SIGNS else usual
    if category in ("Lo", "Lm") and char > "\u024f":
        beside = sum(1 for one in (before, after) if one.isascii() and one.isalpha())
        return (1.0, 0.3, -1.0)[beside] if not "\uff61" <= char <= "\uff9f" else 0.0
    if char > "\u024f" and any(one.isascii() and one.isalpha() for one in (before, after)):
        return -1.0  # Greek or Cyrillic within a Latin word
    if char.isupper() and before.islower():
        return -1.0
    return -0.5 if char.islower() and before.isupper() and after.isupper() else usual


def _wide_codec(data: bytes) -> str | None:
    """Return the codec of UTF-16 without a mark: one of the two bytes of most characters is NUL."""
    head = data[:8192]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(2, len(head) // 8) or min(even, odd) * 8 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _utf8(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _cut(line: bytes) -> str | None:
    """Return a line of UTF-8 in which a program cut a character, with \ufffd for that; None where it is not UTF-8."""
    text = line.decode(errors="replace")
    return text if text.count("\ufffd") <= len(_SOUND.findall(line)) else None


def _decoded(data: bytes, codec: str) -> str:
    return data.decode(codec, errors="vitrine-unreadable")


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _unreadable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error("vitrine-unreadable", _unreadable)
