"""What a data set is once it is read: its items, its fingerprint, and a report of its problems.

Knows no layout, and opens and decodes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from common import DataError
from index import MAX_TITLE, Value

MAX_IMAGE_BYTES = 64 * 2**20
"""Bound on one picture's file, checked before it is read: a zip bomb is refused by its header."""

EXAMPLES = 5
"""Examples kept of each kind of problem."""


class Problem(Enum):
    """A kind of problem found in a data set, and what is done about it."""

    NO_IMAGE = ("row without an image", "skipped")
    NO_ROW = ("image without a row", "skipped")
    URL = ("image is a URL", "skipped, never fetched")
    OUTSIDE = ("image outside the folder", "skipped")
    PASSWORD = ("image behind a password", "skipped: unpack the archive with the password, pass the folder")
    OVERSIZED = (f"image file over {MAX_IMAGE_BYTES // 2**20} MiB", "skipped, not unpacked")
    UNDECODABLE = ("image that cannot be decoded", "skipped")
    FURTHER_UNDECODABLE = ("one of several images that cannot be decoded", "left out, the product stays")
    BAD_SHARD = ("shard missing or unreadable", "skipped")
    SHORT = ("row with too few fields", "skipped")
    NO_ID = ("row without an id", "skipped")
    BAD_ID = ("id that is too long or has control characters", "skipped")
    DUPLICATE = ("duplicate id", "skipped, first kept")
    NO_TITLE = ("empty title, no attributes to make one", "skipped")
    TITLE_MADE = ("empty title", "repaired: made from the attributes")
    COMMAS = ("separators in an unquoted text", "repaired: joined")
    PADDED = ("row without its last attributes", "repaired: taken as empty")
    QUOTES = ("stray quote", "repaired: read as text")
    ENCODING = ("bytes that are not UTF-8", "repaired: read in an older encoding")
    UNREADABLE = ("row with bytes of no encoding", "skipped")
    LOST = ("characters that an earlier program lost", "repaired: left out")
    NOT_JSON = ("line that is not a JSON object", "skipped")
    TWICE = ("column named twice", "repaired: the second is kept under a name of its own")
    BEYOND = ("attributes beyond the limits of a product", "left out")
    LONG_TITLE = (f"title over {MAX_TITLE:,} characters", "repaired: cut")
    FLOAT_ID = ("id written as a float, such as 15970.0", "repaired: read as a whole number")
    SCIENTIFIC = ("id in scientific notation, as spreadsheets shorten long numbers", "kept as it is")
    NAMED_OTHERWISE = (
        "picture named otherwise than its file (case, accents, folder, suffix)",
        "repaired: found",
    )
    FURTHER = ("further picture that is missing or cannot be used", "left out")
    TOO_MANY = ("further pictures beyond the twentieth", "left out")
    MERGED = ("row of a variant or of a further picture", "merged into its product")
    NO_PRODUCT = ("row that is no product by itself", "left out")
    BAD_PRICE = ("price that cannot be read", "left out")
    MIXED = ("text in a column of numbers", "kept as text")
    BAD_DATE = ("text in a column of dates", "kept as text")
    UNCLEAR_DATE = ("date whose day and month cannot be told apart", "kept as text")
    AVAILABILITY = ("availability in words that are not known", "kept as text")
    NESTED = ("nested value", "left out")
    CUT = ("description over 5,000 characters", "repaired: cut")
    FROM_DESCRIPTION = ("description without a title", "repaired: made the title")
    CONVERTED = ("image not RGB (grey, CMYK, palette, alpha)", "repaired: converted")
    ROTATED = ("image rotated by EXIF", "repaired: turned upright")
    PROFILED = ("image with the colours of another profile than sRGB", "repaired: converted")
    REPAIRED = ("image with damaged or missing parts", "repaired: read without them")

    @property
    def what(self) -> str:
        """The problem in a few words."""
        return self.value[0]

    @property
    def done(self) -> str:
        """What is done about it: begins with "skipped", "repaired", "left out" or "kept"."""
        return self.value[1]


@dataclass
class Report:
    """Rows, images and usable pairs of a data set, and how often each problem was met, with a few examples of each.

    `columns` says of every column what became of it, and `notes` how the table was read.
    """

    rows: int = 0
    images: int = 0
    usable: int = 0
    counts: Counter[Problem] = field(default_factory=Counter)
    examples: dict[Problem, list[str]] = field(default_factory=dict)
    reasons: dict[Problem, dict[str, str]] = field(default_factory=dict)
    """Of examples, where more can be said of one."""
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set, repr=False)
    """Ids of rows that made no item."""
    _once: set[tuple[Problem, str]] = field(default_factory=set, repr=False)

    def count(self, problem: Problem, example: str, *, once: bool = False) -> bool:
        """Count one `problem`; with `once`, only the first time for the same example. Returns whether it counted."""
        if once:
            if (problem, example) in self._once:
                return False
            self._once.add((problem, example))
        self.counts[problem] += 1
        examples = self.examples.setdefault(problem, [])
        if len(examples) < EXAMPLES:
            examples.append(shown(example))
        return True

    def table(self) -> list[tuple[str, int, str, str]]:
        """Return a row (problem, count, what was done, examples) per problem met, in a fixed order."""
        return [(p.what, self.counts[p], p.done, self._examples_of(p)) for p in Problem if self.counts[p]]

    def explain(self, problem: Problem, example: str, reason: str) -> None:
        """Say more of an example that was counted and kept."""
        if shown(example) in self.examples.get(problem, ()):
            self.reasons.setdefault(problem, {})[shown(example)] = reason

    def _examples_of(self, problem: Problem) -> str:
        reasons = self.reasons.get(problem, {})
        return ", ".join(
            f"{example} ({reasons[example]})" if example in reasons else example for example in self.examples[problem]
        )

    def refuse(self, path: Path) -> None:
        """Refuse the data set at `path` for what was met in it, where that is asked for.

        Raises:
            DataError: there are findings; names them all.
        """
        faults = [row for row in self.table() if not row[2].startswith("merged")]  # variants are no fault
        if met := "; ".join(f"{what}: {count:,} ({examples})" for what, count, _, examples in faults):
            raise DataError(f"{path} has findings: {met}; correct them, or leave out --strict")

    def to_json(self) -> dict[str, Any]:
        """Return totals and problems as plain JSON values."""
        problems = {
            p.name.lower(): {
                "problem": p.what,
                "done": p.done,
                "count": self.counts[p],
                "examples": self.examples[p],
                **({"reasons": self.reasons[p]} if p in self.reasons else {}),
            }
            for p in Problem
            if self.counts[p]
        }
        return {
            "rows": self.rows,
            "images": self.images,
            "usable": self.usable,
            "problems": problems,
            "columns": self.columns,
            "notes": self.notes,
        }


def shown(text: str) -> str:
    """Return the beginning of a text from a data set, safe to print on a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:60])


@dataclass(frozen=True, slots=True)
class Item:
    """One usable row. Its picture is not loaded until `read` is called (from any thread).

    `more` are its further pictures, in order. `read` and each of `more` raise DataError or OSError when the bytes
    cannot be had.
    """

    id: str
    title: str
    attributes: Mapping[str, Value]
    read: Callable[[], bytes]
    more: tuple[Callable[[], bytes], ...] = ()

    @property
    def pictures(self) -> tuple[Callable[[], bytes], ...]:
        """What reads its pictures, in order."""
        return self.read, *self.more


@dataclass
class Dataset:
    """The usable rows of a data set in their order, and the report of what was skipped or repaired.

    The fingerprint is a hash over ids, titles, attributes and what is known of the pictures without decoding them
    (zip and parquet: size and checksum; files: size and time of change), so that a cache knows its source.
    """

    name: str
    path: Path
    layout: str
    items: list[Item]
    report: Report
    fingerprint: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Columns that the user named for roles."""
