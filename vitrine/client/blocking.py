"""The client of programs without an event loop: `Client`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from vitrine.client import products, reading
from vitrine.client.call import Call
from vitrine.client.products import Paged
from vitrine.client.signatures import as_method
from vitrine.client.syncing import synchronise
from vitrine.client.tries import Manner, Tries, address, headers, place, request, whole
from vitrine.client.writing import Writer, carry_out, plans

if TYPE_CHECKING:
    from vitrine.client.answers import BulkAnswer
    from vitrine.client.syncing import Products, Progress

P = ParamSpec("P")
T = TypeVar("T")


def _sent(build: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """Return the method that makes a call and returns what its answer says."""

    def method(self: Client, /, *args: P.args, **given: P.kwargs) -> T:
        return self.send(build(*args, **given))

    return as_method(method, build)


def _paged(build: Callable[P, Paged[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """Return the method that goes through a list that comes in pages."""

    def method(self: Client, /, *args: P.args, **given: P.kwargs) -> Iterator[T]:
        pages = build(*args, **given)
        call: Call[Any] | None = pages.first
        while call is not None:
            items, call = pages.follow(self.send(call))
            yield from items

    return as_method(method, build)


class Client:
    """A running service, as a program sees it. Close it, or use it in a `with` block; threads may share it.

    Args:
        base_url: address of the service, also with a path before it; without it VITRINE_URL, else
            http://127.0.0.1:8000.
        key: of the service, where it asks for one; without it VITRINE_KEY.
        timeout: seconds that a call may take, with all of its tries.
        retries: how often a call is sent again when the service is busy or does not answer, where that is safe.
        first_wait: seconds before the second try; doubles with each. What `Retry-After` asks is waited for.
        http: what sends the requests; by default a pool of connections of this client's own.

    Raises:
        InputError: the address or the key is none.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        first_wait: float = 0.5,
        http: httpx.Client | None = None,
    ) -> None:
        self._manner = Manner(timeout, retries, first_wait)
        self._headers = headers(key)
        self._url = httpx.URL(address(base_url))
        self._http = http or httpx.Client()

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Client:
        """Return a client of the same connections that waits longer or less long."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _manner=self._manner.changed(timeout, retries))
        return other

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, call: Call[T]) -> T:
        """Make one call, again where that is safe, and return what its answer says.

        Raises:
            ServiceError: there is no good answer.
        """
        tries = Tries(call, self._manner)
        url = place(self._url, call.path)
        while True:
            try:
                answer = self._ask(call, url, tries)
            except httpx.RequestError as error:
                wait = tries.after_error(error, url)
            else:
                if answer.is_success:
                    return call.read(answer)
                wait = tries.after_answer(answer)
            time.sleep(wait)

    def _ask(self, call: Call[Any], url: httpx.URL, tries: Tries) -> httpx.Response:
        parts = []
        with self._http.stream(call.method, url, **request(call, tries, self._headers)) as answer:
            for part in answer.iter_bytes():
                parts.append(part)
                tries.check()
        return whole(answer, parts)

    search = _sent(reading.search)
    search_descriptions = _sent(reading.search_descriptions)
    search_batch = _sent(reading.search_batch)
    search_descriptions_batch = _sent(reading.search_descriptions_batch)
    suggest = _sent(reading.suggest)
    facets = _sent(reading.facets)
    labels = _sent(reading.labels)
    find_regions = _sent(reading.find_regions)
    embed = _sent(reading.embed)
    tag = _sent(reading.tag)
    classify = _sent(reading.classify)
    explain = _sent(reading.explain)
    evaluate = _sent(reading.evaluate)
    evaluation_details = _sent(reading.evaluation_details)
    evaluation_progress = _sent(reading.evaluation_progress)
    list_models = _sent(reading.list_models)
    get_model = _sent(reading.get_model)
    map = _sent(reading.map)
    ready = _sent(reading.ready)
    health = _sent(reading.health)
    get_product = _sent(products.get_product)
    get_image = _sent(products.get_image)
    similar = _sent(products.similar)
    put_product = _sent(products.put_product)
    patch_product = _sent(products.patch_product)
    delete_product = _sent(products.delete_product)
    delete_products = _sent(products.delete_products)
    reload = _sent(products.reload)
    list_products = _paged(products.list_products)
    search_all = _paged(products.search_all)

    def write_products(self, lines: Iterable[Mapping[str, Any]], *, dry_run: bool = False) -> BulkAnswer:
        """Put in, change and take out many products, in calls of bounded size.

        Args:
            lines: products, each with its `id` and what `put_product` takes, or with `delete` true.
            dry_run: whether it is only said what would be done.

        Returns:
            What all calls came to; the products that failed are in `errors`, numbered from 1.

        Raises:
            OSError: a picture cannot be read; what came before is written.
            ServiceError: the service does not let us, does not answer, or stays busy.
        """
        writer = Writer(dry_run=dry_run)
        for plan in plans(writer, lines):
            carry_out(plan, self.send)
        return writer.answer

    def sync(
        self,
        products: Products,
        *,
        max_delete: float = 0.1,
        keep_missing: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Make the products of the service those that are given: sends what differs, takes out what is lacking.

        Args:
            products: the path of a data set, or products with `id`, `title`, `image` or `images`, and `attributes`.
            max_delete: share of the live products that may be taken out; with more, nothing is done at all.
            keep_missing: whether products that are not given stay.
            dry_run: whether it is only said what would be done.
            progress: is given the number of products, and yields what to call after each.

        Returns:
            Counts and examples of what was done, faults, bytes and seconds.

        Raises:
            InputError: more would be taken out than may be, or what is given is no data set; nothing was sent.
            ServiceError: the service does not let us, does not answer, or stays busy.
        """
        options = {"max_delete": max_delete, "keep_missing": keep_missing, "dry_run": dry_run}
        return synchronise(products, self.send, progress, **options)
