"""WooCommerce's product export, with headers in the shop's language: variations are part of their variable product.

https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from index import VARIANT
from training.data.column_names import key
from training.data.columns import Roles
from training.data.dataset import Report
from training.data.drafts import ATTRIBUTE, Draft, describe, text_of, unique
from training.data.feed_kinds import attribute_number, columns_by_name
from training.data.picture_columns import pictures_of
from training.data.rows import UNUSABLE
from training.data.table import Cell, Record, Table
from training.data.value_words import availability_of
from training.data.variants import Columns, Prices, count_merged

_NAMES = {
    "id": "id",
    "type": "type typ tipo",
    "sku": "sku artikelnummer ugs cod codice",
    "title": "name nom nombre nome naam nazwa",
    "description": "description beschreibung descripcion descrizione beschrijving opis",
    "short_description": (
        "shortdescription kurzbeschreibung descriptioncourte descripcioncorta brevedescrizione descrizionebreve "
        "kortebeschrijving krotkiopis"
    ),
    "published": "published veroffentlicht publie publicado pubblicato gepubliceerd opublikowano",
    "featured": "isfeatured hervorgehoben isthervorgehoben misenavant estadestacado inevidenza uitgelicht",
    "in_stock": "instock vorratig auflager enstock existencias hayexistencias inmagazzino opvoorraad wmagazynie",
    "stock": "stock lager lagerbestand bestand inventario magazzino voorraad",
    "price": (
        "regularprice regularerpreis regulaererpreis normalerpreis tarifregulier prixregulier tarifnormal precionormal "
        "prezzodilistino prezzoregolare reguliereprijs normaleprijs cenaregularna"
    ),
    "sale_price": (
        "saleprice angebotspreis tarifpromo prixpromo preciorebajado prezzoinofferta actieprijs cenapromocyjna"
    ),
    "categories": "categories kategorien categorias categorie categorieen kategorie",
    "tags": "tags schlagworter schlagwoerter etiquettes etiquetas tag znaczniki",
    "picture": "images bilder imagenes immagini afbeeldingen obrazki",
    "parent": "parent ubergeordnetesprodukt uebergeordnetesprodukt superior genitore padre ouder hoofd hoofdproduct",
}
_VARIATIONS = ("variation", "variante", "variacion", "variazione", "variatie", "wariant")
_OWN = re.compile(
    r"meta|taxstatus|taxclass|steuer|backordersallowed|lieferruckstande|soldindividually|allowcustomerreviews|"
    r"purchasenote|shippingclass|versandklasse|download|upsells|crosssells|externalurl|buttontext|position|"
    r"visibility|sichtbarkeit|lowstock|datesale|groupedproducts|gruppierteprodukte|"
    r"(attribut\w*\d+|.*attribut\w*\d+$)"
)


def woocommerce_drafts(table: Table, roles: Roles, report: Report) -> Iterator[Draft]:
    """Yield the products: simple and grouped ones, and variable ones with their variations."""
    columns, attributes = _columns(table, roles)
    parents: list[Record] = []
    variations: list[Record] = []
    for record in table.records:
        if UNUSABLE.intersection(record.problems):
            yield Draft(record.where, "", problems=list(record.problems))
        else:
            kinds = {key(part) for part in columns.text(record, "type").split(",")}
            (variations if kinds.intersection(_VARIATIONS) else parents).append(record)
    names = {name: record for record in parents for name in _references(record, columns)}
    children: dict[int, list[Record]] = {}
    orphans = []
    for record in variations:
        parent = names.get(_reference(columns.text(record, "parent")))
        if parent is None:
            orphans.append(record)
        else:
            children.setdefault(id(parent), []).append(record)
    prices = Prices(columns, report)
    prices.learn([*parents, *variations])
    for parent in parents:
        draft = _draft(parent, children.get(id(parent), []), columns, attributes, prices, report)
        for record in children.get(id(parent), ()):
            count_merged(record, draft.id, report)
        yield draft
    for record in orphans:
        draft = _draft(record, [], columns, attributes, prices, report)
        draft.attributes[VARIANT] = columns.text(record, "parent").removeprefix("id:")
        yield draft


def _columns(table: Table, roles: Roles) -> tuple[Columns, dict[int, dict[str, str]]]:
    """Return the columns by our names, and those of the numbered attributes; tell the report what becomes of each."""
    by_name = columns_by_name(table.columns, _NAMES)
    given = {"title": roles.title, "picture": roles.images[0] if roles.images else None, "id": roles.id}
    for name, mapped in given.items():
        if mapped and ({"picture": "image"}.get(name, name) in roles.given or name not in by_name):
            by_name[name] = mapped
    attributes: dict[int, dict[str, str]] = {}
    rest = []
    for column in table.columns:
        name = next((name for name, known in by_name.items() if known == column), "")
        if name == "picture":
            told = "pictures"
        elif name in ("id", "title", "description", "type", "parent"):
            told = {"type": "which rows are variations", "parent": "the product of a variation"}.get(name, name)
        elif name:
            told = f"{ATTRIBUTE} {name}"
        elif found := attribute_number(key(column)):
            attributes.setdefault(found[0], {})[found[1]] = column
            told = f"{ATTRIBUTE}: list, by the attribute's name"
        elif _OWN.match(key(column)):
            told = "not used: for the shop's own running"
        else:
            told = ATTRIBUTE
            rest.append(column)
        roles.became[column] = told
    return Columns(by_name, rest), attributes


def _reference(text: str) -> str:
    return text if text.startswith("id:") else text.casefold()


def _references(record: Record, columns: Columns) -> Iterator[str]:
    """Yield what a variation may call this product by: `id:123`, or its SKU."""
    if number := columns.text(record, "id"):
        yield f"id:{number}"
    if sku := columns.text(record, "sku"):
        yield sku.casefold()


def _draft(
    parent: Record,
    variations: Sequence[Record],
    columns: Columns,
    numbered: Mapping[int, Mapping[str, str]],
    prices: Prices,
    report: Report,
) -> Draft:
    records = [parent, *variations]
    id_ = columns.text(parent, "id") or columns.text(parent, "sku")
    draft = Draft(parent.where, id_, columns.text(parent, "title"))
    draft.problems = [problem for record in records for problem in record.problems]
    draft.images = unique(name for record in records for name in pictures_of(columns.cell(record, "picture")))
    attributes: dict[str, Cell] = {}
    skus = unique(filter(None, (columns.text(record, "sku") for record in records)))
    attributes["sku"] = [sku for sku in skus if sku != id_]
    for name in ("published", "featured", "short_description"):
        attributes[name] = columns.text(parent, name).replace("\\n", " ") or None
    for name in ("categories", "tags"):
        attributes[name] = _commas(columns.text(parent, name))
    attributes |= prices.of(variations) or prices.of([parent])
    attributes |= _stock(records, columns)
    attributes |= _attributes(records, numbered)
    for column in columns.rest:
        attributes.setdefault(column, parent.cells.get(column))
    draft.attributes.update(attributes)
    described = columns.cell(parent, "description")
    # The export writes a line break as a backslash and an n.
    text = text_of(described.replace("\\n", "\n") if isinstance(described, str) else described)
    describe(draft, "description", text, report)
    return draft


def _stock(records: Sequence[Record], columns: Columns) -> dict[str, Cell]:
    """Return whether any of the records can be bought, and how many pieces there are."""
    told = [availability_of(text) for record in records[1:] or records if (text := columns.text(record, "in_stock"))]
    pieces = [text for record in records if (text := columns.text(record, "stock")) and text.lstrip("-").isdecimal()]
    found: dict[str, Cell] = {"in_stock": "in stock" in told} if told else {}
    if pieces:
        found["stock"] = sum(max(0, int(text)) for text in pieces)
    return found


def _attributes(records: Sequence[Record], numbered: Mapping[int, Mapping[str, str]]) -> dict[str, Cell]:
    """Return the values of each attribute over all records; an attribute of the shop is called `pa_…` at times."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for _, columns in sorted(numbered.items()):
            name = text_of(record.cells.get(columns.get("name", ""))).removeprefix("pa_")
            values = _commas(text_of(record.cells.get(columns.get("value", ""))))
            if name and values:
                found.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: list(values) for name, values in found.items()}


def _commas(text: str) -> list[str]:
    r"""Return the texts between commas; `\,` is a comma within one."""
    parts = re.split(r"(?<!\\)[,|]", text) if text else []
    return [part.strip().replace("\\,", ",") for part in parts if part.strip()]
