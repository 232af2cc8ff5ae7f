"""The distinct values of one attribute under codes, and which of them a filter lets pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from index.filters import COMPARE, Filter
from index.histograms import Histogram, histogram
from index.product import Value, texts_of, title_key
from index.query import MAX_COUNTED
from index.values import date_of, number_of

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Written = str | list[int]
"""A value as it was first written: a text, or for a list the codes of its texts."""

Kind = Literal["number", "date", "boolean", "text", "list"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a value is, in the order in which they are sorted."""
TRUTHS = frozenset({"true", "false"})


class Lists(NamedTuple):
    """The lists among the values of a column, those of their texts one after the other."""

    codes: Codes
    """(L,) of the lists, ascending."""
    texts: Codes
    """(M,) of their texts, each once in a list, in order."""
    starts: npt.NDArray[np.int64]
    """(L,) where the texts of each list begin."""

    def any_of(self, texts: Mask) -> Mask:
        """Return (L,) which lists have one of some texts, given by code (V,)."""
        return np.asarray(np.logical_or.reduceat(texts[self.texts], self.starts))


class AttributeColumn:
    """The distinct values of one attribute, and for each row which of them it has. Only ever appended to.

    A list is a value with a code of its own, beside the codes of its texts: a row has one code, whatever it holds.
    """

    def __init__(self) -> None:
        self.values: list[str] = []  # the distinct values as first written; of a list: empty
        self.code_of: dict[str, int] = {}  # from a text in the form in which values are compared
        self.numbers: list[float] = []  # of `values`; NaN where one is no number
        self.dates: list[float] = []  # of `values`, in seconds since 1970; NaN where one is no date
        self.members: dict[int, tuple[int, ...]] = {}  # code of a list -> those of its texts, each once, in order
        self._list_of: dict[tuple[int, ...], int] = {}
        self._lists: tuple[int, Lists] | None = None
        self._kinds: npt.NDArray[np.int8] = np.empty(0, dtype=np.int8)
        self._arrays: dict[str, npt.NDArray[np.float64]] = {}
        self._orders: dict[bool, npt.NDArray[np.float64]] = {}
        self.codes: Codes = np.empty(0, dtype=np.int32)  # (capacity,) positions in `values`; -1: no such attribute

    @classmethod
    def of(cls, values: Sequence[Written], codes: Codes) -> AttributeColumn:
        """Return the column with these values and codes."""
        column = cls()
        for value in values:
            if isinstance(value, str):
                column._text(value)
            else:
                column._list(tuple(value))
        column.codes = codes
        return column

    @property
    def written(self) -> list[Written]:
        """The values by code, as `of` takes them."""
        return [list(self.members[code]) if code in self.members else text for code, text in enumerate(self.values)]

    def code(self, value: Value) -> int:
        """Return the code of a value, a new one when it was not seen before; -1 for an empty list."""
        if not isinstance(value, tuple):
            return self._text(value if isinstance(value, str) else texts_of(value)[0])
        codes = tuple(dict.fromkeys(map(self._text, value)))
        # A list of one text is that text.
        return self._list(codes) if len(codes) > 1 else codes[0] if codes else -1

    def _text(self, text: str) -> int:
        key = title_key(text)
        code = self.code_of.get(key)
        if code is None:
            code = len(self.values)
            self.numbers.append(number_of(key))
            self.dates.append(date_of(key))
            self.values.append(text)
            # Last, since another thread may be filtering: a code that it finds has its value and its number.
            self.code_of[key] = code
        return code

    def _list(self, codes: tuple[int, ...]) -> int:
        code = self._list_of.get(codes)
        if code is None:
            code = len(self.values)
            self.members[code] = codes
            self.numbers.append(np.nan)
            self.dates.append(np.nan)
            self.values.append("")
            self._list_of[codes] = code
        return code

    def kinds(self) -> npt.NDArray[np.int8]:
        """Return what each value is (V,): a place in `KINDS`."""
        size = len(self.values)
        # Another thread may keep those of fewer values meanwhile: what was found is held on to.
        kinds = self._kinds
        if len(kinds) < size:
            keys = self._keys(size)
            numbers, dates = np.array(self.numbers[:size]), np.array(self.dates[:size])
            kinds = np.full(size, KINDS.index("text"), dtype=np.int8)
            kinds[[key in TRUTHS for key in keys]] = KINDS.index("boolean")
            kinds[~np.isnan(dates)] = KINDS.index("date")
            kinds[~np.isnan(numbers)] = KINDS.index("number")
            kinds[self.lists(size).codes] = KINDS.index("list")
            self._kinds = kinds
        return kinds[:size]

    def order(self, *, descending: bool) -> npt.NDArray[np.float64]:
        """Return a number for each value (V + 1,) by which rows are sorted; the last one is for those without any.

        Numbers come before dates, truths and texts, and a missing value last, whatever the direction.
        """
        size = len(self.values)
        known = self._orders.get(descending)
        if known is not None and len(known) == size + 1:
            return known
        kinds, keys = self.kinds()[:size], self._keys(size)
        found = np.full(size + 1, np.inf)
        for number, kind in enumerate(KINDS[:-1]):
            codes = np.flatnonzero(kinds == number)
            if kind in ("number", "date"):
                values = np.array(self.numbers if kind == "number" else self.dates)[codes]
                ranks = np.unique(values, return_inverse=True)[1]
            else:
                ranks = np.empty(len(codes), dtype=np.int64)
                ranks[sorted(range(len(codes)), key=lambda at, of=codes: keys[of[at]])] = np.arange(len(codes))  # type: ignore[misc]
            found[codes] = number * (size + 1) + (size - ranks if descending else ranks)
        lists = self.lists(size)
        found[lists.codes] = np.minimum.reduceat(found[lists.texts], lists.starts)
        self._orders[descending] = found
        return found

    def most_frequent(self, counts: npt.NDArray[np.int64]) -> dict[str, int]:
        """Return value -> how often it occurs, of `counts` (V,) by code: the most frequent first."""
        order = np.argsort(-counts, kind="stable")[:MAX_COUNTED]
        return {self.values[code]: int(counts[code]) for code in order.tolist() if counts[code]}

    def histogram(self, counts: npt.NDArray[np.int64]) -> Histogram:
        """Return how the numbers or dates are spread of values that occur `counts` (V,) times, by code."""
        size = len(counts)
        return histogram(self._compared("number", size)[:size], self._compared("date", size)[:size], counts)

    def first(self) -> Codes:
        """Return the code of the first text of each value (V,): that of a text is its own."""
        found = np.arange(len(self.values), dtype=np.int32)
        lists = self.lists(len(found))
        found[lists.codes] = lists.texts[lists.starts]
        return found

    def _compared(self, of: Literal["number", "date"], size: int) -> npt.NDArray[np.float64]:
        """Return the numbers or dates (size + 1,) of the values; NaN for those that are none, and for the last."""
        known = self._arrays.get(of)
        if known is None or len(known) != size + 1:
            values = self.numbers if of == "number" else self.dates
            known = self._arrays[of] = np.array([*values[:size], np.nan])
        return known

    def _keys(self, size: int) -> list[str]:
        """Return the texts by code as they are compared; of a list: empty."""
        keys = [""] * size
        for key, code in list(self.code_of.items()):
            if code < size:
                keys[code] = key
        return keys

    def lists(self, size: int) -> Lists:
        """Return the lists among the first `size` values; kept for the next query."""
        known = self._lists
        if known is None or known[0] != size:
            found = [(code, codes) for code, codes in list(self.members.items()) if code < size]
            counts = np.array([len(codes) for _, codes in found], dtype=np.int64)
            known = self._lists = (
                size,
                Lists(
                    np.array([code for code, _ in found], dtype=np.int32),
                    np.array([code for _, codes in found for code in codes], dtype=np.int32),
                    np.cumsum(counts) - counts,
                ),
            )
        return known[1]

    def allowed(self, condition: Filter) -> Mask:
        """Return which codes a condition lets pass; the last one is for a product without the attribute.

        A list passes when one of its texts is allowed, one is within the bounds, and none is forbidden.
        """
        size = len(self.values)
        lists = self.lists(size)
        allowed = np.ones(size + 1, dtype=np.bool_)
        if condition.any is not None:
            allowed &= _spread(self._among(condition.any, size), lists)
        if condition.none:
            allowed &= ~_spread(self._among(condition.none, size), lists)
        if bounds := condition.bounds:
            found = self._compared(bounds[0].of, size)
            within = np.logical_and.reduce([COMPARE[bound.sign](found, bound.at) for bound in bounds])
            allowed &= _spread(within, lists)
        allowed[size] = not condition.needs_value
        return allowed

    def _among(self, texts: Sequence[str], size: int) -> Mask:
        """Return (size + 1,) which codes are those of some texts."""
        found = np.zeros(size + 1, dtype=np.bool_)
        codes = [self.code_of.get(title_key(text), size) for text in texts]
        found[[code for code in codes if code < size]] = True
        return found


def _spread(passes: Mask, lists: Lists) -> Mask:
    """Return which codes pass, when a list does as soon as one of its texts does."""
    passes[lists.codes] = lists.any_of(passes)
    return passes
