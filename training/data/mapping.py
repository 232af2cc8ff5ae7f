"""Columns that a user names for the roles of a product: `--map title=Bezeichnung,image=Bild`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from common import DataError
from index import did_you_mean

ROLES = {
    "id": "the id",
    "title": "the title",
    "image": "the picture",
    "images": "further pictures",
    "group": "what variants share",
    "description": "the description",
}
"""What `--map` may name, in words."""
SEVERAL = ("image", "images")
"""Roles that may have several columns."""


def parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """Return {role: column} of texts such as "title=Bezeichnung,image=Bild"; several picture columns in order by "|".

    Raises:
        DataError: a text names no role, or names one twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        for part in re.split(rf",(?=\s*(?:{'|'.join(ROLES)})\s*=)", text):
            role, equals, column = (piece.strip() for piece in part.partition("="))
            if not equals or not column:
                raise DataError(f"--map {part.strip()!r} names no column; write ROLE=COLUMN, such as title=Bezeichnung")
            check_role(role)
            if role in found and role not in SEVERAL:
                raise DataError(f"--map names {role} twice, {found[role]!r} and {column!r}; name one column")
            found[role] = f"{found[role]}|{column}" if role in found else column
    return found


def check_role(role: str) -> None:
    """Raise DataError where `role` is none, with the nearest that is one."""
    if role not in ROLES:
        hint = did_you_mean(role, ROLES) or f"; choose {', '.join(ROLES)}"
        raise DataError(f"--map has no role {role!r}{hint}")
