"""The contrastive loss over a batch of features. Knows no model and no data set."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def contrastive_loss(
    image_features: Tensor,
    text_features: Tensor,
    logit_scale: Tensor,
    groups: Tensor | None = None,
    *,
    own: float = 1.0,
    partners: Tensor | None = None,
    others: Tensor | None = None,
) -> Tensor:
    """Return the symmetric cross-entropy over cosine similarities (CLIP, arXiv 2103.00020), a scalar.

    Args:
        image_features: (B, D), unit rows.
        text_features: (B, D), unit rows; row i belongs to image i.
        logit_scale: (), the inverse temperature.
        groups: (B,), rows of one group are positives of each other and share the target equally (UniCL,
            arXiv 2204.03610): one title on many pictures is no negative. None: each row is positive to itself only.
        own: the share of each picture that is its own; the rest is of its partner (cutmix, arXiv 1905.04899).
        partners: (B,), the row of each picture's partner; those in the reverse order's place when not given.
        others: (B, M), logits of the texts with pictures outside of the batch, all of them negatives.
    """
    logits = logit_scale * image_features @ text_features.T  # (B, B)
    same = torch.eye(len(logits), device=logits.device)
    if groups is not None:
        same = (groups[:, None] == groups[None, :]).float()
    there = same / same.sum(1, keepdim=True)  # of each picture, which texts
    if own < 1:
        there = own * there + (1 - own) * (there.flip(0) if partners is None else there[partners])
    back = there.T / there.T.sum(1, keepdim=True)  # of each text, which pictures
    found = logits.T
    if others is not None:  # as one more picture that stands for all
        found = torch.cat([found, others.logsumexp(1, keepdim=True)], 1)
        back = functional.pad(back, (0, 1))
    return (functional.cross_entropy(logits, there) + functional.cross_entropy(found, back)) / 2
