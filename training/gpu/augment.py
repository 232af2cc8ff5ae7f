"""Random changes to a batch's pictures, on the device: crops, mirror images, light, erased and mixed rectangles.

Knows no recipe of another package and no loss. Shapes: B batch, H W pixels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.gpu.recipe import Recipe

LARGEST_SIDE = 1.1
"""A crop's side may exceed the picture's by this factor; the border continues there."""
ERASED = (0.15, 0.45)
"""Smallest and largest side of an erased rectangle, as a fraction of the picture's."""


def augment(pixels: Tensor, recipe: Recipe) -> Tensor:
    """Return pictures (B, H, W, 3) uint8 as planes (B, 3, H, W) in [0, 1], each changed in its own way."""
    planes = _cropped(pixels.permute(0, 3, 1, 2).contiguous().float() / 255, recipe)
    if recipe.light:
        planes = _lit(planes, recipe.light)
    return _erased(planes, recipe.erase) if recipe.erase else planes


def mix(planes: Tensor, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Give each picture a rectangle of its partner, that of the batch's reverse order (cutmix, arXiv 1905.04899).

    Returns:
        The pictures (B, 3, H, W), and which share of their area is still their own.
    """
    height, width = planes.shape[2:]
    part = math.sqrt(1 - rng.beta(1, 1))
    tall, wide = int(height * part), int(width * part)
    row, column = int(rng.integers(height)), int(rng.integers(width))
    rows = slice(max(row - tall // 2, 0), min(row + tall // 2, height))
    columns = slice(max(column - wide // 2, 0), min(column + wide // 2, width))
    mixed = planes.clone()
    mixed[:, :, rows, columns] = planes.flip(0)[:, :, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, 1 - area / (height * width)


def _cropped(planes: Tensor, recipe: Recipe) -> Tensor:
    """Return a random crop of each picture at its old size, half of them as mirror images."""
    count, device = len(planes), planes.device
    area = recipe.crop + (1 - recipe.crop) * torch.rand(count, device=device)
    aspect = torch.exp(_either_way(count, recipe.ratio, device))  # width / height
    height = (area / aspect).sqrt().clamp(max=LARGEST_SIDE)
    width = (area * aspect).sqrt().clamp(max=LARGEST_SIDE)
    # A grid is 2 wide, so a side that is a fraction s of the picture's can move by 1 - s either way.
    across = (1 - width) * _either_way(count, 1.0, device)
    down = (1 - height) * _either_way(count, 1.0, device)
    mirrored = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(across)
    theta = torch.stack(
        [torch.stack([width * mirrored, zero, across], 1), torch.stack([zero, height, down], 1)], 1
    )  # (B, 2, 3)
    grid = functional.affine_grid(theta, list(planes.shape), align_corners=False)
    return functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def _lit(planes: Tensor, light: float) -> Tensor:
    """Return pictures of other brightness, contrast and saturation, in [0, 1]."""
    brightness, contrast, saturation = (
        (1 + _either_way(len(planes), light, planes.device)).view(-1, 1, 1, 1) for _ in range(3)
    )
    mean = planes.mean((1, 2, 3), keepdim=True)
    planes = (planes - mean) * contrast + mean
    grey = planes.mean(1, keepdim=True)
    planes = (planes - grey) * saturation + grey
    return (planes * brightness).clamp(0, 1)


def _erased(planes: Tensor, share: float) -> Tensor:
    """Return pictures of which a `share` has a rectangle of one random grey."""
    count, device = len(planes), planes.device
    inside = []
    for size in planes.shape[2:]:
        side = (ERASED[0] + (ERASED[1] - ERASED[0]) * torch.rand(count, device=device)) * size
        start = torch.rand(count, device=device) * (size - side)
        place = torch.arange(size, device=device)
        inside.append((place >= start[:, None]) & (place < (start + side)[:, None]))  # (B, size)
    chosen = torch.rand(count, 1, 1, 1, device=device) < share
    rectangle = (inside[0][:, :, None] & inside[1][:, None, :])[:, None] & chosen  # (B, 1, H, W)
    return torch.where(rectangle, torch.rand(count, 1, 1, 1, device=device), planes)


def _either_way(count: int, by: float, device: torch.device) -> Tensor:
    """Return `count` draws between -by and by."""
    return (torch.rand(count, device=device) * 2 - 1) * by
