"""What the page of a product shows of it, and the same for machines: schema.org's `Product`, Open Graph.

Knows no search: similar products and variants are given to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from app.front.offer import RESERVED, Offer, offer_of
from index import VARIANT, Labels, Product, texts_of

KINDS = ("articleType", "product_type", "category", "type")
"""Attributes that say what a product is; of a path such as `Apparel > Dresses` it is the whole value."""
HIDDEN = RESERVED | {VARIANT, "in_stock", "description", "id"}
"""Attributes that are not among the others: they have places of their own, or say nothing to customers."""
LONG = 120
"""Characters from which a value is a paragraph."""
MOST_SHOWN = 60
"""Attributes that are shown; a product may have more."""
SUMMARY = 160
"""Characters of a summary, as search engines show them."""
FEATURES = {"baseColour": "color", "colour": "color", "color": "color", "material": "material", "size": "size"}
"""Attributes that schema.org has a name for."""
SCHEMA_ORG = {
    "in_stock": "InStock",
    "out_of_stock": "OutOfStock",
    "preorder": "PreOrder",
    "backorder": "BackOrder",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A product as one of several."""

    href: str
    picture: str
    title: str
    price: str


@dataclass(frozen=True, slots=True)
class Row:
    """An attribute and its values, as the visitor reads them."""

    name: str
    values: list[str]


class Addresses:
    """Where things are: from the document, or with a whole `root` from anywhere.

    Args:
        root: the address of the service.
        language: that was asked for in the address, to be asked for again; empty where none was.
    """

    def __init__(self, root: str, language: str = "") -> None:
        self.root = root
        self.kept = {"lang": language} if language else {}
        """What each of them asks for again."""

    def product(self, product_id: str) -> str:
        """Return the address of the page of a product."""
        query = f"?{urlencode(self.kept)}" if self.kept else ""
        return f"{self.root}p/{quote(product_id, safe='')}{query}"

    def search(self, **asked: str) -> str:
        """Return the address of a search; a filter's name begins with `f.`."""
        query = urlencode({**self.kept, **asked})
        return f"{self.root}?{query}" if query else self.root

    def picture(self, path: str, width: int) -> str:
        """Return the address of a picture of this width, in pixels; `path` is that from the root of the service."""
        return f"{self.root}{path.removeprefix('/')}{'&' if '?' in path else '?'}w={width}"


def card(product: Product, picture: str, addresses: Addresses, language: str) -> Card:
    """Return a product as one of several; `picture` is the path of its picture."""
    price = offer_of(product.attributes).price
    return Card(
        addresses.product(product.id),
        addresses.picture(picture, 320),
        product.title or product.id,
        price.text(language) if price else "",
    )


def product_values(
    product: Product, pictures: Sequence[str], labels: Labels, language: str, addresses: Addresses, whole: str
) -> dict[str, Any]:
    """Return what the template of the page of a product uses, apart from other products.

    Args:
        product: that is shown.
        pictures: the paths of its pictures; there is one at least.
        labels: of attributes and values in the language.
        language: of the page.
        addresses: from the document.
        whole: the whole address of the service; empty where it is not known.
    """
    offer = offer_of(product.attributes)
    anywhere = Addresses(whole)
    kind = next(((name, product.attributes[name]) for name in KINDS if product.attributes.get(name)), None)
    crumb = None
    if kind is not None:
        value = texts_of(kind[1])[0]
        crumb = {"href": addresses.search(**{f"f.{kind[0]}": value}), "text": labels.value(kind[0], value) or value}
    summary = _summary(product, offer)
    return {
        "title": product.title or product.id,
        "summary": summary,
        "pictures": [
            {"src": addresses.picture(path, 640), "large": addresses.picture(path, 1280)} for path in pictures
        ],
        "offer": offer,
        "price": offer.price.text(language) if offer.price else "",
        "before": offer.before.text(language) if offer.before else "",
        "rows": _rows(product.attributes, labels),
        "paragraphs": _paragraphs(product.attributes),
        "crumb": crumb,
        "home": addresses.search(),
        "kept": addresses.kept,
        "alike": addresses.search(like=product.id),
        "canonical": Addresses(addresses.root).product(product.id),
        "graph": _open_graph(product, offer, summary, pictures, anywhere) if whole else {},
        "data": script_json(_schema_org(product, offer, summary, pictures, anywhere)),
    }


def script_json(value: object) -> Markup:
    """Return `value` as JSON that may stand in a script element: nothing in it can end one or begin a comment."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - what could be markup is an escape now


def _rows(attributes: Mapping[str, Any], labels: Labels) -> list[Row]:
    """Return the attributes with short values, in the catalogue's order."""
    found = []
    for name, value in attributes.items():
        texts = [text for text in texts_of(value) if text]
        if name in HIDDEN or not texts or any(len(text) > LONG for text in texts):
            continue
        found.append(Row(labels.name(name) or _human(name), [labels.value(name, text) or text for text in texts]))
    return found[:MOST_SHOWN]


def _paragraphs(attributes: Mapping[str, Any]) -> list[str]:
    """Return the long values, a description first."""
    first = [text for text in texts_of(attributes["description"]) if text] if "description" in attributes else []
    others = [
        text for name, value in attributes.items() if name not in HIDDEN for text in texts_of(value) if len(text) > LONG
    ]
    return [*first, *others][:MOST_SHOWN]


def _human(name: str) -> str:
    """Return the name of an attribute as people write it: `base_colour` and `baseColour` as *Base colour*."""
    spaced = "".join(f" {char.lower()}" if char.isupper() and place else char for place, char in enumerate(name))
    words = " ".join(spaced.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def _summary(product: Product, offer: Offer) -> str:
    """Return a sentence or two about a product: its description, else what is known in few words."""
    described = product.attributes.get("description")
    if isinstance(described, str) and described.strip():
        text = " ".join(described.split())
        return text if len(text) <= SUMMARY else f"{text[: SUMMARY - 1].rpartition(' ')[0] or text[:SUMMARY]}…"
    short = [
        text
        for name, value in product.attributes.items()
        if name not in HIDDEN
        for text in texts_of(value)
        if text and len(text) <= 40 and not text.isdigit()
    ]
    return " · ".join(dict.fromkeys(filter(None, [offer.brand, *short[:6]])))[: 2 * SUMMARY]


def _open_graph(
    product: Product, offer: Offer, summary: str, pictures: Sequence[str], anywhere: Addresses
) -> dict[str, str]:
    """Return the properties of Open Graph, which need whole addresses."""
    found = {
        "og:type": "product",
        "og:title": product.title or product.id,
        "og:description": summary,
        "og:url": anywhere.product(product.id),
        "og:image": anywhere.picture(pictures[0], 1280),
        "og:image:alt": product.title or product.id,
    }
    if offer.price and offer.price.currency:
        found["product:price:amount"] = f"{offer.price.amount:.2f}"
        found["product:price:currency"] = offer.price.currency
    return found


def _schema_org(
    product: Product, offer: Offer, summary: str, pictures: Sequence[str], anywhere: Addresses
) -> dict[str, Any]:
    """Return a product as schema.org describes it (https://schema.org/Product)."""
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title or product.id,
        "sku": product.id,
        "description": summary,
    }
    if anywhere.root:
        found["url"] = anywhere.product(product.id)
        found["image"] = [anywhere.picture(path, 1280) for path in pictures]
    if offer.brand:
        found["brand"] = {"@type": "Brand", "name": offer.brand}
    for name, value in product.attributes.items():
        if name in FEATURES and texts_of(value):
            found.setdefault(FEATURES[name], texts_of(value)[0])
        elif name in KINDS and texts_of(value):
            found.setdefault("category", texts_of(value)[0])
        elif name == VARIANT and texts_of(value):
            found["inProductGroupWithID"] = texts_of(value)[0]
    if offer.price and offer.price.currency:
        found["offers"] = {
            "@type": "Offer",
            "price": f"{offer.price.amount:.2f}",
            "priceCurrency": offer.price.currency,
            **({"availability": f"https://schema.org/{SCHEMA_ORG[offer.availability]}"} if offer.availability else {}),
            **({"url": offer.url} if offer.url else {}),
        }
    return found
