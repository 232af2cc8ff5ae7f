"""Ids for the rows of a table that has none: the names of their pictures, or their numbers.

Both stay when rows are added at the end, so that a later catalogue knows the same products.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container

from training.data.mirrored import is_address
from training.data.rows import Row

BY_PICTURE = "there is no column with ids: each row has the name of its picture"
BY_NUMBER = "there is no column with ids: each row has its number"


class MissingIds:
    """Makes the ids of one table.

    Args:
        base: the folder of the table within the data set; it stands before the name of a picture.
        prefix: what stands before the number of a row, where the data set has several tables.
        embedded: what stands in cells for pictures that the table itself holds: these have no name.
    """

    def __init__(self, base: str, prefix: str, embedded: Container[str]) -> None:
        self._base = base
        self._prefix = prefix
        self._embedded = embedded
        self._rows = 0
        self.note = ""

    def filled(self, row: Row) -> Row:
        """Return the row with an id; call it for each row in order."""
        self._rows += 1
        name = row.images[0].strip() if row.images else ""
        if not name or name in self._embedded or is_address(name) or name.startswith("data:"):
            self.note = self.note or BY_NUMBER
            return row._replace(id=f"{self._prefix}{self._rows}")
        self.note = self.note or BY_PICTURE
        return row._replace(id=posixpath.join(self._base, name.replace("\\", "/")))
