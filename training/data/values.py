"""What the cells of a column are: prices, booleans, dates, lists, availability, or text; decided by the whole column.

What a reader gave with a type keeps it. A text becomes something else only where its column's name or all of its cells
say so, and what then does not fit is counted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

from index import Value
from training.data import column_names as names
from training.data.column_names import key, words
from training.data.dataset import Problem, Report
from training.data.dates import column_dates
from training.data.drafts import Draft, text_of
from training.data.prices import Price, decimal_mark, has_currency, read_number, read_price
from training.data.table import Cell, clean
from training.data.value_words import FALSE, NO, SIZES, TRUE, YES, availability_of

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?")


def give_types(drafts: Sequence[Draft], report: Report, became: dict[str, str]) -> None:
    """Turn the cells of `drafts` into values, a column at a time; count what does not fit its column.

    `became` says of each column what became of it, and is told the type.
    """
    holders: dict[str, list[Draft]] = {}
    for draft in drafts:
        for name in list(draft.attributes):
            value = _value(draft.attributes[name])
            if value is None:
                if isinstance(draft.attributes[name], dict | list | bytes) and draft.attributes[name]:
                    report.count(Problem.NESTED, f"{draft.where}: {name}")
                del draft.attributes[name]
            else:
                draft.attributes[name] = value
                holders.setdefault(name, []).append(draft)
    currencies: dict[str, list[tuple[Draft, str]]] = {}
    for name, held in holders.items():
        column = _Column(name, held, report)
        told = column.give()
        if column.currencies:
            currencies[name] = column.currencies
        if told and name in became:
            became[name] = f"{became[name]}: {told}"
    _name_currencies(currencies)


def _value(cell: Cell | Value) -> Value | None:
    """Return what an attribute may hold of a cell, or None for nothing and for what is nested."""
    if isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float | Decimal):
        if not math.isfinite(cell):
            return None
        return int(cell) if isinstance(cell, Decimal) and cell == int(cell) else float(cell)
    if isinstance(cell, list | tuple):
        texts = tuple(dict.fromkeys(filter(None, (text_of(one) for one in cell if not isinstance(one, list | dict)))))
        return texts or None
    text = text_of(cell)
    return None if text in ("", "[]", "{}") else text


class _Column:
    """One column of attributes: the products that have it, and the texts among its values."""

    def __init__(self, name: str, drafts: Sequence[Draft], report: Report) -> None:
        self._name = name
        self._key = key(name)
        self._drafts = drafts
        self._report = report
        # Each text once: columns of a million rows often have a dozen.
        self._texts = list(dict.fromkeys(value for draft in drafts if isinstance(value := draft.attributes[name], str)))
        self.currencies: list[tuple[Draft, str]] = []

    def give(self) -> str:
        """Give the column its type; returns it in a word, or "" for text and what had one before."""
        if not self._texts and self._key not in names.YES_NO | names.AVAILABILITY:
            return ""
        if self._key in names.AVAILABILITY:
            return self._availability()
        for attempt in (self._booleans, self._prices, self._lists, self._dates, self._numbers):
            if told := attempt():
                return told
        return ""

    def _each(self, change: Callable[[str], Value | None], problem: Problem | None = None) -> None:
        """Put what `change` makes of a text in its place; None leaves it, or takes it out where `problem` says so."""
        changed = {text: change(text) for text in self._texts}
        for draft in self._drafts:
            text = draft.attributes[self._name]
            if not isinstance(text, str):
                continue
            value = changed[text]
            if value is not None:
                draft.attributes[self._name] = value
            elif problem:
                self._report.count(problem, f"{draft.where}: {self._name} {text!r}")
                if problem.done.startswith("left out"):
                    del draft.attributes[self._name]

    def _availability(self) -> str:
        for draft in self._drafts:
            given = draft.attributes[self._name]
            text = text_of(given)
            meant = availability_of(text)
            if meant is None:
                self._report.count(Problem.AVAILABILITY, f"{draft.where}: {self._name} {text!r}")
                continue
            draft.attributes[self._name] = meant
            draft.attributes.setdefault("in_stock", meant == "in stock")
        return "availability, and in_stock"

    def _booleans(self) -> str:
        yes, no = (YES, NO) if self._key in names.YES_NO else (TRUE, FALSE)
        given = [
            value for draft in self._drafts if isinstance(value := draft.attributes[self._name], str | int | float)
        ]
        if not all((text_of(value).casefold() in yes | no) for value in given):
            return ""
        for draft in self._drafts:
            if isinstance(value := draft.attributes[self._name], str | int | float):
                draft.attributes[self._name] = text_of(value).casefold() in yes
        return "boolean" if given else ""

    def _prices(self) -> str:
        if not (is_price(self._name) or self._in_currencies()):
            return ""
        decimal = decimal_mark(self._texts)
        read = {text: read_price(text, decimal) for text in self._texts}
        if sum(price is not None for price in read.values()) * 3 < len(read):
            return ""
        ranges: list[tuple[Draft, Price]] = []
        for draft in self._drafts:
            text = draft.attributes[self._name]
            if isinstance(text, str) and (price := read[text]):
                if price.currency:
                    self.currencies.append((draft, price.currency))
                if price.most != price.amount:
                    ranges.append((draft, price))
        amounts = {text: price.amount for text, price in read.items() if price}
        self._each(amounts.get, Problem.BAD_PRICE)
        for draft, price in ranges:
            draft.attributes.setdefault(f"{self._name}_max", price.most)
        return "price"

    def _in_currencies(self) -> bool:
        few = self._texts[:200]
        return sum(map(has_currency, few)) >= 0.8 * len(few)

    def _lists(self) -> str:
        if all(text.startswith("[") and text.endswith("]") for text in self._texts):
            listed = {text: _listed(text) for text in self._texts}
            if None not in listed.values():
                self._each(lambda text: tuple(listed[text] or ()) or None)
                return "list"
        if self._key not in names.LISTS:
            return ""
        for mark in ("|", ";", ","):
            parts = [part.strip() for text in self._texts for part in text.split(mark)]
            if len(parts) > len(self._texts) and sum(map(len, parts)) <= 40 * len(parts):
                self._each(lambda text, mark=mark: split(text, mark) or None)  # type: ignore[misc]
                return "list"
        return ""

    def _dates(self) -> str:
        read = column_dates(self._texts)
        if read is None:
            return ""
        unclear = Problem.UNCLEAR_DATE if read.unclear else Problem.BAD_DATE
        self._each(lambda text: read.dates.get(text), unclear)
        return "date" if read.dates else ""

    def _numbers(self) -> str:
        """Read texts as numbers where the column shows that they are: decimal commas, or numbers with a type beside."""
        typed = sum(isinstance(draft.attributes[self._name], int | float) for draft in self._drafts)
        numbers = sum(_NUMBER.fullmatch(text) is not None for text in self._texts)
        if typed > len(self._texts) - numbers:
            self._each(lambda text: read_number(text, ".") if _NUMBER.fullmatch(text) else None, Problem.MIXED)
            return "number"
        if all(text.endswith(".0") and _NUMBER.fullmatch(text) for text in self._texts):
            self._each(lambda text: text.removesuffix(".0"))
            return ""
        if self._key not in SIZES and all(map(_COMMA.fullmatch, self._texts)) and decimal_mark(self._texts) == ",":
            self._each(lambda text: read_number(text.lstrip("+-"), ",") if text[0] not in "+-" else _signed(text))
            return "number"
        if len(self._texts) > numbers >= max(19, 0.95 * len(self._texts)):
            self._each(lambda text: text if _NUMBER.fullmatch(text) else None, Problem.MIXED)
        return ""


def _signed(text: str) -> int | float | None:
    number = read_number(text[1:], ",")
    return None if number is None else -number if text[0] == "-" else number


def _listed(text: str) -> list[str] | None:
    """Return the texts of a list as JSON or Python writes it, or None."""
    with suppress(ValueError, RecursionError):
        listed = json.loads(text)
        if isinstance(listed, list) and all(isinstance(one, str | int | float) for one in listed):
            return [one for one in map(text_of, listed) if one]
    if re.fullmatch(r"\[\s*(?:'[^']*'(?:\s*,\s*'[^']*')*)?\s*\]", text):
        return [one for one in map(text_of, re.findall(r"'([^']*)'", text)) if one]
    return None


def split(text: str, mark: str) -> tuple[str, ...]:
    """Return the texts between the marks, each once, without empty ones."""
    return tuple(dict.fromkeys(filter(None, (clean(part) for part in text.split(mark)))))


def is_price(name: str) -> bool:
    """Return whether the name of a column says that it holds prices."""
    found = words(name)
    if names.NO_PRICE.intersection(found):
        return False
    ends = ("price", "preis", "prix", "precio", "prezzo", "prijs")
    return bool(names.PRICE_WORDS.intersection(found)) or any(word.endswith(ends) for word in found)


def _name_currencies(columns: Mapping[str, Sequence[tuple[Draft, str]]]) -> None:
    """Give each product the currency of its prices: `currency`, or one for each price where some differ."""
    seen: dict[int, set[str]] = {}
    for held in columns.values():
        for draft, currency in held:
            seen.setdefault(id(draft), set()).add(currency)
    one = all(len(found) == 1 for found in seen.values())
    for name, held in columns.items():
        for draft, currency in held:
            if one and not any(key(known) in names.CURRENCY for known in draft.attributes):
                draft.attributes["currency"] = currency
            elif not one:
                draft.attributes.setdefault(f"{name}_currency", currency)
