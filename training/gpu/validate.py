"""How well titles find pictures, on the device: plain cosine, corrected for hubs, and among the split's own products.

Knows no step. Shapes: N products, Q queries, D shared space.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.gpu.data import Data
from training.gpu.towers import Architecture, Weights, pool_image, pool_text, project

BATCH = 1024
"""Products that are encoded at once; the last batch is filled up, so that layers are compiled for one shape."""
HUB_SHARPNESS = 100.0
"""The larger it is, the more a hub is judged by its nearest titles alone."""
TOP = 10
"""Hits that count."""

Figures = dict[str, dict[str, float]]
"""Ranking -> metric -> value."""


@torch.no_grad()
def encode(weights: Weights, shape: Architecture, data: Data) -> tuple[Tensor, Tensor]:
    """Return the vectors of all pictures and of all plain titles, both (N, D), unit rows."""
    images, texts = [], []
    with torch.autocast(data.pixels.device.type, torch.bfloat16):
        for start in range(0, len(data.pixels), BATCH):
            pixels, ids = (_filled(part[start : start + BATCH]) for part in (data.pixels, data.ids[:, 0]))
            pooled = pool_image(weights, shape, data.normalised(pixels.permute(0, 3, 1, 2).float() / 255))
            images.append(project(weights, "image_projection", pooled))
            pooled = pool_text(weights, shape, ids, ids != data.pad_id)
            texts.append(project(weights, "text_projection", pooled))
    count = len(data.pixels)
    return torch.cat(images)[:count], torch.cat(texts)[:count]


@torch.no_grad()
def measure(images: Tensor, texts: Tensor, titles: Tensor, chosen: Tensor) -> Figures:
    """Search once with each chosen title, and return the recall of its pictures and the mean reciprocal rank.

    Args:
        images: vectors of all products' pictures (N, D), unit rows.
        texts: vectors of their titles, the same.
        titles: a number for each product's title (N,); all products of a title are what it should find.
        chosen: the products of the split that is measured (N,) bool. They hold all products of their titles.

    Returns:
        `cosine` and `hub_corrected` against all products, and `among_split` by cosine among the chosen ones alone,
        each with `recall1`, `recall10` and `mrr10`; nothing if none is chosen.
    """
    if not chosen.any():
        return {}
    queries = _first_of_each(titles, chosen.nonzero().flatten())
    cosine = texts[queries] @ images.T  # (Q, N)
    bank = texts[_first_of_each(titles, torch.arange(len(titles), device=titles.device))]
    scores = {
        "cosine": cosine,
        "hub_corrected": cosine - hubness(images, bank),
        "among_split": cosine.masked_fill(~chosen, -torch.inf),
    }
    wanted = titles[None, :] == titles[queries][:, None]  # (Q, N)
    return {name: _figures(score, wanted) for name, score in scores.items()}


def hubness(images: Tensor, bank: Tensor) -> Tensor:
    """Return how near each picture is to the catalogue's titles in general (N,): a smooth maximum of its cosines.

    A picture that is near to many titles is among the first hits of queries that do not mean it (a hub); its score is
    reduced by this much (compare inverted softmax, arXiv 1702.03859).
    """
    parts = [torch.logsumexp(HUB_SHARPNESS * part @ bank.T, 1) / HUB_SHARPNESS for part in torch.split(images, 4096)]
    return torch.cat(parts)


def _figures(scores: Tensor, wanted: Tensor) -> dict[str, float]:
    top = scores.topk(min(TOP, scores.shape[1]), 1).indices
    hit = wanted.gather(1, top)  # (Q, 10)
    count = wanted.sum(1)
    first = hit & (hit.cumsum(1) == 1)
    reciprocal = 1 / torch.arange(1, hit.shape[1] + 1, device=hit.device)
    figures = {
        "recall1": (hit[:, 0] / count).mean(),
        "recall10": (hit.sum(1) / count).mean(),
        "mrr10": (first * reciprocal).sum(1).mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def _first_of_each(titles: Tensor, rows: Tensor) -> Tensor:
    """Return those of `rows` that are the first with their title."""
    first: dict[int, int] = {}
    for row, title in zip(rows.tolist(), titles[rows].tolist(), strict=True):
        first.setdefault(title, row)
    return torch.tensor(list(first.values()), device=rows.device)


def _filled(part: Tensor) -> Tensor:
    """Return a batch with its first row repeated until it has `BATCH` rows, on a GPU."""
    short = BATCH - len(part) if part.is_cuda else 0
    return torch.cat([part, part[:1].expand(short, *part.shape[1:])]) if short else part
