"""What customers' words mean, in five languages: lexicons as data, and the parser that reads a query with them.

A foreign word means English ones; English words mean what the catalogue's own attributes and titles say. The lexicons
also have the labels that pages write for attributes and values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index.language.labels import Labels as Labels
    from index.language.lexicon import LANGUAGES as LANGUAGES
    from index.language.lexicon import Lexicon as Lexicon
    from index.language.lexicon import shipped as shipped
    from index.language.understand import Languages as Languages
    from index.language.understand import Understanding as Understanding

__getattr__ = lazy_exports(
    __name__,
    {
        "index.language.labels": "Labels",
        "index.language.lexicon": "LANGUAGES Lexicon shipped",
        "index.language.understand": "Languages Understanding",
    },
)
