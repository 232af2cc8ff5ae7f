"""Magento's product export: attributes in one cell, and configurable products that name their variants.

https://experienceleague.adobe.com/en/docs/commerce-admin/systems/data-transfer/data-attributes-product
"""

from __future__ import annotations

from collections.abc import Iterator

from index import VARIANT
from training.data.columns import Roles
from training.data.dataset import Report
from training.data.drafts import Draft, draft_of, text_of
from training.data.feed_kinds import columns_by_key
from training.data.table import Table


def magento_drafts(table: Table, roles: Roles, report: Report) -> Iterator[Draft]:
    """Yield the products; a variant is in the group of the configurable product that names it."""
    columns = columns_by_key(table.columns)
    pairs, variations = columns.get("additionalattributes", ""), columns.get("configurablevariations", "")
    for column, told in ((pairs, "split into attributes"), (variations, "variant group of other rows")):
        if column:
            roles.became[column] = told
    groups: dict[str, str] = {}
    drafts: list[Draft] = []
    for record in table.records:
        for variant in text_of(record.cells.get(variations)).split("|"):
            if sku := _pairs(variant).get("sku"):
                groups[sku] = text_of(record.cells.get(roles.id or ""))
        draft = draft_of(record, record.cells, roles, report)
        for name, value in _pairs(text_of(record.cells.get(pairs))).items():
            draft.attributes.setdefault(name, value)
        drafts.append(draft)
    for draft in drafts:  # a variant may stand before the product that names it
        if group := groups.get(draft.id):
            draft.attributes[VARIANT] = group
        yield draft


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs of `color=Red,size=M`; a comma that no name follows belongs to the value."""
    found: dict[str, str] = {}
    name = ""
    for part in text.split(","):
        before, equals, value = part.partition("=")
        if equals:
            name = before.strip()
            found[name] = value.strip()
        elif name:
            found[name] += f",{part}"
    return {name: value for name, value in found.items() if name and value}
