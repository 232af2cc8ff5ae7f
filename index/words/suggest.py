"""Completes what is being typed: to brands, values of attributes, phrases and words of titles, and whole titles.

Finished words restrict, the last one is completed. Every suggestion leads to products, and says to how many. Knows the
words of a catalogue; no query, no ranking and no vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.product import title_key
from index.words.analyse import stem, words
from index.words.entries import Entries, Entry, parts_of
from index.words.phrases import frequent_phrases
from index.words.units import Suggestion, brand_key, value_key, word_key

Rows = npt.NDArray[np.int32]

LONG = 8
"""Letters from which whole titles complete a text."""
TOLERANT = 4
"""Letters from which the last word may have a typo."""
RARE = 5
"""Products below which a completion is doubted: it may be a typo of the shop's own."""
STEP = 24
"""Completions that are counted at a time."""
FEW = 64
"""Products whose titles are read."""
SAMPLE = 10_000
"""Products in whose titles phrases are looked for."""
CHANGED = 0.1
"""Part of the products that must have changed for new phrases to be looked for."""
COMMON = 0.4
"""Part of the products of which a value says nothing: nobody asks for what is worn casually."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Words(Protocol):
    """What completions need of a catalogue's words; `WordIndex` is one."""

    alive: npt.NDArray[np.bool_]
    """(N,) which rows are products."""

    def surface(self) -> Mapping[str, int]:
        """Return the words as they are written, folded, and how often each came."""

    def brands(self) -> Mapping[str, int]:
        """Return the brands, as they are written, and how many products have each."""

    def values(self) -> Mapping[tuple[str, str], int]:
        """Return (attribute, value) -> products."""

    def rows(self, key: str) -> Rows:
        """Return the living rows in the postings of a key, in order."""


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
        self._title = title
        self._correct = correct
        self._stop = frozenset(stop)
        self._size = int(np.count_nonzero(known.alive))
        self._changes = 0
        self._before: Entries | None = None
        if before is not None and before._made is not None:
            self._before = before._made
            changes = before._changes + abs(len(known.alive) - len(before._known.alive)) + abs(self._size - before._size)
            if changes <= CHANGED * self._size:
                self._changes, self._phrases = changes, before._phrases
        self._made: Entries | None = None

    def suggest(self, text: str, count: int = 8) -> list[Suggestion]:
        """Return at most `count` completions of a text, the likeliest first; none leads to nothing."""
        answer = _Answer(count)
        readings = self._readings(text)
        if not readings:
            answer.add(self._popular(count))
            return answer.suggestions
        for finished, prefix in readings:
            self._complete(answer, finished, prefix)
        if answer.best < RARE:
            self._forgive(answer, *readings[-1])
        for finished, prefix in readings:
            whole = (*finished, prefix)
            if prefix and self._has(prefix):
                self._continue(answer, whole, "")
            if sum(map(len, whole)) >= LONG or not answer.suggestions:
                answer.add(self._titles(finished, prefix))
        return answer.suggestions

    def _readings(self, text: str) -> list[tuple[tuple[str, ...], str]]:
        """Return how a text may be read, as finished words and the beginning of the last: `t-sh` is `tsh` or `t`, `sh`.

        A text that ends in a space has finished its last word.
        """
        typed = words(text)
        finished: list[str] = []
        for word in typed:
            if finished and len(finished[-1]) == 1 and self._has(finished[-1] + word.whole):
                finished[-1] += word.whole
            elif len(word.parts) > 1 and not self._has(word.whole):
                finished += word.parts
            else:
                finished.append(word.whole)
        if not typed or typed[-1].end < len(text) and text[-1].isspace():
            return [(tuple(finished), "")] if typed else []
        before, last = self._readings(text[: typed[-1].start]), typed[-1]
        head = before[0][0] if before else ()
        found = [(head, last.whole)]
        if len(last.parts) > 1:
            found.append(((*head, *last.parts[:-1]), last.parts[-1]))
        if head and len(head[-1]) == 1:
            found.insert(0, (head[:-1], head[-1] + last.whole))
        return found

    def _complete(self, answer: _Answer, finished: Sequence[str], prefix: str) -> None:
        """Add what completes a text whose last word begins with `prefix`."""
        answer.add(filter(None, map(self._suggestion, self._entries.starting(" ".join((*finished, prefix))))))
        self._continue(answer, finished, prefix)

    def _continue(self, answer: _Answer, finished: Sequence[str], prefix: str) -> None:
        """Add the finished words with what products that have them have too, and begins with `prefix`."""
        if not finished or answer.full:
            return
        rows = self._having(finished)
        if not len(rows):
            return
        passing = self._mask(rows)
        done = set(map(stem, finished))
        candidates = [entry for entry in self._entries.starting(prefix) if done.isdisjoint(entry.meaning)]
        if not prefix:
            candidates = [entry for entry in candidates if entry.count < COMMON * self._size and not _numeric(entry)]
        if len(rows) <= FEW:
            candidates = [*self._in_titles(rows, prefix, done), *candidates]
        head = self._written(finished)
        step = STEP if prefix else len(candidates)
        for at in range(0, len(candidates), step or 1):
            counted = []
            for entry in candidates[at : at + step]:
                matched = int(np.count_nonzero(passing[self._rows_of(entry)]))
                if matched:
                    interest = matched * (1.0 if prefix else _surprise(matched, len(rows), entry.count, self._size))
                    counted.append((not entry.named, -interest, entry.words, matched, entry))
            answer.add(
                Suggestion(f"{head} {self._shown(entry)}", "phrase", matched)
                for *_, matched, entry in sorted(counted, key=lambda one: one[:3])
            )
            if answer.full:
                return

    def _forgive(self, answer: _Answer, finished: Sequence[str], prefix: str) -> None:
        """Add completions of what the text is with one typo less: in each finished word, and in the last one."""
        mended = tuple(word if self._has(word) else self._correct(word) or word for word in finished)
        if mended != tuple(finished):
            self._complete(answer, mended, prefix)
        if answer.best >= RARE or len(prefix) < TOLERANT:
            return
        near = [(entries[0], variant) for variant in self._near(prefix) if (entries := self._entries.starting(variant))]
        near.sort(key=lambda one: (not one[0].named, -one[0].count, one[1]))
        for _, variant in near[:STEP]:
            self._complete(answer, mended, variant)
            if answer.full:
                return

    def _near(self, prefix: str) -> Iterator[str]:
        """Yield what words begin with, one edit away from `prefix`; the first letter is right, or swapped."""
        seen = {prefix}
        for variant in _edits(prefix):
            if variant not in seen and self._entries.begun(variant):
                seen.add(variant)
                yield variant

    def _titles(self, finished: Sequence[str], prefix: str) -> Iterator[Suggestion]:
        """Yield titles with all finished words and one that begins with `prefix`; those that begin with all first."""
        rows = self._having(finished)
        if prefix:
            begun = [entry for entry in self._entries.starting(prefix) if len(entry.words) == 1]
            found = np.zeros(len(self._known.alive), dtype=np.bool_)
            for entry in begun[:STEP]:
                found[self._known.rows(word_key(stem(entry.words[0])))] = True
            rows = rows[found[rows]]
        titles = dict.fromkeys(self._title(row) for row in rows[:FEW].tolist())
        typed = " ".join((*finished, prefix))
        for title in sorted(titles, key=lambda title: not " ".join(parts_of(title)).startswith(typed)):
            matched = self._having(parts_of(title))
            if len(matched):
                yield Suggestion(title, "title", len(matched))

    def _popular(self, count: int) -> Iterator[Suggestion]:
        """Yield frequent brands and values in turn: what is offered before anything is typed."""
        named = [entry for entry in self._entries.named if entry.count < COMMON * self._size and not _numeric(entry)]
        named.sort(key=lambda entry: (-entry.count, entry.text))
        kinds = [[entry for entry in named if entry.kind == kind][:count] for kind in ("value", "brand")]
        for place in range(count):
            yield from filter(None, map(self._suggestion, [e for kind in kinds for e in kind[place : place + 1]]))

    # How it is shown

    def _suggestion(self, entry: Entry) -> Suggestion | None:
        """Return an entry as a suggestion; None when no product has it."""
        if entry.kind == "phrase":
            matched = len(self._rows_of(entry))
            return Suggestion(self._shown(entry), "phrase", matched) if matched else None
        return Suggestion(entry.text, entry.kind, entry.count, entry.attribute) if entry.count else None

    def _shown(self, entry: Entry) -> str:
        """Return an entry as the catalogue writes it; a lone word as the first title with it does."""
        if len(entry.words) > 1 or entry.named:
            return entry.text
        rows = self._rows_of(entry)
        found = words(self._title(int(rows[0]))) if len(rows) else []
        return next((word.text for word in found if word.whole == entry.words[0]), entry.text)

    def _written(self, finished: Sequence[str]) -> str:
        """Return words as the catalogue writes them, the longest known phrase first."""
        shown: list[str] = []
        at = 0
        while at < len(finished):
            for end in range(len(finished), at, -1):
                text = self._entries.written(" ".join(finished[at:end]))
                if text is not None or end == at + 1:
                    shown.append(text or finished[at])
                    at = end
                    break
        return " ".join(shown)

    # What is known

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
        return [Entry(word, (word,), "phrase", self._count(word)) for word, _ in islice(best, STEP)]

    def _has(self, word: str) -> bool:
        return word in self._stop or self._count(word) > 0

    def _count(self, word: str) -> int:
        return len(self._known.rows(word_key(stem(word))))

    def _having(self, wanted: Iterable[str]) -> Rows:
        """Return the living rows with all words, but for those that restrict nothing."""
        lists = [self._known.rows(word_key(stem(word))) for word in set(wanted) - self._stop]
        if not lists:
            return np.flatnonzero(self._known.alive).astype(np.int32)
        lists.sort(key=len)
        rows = lists[0]
        for others in lists[1:]:
            rows = rows[self._mask(others)[rows]]
        return rows

    def _rows_of(self, entry: Entry) -> Rows:
        if entry.kind == "brand":
            # The postings of a brand have all parts of its words.
            return self._known.rows(brand_key(" ".join(part for word in words(entry.text) for part in word.parts)))
        if entry.kind == "value" and entry.attribute is not None:
            return self._known.rows(value_key(entry.attribute, title_key(entry.text)))
        return self._having(entry.words)

    def _mask(self, rows: Rows) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self._known.alive), dtype=np.bool_)
        found[rows] = True
        return found


class _Answer:
    """Suggestions in order, one for each meaning; the number of them is limited."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._seen: set[tuple[str, ...]] = set()
        self.suggestions: list[Suggestion] = []

    @property
    def full(self) -> bool:
        """Whether it takes no more."""
        return not self._left

    @property
    def best(self) -> int:
        """The products of the suggestion that has most."""
        return max((one.count for one in self.suggestions), default=0)

    def add(self, suggestions: Iterable[Suggestion]) -> None:
        """Take what is new, as long as there is room."""
        if self.full:
            return
        for one in suggestions:
            meaning = tuple(map(stem, parts_of(one.text)))
            if meaning in self._seen:
                continue
            self._seen.add(meaning)
            self.suggestions.append(one)
            self._left -= 1
            if self.full:
                return


def _surprise(matched: int, of: int, having: int, size: int) -> float:
    """Return how much oftener than elsewhere `matched` of some products have what `having` of all have."""
    return max(0.0, math.log(matched * size / (of * max(1, having))))


def _numeric(entry: Entry) -> bool:
    return all(word.isdigit() for word in entry.words)


def _edits(text: str) -> Iterator[str]:
    """Yield the texts that are one edit away; the first letter changes only by a swap."""
    for at in range(len(text) - 1):
        yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    for at in range(1, len(text)):
        yield text[:at] + text[at + 1 :]
        for letter in LETTERS:
            yield text[:at] + letter + text[at + 1 :]
            yield text[:at] + letter + text[at:]
