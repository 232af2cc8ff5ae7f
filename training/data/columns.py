"""What the columns of a table stand for: by the user's word, by the names that shops use, and by what the cells hold.

Reads no file; the names themselves are in column_names.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from common import DataError
from index import nearest_name, typo_of
from training.data import column_names as names
from training.data.column_names import key
from training.data.dataset import shown
from training.data.feed_kinds import Kind, feed_kind
from training.data.mapping import SEVERAL, check_role
from training.data.picture_columns import FURTHER, PICTURE, PictureColumns
from training.data.rows import ACCEPTED
from training.data.table import Cell


@dataclass
class Roles:
    """Which column holds what, and for the report what became of every column.

    `kind` is the feed that the names are of. Of `images`, the first column holds the product's first picture.
    """

    kind: Kind = "plain"
    id: str | None = None
    title: str | None = None
    images: tuple[str, ...] = ()
    group: str | None = None
    description: str | None = None
    became: dict[str, str] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    """Roles that the user named a column for."""


def recognise(
    columns: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    *,
    samples: Mapping[str, Sequence[Cell]] | None = None,
    exists: Callable[[str], bool] | None = None,
    source: str = "the table",
    needs: Sequence[str] = ("title", "image"),
) -> Roles:
    """Return what the columns of a table stand for.

    Args:
        columns: their names, distinct.
        mapping: columns that the user named for roles, {role: column}.
        samples: the first cells of each column: evidence where names leave a choice.
        exists: whether a cell names a picture that is there.
        source: the table, for messages.
        needs: roles without which nothing can be read.

    Raises:
        DataError: a mapped column is not there, or a needed role has no column; says which could stand for it.
    """
    finder = _Finder(columns, dict(mapping or {}), samples or {}, exists, source)
    roles = finder.roles()
    missing = [role for role in needs if not (roles.images if role == "image" else getattr(roles, role))]
    if "title" in missing and roles.description:
        missing.remove("title")
    # A column that lacks its name is a user's oversight; a catalogue of numbers only is none.
    if missing and roles.kind == "plain":
        raise DataError(finder.lacking(missing))
    return roles


class _Finder:
    def __init__(
        self,
        columns: Sequence[str],
        mapping: dict[str, str],
        samples: Mapping[str, Sequence[Cell]],
        exists: Callable[[str], bool] | None,
        source: str,
    ) -> None:
        self._columns = [name for name in columns if name]
        self._keys = {name: key(name) for name in self._columns}
        self._samples = {name: [cell for cell in cells if cell not in (None, "")] for name, cells in samples.items()}
        self._pictures = PictureColumns(self._keys, self._samples, exists)
        self._source = source
        self._left = list(self._columns)
        self._given = {role: self._mapped(role, text) for role, text in mapping.items()}

    def roles(self) -> Roles:
        became: dict[str, str] = {}
        # The pictures first: what is one is neither title nor id.
        became |= self._pictures.choose(self._left, self._given.get("image", ()), self._given.get("images", ()))
        images = tuple(name for name, told in became.items() if told in (PICTURE, FURTHER))
        self._left = [name for name in self._left if name not in became]
        id_ = self._id()
        title, description = self._texts()
        group = self._take("group", self._group(id_))
        for role, column in (("id", id_), ("title", title), ("description", description), ("variant group", group)):
            if column:
                became[column] = role
        for name in self._left:
            told = (
                "not used: the feed's own" if name.startswith("@") else names.NESTED.get(self._keys[name], "attribute")
            )
            became.setdefault(name, told)
        ordered = {name: became[name] for name in self._columns}
        kind = feed_kind(set(self._keys.values()))
        return Roles(kind, id_, title, images, group, description, ordered, frozenset(self._given))

    def lacking(self, missing: Sequence[str]) -> str:
        """Return the message for roles without a column, with the names that could be meant."""
        hints = []
        for role in missing:
            known = {"id": names.ID, "title": names.TITLE, "image": names.IMAGE}[role]
            long_enough = [one for one in known if len(one) > 3]
            near = [name for name in self._left if typo_of(self._keys[name], long_enough)]
            hints.append(f"{role}={near[0] if near else 'COLUMN'}")
        listed = ", ".join(map(shown, self._columns[:12])) + (", …" if len(self._columns) > 12 else "")
        return (
            f"{self._source} has the columns {listed or '(none)'}; {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: say which columns they are with --map {','.join(hints)}"
            f"; {ACCEPTED}"
        )

    def _mapped(self, role: str, text: str) -> tuple[str, ...]:
        check_role(role)
        found = []
        for part in [text] if text in self._columns or role not in SEVERAL else text.split("|"):
            column = next((name for name in self._columns if name == part), None)
            column = column or next((name for name in self._columns if self._keys[name] == key(part)), None)
            if column is None:
                near = nearest_name(part, self._columns)
                listed = ", ".join(map(shown, self._columns[:12]))
                hint = f"the columns are {listed}" if near is None else f"did you mean {shown(near)}?"
                raise DataError(f"--map {role}={part}: {self._source} has no column {part!r}; {hint}")
            found.append(column)
        for column in found:
            if column in self._left:
                self._left.remove(column)
            else:
                raise DataError(f"--map names the column {column!r} for two roles; name a column once")
        return tuple(found)

    def _take(self, role: str, column: str | None) -> str | None:
        """Return the column of a role, the user's before ours; no other role gets it."""
        if role in self._given:
            return self._given[role][0]
        if column in self._left:
            self._left.remove(column)
        return column

    def _named(self, known: Sequence[str]) -> list[str]:
        """Return the columns left with one of these names, the likeliest first."""
        return sorted(names.ranked(self._left, self._keys, known), key=lambda name: name.startswith("@"))

    def _id(self) -> str | None:
        found = self._named(names.ID)
        # "id" is the id even where it repeats: repeated ids are reported. Other names must tell products apart.
        column = found[0] if found and self._keys[found[0]] == "id" else next(filter(self._distinct, found), None)
        return self._take("id", column or (found[0] if found else None))

    def _distinct(self, column: str) -> bool:
        cells = [str(cell) for cell in self._samples.get(column, ())]
        filled = max((len(cells) for cells in self._samples.values()), default=0)
        return not filled or (len(set(cells)) == len(cells) >= 0.9 * filled)

    def _texts(self) -> tuple[str | None, str | None]:
        """Return the columns of title and description."""
        titles, descriptions = self._named(names.TITLE), self._named(names.DESCRIPTION)
        titles = [name for name in titles if self._keys[name] not in names.CLASSES or self._worded(name)]
        # Where "text" holds paragraphs and another column short names, the text is a description.
        if len(titles) > 1 and self._keys[titles[0]] == "text" and self._length(titles[0]) > 200:
            other = next((name for name in titles[1:] if 0 < self._length(name) * 3 < self._length(titles[0])), None)
            if other:
                titles, descriptions = [other], [titles[0], *descriptions]
        title = self._take("title", titles[0] if titles else None)
        description = self._take("description", next((name for name in descriptions if name != title), None))
        if title is None and description is not None and "description" not in self._given:
            return description, None
        return title, description

    def _worded(self, column: str) -> bool:
        """Return whether the cells are words: numbers of classes are no titles."""
        return any(re.search(r"[^\W\d]{2}", str(cell)) for cell in self._samples.get(column, ()))

    def _length(self, column: str) -> float:
        cells = self._samples.get(column, ())
        return sum(len(str(cell)) for cell in cells) / len(cells) if cells else 0

    def _group(self, id_: str | None) -> str | None:
        if found := self._named(names.GROUP):
            return found[0]
        ids = {str(cell) for cell in self._samples.get(id_ or "", ())}
        for column in self._named(names.PARENT):
            if ids.intersection(str(cell) for cell in self._samples.get(column, ())):
                return column
        return None
