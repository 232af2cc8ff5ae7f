"""A client's `sync`: the service as `training.sync` sees it, and products of a program as the data set it compares."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import InputError
from vitrine.client.call import Call, bytes_of, json_of
from vitrine.client.products import list_products
from vitrine.client.tries import RECEIVED
from vitrine.client.writing import Writer, carry_out, plans

if TYPE_CHECKING:
    import httpx

    from training.data import Dataset, Item

    Progress = Callable[[int], AbstractContextManager[Callable[[], None]]]
    Products = Dataset | str | os.PathLike[str] | Iterable[Mapping[str, Any]]

PAGE = 1000
"""Products listed by one call."""


class Live:
    """A live service, of which `send` makes the calls: what `training.sync.Service` describes."""

    def __init__(self, send: Callable[[Call[Any]], Any]) -> None:
        self._send = send
        self.sent = 0
        self.received = 0

    def products(self, fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield every product with its id and these fields, in order of id.

        Raises:
            ServiceError: the service does not let us, or does not answer.
        """
        pages = list_products(fields=["id", *fields], page=PAGE)
        call: Call[Any] | None = pages.first
        while call is not None:
            items, call = pages.follow(self._counted(call))
            yield from items

    def write(self, lines: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, int], Sequence[tuple[str, str]]]:
        """Send lines of bulk calls; return how many were created, replaced, …, and those that failed.

        Raises:
            ServiceError: the service does not let us, does not answer, or stays busy.
        """
        writer = Writer()
        for plan in plans(writer, lines):
            carry_out(plan, self._counted)
        self.sent += writer.sent
        counts = {name: value for name, value in writer.answer.items() if type(value) is int}
        return counts, [(str(one["id"]), one["message"]) for one in writer.answer["errors"]]

    def _counted(self, call: Call[Any]) -> Any:
        def read(answer: httpx.Response) -> Any:
            self.received += answer.extensions[RECEIVED]
            return json_of(answer)

        return self._send(replace(call, read=read))


def synchronise(
    given: Products, send: Callable[[Call[Any]], Any], progress: Progress | None = None, **options: Any
) -> dict[str, Any]:
    """Make the products of a live service those that are given, sending only what differs.

    Returns:
        Counts and examples of what was (or with `dry_run` would be) done, faults, bytes and seconds.

    Raises:
        InputError: more would be deleted than `max_delete` allows, or what is given is no data set; nothing was sent.
        ServiceError: the service does not let us, or does not answer.
    """
    from training.sync import SyncOptions, sync

    return sync(_dataset(given), Live(send), SyncOptions(**options), progress)


def _dataset(given: Products) -> Dataset:
    from training.data import Dataset, Report, open_dataset

    if isinstance(given, Dataset):
        return given
    if isinstance(given, (str, os.PathLike)):
        return open_dataset(Path(given))
    items = [_item(one) for one in given]
    twice = len(items) - len({item.id for item in items})
    if twice:
        raise InputError(f"{twice:,} of the products have the id of another one; give each its own")
    return Dataset("products", Path("products"), "products", items, Report(rows=len(items), usable=len(items)), "")


def _item(product: Mapping[str, Any]) -> Item:
    from training.data import Item

    pictures = [one for one in (product.get("image"), *(product.get("images") or ())) if one is not None]
    if not product.get("id") or not product.get("title") or not pictures:
        raise InputError(
            f"product {product.get('id')!r} lacks an id, a title or a picture; each needs `id`, `title` and `image`"
        )
    attributes = {name: one for name, one in (product.get("attributes") or {}).items() if one is not None}
    first, *more = (partial(bytes_of, one) for one in pictures)
    return Item(str(product["id"]), str(product["title"]), attributes, first, tuple(more))
