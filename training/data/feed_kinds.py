"""Which feed a table is, by the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from training.data.column_names import key

Kind = Literal["plain", "google", "shopify", "woocommerce", "magento", "schema.org"]


def feed_kind(keys: set[str]) -> Kind:
    """Return the feed whose columns these are, by their keys."""
    if (
        not keys & {"variants", "options"}
        and {"handle", "title"} <= keys
        and keys & {"variantsku", "option1value", "imagesrc", "variantprice", "bodyhtml"}
    ):
        return "shopify"
    if {"urlhandle", "title"} <= keys and keys & {"option1value", "productimageurl", "variantimageurl"}:
        return "shopify"
    if keys & {"type", "typ", "tipo"} and (any(attribute_number(one) for one in keys) or keys & _WOO):
        return "woocommerce"
    if "sku" in keys and keys & {"additionalattributes", "configurablevariations", "storeviewcode"}:
        return "magento"
    if keys & {"imagelink", "additionalimagelink", "itemgroupid", "googleproductcategory"}:
        return "google"
    if keys & {"offers", "isvariantof", "hasvariant"}:
        return "schema.org"
    return "plain"


_WOO = {"groupedproducts", "gruppierteprodukte", "produitsgroupes", "productosagrupados", "prodottiraggruppati"}


def attribute_number(name: str) -> tuple[int, Literal["name", "value"]] | None:
    """Return which attribute of WooCommerce a column belongs to, and whether as its name or its values."""
    match = re.fullmatch(
        r"(?:attribute?|attributo|atributo|attribut)(\d{1,3})(name|nom|nombre|nome|value|werte?|valeur|valor|valore)s?",
        name,
    )
    match = match or re.fullmatch(
        r"(name|nom|nombre|nome|value|wert|valeur|valor|valore)s?(?:del?|des|dell|l)*(?:attribut[eo]?|atributo)s?(\d{1,3})",
        name,
    )
    if not match:
        return None
    number, word = (match[1], match[2]) if match[1].isdigit() else (match[2], match[1])
    return int(number), "name" if word.startswith(("na", "no")) else "value"


def columns_by_key(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns by their keys; of several with one key, the first."""
    return {key(column): column for column in reversed(columns)}


def columns_by_name(columns: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a feed by our names for them.

    Args:
        columns: of the table.
        known: for each of our names, the keys that such a column may have, the likeliest first, with spaces between.
    """
    keys = columns_by_key(columns)
    found = {name: next((keys[one] for one in listed.split() if one in keys), None) for name, listed in known.items()}
    return {name: column for name, column in found.items() if column is not None}
