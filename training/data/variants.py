"""What the rows of one product's variants have together: the values of each, the lowest price, and the stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from training.data.dataset import Problem, Report
from training.data.drafts import text_of, unique
from training.data.prices import decimal_mark, read_price
from training.data.table import Cell, Record

PRICES = ("price", "compare_at_price", "sale_price")


@dataclass
class Columns:
    """The columns of a feed by the names that we know them under; `rest` are those that have no such name."""

    by_name: Mapping[str, str]
    rest: Sequence[str]

    def cell(self, record: Record, name: str) -> Cell:
        """Return the cell of a record under our name, None where the feed has no such column."""
        return record.cells.get(self.by_name.get(name, ""))

    def text(self, record: Record, name: str) -> str:
        """Return the clean text of a cell, "" for nothing."""
        return text_of(self.cell(record, name))


@dataclass
class Prices:
    """Reads the prices of a feed with the mark of decimals that all of them prove."""

    columns: Columns
    report: Report
    decimal: str = ""
    currencies: dict[str, str] = field(default_factory=dict)

    def learn(self, records: Iterable[Record]) -> None:
        """Find the mark of decimals."""
        names = [name for name in PRICES if name in self.columns.by_name]
        self.decimal = decimal_mark(text for record in records for name in names if (text := self._text(record, name)))

    def amount(self, record: Record, name: str) -> int | float | None:
        """Return the amount of one price of a record; counts one that cannot be read."""
        cell = self.columns.cell(record, name)
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return cell
        if not (text := self._text(record, name)):
            return None
        price = read_price(text, self.decimal)
        if price is None:
            self.report.count(Problem.BAD_PRICE, f"{record.where}: {self.columns.by_name[name]} {text!r}")
            return None
        if price.currency:
            self.currencies[record.where] = price.currency
        return price.amount

    def of(self, records: Sequence[Record]) -> dict[str, Cell]:
        """Return the prices of a product: the cheapest variant's, and `price_max` where they differ."""
        priced = [(amount, record) for record in records if (amount := self.amount(record, "price")) is not None]
        if not priced:
            return {}
        lowest, cheapest = min(priced, key=lambda one: one[0])
        found: dict[str, Cell] = {"price": lowest}
        if (most := max(amount for amount, _ in priced)) != lowest:
            found["price_max"] = most
        for name in PRICES[1:]:
            if (amount := self.amount(cheapest, name)) is not None:
                found[name] = amount
        if cheapest.where in self.currencies:
            found["currency"] = self.currencies[cheapest.where]
        return found

    def _text(self, record: Record, name: str) -> str:
        cell = self.columns.cell(record, name)
        return text_of(cell) if isinstance(cell, str) else ""


def together(texts: Iterable[str]) -> Cell:
    """Return the text that all have, a list of those that differ, or None for nothing."""
    found = unique(filter(None, texts))
    return list(found) if len(found) > 1 else found[0] if found else None


def count_merged(record: Record, product: str, report: Report) -> None:
    """Count a row that becomes part of a product."""
    report.rows += 1
    report.count(Problem.MERGED, f"{record.where}: {product}")
