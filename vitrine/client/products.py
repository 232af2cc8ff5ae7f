"""The calls about products, one or many: each function is a method of both clients, named after its operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack

from common import InputError
from vitrine.client.answers.products import ProductDetail
from vitrine.client.call import JSON, Call, body, data_uri, get, json_of, parameters, product_path, several
from vitrine.client.reading import search

if TYPE_CHECKING:
    import httpx

    from vitrine.client.answers import DeletionAnswer, ListedProduct, ProductAnswer, ProductResult, Ready
    from vitrine.client.call import Picture, Repeat
    from vitrine.client.options import SearchOptions

T = TypeVar("T")
PAGE = 100
"""Results of one call while all are gone through."""
DEEPEST = 10_000
"""The best results that can be seen; filters narrow down what is deeper."""


class Product(ProductDetail):
    """A product, with what names its content: `etag`, for `if_match`."""

    etag: str


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A list that comes in pages: the first call, and what follows from each answer: its items, and the next call."""

    first: Call[Any]
    follow: Callable[[Any], tuple[Sequence[T], Call[Any] | None]]


def get_product(product_id: str) -> Call[Product]:
    """Return one product.

    Raises:
        MissingError: there is none of that id.
        ServiceError: there is no good answer.
    """
    return Call("GET", product_path(product_id), _product)


def get_image(product_id: str, *, n: int | None = None, width: int | None = None) -> Call[bytes]:
    """Return a picture of a product as a file: the first one or the one of that number, as it is or `width` wide.

    Raises:
        MissingError: there is no such product or picture.
        ServiceError: there is no good answer.
    """
    path = product_path(product_id, "/image")
    return Call("GET", path, lambda answer: answer.content, parameters({"n": n, "w": width}))


def similar(
    product_id: str,
    *,
    k: int | None = None,
    offset: int | None = None,
    same: str | Sequence[str] = (),
    without: Literal["title"] | None = None,
    filters: Mapping[str, Any] | None = None,
    facets: str | Sequence[str] = (),
    sort: str | None = None,
    collapse: Literal["title", "image"] | None = None,
    group_by: str | None = None,
    cutoff: float | str | None = None,
) -> Call[ProductAnswer]:
    """Find the products that look like one, best first; itself is left out.

    Args:
        product_id: its id.
        k: how many to return.
        offset: how many of the best to skip.
        same: attributes whose value must be that of the product.
        without: "title" leaves out the products of the same title.
        filters: as in `search`, as are all below.
        facets: attributes whose values to count.
        sort: relevance, newest, or an attribute with a direction.
        collapse: one product per title, or no near-duplicate of a better picture.
        group_by: attribute whose values make groups.
        cutoff: least relevance, or "auto".

    Raises:
        MissingError: there is none of that id.
        ServiceError: there is no good answer.
    """
    lists = {"same": several(same), "facets": several(facets)}
    further = {"collapse": collapse, "group_by": group_by, "cutoff": cutoff, "not": without}
    path = product_path(product_id, "/similar")
    return get(path, k=k, offset=offset, filters=filters, sort=sort, **lists, **further)


def put_product(
    product_id: str,
    *,
    title: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    image: Picture | None = None,
    images: Sequence[Picture] | None = None,
    replace: bool = False,
    if_match: str | None = None,
    if_absent: bool = False,
) -> Call[Product]:
    """Put a product in, or change the one of this id; what is not given stays, an attribute of None goes.

    Args:
        product_id: its id.
        title: a new product needs one.
        attributes: name to text, number, truth or list.
        image: its first picture; a new product needs one.
        images: all of its pictures, or those behind `image`.
        replace: whether attributes go that are not named.
        if_match: `etag` of the product that is to be changed; it stays as it is when it is another one by now.
        if_absent: whether nothing is done when there is such a product.

    Raises:
        ChangedError: the product is another one than `if_match` says, or is there.
        ServiceError: there is no good answer.
    """
    fields = {**_fields(title, attributes, image, images), "replace": replace or None}
    return _change("PUT", product_id, fields, if_match, if_absent=if_absent)


def patch_product(
    product_id: str,
    *,
    title: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    image: Picture | None = None,
    images: Sequence[Picture] | None = None,
    if_match: str | None = None,
) -> Call[Product]:
    """Change a product that is there, as `put_product` does.

    Raises:
        MissingError: there is none of that id.
        ChangedError: the product is another one than `if_match` says.
        ServiceError: there is no good answer.
    """
    return _change("PATCH", product_id, _fields(title, attributes, image, images), if_match)


def delete_product(product_id: str, *, if_match: str | None = None) -> Call[None]:
    """Take a product out; that there is none is no error.

    Raises:
        ChangedError: the product is another one than `if_match` says.
        ServiceError: there is no good answer.
    """
    headers = _conditions(if_match)
    path = product_path(product_id)
    return Call("DELETE", path, lambda _: None, headers=headers, repeat="unseen" if headers else "always")


def delete_products(
    filters: Mapping[str, Any], *, confirm: int | None = None, dry_run: bool = False
) -> Call[DeletionAnswer]:
    """Take out all products that pass the filters: first ask with `dry_run`, then send its count as `confirm`.

    Raises:
        ChangedError: another number of products passes by now; none was taken out.
        ServiceError: there is no good answer.
    """
    params = parameters({"filters": filters, "confirm": confirm, "dry_run": dry_run or None})
    return Call("DELETE", "/v1/products", json_of, params, repeat="always" if dry_run else "unseen")


def reload() -> Call[Ready]:
    """Have the service open its checkpoint and its catalogue as they are on the disk now.

    Raises:
        ChangedError: they cannot be served; those from before are.
        ServiceError: there is no good answer.
    """
    return Call("POST", "/v1/admin/reload", json_of)


def list_products(
    *, filters: Mapping[str, Any] | None = None, fields: str | Sequence[str] = (), page: int = PAGE
) -> Paged[ListedProduct]:
    """Go through all products in the order of their ids, `page` of them in a call.

    Args:
        filters: what products must fulfil, as in a search.
        fields: what to say of each: title, split, attributes, image_url, image_urls, etag, picture_digests.
        page: products of one call, up to 1,000.

    Raises:
        ServiceError: there is no good answer.
    """

    def call(after: str | None) -> Call[Any]:
        named = ",".join(several(fields)) or None
        return get("/v1/products", after=after, limit=page, filters=filters, fields=named)

    def follow(answer: Any) -> tuple[list[ListedProduct], Call[Any] | None]:
        return answer["products"], None if answer["next"] is None else call(answer["next"])

    return Paged(call(None), follow)


def search_all(
    text: str | None = None,
    *,
    image: Picture | None = None,
    limit: int = 1000,
    **query: Unpack[SearchOptions],
) -> Paged[ProductResult]:
    """Go through the results of a search, best first, up to `limit`; takes what `search` takes, k as the page's size.

    Raises:
        InputError: `limit` or `k` is below 1.
        ServiceError: there is no good answer.
    """
    size = query.pop("k", PAGE)
    start = query.pop("offset", 0)
    if limit < 1 or size < 1:
        raise InputError(f"limit is {limit} and k {size}; give both at least 1")
    picture = data_uri(image)
    last = min(start + limit, DEEPEST)
    seen: set[str] = set()

    def call(offset: int) -> Call[Any]:
        options: SearchOptions = {**query, "offset": offset, "k": min(size, last - offset)}
        return search(text, image=picture, **options)

    offsets = iter(range(start + size, last, size))

    def follow(answer: Any) -> tuple[list[ProductResult], Call[Any] | None]:
        found = [one for one in answer["results"] if one["id"] not in seen]
        seen.update(one["id"] for one in found)
        following = next(offsets, None) if len(answer["results"]) == size else None
        return found, None if following is None else call(following)

    return Paged(call(start), follow)


def _fields(
    title: str | None,
    attributes: Mapping[str, Any] | None,
    image: Picture | None,
    images: Sequence[Picture] | None,
) -> dict[str, Any]:
    pictures = None if images is None else [data_uri(one) for one in images]
    return {"title": title, "attributes": attributes, "image": data_uri(image), "images": pictures}


def _change(
    method: str, product_id: str, fields: Mapping[str, Any], if_match: str | None, *, if_absent: bool = False
) -> Call[Product]:
    """Return a call that changes a product.

    A conditional one is not repeated once the service may have carried it out: it would then say that the product has
    changed.
    """
    conditions = _conditions(if_match, if_absent=if_absent)
    repeat: Repeat = "unseen" if conditions else "always"
    headers = {**JSON, **conditions}
    return Call(method, product_path(product_id), _product, headers=headers, content=body(fields), repeat=repeat)


def _conditions(if_match: str | None, *, if_absent: bool = False) -> dict[str, str]:
    return {**({"if-match": if_match} if if_match else {}), **({"if-none-match": "*"} if if_absent else {})}


def _product(answer: httpx.Response) -> Product:
    product: Product = json_of(answer)
    product["etag"] = answer.headers.get("etag", "")
    return product
