"""Values of attributes for a picture, by the vote of the products that look most like it, and how sure they are.

A product votes for what it has, the more the nearer it is. What a share of the votes is worth is measured on products
of the catalogue itself: the others vote for them, without those of the same title, which are often the same thing
photographed again. Knows no encoder and no request.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from common import InputError, NotFoundError
from index.limits import MAX_NAME
from index.nearest import did_you_mean
from index.product import Product, texts_of, title_key
from index.query import VARIANT, SearchQuery
from index.ranking.calibrate import Curve
from index.records import Vectors
from index.results import Hit
from index.search import Search
from index.values import keys_of

NEIGHBOURS, SCALE = 20, 0.07
"""How many products vote, and by how much their cosine falls until a vote counts e times less.

Chosen on validation products of the real catalogue: docs/search.md has what it brings.
"""
TWINS = 44
"""Products of the same title that are looked past before they are excluded one by one."""
SAMPLE, LEAST, FEW = 2_000, 300, 100
"""Products that are judged at most; from how many of the validation split on only these are; and judgements of one
attribute from which on it has a curve of its own."""
PAGE, PAGES = 1_000, 20
"""Products that are looked through for these."""
PIECE = 32
"""Products of one search."""
REACHED = 0.5
"""Part of the products that must find their own value among their neighbours: ids and free texts are never there."""
MOST_NUMBERS = 50
"""Values of an attribute of whole numbers, such as a year, that is voted for; more are measured and not chosen."""
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A value that was voted for, and how often such a vote is right, 0 to 1."""

    value: Scalar
    confidence: float


@dataclass(frozen=True, slots=True)
class Vote:
    """What the neighbours say of one attribute: the value with most votes, and its share of all."""

    value: Scalar
    key: str
    share: float


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to tag: its vector (D,), and the product that it is, if any."""

    vector: Vectors
    product: Product | None = None


@dataclass(frozen=True)
class Tagger:
    """What a share of the votes is worth, per attribute; attributes that a vote cannot find are not among them."""

    curves: Mapping[str, Curve]

    def check(self, names: Iterable[str]) -> None:
        """Refuse attributes that a vote cannot tell.

        Raises:
            InputError: names one, and those that can be told.
        """
        for name in names:
            if name not in self.curves:
                near = did_you_mean(name, self.curves)
                between = f"{near} Those" if near else "; those"
                raise InputError(
                    f"{name[:MAX_NAME]!r} is nothing that pictures tell, as far as this catalogue shows{between} that"
                    f" can be told are: {', '.join(self.curves) or 'none'}"
                )

    def tags(self, neighbours: Sequence[Hit], names: Collection[str] | None = None) -> dict[str, Tag]:
        """Return the values of attributes, of all that can be voted for unless `names` are given."""
        found = {}
        for name in self.curves if names is None else names:
            vote = vote_of(neighbours, name)
            if vote is not None:
                confidence = float(self.curves[name].of(np.array([vote.share], dtype=np.float32))[0])
                found[name] = Tag(vote.value, confidence)
        return found


def neighbours_of(search: Search, subjects: Sequence[Subject]) -> list[list[Hit]]:
    """Return for each subject the products that vote: the nearest ones, without itself and those of its title.

    Raises:
        InputError: vectors that are not of the catalogue's encoder.
    """
    if not subjects:
        return []
    vectors = np.stack([one.vector for one in subjects])
    # The same question for all, which share a scan; what is left out of each is told apart here.
    wide = SearchQuery(k=NEIGHBOURS + TWINS)
    found = []
    for one, page in zip(subjects, search.search("images", vectors, [wide] * len(subjects)), strict=True):
        hits = list(_without(page.hits, one.product))
        if len(hits) < NEIGHBOURS and one.product is not None and len(page.hits) == wide.k:
            left = frozenset((*search.ids_titled(one.product.title), one.product.id))
            narrow = replace(wide, k=NEIGHBOURS, exclude=left)
            hits = search.search("images", one.vector[None], [narrow])[0].hits
        found.append(hits[:NEIGHBOURS])
    return found


def _without(hits: Iterable[Hit], product: Product | None) -> Iterator[Hit]:
    if product is None:
        return iter(hits)
    key = title_key(product.title)
    return (hit for hit in hits if hit.product.id != product.id and title_key(hit.product.title) != key)


def vote_of(neighbours: Sequence[Hit], name: str) -> Vote | None:
    """Return what the neighbours say of one attribute; None where most votes are of those that have none."""
    written: defaultdict[Scalar | None, float] = defaultdict(float)
    total = 0.0
    for hit in neighbours:
        weight = math.exp((hit.score - neighbours[0].score) / SCALE)
        total += weight
        value = hit.product.attributes.get(name)
        for one in value if isinstance(value, tuple) else (value,):
            written[one] += weight
    shares: defaultdict[str | None, float] = defaultdict(float)
    shown: dict[str | None, Scalar | None] = {}
    for value, weight in written.items():
        key = None if value is None else title_key(texts_of(value)[0])
        shares[key] += weight
        shown.setdefault(key, value)
    key = max(shares, key=lambda one: shares[one], default=None)
    value = shown.get(key)
    return None if key is None or value is None else Vote(value, key, min(1.0, shares[key] / total))


@dataclass(frozen=True, slots=True)
class Judged:
    """How a vote came out for a product whose value is known."""

    name: str
    share: float
    """0 where there was no vote."""
    right: bool
    reached: bool
    """Whether a neighbour has the value at all."""


def sample_of(search: Search, most: int = SAMPLE) -> list[Product]:
    """Return the products that are judged: those that the encoder has not learnt from, where they are enough."""
    count = len(search)
    pages = min(PAGES, math.ceil(count / PAGE))
    nothing = np.zeros((1, search.info.dim), dtype=np.float32)
    found: dict[str, Product] = {}
    for number in range(pages):
        query = SearchQuery(k=PAGE, offset=number * max(0, count - PAGE) // max(1, pages - 1), browse=True)
        found |= {hit.product.id: hit.product for hit in search.search("images", nothing, [query])[0].hits}
    fresh = [product for product in found.values() if product.split == "validation"]
    chosen = fresh if len(fresh) >= LEAST else list(found.values())
    return chosen[:: math.ceil(len(chosen) / most)] if chosen else []


def judged(search: Search, products: Sequence[Product]) -> list[Judged]:
    """Return how the votes for some products come out; those that are gone meanwhile are left out."""
    known = [(product, vector) for product, vector in zip(products, _vectors(search, products), strict=True)]
    subjects = [Subject(vector, product) for product, vector in known if vector is not None]
    found = []
    for subject, neighbours in zip(subjects, neighbours_of(search, subjects), strict=True):
        assert subject.product is not None  # noqa: S101 - all are products
        for name, value in subject.product.attributes.items():
            own = keys_of(value)
            vote = vote_of(neighbours, name)
            right = vote is not None and vote.key in own
            theirs = (hit.product.attributes.get(name) for hit in neighbours)
            reached = right or any(one is not None and not {*own}.isdisjoint(keys_of(one)) for one in theirs)
            found.append(Judged(name, 0.0 if vote is None else vote.share, right, reached))
    return found


def _vectors(search: Search, products: Sequence[Product]) -> Sequence[Vectors | None]:
    try:
        return list(search.vectors([product.id for product in products]))
    except NotFoundError:
        pass
    found: list[Vectors | None] = []
    for product in products:
        try:
            found.append(search.vectors([product.id])[0])
        except NotFoundError:
            found.append(None)
    return found


class TaggerMaking:
    """Makes what tags the products of a catalogue as it is, piece by piece; all of it takes about a second."""

    def __init__(self, search: Search, most: int = SAMPLE) -> None:
        products = sample_of(search, most)
        self._search = search
        self._left_out = _left_out(search, products)
        self._judged: defaultdict[str, list[Judged]] = defaultdict(list)
        self.pieces = [products[start : start + PIECE] for start in range(0, len(products), PIECE)]
        """Products that are to be judged, some at a time."""

    def judge(self, piece: Sequence[Product]) -> None:
        """Judge the votes for some products."""
        for one in judged(self._search, piece):
            self._judged[one.name].append(one)

    def tagger(self) -> Tagger:
        """Return what was made of all that was judged.

        By isotonic regression; attributes with few judgements share a curve.
        """
        votable = {
            name: of
            for name, of in self._judged.items()
            if name not in self._left_out and sum(one.reached for one in of) >= REACHED * len(of)
        }
        together = [one for of in votable.values() for one in of]
        return Tagger({name: _curve(of if len(of) >= FEW else together) for name, of in sorted(votable.items())})


def make_tagger(search: Search) -> Tagger:
    """Return what tags the products of a catalogue as it is."""
    making = TaggerMaking(search)
    for piece in making.pieces:
        making.judge(piece)
    return making.tagger()


def _curve(judged: Sequence[Judged]) -> Curve:
    shares = np.array([one.share for one in judged], dtype=np.float32)
    return Curve.fitted(shares, np.array([one.right for one in judged], dtype=np.float32))


def _left_out(search: Search, products: Sequence[Product]) -> set[str]:
    """Return the attributes that no picture tells: prices, dates, measured numbers, and the group of a variant."""
    left = {VARIANT}
    for name, field in search.fields().items():
        values = (product.attributes[name] for product in products if name in product.attributes)
        texts = {text for value in values for text in texts_of(value)}
        counted = field.type == "number" and len(texts) <= MOST_NUMBERS and all(map(str.isdigit, texts))
        if field.type == "date" or "price" in name.casefold() or (field.type == "number" and not counted):
            left.add(name)
    return left
