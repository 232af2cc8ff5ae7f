"""The contrastive loss over a batch of features. Knows no model and no data set."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


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
    same = torch.eye(len(logits), device=logits.device)
    if groups is not None:
        same = (groups[:, None] == groups[None, :]).float()
    targets = same / same.sum(1, keepdim=True)
    # The members of a group have equally many positives, so the targets are symmetric and serve both directions.
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2
