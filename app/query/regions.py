"""Which windows of a picture show one thing each, and what each shows: judged by the products that are nearest to them.

Knows no request. The nearest product alone says little: a window of several things is as near to photos of sets, and an
empty one to whatever is small on white. A window of one thing is nearer to its neighbours than they are to each other,
they are of one type, and the thing contrasts with what is around it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import REPLACED, UnavailableError
from app.query.engine import stack_rows
from app.query.jobs import Serving
from app.query.service import Service
from index import Hit, Search, SearchQuery, Value
from models import Crop

NEIGHBOURS = 10
"""Products that a window is compared with."""
SHARPNESS = 20.0
"""By which the weight of a neighbour falls with its distance: an `exp` of cosines."""
KIND = "articleType"
"""The attribute that names things, where products have it."""
UNSPEAKING = frozenset(
    ("url", "price", "sale_price", "currency", "brand", "availability", "item_group_id", "season", "year")
)
"""Attributes that say nothing of what a thing is."""
AGREEMENT, CONTRAST = 0.1, 0.5
"""What these count for beside a cosine. Measured on collages: see docs/search.md."""
STANDS_OUT = 0.0
"""By which a window's strength is above that of the whole picture."""
MAX_REGIONS = 6
OVERLAP, INSIDE = 0.3, 0.6
"""Most that two regions share: of both together, and of the smaller one."""
WORK_A_WINDOW = 0.5
"""Of finding the neighbours of a window, as `app.query.cost` counts it."""


@dataclass(frozen=True, slots=True)
class FoundRegion:
    """One thing: where it is, what it is called, how near the nearest product is, and its vector (D,)."""

    box: Crop
    label: str | None
    attribute: str | None
    score: float
    vector: np.ndarray


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The products that are nearest to a window, the nearest first."""

    scores: np.ndarray
    """Cosines (K,)."""
    vectors: np.ndarray
    """Of the products (K, D)."""
    attributes: Sequence[Mapping[str, Value]]

    @property
    def closeness(self) -> float:
        """How much nearer they are to the window than to each other, in the mean."""
        count = len(self.scores)
        if count < 2:
            return float(self.scores.mean()) if count else -1.0
        among = self.vectors @ self.vectors.T
        return float(self.scores.mean() - (among.sum() - np.trace(among)) / (count * (count - 1)))


async def find_regions(service: Service, boxes: Sequence[Crop], pixels: np.ndarray) -> tuple[list[FoundRegion], str]:
    """Return the things in a picture, the clearest first, at most `MAX_REGIONS`, and the id of the encoder.

    Args:
        service: encodes and searches; every window counts as a picture in its queue.
        boxes: the N windows, the first one the whole picture.
        pixels: what is seen in them, (N, H, W, 3) uint8.

    Raises:
        UnavailableError: the model was replaced in between.
        VitrineError: as `MicroBatcher.submit`.
    """
    encoded = await service.encode((), list(pixels))

    def ask(serving: Serving) -> list[Neighbours]:
        if serving.encoder is not encoded.serving.encoder:
            raise UnavailableError(REPLACED)
        return neighbours(serving.index, encoded.images)

    near = await service.look_up(ask, WORK_A_WINDOW * len(boxes))
    # In a thread: to compare the pixels of so many windows would hold up the event loop.
    found = await asyncio.to_thread(choose, boxes, pixels, encoded.images, near)
    return found, encoded.serving.encoder.encoder_id


def neighbours(index: Search, vectors: np.ndarray, exclude: Iterable[str] = ()) -> list[Neighbours]:
    """Return the neighbours of each of N vectors (N, D), without some products."""
    query = SearchQuery(k=NEIGHBOURS, exclude=frozenset(exclude))
    pages = index.search("images", vectors, [query] * len(vectors))
    ids = list(dict.fromkeys(hit.product.id for page in pages for hit in page.hits))
    known = dict(zip(ids, index.vectors(ids), strict=True)) if ids else {}
    return [_of_hits(page.hits, known, vectors.shape[1]) for page in pages]


def _of_hits(hits: Sequence[Hit], known: Mapping[str, np.ndarray], dim: int) -> Neighbours:
    return Neighbours(
        np.array([hit.score for hit in hits], dtype=np.float32),
        stack_rows((known[hit.product.id] for hit in hits), dim),
        [hit.product.attributes for hit in hits],
    )


def choose(
    boxes: Sequence[Crop], pixels: np.ndarray, vectors: np.ndarray, near: Sequence[Neighbours]
) -> list[FoundRegion]:
    """Return the windows that stand out and do not overlap, the strongest first; the whole picture where none does.

    Args:
        boxes: the N windows, the first one the whole picture.
        pixels: (N, H, W, 3) uint8.
        vectors: unit rows (N, D).
        near: the neighbours of each.
    """
    attribute = speaking_attribute([one.attributes for one in near])
    labels = [_vote(one, attribute) for one in near]
    strengths = np.array(
        [
            one.closeness + AGREEMENT * agreement + CONTRAST * contrast(seen)
            for one, (_, agreement), seen in zip(near, labels, pixels, strict=True)
        ]
    )
    kept: list[int] = []
    for place in np.argsort(-strengths, kind="stable"):
        if len(kept) == MAX_REGIONS or strengths[place] < strengths[0] + STANDS_OUT:
            break
        if not any(overlap(boxes[place], boxes[other]) for other in kept):
            kept.append(int(place))
    return [
        FoundRegion(
            boxes[place],
            labels[place][0],
            attribute if labels[place][0] is not None else None,
            float(near[place].scores[0]) if len(near[place].scores) else 0.0,
            vectors[place],
        )
        for place in kept or [0]
    ]


def contrast(pixels: np.ndarray) -> float:
    """Return how much what is seen (H, W, 3) varies, less what its edge does: things that are cut off reach the edge.

    From 0 to 1, of the range of a colour.
    """
    seen = pixels.astype(np.float32)
    edge = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
    cut = np.abs(edge - np.median(edge, axis=0)).mean()
    return float(max(0.0, seen.std(axis=(0, 1)).mean() - cut) / 255)


def overlap(one: Crop, other: Crop) -> bool:
    """Return whether two windows show too much of the same."""
    shared = one.shared(other)
    return shared > OVERLAP * (one.area + other.area - shared) or shared > INSIDE * min(one.area, other.area)


def speaking_attribute(windows: Sequence[Sequence[Mapping[str, Value]]]) -> str | None:
    """Return the attribute that says best what is in a window: `KIND`, else where neighbours agree and windows differ.

    `windows` has the attributes of the neighbours of each window. None: no attribute says anything.
    """
    everything = [attributes for near in windows for attributes in near]
    names = {name for attributes in everything for name, value in attributes.items() if isinstance(value, str)}
    if KIND in names:
        return KIND

    def says(name: str) -> float:
        def share(of: Sequence[Mapping[str, Value]]) -> float:
            counts = Counter(one[name] for one in of if isinstance(one.get(name), str))
            return max(counts.values(), default=0) / len(of) if of else 0.0

        return sum(map(share, windows)) / max(1, len(windows)) - share(everything)

    best = max(sorted(names - UNSPEAKING), key=says, default=None)
    return best if best is not None and says(best) > 0 else None


def _vote(near: Neighbours, attribute: str | None) -> tuple[str | None, float]:
    """Return the value that most neighbours have, weighted by how near they are, and its part of all their weight."""
    weights = np.exp(SHARPNESS * (near.scores - near.scores[:1])) if len(near.scores) else near.scores
    votes: defaultdict[str, float] = defaultdict(float)
    for weight, attributes in zip(weights, near.attributes, strict=True):
        value = attributes.get(attribute) if attribute else None
        if isinstance(value, str):
            votes[value] += float(weight)
    if not votes:
        return None, 0.0
    label = max(votes, key=lambda value: votes[value])
    return label, votes[label] / float(weights.sum())
