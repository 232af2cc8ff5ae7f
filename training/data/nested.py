"""Products whose cells are nested: schema.org's JSON-LD, and the JSON of shop systems, as flat cells.

Knows what offers, brands, ImageObjects, variants and lists of named values mean; anything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from index import VARIANT
from training.data.columns import Roles
from training.data.dataset import Problem, Report
from training.data.drafts import text_of
from training.data.table import Cell, Record

_NO_PRODUCTS = frozenset(
    (
        "Organization", "OnlineStore", "Store", "LocalBusiness", "WebSite", "WebPage", "CollectionPage", "ItemPage",
        "BreadcrumbList", "ItemList", "ImageObject", "Person", "Offer", "AggregateOffer", "Review", "SearchAction",
        "Brand", "VideoObject", "FAQPage", "SiteNavigationElement", "WPHeader", "WPFooter",
    )
)  # fmt: skip
_SPREAD = frozenset(
    ("variant_dict", "specifications", "specs", "properties", "options", "custom_attributes", "customattributes",
     "product_attributes", "details", "features")
)  # fmt: skip
"""Names of objects whose own names are attributes."""
_DELIVERY = frozenset(
    ("shipping", "tax", "installment", "subscription_cost", "loyalty_program", "free_shipping_threshold",
     "certification", "consumer_notice", "shippingDetails", "hasMerchantReturnPolicy", "potentialAction", "review")
)  # fmt: skip
"""What is no attribute: delivery, payment, reviews."""
_NAMED = ("name", "title", "value", "label", "@value")
_KEYS = ("name", "propertyID", "key", "attribute_name")
_VALUES = ("value", "values", "option", "options", "attribute_value")
_OFFER = {"price": "price", "lowPrice": "price", "highPrice": "price_max", "priceCurrency": "currency",
          "availability": "availability", "itemCondition": "condition", "inventoryLevel": "stock"}  # fmt: skip


def products_in(record: Record, roles: Roles, report: Report) -> Iterator[Mapping[str, Cell]]:
    """Yield the flat cells of each product in a record: one, those of a group's variants, or none for what is none."""
    cells = record.cells
    if isinstance(inner := cells.get("item"), dict) and not roles.title:
        cells = inner  # a ListItem
    kinds = _kinds(cells)
    if kinds and kinds <= _NO_PRODUCTS:
        report.rows += 1
        report.count(Problem.NO_PRODUCT, f"{record.where}: {', '.join(sorted(kinds))}")
        return
    if not any(isinstance(cell, dict | list) for cell in cells.values()):
        yield cells
        return
    flat = _flat(cells, roles)
    variants = cells.get("hasVariant")
    variants = [variants] if isinstance(variants, dict) else variants
    if not isinstance(variants, list) or not any(isinstance(one, dict) for one in variants):
        yield flat
        return
    group = text_of(cells.get("productGroupID") or cells.get("productGroupId") or cells.get("sku")) or record.where
    shared = {name: cell for name, cell in flat.items() if name not in ("hasVariant", "productGroupID", "@id", "sku")}
    for variant in variants:
        if isinstance(variant, dict):
            own = {name: cell for name, cell in _flat(variant, roles).items() if cell not in (None, "")}
            yield {**shared, **own, VARIANT: group}


def _kinds(cells: Mapping[str, Cell]) -> set[str]:
    given = cells.get("@type")
    return {str(one).rsplit("/", 1)[-1] for one in (given if isinstance(given, list) else [given]) if one}


def _flat(cells: Mapping[str, Cell], roles: Roles) -> dict[str, Cell]:
    """Return the cells with what is nested in them brought up; those of pictures stay."""
    flat: dict[str, Cell] = {}
    for name, cell in cells.items():
        if name in roles.images or not isinstance(cell, dict | list):
            if not name.startswith("@") or name == roles.id:
                flat.setdefault(name, cell)
        elif name == "offers":
            for key, value in _offers(cell).items():
                flat.setdefault(key, value)
        elif name in ("isVariantOf", "inProductGroupWithID"):
            if group := _identity(cell):
                flat[VARIANT] = group
        elif name == "variants":
            for key, value in _variants(cell).items():
                flat.setdefault(key, value)
        elif name in _DELIVERY or name == "hasVariant":
            continue
        elif name in _SPREAD and isinstance(cell, dict):
            for key, value in cell.items():
                flat.setdefault(key, _named(value))
        elif name == "aggregateRating" and isinstance(cell, dict):
            flat.update(
                {"rating": cell.get("ratingValue"), "reviews": cell.get("reviewCount") or cell.get("ratingCount")}
            )
        elif pairs := _pairs(cell):
            for key, value in pairs.items():
                flat.setdefault(key, value)
        else:
            flat[name] = _named(cell)
    return flat


def _offers(cell: Any) -> dict[str, Cell]:
    """Return price, currency and availability of an offer, an AggregateOffer or a list of offers: the lowest price."""
    offers = [one for one in (cell if isinstance(cell, list) else [cell]) if isinstance(one, dict)]
    inner = [one for offer in offers for one in _listed(offer.get("offers")) if isinstance(one, dict)]
    found: dict[str, Cell] = {}
    prices: list[float] = []
    for offer in [*offers, *inner]:
        specified = [one for one in _listed(offer.get("priceSpecification")) if isinstance(one, dict)]
        for source in (offer, *specified):
            for key, name in _OFFER.items():
                value = source.get(key)
                if value in (None, "") or isinstance(value, dict | list):
                    continue
                if name == "price":
                    prices.extend(_number(value))
                if name == "availability" and "availability" in found and "InStock" in str(value):
                    found[name] = value  # one offer that can be bought is enough
                found.setdefault(name, value)
    if len(prices) > 1:
        found["price"] = min(prices)
        if max(prices) > min(prices):
            found.setdefault("price_max", max(prices))
    if "condition" in found:
        found["condition"] = str(found["condition"]).rsplit("schema.org/", 1)[-1].removesuffix("Condition")
    return found


def _variants(cell: Any) -> dict[str, Cell]:
    """Return the prices, numbers and stock of a shop system's variants."""
    variants = [one for one in _listed(cell) if isinstance(one, dict)]
    found: dict[str, Cell] = {}
    prices = [number for one in variants for number in _number(one.get("price"))]
    if prices:
        found["price"] = min(prices)
        if max(prices) > min(prices):
            found["price_max"] = max(prices)
    if skus := [sku for one in variants if (sku := text_of(one.get("sku")))]:
        found["sku"] = skus
    stocks = [one["available"] for one in variants if isinstance(one.get("available"), bool)]
    stocks += [one["inventory_quantity"] > 0 for one in variants if isinstance(one.get("inventory_quantity"), int)]
    if stocks:
        found["in_stock"] = any(stocks)
    return found


def _number(value: Any) -> list[float]:
    try:
        return [float(value)]
    except (TypeError, ValueError):
        return []


def _listed(cell: Any) -> list[Any]:
    return cell if isinstance(cell, list) else [] if cell is None else [cell]


def _identity(cell: Any) -> str:
    one = cell[0] if isinstance(cell, list) and cell else cell
    if isinstance(one, dict):
        return text_of(
            one.get("productGroupID") or one.get("productID") or one.get("sku") or one.get("@id") or one.get("name")
        )
    return text_of(one)


def _pairs(cell: Any) -> dict[str, Cell]:
    """Return the values of a list of named ones: additionalProperty, a shop's attributes and options."""
    if isinstance(cell, dict) and "attribute_name" not in cell and set(cell) != {"name", "value"}:
        return {}
    listed = _listed(cell)
    if not all(isinstance(one, dict) for one in listed):
        return {}
    found: dict[str, Cell] = {}
    for one in listed:
        name = text_of(next((one[key] for key in _KEYS if one.get(key)), None))
        value = next((one[key] for key in _VALUES if one.get(key) is not None), None)
        if not name or value is None:
            return {}
        found[name] = value if isinstance(value, list) else _named(value)
    return found


def _named(cell: Any) -> Cell:
    """Return the name that stands for a nested thing: a brand's, a quantity's with its unit, each of a list."""
    if isinstance(cell, list):
        return [inner for one in cell if not isinstance(inner := _named(one), dict | list) and inner is not None]
    if not isinstance(cell, dict):
        return cell  # type: ignore[no-any-return]
    amount, currency = cell.get("amount", cell.get("value")), cell.get("currency") or cell.get("currency_code")
    if amount is not None and currency:
        return f"{amount} {currency}"
    unit = cell.get("unitText") or cell.get("unitCode") or cell.get("unit")
    if amount is not None and unit and not isinstance(amount, dict | list):
        return f"{amount} {unit}"
    return next((cell[key] for key in _NAMED if isinstance(cell.get(key), str | int | float)), cell)
