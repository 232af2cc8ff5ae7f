"""What a dual encoder is made of, as data: towers, pooling, preprocessing, projection; and the table of presets.

A preset's name is a key to data; no code branches on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common import ConfigError

Pooling = Literal["cls", "mean", "cls+mean", "last", "pooler"]
"""How a tower's token states (B, T, F) become one vector (B, F): the first token; the mean over real tokens; both,
concatenated; the last real token (only there has a causal model seen the whole text); or the tower's pooler output."""

MAX_LOGIT_SCALE = math.log(100)
"""Logarithm of the largest factor of a dual encoder's cosines; training clamps it there, as CLIP's does."""

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocess(_Frozen):
    """From an upright RGB image to the numbers that the image tower sees."""

    size: tuple[int, int] = (224, 224)
    """Height and width in pixels; every image is scaled to exactly this."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Per channel, subtracted after scaling the samples to [0, 1]; .5 with std .5 gives [-1, 1]."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Per channel, divided by after the mean is subtracted."""


class Tower(_Frozen):
    """A Hugging Face model that turns one kind of input into pooled features."""

    source: str | None = None
    """Hub id or local folder of pretrained weights; none: random weights in the shape of `architecture`."""
    architecture: dict[str, Any]
    """Hugging Face config: `model_type` and what differs from its defaults. A source has a config of its own."""
    pooling: Pooling
    """How token states become one vector."""

    @model_validator(mode="after")
    def _has_type(self) -> Tower:
        if "model_type" not in self.architecture:
            raise ValueError("architecture needs a model_type, such as 'bert' or 'vit'")
        return self


class TextTower(Tower):
    """The tower that reads titles and queries."""

    max_tokens: int = Field(default=64, ge=4)
    """Longer texts are cut to this many tokens."""
    framed: bool = True
    """Whether a tokenizer that is trained here puts texts between [CLS] and [SEP], as BERT's does."""


class ImageTower(Tower):
    """The tower that looks at pictures."""

    preprocess: Preprocess = Preprocess()
    """Size and normalisation of its input."""


class Projection(_Frozen):
    """From a tower's pooled features (B, F) to the shared space (B, D); one for each tower."""

    dim: int = Field(default=128, ge=2)
    """D, the width of the shared space."""
    hidden: int = Field(default=0, ge=0)
    """Width of a hidden GELU layer; 0 for a plain linear projection."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the last layer, in training only."""


class ModelConfig(_Frozen):
    """A whole dual encoder."""

    text: TextTower
    image: ImageTower
    projection: Projection = Projection()


_BERT = TextTower(
    source="google-bert/bert-base-uncased", architecture={"model_type": "bert"}, pooling="cls", max_tokens=64
)
_VIT = ImageTower(source="google/vit-base-patch16-224-in21k", architecture={"model_type": "vit"}, pooling="cls")

PRESETS: Mapping[str, ModelConfig] = {
    "bert-vit": ModelConfig(text=_BERT, image=_VIT),
    "bert-resnet": ModelConfig(
        text=_BERT,
        image=ImageTower(source="microsoft/resnet-50", architecture={"model_type": "resnet"}, pooling="pooler"),
    ),
    "gpt2-vit": ModelConfig(
        text=TextTower(
            source="openai-community/gpt2",
            architecture={"model_type": "gpt2"},
            pooling="last",
            framed=False,
        ),
        image=_VIT,
    ),
    "minilm-dinov2": ModelConfig(
        text=TextTower(
            source="sentence-transformers/all-MiniLM-L6-v2",
            architecture={
                "model_type": "bert",
                "hidden_size": 384,
                "num_hidden_layers": 6,
                "intermediate_size": 1536,
            },
            pooling="mean",
        ),
        image=ImageTower(
            source="facebook/dinov2-small",
            architecture={"model_type": "dinov2", "hidden_size": 384, "num_attention_heads": 6},
            pooling="cls+mean",
            preprocess=Preprocess(size=(112, 112), **IMAGENET),
        ),
    ),
    "tiny": ModelConfig(
        text=TextTower(
            architecture={
                "model_type": "bert",
                "vocab_size": 1024,
                "hidden_size": 96,
                "num_hidden_layers": 1,
                "num_attention_heads": 4,
                "intermediate_size": 192,
                "max_position_embeddings": 64,
                "hidden_dropout_prob": 0.0,
                "attention_probs_dropout_prob": 0.0,
            },
            pooling="mean",
            max_tokens=32,
        ),
        image=ImageTower(
            architecture={
                "model_type": "resnet",
                "layer_type": "basic",
                "embedding_size": 16,
                "hidden_sizes": [24, 48, 96],
                "depths": [1, 1, 1],
            },
            pooling="pooler",
            preprocess=Preprocess(size=(64, 48)),
        ),
    ),
}


def preset(name: str) -> ModelConfig:
    """Return the preset called `name`.

    Raises:
        ConfigError: there is none; the message lists the known ones.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise ConfigError(f"there is no preset {name!r}; the presets are {', '.join(PRESETS)}") from None
