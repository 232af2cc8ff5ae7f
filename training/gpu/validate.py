"""What a validation needs of a model, on the device: the vectors of all pictures and titles.

Knows no step. Shapes: N products, T titles, D shared space.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.gpu.data import Data
from training.gpu.towers import Architecture, Weights, pool_image, pool_text, project

BATCH = 1024
"""Products that are encoded at once; the last batch is filled up, so that layers are compiled for one shape."""


@torch.no_grad()
def encode(weights: Weights, shape: Architecture, data: Data, titles: Tensor) -> tuple[Tensor, Tensor]:
    """Return the vectors of all pictures (N, D) and of the titles of the products `titles` (T, D), unit rows."""
    images, texts = [], []
    with torch.autocast(data.pixels.device.type, torch.bfloat16):
        for start in range(0, len(data.pixels), BATCH):
            pixels = _filled(data.pixels[start : start + BATCH])
            pooled = pool_image(weights, shape, data.normalised(pixels.permute(0, 3, 1, 2).float() / 255))
            images.append(project(weights, "image_projection", pooled))
        for rows in torch.split(titles, BATCH):
            ids = _filled(data.ids[rows, 0])
            texts.append(project(weights, "text_projection", pool_text(weights, shape, ids, ids != data.pad_id)))
    return torch.cat(images)[: len(data.pixels)], torch.cat(texts)[: len(titles)]


def _filled(part: Tensor) -> Tensor:
    """Return a batch with its first row repeated until it has `BATCH` rows, on a GPU."""
    short = BATCH - len(part) if part.is_cuda else 0
    return torch.cat([part, part[:1].expand(short, *part.shape[1:])]) if short else part
