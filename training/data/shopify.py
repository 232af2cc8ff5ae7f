"""Shopify's product export: rows of one handle are one product with its pictures and variants.

https://help.shopify.com/en/manual/products/import-export/using-csv
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from training.data.column_names import key
from training.data.columns import Roles
from training.data.dataset import Report
from training.data.drafts import ATTRIBUTE, Draft, describe, text_of, unique
from training.data.feed_kinds import columns_by_name
from training.data.picture_columns import pictures_of
from training.data.rows import UNUSABLE
from training.data.table import Cell, Record, Table
from training.data.value_words import YES
from training.data.variants import Columns, Prices, count_merged, together

_NAMES = {
    "handle": "handle urlhandle",
    "title": "title",
    "description": "bodyhtml description body",
    "picture": "imagesrc productimageurl",
    "position": "imageposition",
    "variant picture": "variantimage variantimageurl",
    "price": "variantprice price",
    "compare_at_price": "variantcompareatprice compareatprice",
    "sku": "variantsku sku",
    "barcode": "variantbarcode barcode",
    "stock": "variantinventoryqty inventoryquantity",
    "policy": "variantinventorypolicy continuesellingwhenoutofstock",
    "vendor": "vendor",
    "type": "type producttype",
    "category": "productcategory standardproducttype",
    "tags": "tags",
    "published": "published publishedononlinestore",
    "status": "status",
    "gift_card": "giftcard",
}
_PLAIN = ("vendor", "type", "category", "status", "published", "gift_card")
"""Columns that are attributes of the product as they are."""
_OWN = frozenset(
    (
        "variantgrams", "variantinventorytracker", "variantfulfillmentservice", "variantrequiresshipping",
        "varianttaxable", "varianttaxcode", "variantweightunit", "costperitem", "imagealttext", "seotitle",
        "seodescription", "inventorytracker", "chargetax", "taxcode", "unitpricetotalmeasure", "fulfillmentservice",
        "requiresshipping", "weightunitfordisplay", "weightvalue",
    )
)  # fmt: skip
"""What only the shop's own running needs."""
_ADMIN = re.compile(r"included/|price/|compareatprice/|googleshopping/customlabel|unitprice|option\dlinkedto")


def shopify_drafts(table: Table, roles: Roles, report: Report) -> Iterator[Draft]:
    """Yield a product for each handle, in the order in which they first stand in the table."""
    columns = _columns(table, roles)
    products: dict[str, list[Record]] = {}
    for record in table.records:
        handle = (
            text_of(record.cells.get(roles.id)) if "id" in roles.given and roles.id else columns.text(record, "handle")
        )
        if UNUSABLE.intersection(record.problems) or not handle:
            yield Draft(record.where, handle, problems=list(record.problems))
        else:
            products.setdefault(handle, []).append(record)
    prices = Prices(columns, report)
    prices.learn(record for records in products.values() for record in records)
    for handle, records in products.items():
        for record in records[1:]:
            count_merged(record, handle, report)
        yield _draft(handle, records, columns, prices, report)


def _columns(table: Table, roles: Roles) -> Columns:
    """Return the columns by our names, and tell the report what becomes of each."""
    by_name = columns_by_name(table.columns, _NAMES)
    if "title" in roles.given and roles.title:
        by_name["title"] = roles.title
    rest = []
    for column in table.columns:
        folded = key(column)
        name = next((name for name, known in by_name.items() if known == column), None)
        if name in ("handle", "title", "description", "picture", "position", "policy"):
            told = {"handle": "id", "picture": "pictures", "position": "order of the pictures"}.get(
                name or "", name or ""
            )
        elif name == "variant picture":
            told = "further pictures"
        elif name:
            told = f"{ATTRIBUTE} {name}"
        elif re.fullmatch(r"option\d(name|value)", folded):
            told = f"{ATTRIBUTE}: list, by the name of the option"
        elif folded in _OWN or _ADMIN.match("/".join(key(part) for part in column.split("/"))):
            told = "not used: for the shop's own running"
        else:
            told = ATTRIBUTE
            rest.append(column)
        roles.became[column] = told
    return Columns(by_name, rest)


def _draft(handle: str, records: Sequence[Record], columns: Columns, prices: Prices, report: Report) -> Draft:
    first = records[0]
    draft = Draft(first.where, handle, problems=[problem for record in records for problem in record.problems])
    draft.title = next(filter(None, (columns.text(record, "title") for record in records)), "")
    draft.images = _pictures(records, columns)
    attributes: dict[str, Cell] = {}
    for name in _PLAIN:
        attributes[name] = next(filter(None, (columns.text(record, name) for record in records)), None)
    attributes |= prices.of(records)
    attributes |= _options(records)
    for name in ("sku", "barcode"):
        attributes[name] = unique(filter(None, (columns.text(record, name) for record in records)))
    tags = next(filter(None, (columns.text(record, "tags") for record in records)), "")
    attributes["tags"] = [tag.strip() for tag in tags.split(",")]
    attributes |= _stock(records, columns)
    for column in columns.rest:
        name = re.sub(r"\s*\([^)]*metafields?[^)]*\)", "", column)
        value = together(text_of(record.cells.get(column)) for record in records)
        if "metafield" in column and isinstance(value, str) and "; " in value:
            value = [part.strip() for part in value.split(";")]
        attributes.setdefault(name, value)
    draft.attributes.update(attributes)
    describe(draft, "description", next(filter(None, (columns.text(r, "description") for r in records)), ""), report)
    return draft


def _pictures(records: Sequence[Record], columns: Columns) -> list[str]:
    """Return the product's pictures by their position, then those of variants."""
    placed = []
    for order, record in enumerate(records):
        position = columns.text(record, "position")
        place = int(position) if position.isdecimal() and len(position) < 9 else 10**9
        placed += [(place, order, picture) for picture in pictures_of(columns.cell(record, "picture"))]
    own = [picture for _, _, picture in sorted(placed)]
    return unique(
        [*own, *(name for record in records for name in pictures_of(columns.cell(record, "variant picture")))]
    )


def _options(records: Sequence[Record]) -> dict[str, Cell]:
    """Return the values of each option, such as the sizes; the one option of a product without variants is none."""
    found: dict[str, Cell] = {}
    for number in "123":
        names, values = [], []
        for record in records:
            for column, cell in record.cells.items():
                folded = key(column)
                if folded == f"option{number}name":
                    names.append(text_of(cell))
                elif folded == f"option{number}value":
                    values.append(text_of(cell))
        name = next(filter(None, names), "")
        values = unique(filter(None, values))
        if name and values and (name, values) != ("Title", ["Default Title"]):
            found[name] = list(values)
    return found


def _stock(records: Sequence[Record], columns: Columns) -> dict[str, Cell]:
    pieces = [int(float(text)) for record in records if _is_number(text := columns.text(record, "stock"))]
    if not pieces:
        return {}
    policies = {columns.text(record, "policy").casefold() for record in records}
    stock = sum(max(0, one) for one in pieces)
    return {"stock": stock, "in_stock": stock > 0 or bool(policies & (YES | {"continue"}))}


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,9}(?:\.0*)?", text) is not None
