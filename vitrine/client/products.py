"""The calls about single products and lists of them: each function is a method of both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.client.answers.products import ProductDetail
from vitrine.client.call import Call, json_of, product_path

if TYPE_CHECKING:
    import httpx


class Product(ProductDetail):
    """A product, with what names its content: `etag`, for `if_match`."""

    etag: str


def get_product(product_id: str) -> Call[Product]:
    """Return one product.

    Raises:
        MissingError: there is none of that id.
        ServiceError: there is no good answer.
    """
    return Call("GET", product_path(product_id), _product)


def _product(answer: httpx.Response) -> Product:
    product: Product = json_of(answer)
    product["etag"] = answer.headers.get("etag", "")
    return product
