"""What the scores of a catalogue are worth, measured on queries that are made of its own products.

Products of the validation split name their attributes, their brand and parts of their titles; English words that the
catalogue does not have stand for what it does not sell. Half of the queries make the curves, the others measure them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from index import (
    Hit,
    Location,
    Mode,
    Product,
    Search,
    SearchQuery,
    first_text,
    hub_weight,
    keys_of,
    open_catalogue,
    open_search,
    title_key,
)
from index.language import LANGUAGES, shipped
from index.ranking import HYBRID, Calibration, Curve, Kind, Scales, shipped_calibration
from index.words import english, stem, terms
from models import Encoder

SEED = 0
QUERIES = 300
"""Queries of each kind, at most."""
DEPTH = 100
"""Hits of each that are judged."""
MIN_PRODUCTS = 200
"""A catalogue of fewer, or one whose titles name no attribute, keeps the curves of the shipped checkpoint."""
NAMED = 0.3
"""Part of the titles that must name an attribute's value for queries to name it."""
MAX_VALUES, REPEATED = 300, 5
"""Values of an attribute that queries name, at most; and how many products a value has at least, on average."""
MIN_JUDGED = 20
"""Queries of a kind; of fewer no curve is made, and that of the shipped checkpoint is kept."""
LOST = 0.002
"""Part of the right hits that the automatic cutoff may leave out."""
NOTHING = 0.98
"""Part of the queries for what the shop does not sell that it is to leave without a hit."""
BINS = 10

Judge = Callable[[Product], bool]
_keys = lru_cache(maxsize=10_000, typed=True)(keys_of)  # hundreds of thousands of hits have few values


@dataclass(frozen=True, slots=True)
class JudgedText:
    """A query, and which products are right for it."""

    text: str
    right: Judge


def calibrate_catalogue(place: Location, encoder: Encoder) -> Calibration | None:
    """Measure the scores of a catalogue, keep the curves beside it, and return them; None where it is too small.

    Raises:
        VitrineError: as `open_catalogue`.
    """
    with open_catalogue(place, encoder_id=encoder.encoder_id) as store:
        if len(store) < MIN_PRODUCTS:
            return None
        search = open_search(store)
        if found := measure(search, search.products, encoder):
            store.save_calibration(found)
    return found


def measure(search: Search, products: Sequence[Product], encoder: Encoder) -> Calibration | None:
    """Return the curves of a search over its products; None where their titles name no attributes."""
    asking = [product for product in products if product.split == "validation"] or list(products)
    if not (names := _named_attributes(asking)):
        return None
    judged, nothing = _judged_kinds(search, asking, names, encoder)
    usual = shipped_calibration()
    curves: dict[Kind, Curve] = dict(usual.curves)
    auto: dict[Kind, float] = dict(usual.auto)
    for kind, scores in judged.items():
        if len(scores) >= MIN_JUDGED:
            curves[kind] = Curve.fitted(*_joined(scores[::2]))
            auto[kind] = _relevance_kept(curves[kind], scores)
    # What has all the words is never left out, however little it looks like them.
    complete = np.array([HYBRID.words], np.float32)
    for kind in ("known", "partly"):
        auto[kind] = min(auto[kind], _rounded(float(curves[kind].of(complete)[0])))
    if nothing:
        auto["doubtful"] = _relevance_refused(curves["doubtful"], nothing)
    measured = {kind: _quality(curves[kind], scores[1::2], auto[kind]) for kind, scores in judged.items() if scores[1:]}
    return Calibration(encoder.encoder_id, Scales(), curves, auto, {"attributes": names, "kinds": measured})


def _judged_kinds(
    search: Search, asking: Sequence[Product], names: Sequence[str], encoder: Encoder
) -> tuple[dict[Kind, list[_Scores]], list[_Scores]]:
    """Return the judged hits of every kind of query, and those of queries for what the shop does not sell."""
    # Seeded: the same catalogue has the same curves.
    rng = np.random.default_rng(SEED)
    known = list(_attribute_queries(search, asking, names, rng))
    foreign = _foreign_words(search, rng)
    titles = [asking[at].title for at in rng.permutation(len(asking))[:QUERIES].tolist()]
    unknown = [JudgedText(" ".join(rng.choice(foreign, rng.integers(1, 3))), lambda _: False) for _ in range(QUERIES)]
    half_unknown = [
        JudgedText(f"{rng.choice(title.split())} {rng.choice(foreign)}", lambda _: False) for title in titles
    ]
    with_unknown = [replace(one, text=f"{one.text} {rng.choice(foreign)}") for one in known]
    with_a_word = [
        replace(one, text=f"{one.text} {rng.choice(title.split())}") for one, title in zip(known, titles, strict=False)
    ]
    searcher = _Searcher(search, encoder)
    nothing = searcher.judged([*unknown, *half_unknown], "hybrid", "doubtful")
    look = searcher.judged(known, "hybrid", None, words=False)
    judged: dict[Kind, list[_Scores]] = {
        "known": searcher.judged(known, "hybrid", "known"),
        "partly": searcher.judged(with_unknown, "hybrid", "partly"),
        "apart": searcher.judged(with_a_word, "hybrid", "apart"),
        "look": look,
        # What is right for words that nothing explains, only looks can tell.
        "doubtful": [*nothing, *look],
        "lexical": searcher.judged([*known, *with_a_word], "lexical", "lexical"),
        "text": searcher.judged(known, "vector", None),
        "image": searcher.pictures(asking, names, rng),
    }
    return judged, nothing


def _named_attributes(products: Sequence[Product]) -> list[str]:
    """Return the attributes whose values titles name, each of few values and known of most products."""
    values: dict[str, set[str]] = {}
    having: dict[str, int] = {}
    named: dict[str, int] = {}
    for product in products:
        title = set(terms(product.title))
        for name, value in product.attributes.items():
            text = first_text(value)
            values.setdefault(name, set()).add(title_key(text))
            having[name] = having.get(name, 0) + 1
            named[name] = named.get(name, 0) + (set(terms(text)) <= title)
    return [
        name
        for name, count in having.items()
        if count >= len(products) / 2
        and 2 <= len(values[name]) <= min(MAX_VALUES, count / REPEATED)
        and named[name] >= NAMED * count
    ]


def _attribute_queries(
    search: Search, products: Sequence[Product], names: Sequence[str], rng: np.random.Generator
) -> Iterator[JudgedText]:
    """Yield what products say of themselves: some of their attributes, now and then with their brand."""
    for at in rng.permutation(len(products))[:QUERIES].tolist():
        product = products[at]
        having = [name for name in names if name in product.attributes]
        if not having:
            continue
        chosen = rng.choice(having, int(rng.integers(1, len(having) + 1)), replace=False).tolist()
        wanted = {name: title_key(first_text(product.attributes[name])) for name in chosen}
        words = [first_text(product.attributes[name]).lower() for name in chosen]
        brand = _brand(search, product) if rng.random() < 0.3 else ""
        yield JudgedText(" ".join([brand, *words]).strip(), _judge(wanted, brand))


def _brand(search: Search, product: Product) -> str:
    """Return the brand that a product's title begins with, as the catalogue reads it."""
    units = search.understand(" ".join(product.title.split()[:2]), "en", correct=False).units
    return units[0].text if units and units[0].kind == "brand" else ""


def _judge(wanted: dict[str, str], brand: str) -> Judge:
    needed = set(terms(brand))

    def right(product: Product) -> bool:
        return all(value in _keys(product.attributes.get(name, "")) for name, value in wanted.items()) and (
            not needed or needed <= set(terms(product.title))
        )

    return right


def _foreign_words(search: Search, rng: np.random.Generator) -> list[str]:
    """Return English words that neither the catalogue nor a lexicon has."""
    lexicons = frozenset(word for language in LANGUAGES for word in shipped(language).words())
    known = {stem(word) for word in lexicons}
    drawn = rng.permutation(sorted(english().common))[: 8 * QUERIES].tolist()
    return [
        word
        for word in drawn
        if len(word) > 3 and stem(word) not in known and search.understand(word, "en").units[0].kind == "unknown"
    ]


@dataclass(frozen=True, slots=True)
class _Scores:
    """The judged hits of one query, best first."""

    scores: np.ndarray
    right: np.ndarray
    kind: str | None


class _Searcher:
    """Asks queries and judges what comes."""

    def __init__(self, search: Search, encoder: Encoder) -> None:
        self._search = search
        self._encoder = encoder
        self._vectors: dict[str, np.ndarray] = {}

    def judged(
        self, queries: Sequence[JudgedText], mode: Mode, kind: Kind | None, *, words: bool = True
    ) -> list[_Scores]:
        """Return the judged hits of the queries that are of a kind; without words, vectors alone rank."""
        parsed = [self._search.understand(query.text, "en", correct=False) for query in queries]
        read = [query.text if mode == "vector" else one.english for query, one in zip(queries, parsed, strict=True)]
        if not words:
            parsed = [replace(one, units=()) for one in parsed]
        new = [text for text in dict.fromkeys(read) if text not in self._vectors]  # most are asked in several modes
        self._vectors.update(zip(new, self._encoder.encode_text(new), strict=True))
        judged = [
            self._judged(self._vectors[text], SearchQuery(DEPTH, mode=mode, parsed=one, hub_weight=weight), query.right)
            for query, one, text, weight in zip(queries, parsed, read, map(hub_weight, read), strict=True)
        ]
        return [one for one in judged if kind is None or one.kind == kind]

    def pictures(self, products: Sequence[Product], names: Sequence[str], rng: np.random.Generator) -> list[_Scores]:
        """Return the judged hits of pictures: right is what has the same attributes as their products."""
        chosen = [products[at] for at in rng.permutation(len(products))[:QUERIES].tolist()]
        vectors = self._search.vectors([product.id for product in chosen], first=True)
        found = []
        for vector, product in zip(vectors, chosen, strict=True):
            having = [name for name in names if name in product.attributes]
            wanted = {name: title_key(first_text(product.attributes[name])) for name in having}
            query = SearchQuery(k=DEPTH, exclude=frozenset([product.id]), text_share=0.0)
            found.append(self._judged(vector, query, _judge(wanted, "")))
        return found

    def _judged(self, vector: np.ndarray, query: SearchQuery, right: Judge) -> _Scores:
        (page,) = self._search.search("images", vector[None], [query])
        hits = [hit for hit in page.hits if isinstance(hit, Hit)]
        scores = np.array([hit.score for hit in hits], np.float32)
        return _Scores(scores, np.array([right(hit.product) for hit in hits], np.float32), page.kind)


def _joined(judged: Sequence[_Scores]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([one.scores for one in judged]), np.concatenate([one.right for one in judged])


def _relevance_kept(curve: Curve, judged: Sequence[_Scores]) -> float:
    """Return the relevance of the score that nearly all right hits reach."""
    scores, right = _joined(judged)
    return _rounded(float(curve.of(np.quantile(scores[right > 0], LOST, keepdims=True))[0])) if right.any() else 0.0


def _relevance_refused(curve: Curve, nothing: Sequence[_Scores]) -> float:
    """Return the relevance that the best hit of nearly every query for nothing is below."""
    best = np.array([one.scores.max(initial=0) for one in nothing], np.float32)
    return _rounded(float(curve.of(np.quantile(best, NOTHING, keepdims=True))[0])) + 1e-4


def _rounded(relevance: float) -> float:
    return float(np.floor(relevance * 1e4) / 1e4)


def _quality(curve: Curve, judged: Sequence[_Scores], auto: float) -> dict[str, Any]:
    """Return how well a curve fits queries that it was not made of: for the report and its diagram."""
    scores, right = _joined(judged)
    expected = curve.of(scores)
    places = np.minimum((expected * BINS).astype(int), BINS - 1)
    bins = [
        {
            "expected": round(float(expected[places == place].mean()), 4),
            "right": round(float(right[places == place].mean()), 4),
            "hits": int((places == place).sum()),
        }
        for place in range(BINS)
        if (places == place).any()
    ]
    error = sum(one["hits"] * abs(one["expected"] - one["right"]) for one in bins) / max(1, len(scores))
    kept = expected >= auto
    return {
        "queries": len(judged),
        "hits": len(scores),
        "brier": round(float(((expected - right) ** 2).mean()), 4),
        "calibration_error": round(error, 4),
        "lost": round(float((right * ~kept).sum() / max(1.0, right.sum())), 4),
        "without_answer": round(float(np.mean([not (curve.of(one.scores) >= auto).any() for one in judged])), 4),
        "bins": bins,
    }
