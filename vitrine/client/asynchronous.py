"""The client of programs with an event loop: `AsyncClient`."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx

from vitrine.client import products, reading
from vitrine.client.call import Call
from vitrine.client.errors import ServiceError
from vitrine.client.products import Paged
from vitrine.client.signatures import as_method
from vitrine.client.syncing import synchronise
from vitrine.client.tries import Manner, Tries, address, headers, place, request, whole
from vitrine.client.writing import Plan, Steps, Writer

if TYPE_CHECKING:
    from vitrine.client.answers import BulkAnswer
    from vitrine.client.syncing import Products, Progress

P = ParamSpec("P")
T = TypeVar("T")


def _sent(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    """Return the method that makes a call and returns what its answer says."""

    async def method(self: AsyncClient, /, *args: P.args, **given: P.kwargs) -> T:
        return await self.send(build(*args, **given))

    return as_method(method, build)


def _paged(build: Callable[P, Paged[T]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    """Return the method that goes through a list that comes in pages."""

    async def method(self: AsyncClient, /, *args: P.args, **given: P.kwargs) -> AsyncIterator[T]:
        pages = build(*args, **given)
        call: Call[Any] | None = pages.first
        while call is not None:
            items, call = pages.follow(await self.send(call))
            for item in items:
                yield item

    return as_method(method, build)


class AsyncClient:
    """A running service, as a program sees it. Close it, or use it in an `async with` block.

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
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._manner = Manner(timeout, retries, first_wait)
        self._headers = headers(key)
        self._url = httpx.URL(address(base_url))
        self._http = http or httpx.AsyncClient()

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> AsyncClient:
        """Return a client of the same connections that waits longer or less long."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _manner=self._manner.changed(timeout, retries))
        return other

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, call: Call[T]) -> T:
        """Make one call, again where that is safe, and return what its answer says.

        Raises:
            ServiceError: there is no good answer.
        """
        tries = Tries(call, self._manner)
        url = place(self._url, call.path)
        while True:
            try:
                answer = await self._ask(call, url, tries)
            except httpx.RequestError as error:
                wait = tries.after_error(error, url)
            else:
                if answer.is_success:
                    return call.read(answer)
                wait = tries.after_answer(answer)
            await anyio.sleep(wait)

    async def _ask(self, call: Call[Any], url: httpx.URL, tries: Tries) -> httpx.Response:
        parts = []
        async with self._http.stream(call.method, url, **request(call, tries, self._headers)) as answer:
            async for part in answer.aiter_bytes():
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

    async def write_products(
        self, lines: Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]], *, dry_run: bool = False
    ) -> BulkAnswer:
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
        async for line in _each(lines):
            if (due := writer.add(line)) is not None:
                await self._carry_out(due)
        await self._carry_out(writer.finish())
        return writer.answer

    async def sync(
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

        def send(call: Call[T]) -> T:
            return anyio.from_thread.run(self.send, call)

        return await anyio.to_thread.run_sync(partial(synchronise, products, send, progress, **options))

    async def _carry_out(self, plan: Plan) -> None:
        steps = Steps(plan)
        while steps.call is not None:
            try:
                answer = await self.send(steps.call)
            except ServiceError as error:
                steps.failed(error)
            else:
                steps.answered(answer)


async def _each(lines: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Yield what an iterable of either kind has."""
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
    else:
        for line in lines:
            yield line
