"""All pictures that are learned from, as negatives of every text. Knows no optimiser and no run folder.

A shop's gallery holds the pictures that were learned from, and these crowd out new ones; the pictures of a batch are
too few to say so. Shapes: N products, M of them learned from, B batch, D shared space, F a tower's features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models import DualEncoder
from training.inputs import Inputs
from training.setup import Plan, Setup

BLOCK = 4096
"""Pictures that are projected at once."""
NEVER = -1e4
"""The logit of a picture that is no negative of a text."""


class PictureBank:
    """The vectors of all pictures that are learned from, made again every few steps from a locked tower's features."""

    @classmethod
    def of(cls, setup: Setup, inputs: Inputs, plan: Plan) -> PictureBank | None:
        """Return the bank of a run whose recipe asks for one."""
        return cls(setup, inputs, torch.from_numpy(plan.learning)) if setup.recipe.gallery_negatives else None

    def __init__(self, setup: Setup, inputs: Inputs, learning: Tensor) -> None:
        """Take the features of the products `learning` (M,), which are read from `inputs` of all N."""
        device = setup.device
        self._every, self._fast = setup.recipe.gallery_negatives, setup.fast
        self._features = torch.from_numpy(inputs.image)[learning].to(device)  # (M, F)
        self._titles = torch.from_numpy(inputs.groups[:, 0]).to(device)  # (N,)
        self._learned = self._titles[learning.to(device)]  # (M,)
        self.vectors: Tensor | None = None
        """(M, D), as they were projected last; none before the first step."""

    def logits(self, model: DualEncoder, texts: Tensor, groups: Tensor, rows: Tensor, number: int) -> Tensor:
        """Return the scaled cosines (B, M) of texts and pictures, `NEVER` where a picture is no negative.

        That is a picture of the text's own title; and all pictures for a text of attributes alone, which may mean any.

        Args:
            model: whose image projection is used.
            texts: vectors of the texts (B, D).
            groups: of the texts (B,), as `Inputs` numbers them.
            rows: numbers of their products (B,).
            number: of the step, from 0.
        """
        if self.vectors is None or number % self._every == 0:
            self.vectors = self._projected(model)
        titles = self._titles[rows]
        meant = (titles[:, None] == self._learned[None, :]) | (groups != titles)[:, None]
        return (model.logit_scale.exp() * texts @ self.vectors.T).masked_fill(meant, NEVER)

    @torch.no_grad()
    def _projected(self, model: DualEncoder) -> Tensor:
        learns = model.image_projection.training
        model.image_projection.eval()
        with torch.autocast(self._features.device.type, torch.bfloat16, enabled=self._fast):
            blocks = [model.project(model.image_projection, block) for block in torch.split(self._features, BLOCK)]
        model.image_projection.train(learns)
        return torch.cat(blocks)
