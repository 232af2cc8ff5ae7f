"""What the address of the search page asks: the same as its scripts read there, for a page without scripts.

The scripts' own reading is in `app/page/address.js`, `query.js` and `ranges.js`. Knows no search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from app.address import FILTER, range_of
from app.front.words import LANGUAGES

SINGLE = ("q", "correct", "keep", "only", "all", "sort")
SEVERAL = ("like", "unlike", "dismiss")
"""The parameters that a search is made of, but for filters; a picture in an address is for scripts alone."""
PLAIN = "plain"
"""The parameter that asks for results without scripts."""
OFFSET = "from"
"""Its parameter for the results behind a number of others."""
MAX_PARAMETERS = 200
MAX_VALUE = 2_000
"""Parameters of an address that are read, and characters of each."""


class Asked:
    """A search, as the parameters of an address say it; those that are no part of one are left out."""

    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        given = [(name, value[:MAX_VALUE]) for name, value in list(parameters)[:MAX_PARAMETERS]]
        known = [
            (name, value)
            for name, value in given
            if value.strip() and (name in SINGLE or name in SEVERAL or (name.startswith(FILTER) and name != FILTER))
        ]
        first: dict[str, str] = {}
        for name, value in known:
            first.setdefault(name, value)
        self.parameters = [one for one in dict.fromkeys(known) if one[0] not in SINGLE or first[one[0]] == one[1]]
        self.text = first.get("q", "").strip()
        self._first = first
        said = dict(given)
        self.product = said.get("product", "")
        language = said.get("lang", "")
        self.language = language if language in LANGUAGES else ""
        self.offset = int(said[OFFSET]) if re.fullmatch(r"\d{1,5}", said.get(OFFSET, "")) else 0

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Each filter as an attribute and one value."""
        return [(name.removeprefix(FILTER), value) for name, value in self.parameters if name.startswith(FILTER)]

    def body(self) -> dict[str, Any]:
        """Return the body of the search, without its size."""
        filters: dict[str, Any] = {}
        for name, value in self.filters:
            bounds = range_of(value)
            if bounds is not None:
                filters[name] = bounds
            elif not isinstance(filters.get(name), dict):
                filters.setdefault(name, []).append(value)
        body: dict[str, Any] = {"filters": filters}
        for name in ("like", "unlike"):
            ids = [value for each, value in self.parameters if each == name]
            if ids:
                body[name] = ids
        if self.text:
            body |= {
                "correct": self._first.get("correct") != "0",
                "dismiss": [value for name, value in self.parameters if name == "dismiss"],
            }
        if self.text and "like" in body:  # words beside a picture say how the results differ from it
            body |= {"modify": self.text, "keep": self._first.get("keep") != "0"}
        elif self.text:
            body |= {
                "text": self.text,
                "cutoff": "none" if self._first.get("all") == "1" else "auto",
                "strict": self._first.get("only") == "1",
            }
        elif filters and "like" not in body and "unlike" not in body:
            # Filters alone rank by their own words: typical products come first.
            body |= {"text": " ".join(value for _, value in self.filters)[:MAX_VALUE], "mode": "vector"}
        sort = self._first.get("sort", "")
        if sort or not (self.text or filters or "like" in body or "unlike" in body):
            body["sort"] = sort or "newest"
        return body

    def address(self, offset: int = 0, *, without: tuple[str, str] | None = None, language: str | None = None) -> str:
        """Return the query of the address of the same search without scripts.

        Args:
            offset: results to leave out.
            without: a filter to leave out.
            language: of the page, empty for the browser's own; None: as this address has it.
        """
        language = self.language if language is None else language
        left = None if without is None else (FILTER + without[0], without[1])
        kept = [one for one in self.parameters if one != left]
        kept += [("lang", language)] if language else []
        kept += [(OFFSET, str(offset))] if offset else []
        return f"?{urlencode([*kept, (PLAIN, '1')], errors='replace')}"

    def plain(self) -> str:
        """Return the address without scripts of what this one shows, from the root: a product, or results."""
        return f"p/{quote(self.product, safe='', errors='replace')}" if self.product else self.address()
