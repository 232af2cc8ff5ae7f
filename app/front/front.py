"""Everything that pages are made of, read once for a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.front.assets import Assets, read_folder
from app.front.documents import Documents
from app.front.words import Words

PAGE = Path(__file__).parents[1] / "page"


@dataclass(frozen=True, slots=True)
class Front:
    """One of each kind."""

    assets: Assets
    words: Words
    documents: Documents


@lru_cache(maxsize=1)
def open_front() -> Front:
    """Return what the folder of the pages holds now; a changed file is seen by the next process."""
    words = Words(PAGE / "words")
    assets = Assets(read_folder(PAGE) | words.files())
    return Front(assets, words, Documents(PAGE, assets, words))
