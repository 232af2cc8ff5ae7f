"""Random changes to pictures in training, in batches, on the device. Knows no data set and no loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from common import ConfigError
from training.config import Augmentation


def augment(pixels: Tensor, how: Augmentation) -> Tensor:
    """Return pictures (B, H, W, 3) uint8, each changed in its own way; draws come from torch's generator.

    What a shift or a zoom uncovers continues the picture's border: product pictures have a plain background.
    """
    count, device = len(pixels), pixels.device
    if how == Augmentation() or not count:
        return pixels

    def draw(by: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * by  # (B,) in [-by, by]

    planes = pixels.permute(0, 3, 1, 2).contiguous().float()  # (B, 3, H, W)
    # These are drawn even where a change is off, so that one setting does not alter the draws of another.
    side = 1 + draw(how.zoom)
    mirrored = torch.where(torch.rand(count, device=device) < how.flip, -1.0, 1.0)
    across, down = 2 * draw(how.shift), 2 * draw(how.shift)  # a grid's width is 2
    if how.flip or how.zoom or how.shift:
        zero = torch.zeros_like(side)
        theta = torch.stack(
            [torch.stack([side * mirrored, zero, across], 1), torch.stack([zero, side, down], 1)], 1
        )  # (B, 2, 3)
        grid = functional.affine_grid(theta, list(planes.shape), align_corners=False)
        planes = functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    if how.light:
        brightness, contrast = (1 + draw(how.light).view(-1, 1, 1, 1) for _ in range(2))
        mean = planes.mean((1, 2, 3), keepdim=True)
        planes = ((planes - mean) * contrast + mean) * brightness
    return planes.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def drop_patches(tower: nn.Module, fraction: float) -> None:
    """Make an image transformer leave out `fraction` of its patches at random while it trains (arXiv 2212.00794).

    The class token stays. Fewer patches take less time, and no single patch can decide alone.

    Raises:
        ConfigError: the tower has no sequence of patches.
    """
    embeddings = getattr(tower, "embeddings", None)
    if embeddings is None or not hasattr(embeddings, "patch_embeddings"):
        raise ConfigError("patch_dropout needs an image tower that is a transformer over patches; set it to 0")

    def drop(module: nn.Module, inputs: Any, states: Tensor) -> Tensor:
        if not module.training:
            return states
        patches = states.shape[1] - 1
        kept = max(1, round(patches * (1 - fraction)))
        places = torch.rand(len(states), patches, device=states.device).argsort(1)[:, :kept] + 1  # (B, kept)
        chosen = states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[2]))
        return torch.cat([states[:, :1], chosen], dim=1)

    embeddings.register_forward_hook(drop)
