"""Which words of a query are corrected, and that neighbours help."""

from __future__ import annotations

import pytest

from index import Product
from index.language.understand import Languages, Understanding
from index.words.index import WordIndex

STOCK = [
    ("Lakme Red Nail Polish", "Nail Polish", 15),
    ("Colorbar Nail File", "Nail Essentials", 5),
    ("Red Rose Women Bra", "Bra", 10),
    ("Arrow Men Shoes", "Formal Shoes", 10),
    ("Puma Men Blue Jeans", "Jeans", 30),
    ("Arrow Men T-shirt", "Tshirts", 120),
    ("Puma Men Polis Cap", "Caps", 1),
    ("Puma Men Shrt", "Shirts", 1),
]
PRODUCTS = [
    Product(f"{kind}-{number}", title, {"articleType": article}, "train")
    for kind, (title, article, count) in enumerate(STOCK)
    for number in range(count)
]
understanding = Understanding(WordIndex.of(PRODUCTS), Languages())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("blue jeens", "blue jeans"),
        ("pumma jeans", "puma jeans"),
        ("nail polis", "nail polish"),  # a word of one product, but for its neighbour
        ("formel shoes", "formal shoes"),  # a word of another language's lexicon
        ("t-shrit blue", "tshirt blue"),
        ("blue t shrt", "blue tshirt"),
        ("t-shirt blue", None),
        ("v neck", None),
        ("formel jeans", None),
        ("red nose", None),
        ("puma polis", None),
        ("puma shrt", None),
        ("nail polish", None),
        ("blue jeans", None),
        ("helicopter", None),
        ("puma ch2589", None),
    ],
)
def test_unknown_words_are_corrected_and_known_ones_where_a_neighbour_says_so(typed: str, meant: str | None) -> None:
    parsed = understanding.parse(typed)
    assert (None if parsed.correction is None else parsed.correction.corrected) == meant
    assert understanding.parse(typed, correct=False).correction is None
