"""How well a model finds the pictures of the validation titles. Knows no step and no run folder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from index import evaluate
from models import DualEncoder
from training.inputs import Inputs, to_device
from training.setup import Setup

BATCH = 128
"""Pairs encoded at once."""
METRICS = ("recall1", "recall10", "mrr10")


def validate(model: DualEncoder, inputs: Inputs, rows: np.ndarray, setup: Setup) -> dict[str, float]:
    """Return text → image `recall1`, `recall10` and `mrr10` once per title, among `rows`; nothing without rows."""
    if not len(rows):
        return {}
    image, text = encode_rows(model, inputs, rows, setup)
    figures = evaluate(image, text, setup.titles(rows), np.arange(len(rows)), resamples=1)["titles"]
    return {name: figures[name]["value"] for name in METRICS}


def encode_rows(model: DualEncoder, inputs: Inputs, rows: np.ndarray, setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Return image and text vectors (R, D) float32 of `rows`, each with its plain title."""
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode(), torch.autocast(setup.device.type, torch.bfloat16, enabled=setup.fast):
        for start in range(0, len(rows), BATCH):
            batch = inputs.batch(rows[start : start + BATCH])
            parts.append(model(**to_device(batch, setup.device)))
    image, text = (
        torch.cat([part[name] for part in parts]).float().cpu().numpy() for name in ("image_features", "text_features")
    )
    return image, text
