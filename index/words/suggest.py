"""Completes what is being typed: to brands, values of attributes, phrases and words of titles, and whole titles.

Finished words restrict, the last one is completed. Every suggestion leads to products, and says to how many. Knows the
words of a catalogue; no query, no ranking and no vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from index.words.analyse import Word, stem, words
from index.words.entries import Entries, Entry, parts_of
from index.words.having import Having, Rows, Words
from index.words.phrases import frequent_phrases
from index.words.units import Suggestion

LONG = 8
"""Letters from which whole titles complete a text."""
TOLERANT = 4
"""Letters from which the last word may have a typo."""
RARE = 5
"""Products below which the best completion is doubted: it may be a typo of the shop's own."""
MUCH_RARER = 500
"""A phrase with this many times fewer products than the best completion is left out."""
STEP = 24
"""Completions that are counted at a time."""
FEW = 32
"""Products whose titles are read."""
SAMPLE = 10_000
"""Products in whose titles phrases are looked for."""
CHANGED = 0.1
"""Part of the products that must have changed for new phrases to be looked for."""
LONGEST = 12
"""Words of the longest text that is completed."""
COMMON = 0.4
"""Part of the products of which a value says nothing: nobody asks for what is worn casually."""

Reading = tuple[tuple[str, ...], str]
"""Finished words, folded, and the beginning of the last one; empty: the text ended in a space."""


class Completer:
    """The completions of one version of a catalogue, made when they are first asked for.

    Brands, values, words and all counts are those of the version; phrases may be some changes old.

    Args:
        known: the words.
        title: returns the title of a row.
        correct: returns what an unknown folded word was meant to be, or None.
        stop: folded words that restrict nothing.
        before: the completer of the version before, which lends what is still good.
    """

    def __init__(
        self,
        known: Words,
        title: Callable[[int], str],
        correct: Callable[[str], str | None],
        stop: Collection[str] = (),
        before: Completer | None = None,
    ) -> None:
        self._known = known
        self._having = Having(known, stop)
        self._title = title
        self._correct = correct
        self._stop = frozenset(stop)
        self._size = int(np.count_nonzero(known.alive))
        self._changes = 0
        self._made: Entries | None = None
        self._before: Entries | None = None
        if before is not None and before._made is not None:
            self._before = before._made
            moved = abs(len(known.alive) - len(before._known.alive)) + abs(self._size - before._size)
            if before._changes + moved <= CHANGED * self._size:
                self._changes, self._phrases = before._changes + moved, before._phrases

    def suggest(self, text: str, count: int = 8) -> list[Suggestion]:
        """Return at most `count` completions of a text, the likeliest first; none leads to nothing."""
        answer = _Answer(count)
        typed = words(text)
        if len(typed) > LONGEST:
            return []
        readings = self._readings(typed, text[-1:].isspace())
        if not readings:
            answer.add(self._popular(count))
            return answer.suggestions
        for reading in readings:
            if not answer.suggestions:
                self._complete(answer, *reading)
        finished, prefix = readings[-1]
        if answer.best < RARE:
            self._forgive(answer, finished, prefix)
        if prefix and self._having.known(prefix):
            self._continue(answer, (*finished, prefix), "")
        if sum(map(len, finished)) + len(prefix) >= LONG or not answer.suggestions:
            answer.add(self._titles(finished, prefix))
        return answer.suggestions

    def _readings(self, typed: list[Word], ended: bool) -> list[Reading]:
        """Return how a text may be read, the likeliest first: `t sh` begins `tshirt`, or ends in a word with sh."""
        last = None if not typed or ended else typed.pop()
        finished: list[str] = []
        for word in typed:
            if finished and len(finished[-1]) == 1 and self._having.known(finished[-1] + word.whole):
                finished[-1] += word.whole
            elif len(word.parts) > 1 and not self._having.known(word.whole):
                finished += word.parts
            else:
                finished.append(word.whole)
        if last is None:
            return [(tuple(finished), "")] if finished else []
        found: list[Reading] = [(tuple(finished), last.whole)]
        if finished and self._entries.starting(finished[-1] + last.whole):
            joined = (tuple(finished[:-1]), finished[-1] + last.whole)
            found.insert(0 if self._is_torn(finished[-1], joined[1]) else 1, joined)
        if len(last.parts) > 1:
            found.append(((*finished, *last.parts[:-1]), last.parts[-1]))
        return found

    def _is_torn(self, word: str, joined: str) -> bool:
        """Return whether a word is rather the beginning of another: `t sh`, and `back pack` where that is rarer."""
        return len(word) == 1 or self._entries.starting(joined)[0].count > self._having.count(word)

    def _complete(self, answer: _Answer, finished: Sequence[str], prefix: str) -> None:
        """Add what completes a text whose last word begins with `prefix`."""
        entries = self._entries.starting(" ".join((*finished, prefix)))
        answer.add(filter(None, (self._suggestion(entry) for entry in entries if entry.named or not finished)))
        self._continue(answer, finished, prefix, [entry for entry in entries if not entry.named])

    def _continue(self, answer: _Answer, finished: Sequence[str], prefix: str, phrases: Collection[Entry] = ()) -> None:
        """Add `phrases`, and the finished words with what their products have too and what begins with `prefix`."""
        if not finished or answer.full:
            return
        rows = self._having.all_of(finished)
        if not len(rows):
            return
        done = set(map(stem, finished))
        candidates = [entry for entry in self._entries.starting(prefix) if done.isdisjoint(entry.meaning)]
        if prefix:
            candidates = [one for one in candidates if one.kind == "value" or one.words[0].startswith(prefix)]
        else:
            candidates = [one for one in candidates if one.count < COMMON * self._size and not one.numeric]
        if len(rows) <= FEW:
            candidates = [*self._in_titles(rows, prefix, done), *candidates]
        candidates = [*phrases, *candidates]
        head = self._written(finished)
        step = STEP if prefix else len(candidates) or 1
        for at in range(0, len(candidates), step):
            tried = candidates[at : at + step]
            counted = []
            for entry, matched in zip(tried, self._having.shared(rows, tried), strict=True):
                if matched and (prefix or matched < len(rows)):
                    text = entry.text if entry in phrases else f"{head} {self._shown(entry)}"
                    interest = matched * (1.0 if prefix else _surprise(matched, len(rows), entry, self._size))
                    counted.append((not entry.named, -interest, text, matched))
            answer.add(Suggestion(text, "phrase", matched) for *_, text, matched in sorted(counted))
            if answer.full:
                return

    def _forgive(self, answer: _Answer, finished: Sequence[str], prefix: str) -> None:
        """Add completions of what the text is with one typo less: in each finished word, and in the last one."""
        corrected = tuple(word if self._having.known(word) else self._correct(word) or word for word in finished)
        if corrected != tuple(finished):
            self._complete(answer, corrected, prefix)
        if answer.best < RARE and len(prefix) >= TOLERANT:
            for variant in self._entries.near(prefix)[:STEP]:
                self._complete(answer, corrected, variant)

    def _titles(self, finished: Sequence[str], prefix: str) -> Iterator[Suggestion]:
        """Yield titles with all finished words and one that begins with `prefix`; those that begin with all first."""
        rows = self._having.all_of(finished)
        if prefix:
            begun = [entry.words[0] for entry in self._entries.starting(prefix) if len(entry.words) == 1]
            rows = self._having.any_of(begun[:STEP], rows)
        typed = " ".join((*finished, prefix))
        titles = dict.fromkeys(self._title(row) for row in rows[:FEW].tolist())
        for title in sorted(titles, key=lambda title: not " ".join(parts_of(title)).startswith(typed)):
            matched = len(self._having.all_of(parts_of(title)))
            if matched:
                yield Suggestion(title, "title", matched)

    def _popular(self, count: int) -> Iterator[Suggestion]:
        """Yield frequent values and brands in turn: what is offered before anything is typed."""
        named = [entry for entry in self._entries.named if entry.count < COMMON * self._size and not entry.numeric]
        named.sort(key=lambda entry: (-entry.count * entry.news, entry.text))
        values, brands = ([entry for entry in named if entry.kind == kind][:count] for kind in ("value", "brand"))
        for place in range(count):
            yield from filter(None, map(self._suggestion, values[place : place + 1] + brands[place : place + 1]))

    def _suggestion(self, entry: Entry) -> Suggestion | None:
        """Return an entry as a suggestion; None when no product has it."""
        count = entry.count if entry.named else len(self._having.of(entry))
        return Suggestion(self._shown(entry), entry.kind, count, entry.attribute) if count else None

    def _shown(self, entry: Entry) -> str:
        """Return an entry as the catalogue writes it; a lone word as the first title with it does."""
        if len(entry.words) > 1 or entry.named:
            return entry.text
        rows = self._having.of(entry)
        found = words(self._title(int(rows[0]))) if len(rows) else []
        return next((word.text for word in found if word.whole == entry.words[0]), entry.text)

    def _written(self, finished: Sequence[str]) -> str:
        """Return words as the catalogue writes them, the longest known phrase first."""
        shown: list[str] = []
        at = 0
        while at < len(finished):
            end = at + 1
            text = None
            for end in range(len(finished), at, -1):
                text = self._entries.written(" ".join(finished[at:end]))
                if text is not None:
                    break
            word = finished[at]
            shown.append(text or (word if word in self._stop else self._shown(Entry(word, (word,), "phrase", 0))))
            at = end
        return " ".join(shown)

    @cached_property
    def _phrases(self) -> dict[str, int]:
        rows = np.flatnonzero(self._known.alive)
        sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE].tolist()
        return frequent_phrases(dict.fromkeys(map(self._title, sample)))

    @property
    def _entries(self) -> Entries:
        if self._made is None:
            known = self._known
            self._made = Entries(
                known.brands(), known.values(), self._phrases, known.surface(), self._stop, self._before
            )
            self._before = None
        return self._made

    def _in_titles(self, rows: Rows, prefix: str, done: Collection[str]) -> list[Entry]:
        """Return the words of a few products' titles that begin with `prefix`, the frequent ones first."""
        counts: dict[str, int] = {}
        for row in rows.tolist():
            for word in set(parts_of(self._title(row))):
                if word.startswith(prefix) and word not in self._stop and stem(word) not in done:
                    counts[word] = counts.get(word, 0) + 1
        best = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        return [Entry(word, (word,), "phrase", self._having.count(word)) for word, _ in best[:STEP]]


class _Answer:
    """Suggestions in order, one for each meaning, up to a number."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen: set[tuple[str, ...]] = set()
        self.suggestions: list[Suggestion] = []
        self.best = 0
        """Products of the suggestion that has most."""

    @property
    def full(self) -> bool:
        """Whether it takes no more."""
        return len(self.suggestions) >= self._count

    def add(self, suggestions: Iterable[Suggestion]) -> None:
        """Take what is new and no rarity, as long as there is room."""
        for one in suggestions:
            if self.full:
                return
            meaning = tuple(map(stem, parts_of(one.text)))
            if meaning in self._seen or (one.kind == "phrase" and one.count * MUCH_RARER < self.best):
                continue
            self._seen.add(meaning)
            self.suggestions.append(one)
            self.best = max(self.best, one.count)


def _surprise(matched: int, of: int, entry: Entry, size: int) -> float:
    """Return how much oftener than elsewhere `matched` of some products have an entry, times what it tells."""
    return max(0.0, math.log(matched * size / (of * max(1, entry.count)))) * entry.news
