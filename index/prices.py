"""Prices as texts: one number and one currency, as shops and feeds write them, and nothing else."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""
CODES = frozenset(_CODES.split())
"""ISO 4217."""
SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD",
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "R$": "BRL",
    "MX$": "MXN",
    "¥": "JPY",
    "円": "JPY",
    "元": "CNY",
    "₹": "INR",
    "RS": "INR",
    "RS.": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "TL": "TRY",
    "₴": "UAH",
    "₫": "VND",
    "฿": "THB",
    "₪": "ILS",
    "₱": "PHP",
    "₦": "NGN",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "KR": "SEK",
    "KR.": "DKK",
    "FR.": "CHF",
    "SFR.": "CHF",
    "EURO": "EUR",
    "EUROS": "EUR",
}
"""Of those that several countries use, the one that most shops mean."""
SHARED = frozenset({"$", "£", "¥", "KR", "KR.", "FR.", "RS", "RS."})
"""Symbols of several currencies: a code beside one says which it is."""
THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Currencies with three places after the point."""

_SPACES = re.compile(r"[\s_]+")
_NUMBER = r"\d(?:[\d.,'’ ]*\d)?(?:[.,][-–—]{1,2})?"
_MARK = r"(?:[^\d\s,'-]{1,5}(?: ?[^\d\s,'-]{1,5})?)?"
_PRICE = re.compile(rf"(?P<sign>[-−]?) ?(?P<before>{_MARK}) ?(?P<number>{_NUMBER}) ?(?P<after>{_MARK})")
_GROUPED = re.compile(
    r"\d{1,3}(?:([.,'’ ])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d{1,3})?|\d{1,2}(?:,\d{2})*,\d{3}(?:\.\d{1,2})?"
)
_AROUND = "0123456789.,'’ -–—−\u00a0\u202f"
_PLAIN = re.compile(r"\d+(?:[.,]\d+)?")
_SPLIT = re.compile(r"([.,])")


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of money."""

    amount: float
    currency: str
    """ISO 4217."""


def price_in(text: str) -> Price | None:
    """Return the price that a text is; None when it is anything else, or a number without a currency."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    marks = text.strip(_AROUND).upper()
    # Most texts are no prices: those with a word beside their digits that is no currency are told at once.
    if marks.isalpha() and marks not in CODES and marks not in SYMBOLS and f"{marks}." not in SYMBOLS:
        return None
    found = _PRICE.fullmatch(_SPACES.sub(" ", text).strip())
    if found is None:
        return None
    currency = _currency(f"{found['before']} {found['after']}".upper())
    if currency is None:
        return None
    amount = amount_in(found["number"], thousandths=currency in THOUSANDTHS)
    return None if amount is None else Price(-amount if found["sign"] else amount, currency)


def amount_in(number: str, *, thousandths: bool = False) -> float | None:
    """Return the amount that a number with points, commas, spaces or apostrophes is; None when it is none.

    Where three digits follow the only point or comma, it separates thousands: prices have two places. Not so with
    `thousandths`, the currencies that have three.
    """
    number = re.sub(r"[.,][-–—]{1,2}$", "", number.strip())
    if _PLAIN.fullmatch(number):
        whole, mark, places = _SPLIT.split(number, maxsplit=1) if _SPLIT.search(number) else (number, "", "")
        grouped = len(places) == 3 and len(whole) <= 3 and not whole.startswith("0")
        if grouped and not (thousandths and mark == "."):
            return float(whole + places)
        return float(f"{whole}.{places or 0}")
    if not _GROUPED.fullmatch(number):
        return None
    marks = [mark for mark in number if not mark.isdigit()]
    last = marks[-1]
    decimal = last in ".," and marks.count(last) == 1 and len(set(marks)) > 1
    whole, _, places = number.rpartition(last) if decimal else (number, "", "")
    return float(re.sub(r"\D", "", whole) + "." + (places or "0"))


def _currency(marks: str) -> str | None:
    """Return the currency that a symbol or a code names, or both together, as in "$19.99 CAD"."""
    named = re.sub(r"\b([A-Z]{1,2}) \$", r"\1$", marks).split()
    codes = {mark for mark in named if mark in CODES}
    symbols = [mark for mark in named if mark not in CODES]
    if len(codes) > 1 or len(named) > 2 or not all(mark in SYMBOLS for mark in symbols):
        return None
    if not codes:
        return SYMBOLS[symbols[0]] if len(symbols) == 1 else None
    (code,) = codes
    return code if all(mark in SHARED or SYMBOLS[mark] == code for mark in symbols) else None
