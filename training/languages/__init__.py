"""Titles of a shop in other languages, as wordings to learn from.

An English title is read into its parts, and these are written in the order and with the agreement of a language. What
the table `words.toml` does not know stays as it is. Knows no model and no data set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.languages.teaching import TeachRecipe as TeachRecipe
    from training.languages.teaching import teach as teach
    from training.languages.title import Colour as Colour
    from training.languages.title import Parts as Parts
    from training.languages.title import TitleReader as TitleReader
    from training.languages.title import read_values as read_values
    from training.languages.words import WRITTEN as WRITTEN
    from training.languages.words import Language as Language
    from training.languages.write import written as written

__getattr__ = lazy_exports(
    __name__,
    {
        "training.languages.teaching": "TeachRecipe teach",
        "training.languages.title": "Colour Parts TitleReader read_values",
        "training.languages.words": "Language WRITTEN",
        "training.languages.write": "written",
    },
)
