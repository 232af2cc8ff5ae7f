"""Random changes to a batch on the device: pictures, patches, layers and words. Knows no data set and no loss.

Shapes: B batch, H W pixels, T tokens. Draws come from torch's generator, where none is given.
"""

from __future__ import annotations

import math
import re
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from common import ConfigError
from training.config import Augmentation

LARGEST_SIDE = 1.1
"""A crop's side may exceed the picture's by this factor. The border continues there, as a product's plain ground."""
ERASED = (0.15, 0.45)
"""Smallest and largest side of an erased rectangle, as a fraction of the picture's."""

_LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h)\.\d+$")


class Changes(Protocol):
    """What both kinds of recipe say about pictures; each documents its own."""

    @property
    def flip(self) -> float:
        """Probability of a mirror image."""

    @property
    def crop(self) -> float:
        """The smallest fraction of the area that is kept."""

    @property
    def ratio(self) -> float:
        """Logarithm of the largest change of the aspect."""

    @property
    def light(self) -> float:
        """Largest change of brightness, contrast and saturation."""

    @property
    def erase(self) -> float:
        """Probability of an erased rectangle."""


def augment_pixels(pixels: Tensor, how: Augmentation, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Return pictures (B, H, W, 3) uint8, each changed in its own way, and which share of each is still its own.

    `rng` decides whether the batch is mixed, and how (see `mix`).
    """
    if how == Augmentation() or not len(pixels):
        return pixels, 1.0
    planes, own = augment(pixels, how), 1.0
    if rng.random() < how.mix:
        planes, own = mix(planes, rng)
    return (planes * 255).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous(), own


def augment(pixels: Tensor, how: Changes) -> Tensor:
    """Return pictures (B, H, W, 3) uint8 as planes (B, 3, H, W) in [0, 1], each changed in its own way."""
    planes = pixels.permute(0, 3, 1, 2).contiguous().float() / 255
    if how.flip or how.crop < 1 or how.ratio:
        planes = _cropped(planes, how)
    if how.light:
        planes = _lit(planes, how.light)
    return _erased(planes, how.erase) if how.erase else planes


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


def leave_out_words(ids: Tensor, share: float, pad_id: int) -> Tensor:
    """Return texts (B, T) without a `share` of their tokens, at random, and the others moved together; the first stays.

    Args:
        ids: token ids, padded on the right.
        share: the probability of each token.
        pad_id: the token that pads texts.
    """
    left = (torch.rand(ids.shape, device=ids.device) < share) | (ids == pad_id)
    left[:, 0] = False
    order = left.long().argsort(dim=1, stable=True)
    return ids.masked_fill(left, pad_id).gather(1, order)


def drop_patches(tower: nn.Module, fraction: float) -> None:
    """Make an image transformer leave out `fraction` of its patches at random while it trains (arXiv 2212.00794).

    The class token stays. Fewer patches take less time, and no single patch can decide alone.

    Raises:
        ConfigError: the tower has no sequence of patches.
    """

    def drop(module: nn.Module, inputs: Any, states: Tensor) -> Tensor:
        if not module.training:
            return states
        patches = states.shape[1] - 1
        kept = max(1, round(patches * (1 - fraction)))
        places = torch.rand(len(states), patches, device=states.device).argsort(1)[:, :kept] + 1  # (B, kept)
        chosen = states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[2]))
        return torch.cat([states[:, :1], chosen], dim=1)

    _transformer_embeddings(tower, "patch_dropout").register_forward_hook(drop)


def drop_paths(tower: nn.Module, last: float) -> None:
    """Make an image transformer pass layers over at random while it trains (stochastic depth, arXiv 1603.09382).

    A picture passes the last layer over with probability `last`, a lower one with less, the first one never. What a
    layer adds is divided by the probability that it is there.

    Raises:
        ConfigError: the tower is no transformer over patches.
    """
    _transformer_embeddings(tower, "path_dropout")
    layers = [module for name, module in tower.named_modules() if _LAYER.search(name)]

    def pass_over(rate: float) -> Any:
        def scale(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> Any:
            if not module.training:
                return output
            before, after = inputs[0], output[0] if isinstance(output, tuple) else output
            there = (torch.rand(len(after), 1, 1, device=after.device) >= rate) / (1 - rate)
            after = before + (after - before) * there.to(after.dtype)
            return (after, *output[1:]) if isinstance(output, tuple) else after

        return scale

    for number, layer in enumerate(layers[1:], 1):
        layer.register_forward_hook(pass_over(last * number / (len(layers) - 1)))


def _transformer_embeddings(tower: nn.Module, field: str) -> nn.Module:
    embeddings = getattr(tower, "embeddings", None)
    if not isinstance(embeddings, nn.Module) or not hasattr(embeddings, "patch_embeddings"):
        raise ConfigError(f"{field} needs an image tower that is a transformer over patches; set it to 0")
    return embeddings


def _cropped(planes: Tensor, how: Changes) -> Tensor:
    """Return a random crop of each picture at its old size, some of them as mirror images."""
    count, device = len(planes), planes.device
    area = how.crop + (1 - how.crop) * torch.rand(count, device=device)
    aspect = torch.exp(_either_way(count, how.ratio, device))  # width / height
    height = (area / aspect).sqrt().clamp(max=LARGEST_SIDE)
    width = (area * aspect).sqrt().clamp(max=LARGEST_SIDE)
    # A grid is 2 wide, so a side that is a fraction s of the picture's can move by 1 - s either way.
    across = (1 - width) * _either_way(count, 1.0, device)
    down = (1 - height) * _either_way(count, 1.0, device)
    mirrored = torch.where(torch.rand(count, device=device) < how.flip, -1.0, 1.0)
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
