"""The words of a catalogue: analysis, postings, spelling and completions.

Derived from the products like the vectors. Knows no vectors, no queries and no language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.words.analyse import fold as fold
    from index.words.analyse import is_code as is_code
    from index.words.analyse import stem as stem
    from index.words.analyse import terms as terms
    from index.words.analyse import words as words
    from index.words.index import WordIndex as WordIndex
    from index.words.postings import PostingLists as PostingLists
    from index.words.spelling import Speller as Speller
    from index.words.spelling import english as english

__getattr__ = lazy_exports(
    __name__,
    {
        "index.words.analyse": "fold is_code stem terms words",
        "index.words.index": "WordIndex",
        "index.words.postings": "PostingLists",
        "index.words.spelling": "Speller english",
    },
)
