"""The two passes of one batch through the model, chunk by chunk. Knows no loss, no optimiser and no data set."""

from __future__ import annotations

import torch
from torch import Tensor

from models import DualEncoder


class GradientCache:
    """Features and gradients of a whole batch in the memory of one chunk (gradient caching, arXiv 2101.06983).

    `forward` computes the features without their graph. The loss of the whole batch gives each feature its gradient.
    `backward` computes every chunk a second time, with the same dropout, and takes the features' gradients on through
    the towers. The result equals one pass over everything; only layers that look at a whole batch (BatchNorm) see a
    chunk instead. With a single chunk the first pass keeps its graph, and there is no second one.
    """

    def __init__(
        self,
        model: DualEncoder,
        batch: dict[str, Tensor],
        *,
        chunk: int = 0,
        seed: int = 0,
        fast: bool = False,
        pooled: bool = False,
    ) -> None:
        """Prepare both passes.

        Args:
            model: in training mode where it is to drop out.
            batch: the model's inputs, B rows each, on its device.
            chunk: rows that go through the towers at once; 0 for all.
            seed: of dropout; another one for each step and process.
            fast: whether to compute in bfloat16.
            pooled: whether the loss also takes the image tower's pooled features.
        """
        first = next(iter(batch.values()))
        self._model, self._batch, self._seed, self._fast = model, batch, seed, fast
        self._device = first.device.type
        self._pooled = pooled
        self._chunk = chunk or len(first)
        self._starts = range(0, len(first), self._chunk)
        self._graph: dict[str, Tensor] | None = None

    def forward(self) -> dict[str, Tensor]:
        """Return `image_features` and `text_features` (B, D), where the loss's gradient stops and is kept.

        And `image_pooled` (B, F), if asked for.
        """
        single = len(self._starts) == 1
        with torch.set_grad_enabled(single):
            parts = [self._encode(start) for start in self._starts]
        self._graph = parts[0] if single else None
        return {side: torch.cat([part[side].detach() for part in parts]).requires_grad_() for side in parts[0]}

    def backward(self, features: dict[str, Tensor]) -> None:
        """Add to the parameters' gradients what follows from those of `features`, which `forward` returned."""
        for start in self._starts:
            part = self._graph if self._graph is not None else self._encode(start)
            sides = [side for side in part if part[side].requires_grad]  # a locked tower's pooled features do not
            gradients = [_gradient(features[side])[start : start + self._chunk] for side in sides]
            torch.autograd.backward([part[side] for side in sides], gradients)

    def _encode(self, start: int) -> dict[str, Tensor]:
        # The second pass of a chunk must draw what the first one drew: its gradient belongs to those features.
        torch.manual_seed(self._seed + start * 1_009)
        inputs = {name: rows[start : start + self._chunk] for name, rows in self._batch.items()}
        with torch.autocast(self._device, torch.bfloat16, enabled=self._fast):
            if self._pooled and "image" in inputs:
                inputs["image_pooled"] = self._model.pool_image(inputs.pop("image"))
            part = {name: value for name, value in self._model(**inputs).items() if name.endswith("_features")}
        return part | ({"image_pooled": inputs["image_pooled"].float()} if self._pooled else {})


def _gradient(features: Tensor) -> Tensor:
    return features.grad if features.grad is not None else torch.zeros_like(features)
