"""Which columns of a table name pictures: the first one, further ones, and smaller copies that are not used."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from training.data import column_names as names
from training.data.pictures import is_picture
from training.data.table import Cell, clean

PICTURE, FURTHER = "picture", "further pictures"
_IMAGES = frozenset(names.IMAGE) - names.COPIES - {"media"}


class PictureColumns:
    """The picture columns of a table, by their names and by what their cells name.

    Args:
        keys: {column: its folded name}.
        samples: the first cells of each column that are not empty.
        exists: whether a cell names a picture that is there.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        samples: Mapping[str, Sequence[Cell]],
        exists: Callable[[str], bool] | None,
    ) -> None:
        self._keys = keys
        self._samples = samples
        self._exists = exists

    def choose(self, left: Sequence[str], image: Sequence[str], images: Sequence[str]) -> dict[str, str]:
        """Return what becomes of the columns that name pictures, in order: the first picture, then further ones.

        Args:
            left: the columns that no role has yet.
            image: those that the user named for the first picture.
            images: those that the user named for further ones.
        """
        known = names.ranked(left, self._keys, names.IMAGE)
        further = [*self._numbered(left), *(name for name in left if self._keys[name] in names.FURTHER)]
        maybe = [name for name in names.ranked(left, self._keys, names.MAYBE_IMAGE) if self._named_pictures(name)]
        alone = [name for name in known if name not in further]
        first = image[0] if image else self._first(alone or further or known, maybe)
        if first is None:
            return dict.fromkeys(images, FURTHER)
        more = [name for name in further if self._keys[name] not in names.COPIES]
        chosen = {first: PICTURE, **dict.fromkeys([*image[1:], *images, *more], FURTHER)}
        chosen[first] = PICTURE
        # Another name of the same picture, and thumbnails of it.
        for name in known:
            if name not in chosen and self._pictured(name):
                copy = self._keys[name] in names.COPIES
                chosen[name] = f"not used: {'a smaller copy' if copy else f'the picture is taken from {first!r}'}"
        return chosen

    def _first(self, known: Sequence[str], maybe: Sequence[str]) -> str | None:
        """Return the column of the first picture: that whose cells name most pictures, or the likeliest by name."""
        candidates = [*known, *maybe]
        best = max(candidates, key=lambda name: (round(self._share(name), 1), -candidates.index(name)), default=None)
        return best if best and (self._share(best) or best in known) else None

    def _share(self, column: str) -> float:
        """Return which part of a column's cells names pictures: 1 where they are there, less for a suffix alone."""
        cells = self._samples.get(column, [])[:50]
        if not cells:
            return 0
        there = sum(any(map(self._exists, pictures_of(cell)[:1])) for cell in cells) if self._exists else 0
        return max(there / len(cells), 0.4 * sum(map(_like_a_picture, cells)) / len(cells))

    def _named_pictures(self, column: str) -> bool:
        """Return whether cells of a column of any name are pictures; an address of a page is none."""
        cells = self._samples.get(column, [])[:50]
        return any(
            _like_a_picture(cell)
            or (isinstance(cell, str) and "://" not in cell and self._exists is not None and self._exists(cell))
            for cell in cells
        )

    def _pictured(self, column: str) -> bool:
        return not self._samples.get(column) or self._share(column) > 0 or self._keys[column] in names.COPIES

    def _numbered(self, left: Sequence[str]) -> list[str]:
        """Return the columns that are pictures with a number, such as `Bild 2` or `image[0].url`, by that number."""
        found = []
        for name in left:
            bare = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if c.isalnum())
            match = re.fullmatch(r"(\D+?)0*(\d{1,2})(url|urls|src|link|path|file|filename|name)?", bare)
            match = match or re.fullmatch(r"()(\d{1,2})(?:st|nd|rd|th)?(image|picture|photo|bild)", bare)
            if not match:
                continue
            stem = match[1] + (match[3] or "")
            if stem in _IMAGES or match[1] in _IMAGES or match[1] in names.FURTHER or match[3] in _IMAGES:
                found.append((int(match[2]), name))
        return [name for _, name in sorted(found, key=lambda one: one[0])]


def _like_a_picture(cell: Cell) -> bool:
    if isinstance(cell, list):
        return bool(cell) and _like_a_picture(cell[0])
    if isinstance(cell, dict):
        return "contentUrl" in cell or "src" in cell or "url" in cell
    text = str(cell)
    return text.startswith("data:image/") or is_picture(re.split(r"[?#,;|\s]", text)[0])


def pictures_of(cell: Cell) -> list[str]:
    """Return what a cell names as pictures: a text as it is, each of a list, the address of an ImageObject."""
    if isinstance(cell, str):
        return [cell] if clean(cell) else []
    if isinstance(cell, list):
        return [one for each in cell for one in pictures_of(each)]
    if isinstance(cell, dict):
        found = next(
            (cell[name] for name in ("contentUrl", "src", "url", "link", "@id", "path") if cell.get(name)), None
        )
        return pictures_of(found)
    return [str(cell)] if isinstance(cell, int) and not isinstance(cell, bool) else []
