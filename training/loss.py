"""Contrastive losses over a batch of features. Know no model and no data set."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SIGMOID_LOGIT_SCALE = math.log(10)
SIGMOID_LOGIT_BIAS = -10.0


def contrastive_loss(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, groups: Tensor | None = None
) -> Tensor:
    """Return the symmetric cross-entropy over cosine similarities (CLIP, arXiv 2103.00020), a scalar.

    Args:
        image_features: (B, D), unit rows.
        text_features: (B, D), unit rows; row i belongs to image i.
        logit_scale: (), the inverse temperature.
        groups: (B,), rows of one group are positives of each other and share the target equally (UniCL,
            arXiv 2204.03610): one title on many pictures is no negative. None: each row is positive to itself only.
    """
    logits = logit_scale * image_features @ text_features.T  # (B, B)
    same = _same(groups, logits)
    targets = same / same.sum(1, keepdim=True)
    # The members of a group have equally many positives, so the targets are symmetric and serve both directions.
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def sigmoid_loss(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    groups: Tensor | None = None,
) -> Tensor:
    """Return the loss that judges each of the (B, B) pairs by itself (SigLIP, arXiv 2303.15343), a scalar.

    Arguments are those of `contrastive_loss`; `logit_bias` () makes up for most pairs being negative.
    """
    logits = logit_scale * image_features @ text_features.T + logit_bias  # (B, B)
    signs = 2 * _same(groups, logits) - 1
    return -functional.logsigmoid(signs * logits).sum() / len(logits)


def _same(groups: Tensor | None, logits: Tensor) -> Tensor:
    if groups is None:
        return torch.eye(len(logits), device=logits.device)
    return (groups[:, None] == groups[None, :]).float()


class SoftmaxCriterion(nn.Module):
    """`contrastive_loss`, which learns nothing of its own."""

    def forward(
        self, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, groups: Tensor | None = None
    ) -> Tensor:
        """Return the loss; see `contrastive_loss`."""
        return contrastive_loss(image_features, text_features, logit_scale, groups)


class SigmoidCriterion(nn.Module):
    """`sigmoid_loss` with its learned bias, which ranking does not need and no checkpoint keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_bias = nn.Parameter(torch.tensor(SIGMOID_LOGIT_BIAS))

    def forward(
        self, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, groups: Tensor | None = None
    ) -> Tensor:
        """Return the loss; see `sigmoid_loss`."""
        return sigmoid_loss(image_features, text_features, logit_scale, self.logit_bias, groups)
