"""Words beside products, asked of an opened catalogue as the service does; also with parts of that left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from index import MODIFY_WEIGHT, NEIGHBOURS, Mode, ParsedText, Search, SearchQuery, change_of, words_share


class TextEncoder(Protocol):
    """What is needed of an encoder."""

    def encode_text(self, texts: Sequence[str], /) -> np.ndarray:
        """Return unit vectors (B, D) float32."""


@dataclass(frozen=True, slots=True)
class Edits:
    """How words beside products are asked; as it is, the service's way.

    Args:
        search: the catalogue.
        encoder: of its vectors.
        understand: reads the words.
    """

    search: Search
    encoder: TextEncoder
    understand: Callable[[str], ParsedText]
    weight: float = MODIFY_WEIGHT
    """What the words count."""
    foreign: bool = False
    """Whether the products are as a photograph that the shop does not have: only others tell what they show."""
    filtering: bool = True
    """Whether what the words say of attributes filters."""
    keep: bool = True
    """Whether the kind of product is kept."""

    def asked(
        self, likes: Sequence[Sequence[str]], texts: Sequence[str], depth: int, mode: Mode
    ) -> tuple[np.ndarray, list[SearchQuery]]:
        """Return the vectors (B, D) and the queries of B texts, each beside the products with some ids."""
        pictures = np.stack([_unit(self.search.vectors(ids).mean(axis=0)) for ids in likes])
        near = [SearchQuery(NEIGHBOURS, exclude=frozenset(ids if self.foreign else ())) for ids in likes]
        found = self.search.search("images", pictures, near)
        parsed = [self.understand(text) for text in texts]
        changes = [
            change_of(one, page.hits, () if self.foreign else ids, keep=self.keep)
            for one, page, ids in zip(parsed, found, likes, strict=True)
        ]
        said = list(dict.fromkeys(text for one in changes for text in (one.wanted, one.had) if text))
        vectors = dict(zip(said, self.encoder.encode_text(said), strict=True)) if said else {}
        for picture, change in zip(pictures, changes, strict=True):
            if change.wanted:
                picture += np.float32(self.weight) * vectors[change.wanted]
                picture -= np.float32(self.weight if change.had else 0) * vectors.get(change.had, 0)
        query = SearchQuery(depth, mode=mode, text_share=words_share(self.weight) if mode == "hybrid" else 0.0)
        queries = [
            replace(
                query,
                parsed=one,
                exclude=frozenset(ids),
                filters=(change if self.filtering else replace(change, asked={})).filters({}),
            )
            for one, change, ids in zip(parsed, changes, likes, strict=True)
        ]
        return np.stack([_unit(picture) for picture in pictures]), queries


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
