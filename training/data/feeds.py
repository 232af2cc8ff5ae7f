"""From the records of a table to rows of products, as the feed that the table is puts them.

Reads no file and finds no picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from index import VARIANT
from training.data.columns import Roles
from training.data.dataset import Report
from training.data.drafts import Draft, draft_of
from training.data.magento import magento_drafts
from training.data.nested import products_in
from training.data.rows import Row
from training.data.shopify import shopify_drafts
from training.data.table import Table
from training.data.values import give_types
from training.data.woocommerce import woocommerce_drafts

_DRAFTS: dict[str, Callable[[Table, Roles, Report], Iterator[Draft]]] = {
    "magento": magento_drafts,
    "shopify": shopify_drafts,
    "woocommerce": woocommerce_drafts,
}


def merged(table: Table, roles: Roles, report: Report) -> Iterator[Row]:
    """Yield a row for each product of a table, with typed attributes; several rows of one product are one.

    All records are read before the first row comes, because a column as a whole decides what its cells are. What does
    not fit is counted in `report`; `roles.became` is told the types of the columns. A row without an id has "" there.
    """
    drafts = deque(_DRAFTS.get(roles.kind, _plain_drafts)(table, roles, report))
    _group_parents(drafts)
    give_types(drafts, report, roles.became)
    while drafts:
        draft = drafts.popleft()
        attributes = {name: value for name, value in draft.attributes.items() if not isinstance(value, list | dict)}
        yield Row(draft.where, draft.id, draft.title, tuple(draft.images), attributes, tuple(draft.problems))  # type: ignore[arg-type]


def _plain_drafts(table: Table, roles: Roles, report: Report) -> Iterator[Draft]:
    for record in table.records:
        for cells in products_in(record, roles, report):
            yield draft_of(record, cells, roles, report)


def _group_parents(drafts: deque[Draft]) -> None:
    """Put a product that others name as their parent into their group."""
    groups = {draft.attributes[VARIANT] for draft in drafts if VARIANT in draft.attributes}
    if groups:
        for draft in drafts:
            if draft.id in groups:
                draft.attributes.setdefault(VARIANT, draft.id)
