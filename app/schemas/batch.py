"""Several searches in one call: how many there may be, and what is wrong with each."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.errors import InvalidError
from app.schemas.checking import checked
from app.schemas.fields import Fields
from app.schemas.search import SearchRequest
from common import InputError

MAX_QUERIES = 100
MAX_RESULTS = 10_000
"""That all queries of a batch may ask for together."""


class BatchRequest(Fields):
    """Several searches in one call."""

    queries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_QUERIES)] = Field(
        description="Searches, each as it would be sent alone; a bad one is answered with an error of its own. "
        f"Together they may ask for at most {MAX_RESULTS:,} results.",
        json_schema_extra={"items": {"anyOf": [{"$ref": "#/components/schemas/SearchRequest"}, {"type": "object"}]}},
    )

    @classmethod
    def most_values(cls, dim: int) -> int:
        """Return how many values its JSON may have: each query has room for a vector of `dim` numbers."""
        return cls.max_values + MAX_QUERIES * dim

    def searches(self) -> list[SearchRequest | InputError]:
        """Return each of the searches, or what is wrong with it.

        Raises:
            InvalidError: they ask for too many results together.
        """
        found = [_search_of(query) for query in self.queries]
        results = sum(one.most_shown for one in found if isinstance(one, SearchRequest))
        if results > MAX_RESULTS:
            raise InvalidError(
                f"the queries ask for {results:,} results together; ask for at most {MAX_RESULTS:,}, with smaller k or"
                " in several calls",
                [{"field": "queries", "message": f"k adds up to more than {MAX_RESULTS}"}],
            )
        return found


def _search_of(query: dict[str, Any]) -> SearchRequest | InputError:
    try:
        fields = checked(SearchRequest, query, strict=True)
        fields.check(0)
    except InputError as error:
        return error
    return fields
