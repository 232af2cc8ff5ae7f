"""Training on one GPU in minutes: everything stays in the device's memory, and the towers' layers are compiled.

`pack` and `unpack` run beside the data set. `run` and `speed` need torch, numpy, Pillow, tokenizers, safetensors and
pydantic; `families` also needs transformers and rich.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.gpu.families import FAMILIES as FAMILIES
    from training.gpu.families import train_families as train_families
    from training.gpu.pack import write_packs as write_packs
    from training.gpu.packs import check_packs as check_packs
    from training.gpu.packs import starting_checkpoint as starting_checkpoint
    from training.gpu.recipe import Recipe as Recipe
    from training.gpu.results import join_parts as join_parts
    from training.gpu.speed import measure_speed as measure_speed
    from training.gpu.train import train_packs as train_packs

__getattr__ = lazy_exports(
    __name__,
    {
        "training.gpu.families": "FAMILIES train_families",
        "training.gpu.pack": "write_packs",
        "training.gpu.packs": "check_packs starting_checkpoint",
        "training.gpu.recipe": "Recipe",
        "training.gpu.results": "join_parts",
        "training.gpu.speed": "measure_speed",
        "training.gpu.train": "train_packs",
    },
)
