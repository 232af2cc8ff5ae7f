"""What a shop says of the offer of a product, in attributes with reserved names, and how a price is written.

The pages' own scripts have the same rules in `app/page/offer.js`. Knows no document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from index import THOUSANDTHS, Value, amount_in, price_in

RESERVED = frozenset(
    ["url", "link", "price", "price_currency", "sale_price", "sale_price_currency", "currency", "brand", "availability"]
)
"""Attributes that have places of their own."""
AVAILABLE = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "soldout": "out_of_stock",
    "discontinued": "out_of_stock",
    "preorder": "preorder",
    "presale": "preorder",
    "backorder": "backorder",
}
SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹", "KRW": "₩"}
PLACES = {**dict.fromkeys(THOUSANDTHS, 3), "JPY": 0, "KRW": 0, "VND": 0, "CLP": 0}
"""Digits after the point where there are not two."""
MARKS = {"en": (",", "."), "fr": ("\u202f", ","), "de": (".", ","), "es": (".", ","), "it": (".", ",")}
"""What stands between thousands and before cents in each language."""
MOST = 1e15
CODE = re.compile(r"[A-Za-z]{3}")
ADDRESS = re.compile(r"[^\s\"<>\\^`{}|\x00-\x20\x7f]{1,2000}")


@dataclass(frozen=True, slots=True)
class Amount:
    """A price; the currency is empty where none is known."""

    amount: float
    currency: str

    def text(self, language: str) -> str:
        """Return it as a shop of this language writes it."""
        thousands, point = MARKS[language]
        places = PLACES.get(self.currency, 2)
        number = f"{self.amount:,.{places}f}".replace(",", "\0").replace(".", point).replace("\0", thousands)
        sign = SIGNS.get(self.currency, self.currency)
        if language == "en":
            return f"{sign}{number}" if self.currency in SIGNS else f"{sign}\u00a0{number}".strip()
        return f"{number}\u00a0{sign}".strip()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a shop says of a product beside its look."""

    price: Amount | None
    """What is to be paid."""
    before: Amount | None
    """The price before the sale."""
    brand: str
    availability: str
    """One of the values of `AVAILABLE`, or empty."""
    url: str
    """Where the shop sells it, by http or https; else empty."""


def offer_of(attributes: Mapping[str, Value]) -> Offer:
    """Return the offer in the attributes of a product; what cannot be read is left out."""
    currency = _text(attributes.get("currency"))
    usual = _amount(attributes.get("price"), _text(attributes.get("price_currency")) or currency)
    reduced = _amount(attributes.get("sale_price"), _text(attributes.get("sale_price_currency")) or currency)
    if usual and reduced and not reduced.currency:
        reduced = Amount(reduced.amount, usual.currency)
    on_sale = bool(usual and reduced and reduced.currency == usual.currency and reduced.amount < usual.amount)
    stock = re.sub(r"[^a-z]", "", _text(attributes.get("availability")).lower().rpartition("/")[2])
    return Offer(
        price=reduced if on_sale else usual or reduced,
        before=usual if on_sale else None,
        brand=_text(attributes.get("brand")),
        availability=AVAILABLE.get(stock, ""),
        url=safe_address(_text(attributes.get("url")) or _text(attributes.get("link"))),
    )


def safe_address(text: str) -> str:
    """Return an address of http or https as it is; empty for any other: a link of another kind could run a script."""
    if not ADDRESS.fullmatch(text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme.lower() in ("http", "https") and parts.hostname else ""


def _amount(value: Value | None, currency: str) -> Amount | None:
    code = currency.upper() if CODE.fullmatch(currency) else ""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        found = Amount(float(value), code)
    else:
        text = _text(value)
        priced = price_in(text)
        number = priced.amount if priced else amount_in(text)
        if number is None:
            return None
        found = Amount(number, priced.currency if priced else code)
    return found if math.isfinite(found.amount) and 0 <= found.amount < MOST else None


def _text(value: Value | None) -> str:
    first = (value[0] if value else "") if isinstance(value, tuple) else value
    return "" if first is None or isinstance(first, bool) else str(first).strip()
