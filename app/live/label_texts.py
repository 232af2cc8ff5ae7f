"""What pages write for the attributes and values of the served catalogue, as the JSON that callers get.

Knows no request.
"""

from __future__ import annotations

import hashlib
from weakref import ref

from pydantic_core import from_json, to_json

from app.live.facet_counts import FacetCounts
from app.query import Service
from index import Labels, Search

COUNTED = 500
"""Most values of an attribute that are counted to find those that need a label."""


class LabelTexts:
    """The labels of each language, put together once per version of the catalogue."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._facet_counts = FacetCounts(service)
        self._of: ref[Search] | None = None
        self._kept: dict[str, tuple[bytes, str]] = {}

    async def of(self, language: str) -> tuple[bytes, str]:
        """Return a `LabelsAnswer` as JSON and its entity tag.

        Args:
            language: one of `index.LANGUAGES`.

        Raises:
            VitrineError: as `FacetCounts.of`.
        """
        index = self._service.serving.index
        if self._of is None or self._of() is not index:
            self._of, self._kept = ref(index), {}
        kept = self._kept
        if language not in kept:
            facets = from_json(await self._facet_counts.of({}, None, COUNTED))["facets"]
            labels = Labels(index.languages.lexicons[language])
            body = to_json(
                {"language": language, "attributes": labels.attributes(facets), "values": labels.values(facets)}
            )
            kept[language] = body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
        return kept[language]
