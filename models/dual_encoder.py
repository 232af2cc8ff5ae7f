"""The dual encoder: two towers, a projection for each, one learnable temperature (CLIP, arXiv 2103.00020).

Knows no files, no tokenizer and no loss. Shapes: B batch, T tokens, H W pixels, F a tower's features, D shared space.
"""

from __future__ import annotations

import inspect
import math
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.packed_text import can_pack, packed_states
from models.presets import ModelConfig, Pooling, Projection, Tower

INITIAL_LOGIT_SCALE = math.log(1 / 0.07)
"""Logarithm of the factor that training starts with; 0.07 is CLIP's temperature."""

LENGTH_GROUPS = 4
"""Groups of similar length in which a text tower that needs padding takes a training batch."""
PICTURES_AT_ONCE = 128
"""Pictures that a transformer on a CPU takes at once in training: what a layer writes fits into the cache, and its
memory is used again instead of given back to the system and cleared page by page."""


class DualEncoder(nn.Module):
    """Batch dict in, feature dict out; the loss takes the features by name."""

    def __init__(self, config: ModelConfig, text_tower: nn.Module, image_tower: nn.Module, pad_id: int) -> None:
        super().__init__()
        self.config = config
        self.pad_id = pad_id
        self.text_tower = text_tower
        self.image_tower = image_tower
        self.text_width = _width(text_tower, config.text)
        self.image_width = _width(image_tower, config.image)
        self.text_projection = _projection(self.text_width, config.projection)
        self.image_projection = _projection(self.image_width, config.projection)
        self.logit_scale = nn.Parameter(torch.tensor(INITIAL_LOGIT_SCALE))
        preprocess = config.image.preprocess
        for name, values in (("pixel_mean", preprocess.mean), ("pixel_std", preprocess.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1) * 255, persistent=False)
        self._packs_texts = can_pack(text_tower) and config.text.pooling != "pooler"
        # A transformer has one convolution, which cuts the patches; more than one means a convolutional network.
        self._convolves = sum(isinstance(module, nn.Conv2d) for module in image_tower.modules()) > 1
        # ViT interpolates its positions only when asked to; DINOv2 always does; ResNet has none.
        parameters = inspect.signature(image_tower.forward).parameters
        self._image_options = {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in parameters else {}

    def forward(
        self,
        image: Tensor | None = None,
        text: Tensor | None = None,
        image_pooled: Tensor | None = None,
        text_pooled: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Encode what is given; `*_pooled` (B, F) are the cached features of a locked tower.

        Args:
            image: pixels (B, H, W, 3) uint8; normalised here, on the device.
            text: token ids (B, T), padded on the right.
            image_pooled: instead of `image`.
            text_pooled: instead of `text`.

        Returns:
            `image_features` and `text_features` (B, D), unit rows, and `logit_scale` (), already exponentiated.
        """
        if image is not None:
            image_pooled = self.pool_image(image)
        if text is not None:
            text_pooled = self.pool_text(text)
        features = {"logit_scale": self.logit_scale.exp()}
        if image_pooled is not None:
            features["image_features"] = self.project(self.image_projection, image_pooled)
        if text_pooled is not None:
            features["text_features"] = self.project(self.text_projection, text_pooled)
        return features

    def pool_image(self, pixels: Tensor) -> Tensor:
        """Return the image tower's pooled features (B, F) of pixels (B, H, W, 3) uint8."""
        # A convolutional network stays whole: BatchNorm looks at all pictures of a batch.
        if self.training and pixels.device.type == "cpu" and not self._convolves:
            parts = pixels.split(PICTURES_AT_ONCE)  # type: ignore[no-untyped-call]
            return torch.cat([self._pool_image(part) for part in parts])
        return self._pool_image(pixels)

    def _pool_image(self, pixels: Tensor) -> Tensor:
        mean, std = self.get_buffer("pixel_mean"), self.get_buffer("pixel_std")
        # Contiguous: a convolution's backward pass on permuted input crashes torch 2.14 on a CPU.
        planes = ((pixels.permute(0, 3, 1, 2).contiguous().float() - mean) / std).to(_dtype(self.image_tower))
        # On a CPU, convolutions in autocast's bfloat16 take 15 times as long backward as in float32 (torch 2.14).
        plain = self._convolves and planes.device.type == "cpu"
        with torch.autocast("cpu", enabled=False) if plain else nullcontext():
            output = self.image_tower(pixel_values=planes, **self._image_options)
        return pool(output, None, self.config.image.pooling)

    def pool_text(self, ids: Tensor) -> Tensor:
        """Return the text tower's pooled features (B, F) of token ids (B, T)."""
        if self.training and self._packs_texts and ids.device.type == "cpu":  # a GPU prefers few large products
            mask = ids != self.pad_id
            output = SimpleNamespace(last_hidden_state=packed_states(self.text_tower, ids, mask))
            return pool(output, mask, self.config.text.pooling)
        if not self.training or len(ids) < 2 * LENGTH_GROUPS:
            return self._pool_text(ids)
        # A training batch mixes short and long titles. Groups of similar length leave out half of the padding.
        lengths = (ids != self.pad_id).sum(1)
        order = lengths.argsort()
        groups = [self._pool_text(ids[rows, : max(1, int(lengths[rows[-1]]))]) for rows in order.chunk(LENGTH_GROUPS)]
        return torch.cat(groups)[order.argsort()]  # back in the order of the batch

    def _pool_text(self, ids: Tensor) -> Tensor:
        mask = ids != self.pad_id
        output = self.text_tower(input_ids=ids, attention_mask=mask.long())
        return pool(output, mask, self.config.text.pooling)

    def project(self, projection: nn.Module, pooled: Tensor) -> Tensor:
        """Project pooled features (B, F) to unit rows (B, D)."""
        return functional.normalize(projection(pooled.to(_dtype(projection))).float(), dim=-1)


def pool(output: Any, mask: Tensor | None, pooling: Pooling) -> Tensor:
    """Turn a tower's output into one vector per input (B, F); `mask` (B, T) tells real tokens from padding."""
    if pooling == "pooler":
        pooled: Tensor = output.pooler_output
        return pooled.flatten(1)  # ResNet's is (B, F, 1, 1)
    states: Tensor = output.last_hidden_state  # (B, T, F)
    if mask is None:
        mask = states.new_ones(states.shape[:2], dtype=torch.bool)
    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        places = torch.arange(states.shape[1], device=states.device)
        last = (mask * places).argmax(1)  # the first token where all are padding
        return states[torch.arange(states.shape[0], device=states.device), last]
    if pooling == "mean":
        return _mean(states, mask)
    return torch.cat([states[:, 0], _mean(states[:, 1:], mask[:, 1:])], dim=-1)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def _dtype(module: nn.Module) -> torch.dtype:
    return next(module.parameters()).dtype


def _width(tower: nn.Module, config: Tower) -> int:
    hf_config: Any = tower.config
    width = int(hf_config.hidden_size if hasattr(hf_config, "hidden_size") else hf_config.hidden_sizes[-1])
    return 2 * width if config.pooling == "cls+mean" else width


def _projection(width: int, config: Projection) -> nn.Module:
    if not config.hidden:
        return nn.Linear(width, config.dim, bias=False)
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, config.hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, config.dim, bias=False),
    )
