"""Training on one GPU in minutes: everything stays in the device's memory, and the towers' layers are compiled.

`pack` and `unpack` run beside the data set; `run` needs torch, numpy, Pillow, tokenizers, safetensors and pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from training.gpu.pack import write_packs as write_packs
    from training.gpu.recipe import Recipe as Recipe
    from training.gpu.results import join_parts as join_parts
    from training.gpu.train import train_packs as train_packs

__getattr__ = lazy_exports(
    __name__,
    {
        "training.gpu.pack": "write_packs",
        "training.gpu.recipe": "Recipe",
        "training.gpu.results": "join_parts",
        "training.gpu.train": "train_packs",
    },
)
