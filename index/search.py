"""What every search over a catalogue can do, wherever the catalogue is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, Protocol, overload

from index.fields import Field
from index.filters import Filters
from index.language.understand import Languages
from index.product import Product
from index.query import LikeVectors, SearchQuery, Side
from index.ranking.calibrate import Calibration
from index.records import CatalogueInfo, Vectors
from index.results import DescriptionHit, Hit, Page
from index.words.units import ParsedText, Suggestion


class Search(Protocol):
    """What answers queries over a catalogue; `index.SearchIndex` says what the calls promise."""

    info: CatalogueInfo
    encoder_id: str
    version: int
    calibration: Calibration
    languages: Languages

    def __len__(self) -> int: ...

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes that its products have."""

    @property
    def products(self) -> list[Product]:
        """All products, in the catalogue's order."""

    def edited(self) -> Collection[str] | None:
        """Return the ids of the products that may have changed since the catalogue was built; None: any may have."""

    def vectors(self, product_ids: Iterable[str], /, *, first: bool = False) -> Vectors:
        """Return for each of some products the mean (K, D) of its pictures' vectors; or that of its first picture."""

    def check(self, query: SearchQuery, /) -> LikeVectors:
        """Refuse a query that cannot be answered; return the vectors of the products that it names."""

    def understand(
        self, text: str, /, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what a text asks of this catalogue.

        Args:
            text: as it was typed.
            language: one of `LANGUAGES`; None: it is told from the words.
            correct: whether unknown words are corrected.
            dismissed: phrases, as typed, that are to be no conditions.
        """

    def suggest(self, text: str, /, count: int = 8) -> list[Suggestion]:
        """Return completions of what is being typed, the likeliest first."""

    def count(self, filters: Filters | None = None, /) -> int:
        """Return how many products pass the filters."""

    def facets(
        self, filters: Filters | None = None, names: Iterable[str] | None = None, /
    ) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters."""

    def fields(self, names: Iterable[str] | None = None, /) -> dict[str, Field]:
        """Return what the products hold of some attributes; of all, when None. Those that are gone are left out."""

    def ids_titled(self, title: str, /) -> list[str]:
        """Return the ids of the products with this title, in whatever case it is written."""

    def passing_ids(self, filters: Filters, /) -> list[str]:
        """Return the ids of the products of its version that pass the filters, in the catalogue's order."""

    @overload
    def search(
        self, side: Literal["images"], vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]]: ...

    @overload
    def search(
        self, side: Literal["texts"], vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[DescriptionHit]]: ...

    @overload
    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]: ...

    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]:
        """Find what is nearest to `vectors` (B, D), a page for each of B queries."""
