"""What is worked out from vectors alone: which label fits a picture, and which words carry a match.

Knows no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import REPLACED, UnavailableError
from app.query.jobs import product_vectors, unit_vector
from app.query.service import Service


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with probability and cosine, best first, and the encoder that judged."""

    encoder_id: str
    ranking: list[tuple[str, float, float]]


@dataclass(frozen=True, slots=True)
class Explained:
    """For each description its cosine and the weight of every word, and the encoder that judged."""

    encoder_id: str
    matches: list[tuple[float, list[tuple[str, float]]]]


async def classify_labels(
    service: Service,
    labels: Sequence[str],
    templates: Sequence[str],
    picture: np.ndarray | None,
    product_id: str | None,
) -> Classified:
    """Return how well each label fits a prepared picture (H, W, 3), or that of a product; one of the two is None.

    A label's vector is the mean of all `templates` with it in the place of {} (as CLIP does it).

    Raises:
        InvalidError: there is no such product.
        UnavailableError: the model was replaced in between.
        VitrineError: as `MicroBatcher.submit`.
    """
    serving = service.serving
    asked = [] if product_id is None else [product_id]
    known = await asyncio.to_thread(product_vectors, serving.index, "product_id", asked)
    prompts = [template.replace("{}", label) for label in labels for template in templates]
    # The same labels are likely to be asked of many pictures.
    encoded = await service.encode(prompts, [] if picture is None else [picture], cached=True)
    if encoded.serving.encoder is not serving.encoder:
        raise UnavailableError(REPLACED)
    match = np.concatenate([encoded.images, known])[0]
    vectors = encoded.texts.reshape(len(labels), len(templates), -1).mean(axis=1)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    scores = vectors @ match
    logits = serving.encoder.logit_scale * scores.astype(np.float64)
    powers = np.exp(logits - logits.max())
    probabilities = powers / powers.sum()
    order = np.argsort(-scores, kind="stable")
    return Classified(
        serving.encoder.encoder_id, [(labels[at], float(probabilities[at]), float(scores[at])) for at in order]
    )


async def explain_match(
    service: Service,
    descriptions: Sequence[str],
    picture: np.ndarray | None,
    like: Sequence[str],
    vector: Sequence[float] | None,
) -> Explained:
    """Return the weight of every word: one text per word without it, and one per description with all.

    Of picture (H, W, 3), products and vector the normalised sum counts. A lone word carries everything, and so has the
    whole score.

    Raises:
        InvalidError: products that are not there, or a vector that is none of this model.
        UnavailableError: the model was replaced in between.
        VitrineError: as `MicroBatcher.submit`.
    """
    serving = service.serving
    known = await asyncio.to_thread(product_vectors, serving.index, "like", like)
    if vector is not None:
        known = np.vstack([known, unit_vector(vector, serving.encoder.dim)])
    split = [description.split() for description in descriptions]
    without = [" ".join(words[:at] + words[at + 1 :]) for words in split if len(words) > 1 for at in range(len(words))]
    encoded = await service.encode([*descriptions, *without], [] if picture is None else [picture])
    if encoded.serving.encoder is not serving.encoder:
        raise UnavailableError(REPLACED)
    match = np.concatenate([encoded.images, known]).sum(axis=0)
    scores = (encoded.texts @ (match / max(float(np.linalg.norm(match)), 1e-6))).tolist()
    rest = iter(scores[len(split) :])
    matches = [
        (score, [(word, score - next(rest) if len(words) > 1 else score) for word in words])
        for words, score in zip(split, scores, strict=False)
    ]
    return Explained(serving.encoder.encoder_id, matches)
