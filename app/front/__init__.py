"""The pages as a browser gets them: documents from templates, their texts in five languages, and the files they load.

Knows no route, no search and no store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.front.asked import PLAIN as PLAIN
    from app.front.asked import Asked as Asked
    from app.front.assets import Assets as Assets
    from app.front.assets import asset_response as asset_response
    from app.front.documents import Documents as Documents
    from app.front.documents import document_response as document_response
    from app.front.errors import error_pages as error_pages
    from app.front.front import PAGE as PAGE
    from app.front.front import Front as Front
    from app.front.front import open_front as open_front
    from app.front.product import Addresses as Addresses
    from app.front.product import Card as Card
    from app.front.product import card as card
    from app.front.product import product_values as product_values
    from app.front.words import LANGUAGES as LANGUAGES
    from app.front.words import Words as Words
    from app.front.words import language_of as language_of

__getattr__ = lazy_exports(
    __name__,
    {
        "app.front.asked": "PLAIN Asked",
        "app.front.assets": "Assets asset_response",
        "app.front.documents": "Documents document_response",
        "app.front.errors": "error_pages",
        "app.front.front": "PAGE Front open_front",
        "app.front.product": "Addresses Card card product_values",
        "app.front.words": "LANGUAGES Words language_of",
    },
)
