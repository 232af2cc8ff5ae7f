"""Small runs and models that the tests of training share. No test."""

from __future__ import annotations

import torch
from torch import Tensor

from models.dual_encoder import DualEncoder
from models.towers import build_architecture
from tests.conftest import SMALL_ARCHITECTURES
from training.config import RunConfig, parse_config

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
VIT = {
    "model_type": "vit",
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    **STILL,
}
BERT = {**SMALL_ARCHITECTURES["bert"], "num_hidden_layers": 2, **STILL}
RECIPE = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3, "precision": "float32"}

GROUPS = torch.tensor([0, 1, 2, 0, 3, 4, 5, 1, 6, 7, 8, 9])
"""Which of 12 rows are positives of each other."""


def small(**recipe: object) -> RunConfig:
    """Return a run of two small transformers without dropout, exact in float32."""
    model = {
        "text": {"architecture": BERT},
        "image": {"architecture": VIT, "pooling": "cls", "preprocess": {"size": [32, 32]}},
    }
    return parse_config({"preset": "tiny", "model": model, "train": {**RECIPE, **recipe}})


def small_dropout(**recipe: object) -> RunConfig:
    """Return a run of a small transformer with dropout, and the tiny preset's image tower."""
    model = {"text": {"architecture": {**SMALL_ARCHITECTURES["bert"], "hidden_dropout_prob": 0.1}}}
    return parse_config({"preset": "tiny", "model": model, "train": {**RECIPE, "epochs": 3, **recipe}})


def small_encoder(seed: int = 0, *, hidden: int = 0, dropout: float = 0.0) -> DualEncoder:
    """Return the model of `small`; `hidden` and `dropout` are its projections'."""
    config = small().model
    projection = config.projection.model_copy(update={"hidden": hidden, "dropout": dropout})
    config = config.model_copy(update={"projection": projection})
    torch.manual_seed(seed)
    return DualEncoder(config, build_architecture(config.text), build_architecture(config.image), pad_id=0)


def batch_of(rows: int) -> dict[str, Tensor]:
    """Return a batch of that model: noise for pictures, two lengths of texts."""
    generator = torch.Generator().manual_seed(rows)
    ids = torch.randint(3, 300, (rows, 7), generator=generator)
    ids[: rows // 2, 4:] = 0
    return {"image": torch.randint(0, 256, (rows, 32, 32, 3), generator=generator, dtype=torch.uint8), "text": ids}
