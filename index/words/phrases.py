"""Which words of titles belong together: "polo t-shirt" and "navy blue" do, "men black" does not.

Knows titles only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from index.words.analyse import words

LONGEST = 4
"""Words of the longest phrase."""
MOST = 4000
"""Phrases that are kept, the most frequent ones."""
LIFT = 3.0
"""How much oftener two words must stand side by side than they would by chance."""
LEAST, LEAST_SHARE = 3, 0.0003
"""Titles that must have a phrase, and the part of all titles that must."""
WHOLE = 0.7
"""Part of the titles with a phrase that may have it within one longer phrase: "Colors of" is only a part of a name."""
INNER = frozenset({"and", "for", "with", "the", "from"})
"""Words at which no phrase begins or ends; nor does it at a shorter one."""

Phrase = tuple[str, ...]


def frequent_phrases(titles: Iterable[str]) -> dict[str, int]:
    """Return phrases of two to four words as they are mostly written, and how many titles have them, of those given.

    Neighbours in a phrase must stand side by side more often than by chance (lift; Brin et al. 1997).
    """
    written: Counter[str] = Counter()
    forms: dict[str, Phrase] = {}
    total = 0
    for title in titles:
        total += 1
        found = words(title)
        for first in range(len(found)):
            for last in range(first, min(first + LONGEST, len(found))):
                form = title[found[first].start : found[last].end]
                written[form] += 1
                if form not in forms:
                    forms[form] = tuple(word.whole for word in found[first : last + 1])
    counts: Counter[Phrase] = Counter()
    shown: dict[Phrase, str] = {}
    for form, times in written.most_common():
        counts[forms[form]] += times
        shown.setdefault(forms[form], form)
    least = max(LEAST, LEAST_SHARE * total)
    phrases = [
        phrase
        for phrase, times in counts.items()
        if len(phrase) > 1 and times >= least and _belongs(phrase, counts, total)
    ]
    longest: Counter[Phrase] = Counter()
    for phrase in phrases:
        for part in (phrase[1:], phrase[:-1]):
            longest[part] = max(longest[part], counts[phrase])
    whole = [phrase for phrase in phrases if longest[phrase] < WHOLE * counts[phrase] and _bounded(phrase)]
    whole.sort(key=lambda phrase: (-counts[phrase], phrase))
    return {shown[phrase]: counts[phrase] for phrase in whole[:MOST]}


def _belongs(phrase: Phrase, counts: Counter[Phrase], total: int) -> bool:
    """Return whether no two neighbours in a phrase meet by chance."""
    return all(
        first != second and counts[first, second] * total >= LIFT * counts[first,] * counts[second,]
        for first, second in pairwise(phrase)
    )


def _bounded(phrase: Phrase) -> bool:
    """Return whether a phrase begins and ends with words that mean something."""
    return all(len(word) > 2 and word.isalpha() and word not in INNER for word in (phrase[0], phrase[-1]))
