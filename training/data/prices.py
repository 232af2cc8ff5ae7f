"""Prices as feeds write them: an amount with marks of thousands and decimals, and a currency before or behind it.

Knows no table: a column's marks are decided by the caller from all of its cells.
Other readers guess a number from any text ("10 - 20 EUR" is 10, "1e3" is 1); here what does not read whole is no price.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from index import CODES, SYMBOLS, THOUSANDTHS

# What feeds write beside the signs and words of `index`.
_WORDS = {
    "eur": "EUR", "$us": "USD", "usd$": "USD", "dollar": "USD", "dollars": "USD", "rmb": "CNY", "cn¥": "CNY",
    "fr": "CHF", "sfr": "CHF", "zl": "PLN", "lei": "RON", "лв": "BGN", "лв.": "BGN", "руб": "RUB", "руб.": "RUB",
    "р.": "RUB", "грн": "UAH", "грн.": "UAH", "원": "KRW", "đ": "VND", "₸": "KZT", "nt$": "TWD", "dkr": "DKK",
    "nkr": "NOK", "skr": "SEK",
}  # fmt: skip
_SYMBOLS = {sign.casefold(): code for sign, code in SYMBOLS.items()} | _WORDS
_SPACES = r" '’`´_"
_NUMBER = re.compile(rf"\d+(?:[.,{_SPACES}]\d+)*(?:[eE][+-]?\d{{1,2}})?")
_BEFORE = re.compile(
    r"^(?:ab|von|nur|jetzt|statt|uvp|ca\.?|from|only|now|as low as|starting at|a partir de|à partir de|dès|des|"
    r"desde|da|a partire da|vanaf|od|fra|från|от|price|preis|prix)\b[:\s]*",
    re.IGNORECASE,
)
_TAX = re.compile(
    r"[\s,(/*]*(?:\b(?:inkl|incl|including|inc|zzgl|exkl|excl|excluding|plus|ttc|tva|ht|hors|iva|mwst|ust|vat|btw|"
    r"tax)\b|\*).*$",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\s*(?:/|\b(?:per|pro|par|je|each)\b)[^\d]*$", re.IGNORECASE)
_FREE = frozenset({"free", "gratis", "kostenlos", "gratuit", "gratuito"})
_CENTS = re.compile(r"^(\d{1,3})\s*(?:¢|ct\.?|cents?)$", re.IGNORECASE)
_INSIDE = re.compile(r"^(\d+)\s*(€|£|\$)\s*(\d{2})$")
_RANGE = re.compile(
    r"\s*(?:[-–—~…]|\.\.\.?|\bto\b|\bbis\b|\bà\b|\ba\b|\bhasta\b|\btot\b|\bdo\b)\s*(?=\D{0,6}\d)", re.IGNORECASE
)


class Price(NamedTuple):
    """An amount, the largest one where a range was written, and the code of the currency ("" where none is named)."""

    amount: int | float
    most: int | float
    currency: str


def read_price(text: str, decimal: str = "") -> Price | None:
    """Return the price that a cell holds, or None where it is none.

    Args:
        text: the cell, such as "1.299,00 €" or "10 - 20 EUR".
        decimal: the mark of decimals in its column ("." or ","); it decides what "1.299" is.
    """
    text = _plain(text)
    if text.casefold() in _FREE:
        return Price(0, 0, "")
    cents = _CENTS.match(text)
    if cents:
        return Price(int(cents[1]) / 100, int(cents[1]) / 100, "")
    inside = _INSIDE.match(text)
    if inside:
        amount = float(f"{inside[1]}.{inside[3]}")
        return Price(amount, amount, _SYMBOLS[inside[2]])
    parts = _RANGE.split(_BEFORE.sub("", text)) if _NUMBER.search(text) else []
    parts = parts[1:] if parts and not parts[0] else parts  # a minus
    negative = text.startswith(("-", "–", "−")) and len(parts) == 1
    if not 1 <= len(parts) <= 2:
        return None
    read = [_amount(part, decimal) for part in parts]
    if any(one is None for one in read):
        return None
    amounts = [one[0] for one in read if one]
    currencies = {one[1] for one in read if one and one[1]}
    if len(currencies) > 1 or (len(amounts) == 2 and amounts[0] > amounts[1]):
        return None
    sign = -1 if negative else 1
    return Price(sign * amounts[0], sign * amounts[-1], next(iter(currencies), ""))


def decimal_mark(texts: Iterable[str]) -> str:
    """Return the mark of decimals that a column's cells prove, "." or ",", or "" where they prove none or both."""
    proved = {mark for text in texts for found in _NUMBER.findall(_plain(text)) if (mark := _proof(found))}
    return proved.pop() if len(proved) == 1 else ""


def read_number(text: str, decimal: str = "") -> int | float | None:
    """Return a number without a currency, or None; whole numbers as integers. See `read_price` for `decimal`."""
    if "e" in text or "E" in text:
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return None
    whole, fraction = _parts(text, decimal)
    if whole is None:
        return None
    return float(f"{whole}.{fraction}") if fraction else int(whole)


def has_currency(text: str) -> bool:
    """Return whether a cell is an amount beside a currency."""
    price = read_price(text)
    return price is not None and bool(price.currency)


def _plain(text: str) -> str:
    """Return the cell with usual digits and spaces, without words about tax and units."""
    text = " ".join(unicodedata.normalize("NFKC", text).replace("\u066b", ".").replace("\u066c", "'").split())
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    text = _UNIT.sub("", _TAX.sub("", text)).replace(":-", " kr")
    # Whole amounts: "1'299.–", "19,-", "19.--"
    return re.sub(r"(?<=\d)\s*[.,]\s*[-–—]{1,2}(?!\s*\d)", "", text).strip()


def _amount(text: str, decimal: str) -> tuple[int | float, str] | None:
    """Return the one number of a text and its currency; None where the rest is no currency."""
    numbers = list(_NUMBER.finditer(text))
    if len(numbers) != 1:
        return None
    number = numbers[0]
    found = [_currency(rest) for rest in (text[: number.start()], text[number.end() :])]
    if None in found or (found[0] and found[1] and found[0] != found[1] and "USD" not in found):
        return None
    # "$19.99 CAD": the code says which dollar.
    currency = next((one for one in (found[1], found[0]) if one and one != "USD"), found[0] or found[1] or "")
    if currency in THOUSANDTHS:
        decimal = decimal or "."
    value = read_number(number[0], decimal)
    return None if value is None else (value, currency)


def _currency(text: str) -> str | None:
    """Return the code of the currency that a text is, "" for none, or None where it is something else."""
    text = text.strip(" :()").removesuffix(".-")
    if text in ("", "-", "–", "−", "+"):
        return ""
    text = text.lstrip("-–−").strip()
    if text.upper() in CODES:
        return text.upper()
    return _SYMBOLS.get(text.casefold())


def _proof(number: str) -> str:
    """Return the mark of decimals that a number proves by its own form, or ""."""
    marks: list[str] = re.findall("[.,]", number)
    if not marks:
        return ""
    last, behind = marks[-1], re.split("[.,]", number)[-1]
    if len(set(marks)) == 2:
        return last
    if len(marks) > 1:
        return "," if last == "." else "."
    if not behind.isdigit() or len(behind) != 3 or re.match(r"0[.,]", number):
        return last
    # Spaces and apostrophes that group leave the mark to the decimals.
    return last if re.search(rf"[{_SPACES}]", number) else ""


def _parts(number: str, decimal: str) -> tuple[str | None, str]:
    """Return the whole digits and the decimals of a number, or (None, "") where its groups are none."""
    mark = _proof(number)
    if not mark and re.search("[.,]", number):
        mark = decimal or ("," if "." in number else ".")  # "1.299" alone: prices have two decimals, or none
    whole, _, fraction = number.rpartition(mark) if mark and mark in number else (number, "", "")
    if not fraction.isdigit() and fraction:
        return None, ""
    groups = re.split(rf"[.,{_SPACES}]", whole)
    seps = set(re.findall(rf"[.,{_SPACES}]", whole))
    if len(seps) > 1 or mark in seps:
        return None, ""
    # Groups of three; India groups all but the last by two.
    regular = all(len(group) == 3 for group in groups[1:])
    indian = seps == {","} and len(groups) > 2 and len(groups[-1]) == 3 and all(len(g) == 2 for g in groups[1:-1])
    if len(groups) > 1 and not ((regular or indian) and 1 <= len(groups[0]) <= 3):
        return None, ""
    return "".join(groups), fraction
