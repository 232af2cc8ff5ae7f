"""How well titles find pictures in a gallery: by cosine, corrected for hubs, and among the products of a split alone.

Tensors in and out, on any device. Knows no model and no data set. Shapes: N products, T titles, Q queries, D shared
space.
"""

from __future__ import annotations

import torch
from torch import Tensor

from index.ranking import HUB_SHARPNESS

TOP = 10
"""Hits that count."""
BLOCK = 1024
"""Rows of a matrix of scores that are held at once."""

Values = dict[str, dict[str, Tensor]]
"""Ranking -> metric -> value of each query (Q,)."""
Figures = dict[str, dict[str, float]]
"""Ranking -> metric -> mean over the queries."""


def distinct(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Number what is equal in `groups` (N,) by first appearance: the numbers (N,), and where each first stands (T,)."""
    first: dict[int, int] = {}
    numbers, rows = [], []
    for row, group in enumerate(groups.tolist()):
        if group not in first:
            first[group] = len(first)
            rows.append(row)
        numbers.append(first[group])
    return torch.tensor(numbers, device=groups.device), torch.tensor(rows, device=groups.device)


@torch.no_grad()
def query_values(images: Tensor, texts: Tensor, titles: Tensor, chosen: Tensor) -> Values:
    """Search once with each title of the chosen products: the recall of its pictures, and the reciprocal rank.

    Args:
        images: vectors of all products' pictures (N, D), unit rows.
        texts: vectors of all distinct titles (T, D), unit rows.
        titles: the number of each product's title (N,); all products of a title are what it should find.
        chosen: the products whose titles ask (N,) bool. They hold all products of their titles.

    Returns:
        `cosine` and `hub_corrected` against all products, and `among_split` by cosine among the chosen ones alone,
        each with `recall1`, `recall10` and `mrr10`; nothing if none is chosen.
    """
    if not chosen.any():
        return {}
    hubs = hubness(images, texts)
    parts: list[Values] = []
    for asked in torch.split(torch.unique(titles[chosen]), BLOCK):
        cosine = texts[asked] @ images.T  # (Q, N)
        wanted = titles[None, :] == asked[:, None]
        parts.append(
            {
                "cosine": _found(cosine, wanted),
                "hub_corrected": _found(cosine - hubs, wanted),
                "among_split": _found(cosine.masked_fill(~chosen, -torch.inf), wanted),
            }
        )
    return {
        ranking: {metric: torch.cat([part[ranking][metric] for part in parts]) for metric in metrics}
        for ranking, metrics in parts[0].items()
    }


def measure(images: Tensor, texts: Tensor, titles: Tensor, chosen: Tensor) -> Figures:
    """Return the means of what `query_values` returns."""
    return {
        ranking: {metric: round(float(value.mean()), 4) for metric, value in metrics.items()}
        for ranking, metrics in query_values(images, texts, titles, chosen).items()
    }


def hubness(images: Tensor, texts: Tensor) -> Tensor:
    """Return how near each picture is to the catalogue's titles in general (N,): a smooth maximum of its cosines.

    A picture that is near to many titles is among the first hits of queries that do not mean it (a hub); its score is
    reduced by this much, as search does for texts of many words (`index.ranking`; inverted softmax, arXiv 1702.03859).
    """
    blocks = torch.split(images, BLOCK)
    return torch.cat([torch.logsumexp(HUB_SHARPNESS * block @ texts.T, 1) for block in blocks]) / HUB_SHARPNESS


def _found(scores: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    top = scores.topk(min(TOP, scores.shape[1]), 1).indices
    hit = wanted.gather(1, top)  # (Q, 10)
    count = wanted.sum(1)
    first = hit & (hit.cumsum(1) == 1)
    reciprocal = 1 / torch.arange(1, hit.shape[1] + 1, device=hit.device)
    return {"recall1": hit[:, 0] / count, "recall10": hit.sum(1) / count, "mrr10": (first * reciprocal).sum(1)}
