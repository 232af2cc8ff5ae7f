"""Everything that pages are made of, read once for a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.front.assets import Assets, read_folder
from app.front.bundle import with_bundles
from app.front.documents import Documents
from app.front.lean import lean
from app.front.words import Words

PAGE = Path(__file__).parents[1] / "page"
ELEMENTS = "embed.js"
"""The script with the elements, which every page and every shop loads."""


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
    files = with_bundles(read_folder(PAGE), ELEMENTS)
    assets = Assets({path: lean(path, data) for path, data in files.items()} | words.files())
    return Front(assets, words, Documents(PAGE, assets, words))
