"""What pages write for attributes and values of a catalogue in the language of a visitor. Knows no catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from index.language.lexicon import Lexicon, label_key
from index.words.analyse import stem

MOST_LABELS = 2_000
"""Values of a catalogue that get labels, the most frequent of each attribute first."""
AS_WRITTEN = frozenset(map(label_key, ("id", "brand", "vendor", "manufacturer", "url", "title", "item_group_id")))
"""Attributes whose values are names, which no language changes."""


class Labels:
    """The labels of one language.

    A label comes from the tables `names` and `labels` of the lexicon. A value without one is written by the first form
    of the English word that it is, where the lexicon knows it: `Cotton` is `Coton`.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        # English forms are what customers type for the catalogue's own words.
        self._firsts = {} if lexicon.language == "en" else lexicon.firsts
        self._stems = {stem(key): first for key, first in reversed(list(self._firsts.items()))}

    def name(self, attribute: str) -> str | None:
        """Return the name of an attribute; None where the language has none."""
        return self._lexicon.names.get(label_key(attribute))

    def value(self, attribute: str, value: str) -> str | None:
        """Return the label of a value; None where the language has none."""
        return self._written(attribute, value) or self._formed(attribute, value)

    def attributes(self, names: Iterable[str]) -> dict[str, str]:
        """Return the names of attributes, as far as the language has them."""
        return {attribute: name for attribute in names if (name := self.name(attribute))}

    def values(self, facets: Mapping[str, Iterable[str]], most: int = MOST_LABELS) -> dict[str, dict[str, str]]:
        """Return the labels of values by attribute.

        Within an attribute no two values have one label: the first of them keeps it, and one from the table `labels`
        comes before one that is formed.

        Args:
            facets: the values of attributes, the most frequent first.
            most: values that are looked up, of all attributes together; each attribute has the same share.
        """
        found: dict[str, dict[str, str]] = {}
        for attribute, some in _shared(facets, most).items():
            written = {value: label for value in some if (label := self._written(attribute, value))}
            formed = {
                value: label for value in some if value not in written and (label := self._formed(attribute, value))
            }
            taken = {value.casefold() for value in some if value not in written and value not in formed}
            labels: dict[str, str] = {}
            for value, label in (*written.items(), *formed.items()):
                if label.casefold() not in taken:
                    labels[value] = label
                    taken.add(label.casefold())
            if labels:
                found[attribute] = labels
        return found

    def _written(self, attribute: str, value: str) -> str | None:
        labels = self._lexicon.labels
        return labels.get(label_key(value, attribute)) or labels.get(label_key(value)) if _is_word(attribute) else None

    def _formed(self, attribute: str, value: str) -> str | None:
        key = label_key(value)
        if not key or not _is_word(attribute):
            return None
        first = self._firsts.get(key) or self._stems.get(stem(key))
        return first[:1].upper() + first[1:] if first and value[:1].isupper() else first


def _is_word(attribute: str) -> bool:
    return label_key(attribute) not in AS_WRITTEN


def _shared(facets: Mapping[str, Iterable[str]], most: int) -> dict[str, list[str]]:
    """Return the values that are looked up; what short lists of values leave of their share is for the longer ones."""
    lists = sorted(((list(values), attribute) for attribute, values in facets.items()), key=lambda one: len(one[0]))
    shared = {}
    for place, (values, attribute) in enumerate(lists):
        shared[attribute] = values[: most // (len(lists) - place)]
        most -= len(shared[attribute])
    return shared
