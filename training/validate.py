"""How well a model finds the pictures of the validation titles. Knows no step and no run folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models import DualEncoder
from training.gallery import Values, distinct, query_values
from training.inputs import Inputs, to_device
from training.setup import Plan, Setup

BATCH = 128
"""Pairs encoded at once."""


def validate(model: DualEncoder, inputs: Inputs, plan: Plan, setup: Setup) -> dict[str, float]:
    """Return how well the validation titles find their pictures in the gallery, once per title.

    Returns:
        `recall1`, `recall10` and `mrr10` by cosine, and the same with `hub_` before the name, corrected for hubs by
        the titles of the whole gallery (see `training.gallery`); nothing where no title is validated on.
    """
    values = validation_values(model, inputs, plan, setup)
    return {
        f"{prefix}{metric}": round(float(value.mean()), 6)
        for ranking, prefix in (("cosine", ""), ("hub_corrected", "hub_"))
        for metric, value in values.get(ranking, {}).items()
    }


def validation_values(model: DualEncoder, inputs: Inputs, plan: Plan, setup: Setup) -> Values:
    """Return what `training.gallery.query_values` says of each validation title in the plan's gallery."""
    if not len(plan.validation):
        return {}
    titles, first = distinct(torch.from_numpy(inputs.groups[plan.gallery, 0]))
    images = _encode(model, inputs.images, plan.gallery, setup)["image_features"]
    rows = plan.gallery[first.numpy()]
    order = np.argsort(inputs.lengths(rows), kind="stable")  # titles of one length share a batch: less padding
    sorted_texts = _encode(model, inputs.texts, rows[order], setup)["text_features"]
    texts = torch.empty_like(sorted_texts)
    texts[torch.from_numpy(order).to(setup.device)] = sorted_texts
    chosen = torch.from_numpy(np.isin(plan.gallery, plan.validation))
    return query_values(images, texts, titles.to(setup.device), chosen.to(setup.device))


def encode_rows(model: DualEncoder, inputs: Inputs, rows: np.ndarray, setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Return image and text vectors (R, D) float32 of `rows`, each with its plain title."""
    features = _encode(model, inputs.batch, rows, setup)
    return features["image_features"].cpu().numpy(), features["text_features"].cpu().numpy()


def _encode(
    model: DualEncoder, inputs: Callable[[np.ndarray], dict[str, Tensor]], rows: np.ndarray, setup: Setup
) -> dict[str, Tensor]:
    """Return the features (R, D) float32 of `rows`, on the device; `inputs` returns the model's inputs of a batch."""
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode(), torch.autocast(setup.device.type, torch.bfloat16, enabled=setup.fast):
        for start in range(0, len(rows), BATCH):
            parts.append(model(**to_device(inputs(rows[start : start + BATCH]), setup.device)))
    names = (name for name in parts[0] if name.endswith("_features"))
    return {name: torch.cat([part[name] for part in parts]).float() for name in names}
